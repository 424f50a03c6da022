"""Delivering a message: begin, compose, draft, send, each step recorded before the next begins.

Never twice, never lost. One worker holds the message's lease. A draft carries a *send key* that
Graph can be asked for; so after a crash, a time-out or a lost answer the next attempt first looks
what became of the last one: no draft any more means it was sent, a draft is adopted, none means
nothing was done yet. Only around `/send` itself can it be unknown for a while; then the same draft
is looked up again after some minutes, and a message that Graph knows nothing of any more is shown
to people instead of being sent anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from shared.attachments.onedrive import file_failure, link
from shared.attachments.staging import delete_files, too_large_together
from shared.errors import Busy, Changed, StorageUnavailable
from shared.graph.attachments import Attachment as Travelling
from shared.graph.drive import Drive
from shared.graph.errors import Ambiguous, GraphError, NotDone, NotFound, Refused
from shared.graph.mail import Draft, FoundMessage, Mail
from shared.graph.uploads import Source
from shared.messages.content import CONTAINER, file_name, load_content
from shared.messages.feeds import list_message
from shared.messages.files import Place, StoredFile, leaving_files, read_files, write_file
from shared.messages.images import store_image
from shared.messages.rows import TABLE, CopyRow, MessageRow, image_to_row, link_to_row
from shared.messages.stored import Stored, read_message, write_message
from shared.messages.todo import drain, drain_left_behind, with_todo
from shared.model import Attachment, Content, Failure, FollowChoice, Status, Step
from shared.organizations import Organization
from shared.sending.compose import Composed, compose
from shared.sending.due import WATCH, put_due, remove_due
from shared.sending.follow import decide_follow
from shared.sending.images import InlinePart
from shared.storage.tables import TRANSACTION_LIMIT, Write
from shared.tracking.rewrite import Own
from shared.tracking.tokens import Addresses, Target

log = logging.getLogger(__name__)
T = TypeVar("T")

LEASE = timedelta(seconds=100)
"""Five times as long as a request to Graph may take (`service.GRAPH_TIMEOUT_S`)."""

SEND_NEEDS = timedelta(seconds=25)
"""What must be left of the lease when `/send` begins."""

LOOK_AGAIN = timedelta(minutes=2)
"""How long the move to Sent Items may take: before that, an unclear send is not looked up."""

EARLY_WORD = timedelta(seconds=5)
"""A word that comes so little before its time is the right one, and comes again."""

GIVE_UP = timedelta(hours=24)
FINISHED = (Status.SENT, Status.FAILED)


@dataclass(frozen=True, slots=True)
class Later:
    """The message is not finished; whoever is told should come again after this many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Workshop:
    """What delivering needs: the organization, its mail, how to build and recognize addresses.

    `owner` is new for every delivery, so that leases tell them apart.
    """

    organization: Organization
    mail: Mail
    drive: Drive
    addresses: Addresses
    own: Own
    owner: str
    clock: Callable[[], datetime]
    upload: Callable[[str, int], Awaitable[None]]
    """Says the word that a file of a message is to be brought where it shall be."""


class _Postponed(Exception):
    """The message waits; nothing more can be done now."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"again in {seconds:.0f} s")
        self.seconds = seconds


class _Failed(Exception):
    """The message will not be sent any more, for this reason."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code)
        self.failure = failure


async def deliver(workshop: Workshop, message: str) -> Later | None:
    """Takes a message as far as it can get now; None when it is finished, or gone.

    Raises `StorageUnavailable` where storage fails in between: the next attempt goes on.
    """
    organization = workshop.organization
    stored = await read_message(organization, message)
    if stored is None:
        return None
    if stored.message.status in FINISHED:
        await _tidy(workshop, stored.message)
        return None
    now = workshop.clock()
    held = _lease_rest(stored.message, now)
    if held > timedelta():
        return Later(held.total_seconds() + 1)
    early = stored.message.not_before - now if stored.message.not_before else timedelta()
    if early > EARLY_WORD:
        # Another word for it is on its way, for then; should that one be lost, the timer has it.
        return None
    if early > timedelta():
        return Later(early.total_seconds())
    if await _files_are_on_their_way(workshop, stored.message):
        # Whoever brings the last one says the word; should it be lost, the timer has the message.
        return None
    try:
        delivery = await _Delivery.begin(workshop, stored)
    except (Changed, Busy):
        return Later(1)
    return await delivery.run()


async def _files_are_on_their_way(workshop: Workshop, message: MessageRow) -> bool:
    """Whether followed files still have to come to OneDrive; sees to it that somebody brings
    them."""
    now = workshop.clock()
    if not (message.attachments and message.followed) or now - message.tried_since > GIVE_UP:
        return False
    files = await read_files(workshop.organization, message.id)
    waiting = [stored.file for stored in files if stored.file.place is Place.WAITING]
    for file in waiting:
        if file.lease_until is None or file.lease_until <= now:
            await workshop.upload(message.id, file.number)
    return bool(waiting)


async def end_as_unexpected(workshop: Workshop, message: str) -> None:
    """Ends a message that made its delivery fail again and again (the poison queue)."""
    stored = await read_message(workshop.organization, message)
    if stored is None or stored.message.status in FINISHED:
        return
    if _lease_rest(stored.message, workshop.clock()) > timedelta():
        raise Busy("another delivery is at work on this message")
    delivery = await _Delivery.begin(workshop, stored)
    await delivery.fail(Failure("unexpected"))


class _Delivery:
    """One attempt at a message, under its lease. The message row is the authority throughout."""

    def __init__(self, workshop: Workshop, stored: Stored) -> None:
        self.workshop = workshop
        self.organization = workshop.organization
        self.stored = stored

    @property
    def message(self) -> MessageRow:
        return self.stored.message

    @property
    def copy(self) -> CopyRow:
        return self.stored.copies[0]

    @property
    def send_key(self) -> str:
        return f"{self.organization.id}/{self.message.id}/{self.copy.number}"

    @classmethod
    async def begin(cls, workshop: Workshop, stored: Stored) -> _Delivery:
        """Takes the lease; raises `Changed` where somebody else was quicker."""
        leased = replace(
            stored.message,
            status=Status.SENDING,
            lease_owner=workshop.owner,
            lease_until=workshop.clock() + LEASE,
            attempts=stored.message.attempts + 1,
            version=stored.message.version + 1,
        )
        return cls(workshop, await write_message(workshop.organization, stored, leased))

    async def run(self) -> Later | None:
        """The steps, from top to bottom; each may postpone or end the message."""
        try:
            found = await self.look_up()
            if self.copy.step is Step.SENDING:
                await self.settle_unclear_send(found)
            content = await load_content(self.organization, self.message.id)
            await self.decide_follow_again(content, found)
            await (self.link_files() if self.message.followed else self.release_files())
            composed = await self.compose(content)
            await self.draft(content, composed, found)
            await self.attach(content, composed, anew=not found)
            await self.send()
        except _Sent:
            return None
        except _Failed as failed:
            await self.fail(failed.failure)
            return None
        except _Postponed as postponed:
            return await self.postpone(postponed.seconds)
        except Exception:
            # An outage, or what nobody foresaw: the next attempt need not wait for the lease.
            await self.let_go()
            raise
        return None

    async def look_up(self) -> list[FoundMessage]:
        """What Graph has under the send key, on any attempt but the first."""
        if self.message.attempts == 1:
            return []
        if self.copy.step is Step.SENDING:
            since = self.workshop.clock() - (self.copy.step_at or self.workshop.clock())
            if since < LOOK_AGAIN:
                raise _Postponed((LOOK_AGAIN - since).total_seconds())
        found = await self.ask(
            self.workshop.mail.find_by_send_key(self.message.from_, self.send_key)
        )
        sent = next((one for one in found if not one.is_draft), None)
        drafts = [one for one in found if one.is_draft]
        for spare in drafts if sent else drafts[1:]:
            await self.ask(self.workshop.mail.delete_message(self.message.from_, spare.id))
        if sent is not None:
            await self.finish_sent(sent)
        return drafts[:1]

    async def settle_unclear_send(self, found: list[FoundMessage]) -> None:
        """After an unclear `/send`: the same draft is sent again, but never a fresh one."""
        if not found:
            raise _Failed(Failure("mayHaveBeenSent"))
        await self.advance(Step.DRAFTED, found[0])
        await self.send()

    async def decide_follow_again(self, content: Content, found: list[FoundMessage]) -> None:
        """What was true when accepted may be so no more (rule F1)."""
        if not self.message.followed:
            return
        decision = await decide_follow(
            self.organization,
            await self.organization.settings(),
            content.recipients,
            self.message.follow_choice,
            has_html=content.html is not None,
        )
        if decision.followed:
            return
        for draft in found:
            await self.ask(self.workshop.mail.delete_message(self.message.from_, draft.id))
        found.clear()
        await self.forget_links()
        if self.message.follow_choice is FollowChoice.REQUIRED:
            raise _Failed(Failure("cannotFollow"))
        limit = (await self.organization.settings()).attachment_limit
        if too_large_together(content.attachments, followed=False, limit=limit):
            raise _Failed(Failure("attachmentsTooLarge", {"limit": f"{limit // 1024**2} MB"}))
        await self.write(
            lambda message, copy: (
                replace(message, followed=False, reasons=decision.reasons),
                copy,
            )
        )

    async def link_files(self) -> None:
        """The links of the followed files, which live from now on; all files are in OneDrive."""
        if not self.message.attachments:
            return
        settings = await self.organization.settings()
        life = timedelta(days=settings.file_link_days)
        for stored in await read_files(self.organization, self.message.id):
            if stored.file.place is not Place.STORED:
                raise _Failed(stored.file.failure or Failure("graphUnavailable"))
            await self.hold()
            await self.link_file(stored, life)

    async def link_file(self, stored: StoredFile, life: timedelta) -> None:
        """The link of one file; where somebody deleted the file meanwhile, it is brought again."""
        drive, now = self.workshop.drive, self.workshop.clock()
        made = link(self.organization, drive, self.message.id, stored, now, life)
        try:
            await self.ask(made)
        except _Failed as failed:
            if not isinstance(failed.__cause__, NotFound):
                # What Graph refused was the drive's, not the mailbox's.
                raise _Failed(file_failure(failed.__cause__, self.message, stored.file)) from failed
            waiting = replace(stored.file, place=Place.WAITING, item_id=None)
            with contextlib.suppress(Changed):
                await write_file(self.organization, self.message.id, stored, waiting)
                await self.workshop.upload(self.message.id, stored.file.number)
            raise _Postponed(1) from None

    async def release_files(self) -> None:
        """Followed files of a message that is not followed any more, or not sent, leave OneDrive
        (rule F4)."""
        if not self.message.attachments:
            return None
        for stored in await read_files(self.organization, self.message.id):
            if stored.file.place in (Place.WAITING, Place.STORED):
                # Whoever is bringing it right now keeps the lease, and is waited for.
                leaving = replace(stored.file, place=Place.LEAVING)
                try:
                    await write_file(self.organization, self.message.id, stored, leaving)
                except Changed:
                    return await self.release_files()
            if stored.file.place not in (Place.GONE, Place.REFUSED):
                await self.workshop.upload(self.message.id, stored.file.number)
        return None

    async def compose(self, content: Content) -> Composed:
        """The body, with its links written down before anybody can click one."""
        target = Target(self.organization.id, self.message.id, self.copy.number)
        # In a thread: a large body takes long, and pixels are answered in this loop.
        composed = await asyncio.to_thread(
            compose,
            content,
            target,
            followed=self.message.followed,
            addresses=self.workshop.addresses,
            own=self.workshop.own,
            language=self.message.language,
        )
        rows = [
            Write("upsert", link_to_row(self.message.id, self.copy.number, place, link))
            for place, link in enumerate(composed.links)
        ]
        await self.store_images(composed)
        await self.write_rows(rows)
        return composed

    async def store_images(self, composed: Composed) -> None:
        """Stores the images that the body links, then the rows that say which is which.

        Both are the same at every attempt, so that it does not matter where the last one ended.
        """
        for linked in composed.images:
            if linked.content is not None:
                await store_image(self.organization, linked.image.sha256, linked.content)
        message, copy = self.message.id, self.copy.number
        await self.write_rows(
            [
                Write("upsert", image_to_row(message, copy, linked.index, linked.image))
                for linked in composed.images
            ]
        )

    async def forget_links(self) -> None:
        """Removes the links and images of a followed draft that an earlier attempt made: nobody has
        them. What the images show stays, it may belong to other messages, too."""
        keys: list[str] = []
        for kind in ("link", "image"):
            prefix = f"{kind}~{self.copy.number:04d}~"
            rows = self.organization.tables.rows(
                TABLE, self.message.id, after=prefix, below=prefix + "~"
            )
            keys += [read.row["RowKey"] async for read in rows]
        await self.write_rows(
            [Write("delete", {"PartitionKey": self.message.id, "RowKey": key}) for key in keys]
        )

    async def write_rows(self, rows: Sequence[Write]) -> None:
        for start in range(0, len(rows), TRANSACTION_LIMIT):
            await self.organization.tables.transact(TABLE, rows[start : start + TRANSACTION_LIMIT])

    async def draft(self, content: Content, composed: Composed, found: list[FoundMessage]) -> None:
        """The draft in the seller's mailbox: the one an earlier attempt made, or a new one."""
        draft = found[0] if found else None
        await self.hold()
        if draft is None:
            draft = await self.ask(
                self.workshop.mail.create_draft(
                    self.message.from_, _draft(content, composed, self.send_key)
                )
            )
        await self.advance(Step.DRAFTED, draft)

    async def attach(self, content: Content, composed: Composed, *, anew: bool) -> None:
        """The files that travel with the message, and then the images of its body where it is not
        followed; those that an adopted draft has stay."""
        followed = self.message.followed
        files = [
            *(self.travelling(one) for one in content.attachments if not (followed and one.follow)),
            *(_inline(part) for part in composed.inline),
        ]
        if not files:
            return
        mail, mailbox, draft = self.workshop.mail, self.message.from_, self.copy.draft_id
        assert draft is not None
        there = [] if anew else await self.ask(mail.attachments_of(mailbox, draft))
        names = Counter(one.name for one in there)
        for file in files:
            if names[file.name]:
                # Files come in their order: of several with one name the first are there.
                names[file.name] -= 1
                continue
            await self.ask(mail.add_attachment(mailbox, draft, file))
        await self.advance(Step.ATTACHED)

    def travelling(self, file: Attachment) -> Travelling:
        """A file as Graph takes it, read from where it was stored; the lease is kept meanwhile."""
        name = file_name(self.message.id, file.number)

        async def read(offset: int, length: int) -> bytes:
            await self.hold()
            return await self.organization.blobs.part(CONTAINER, name, offset, length)

        return Travelling(
            file.name,
            file.content_type,
            Source(file.size, read),
            content_id=file.content_id,
            is_inline=file.content_id is not None,
        )

    async def hold(self) -> None:
        """The lease for as long again."""
        until = self.workshop.clock() + LEASE
        await self.write(lambda message, copy: (replace(message, lease_until=until), copy))

    async def send(self) -> None:
        """Sends the draft. From here until Graph answers, nobody can tell whether it was sent."""
        if _lease_rest(self.message, self.workshop.clock()) < SEND_NEEDS:
            raise _Postponed(1)
        draft_id = self.copy.draft_id
        assert draft_id is not None
        await self.advance(Step.SENDING)
        try:
            await self.workshop.mail.send_draft(self.message.from_, draft_id)
        except NotDone as error:
            await self.advance(Step.DRAFTED)
            raise _Postponed(self.patience(error)) from error
        except Ambiguous as error:
            raise _Postponed(LOOK_AGAIN.total_seconds()) from error
        except (NotFound, Refused) as error:
            if isinstance(error, NotFound) and not error.mailbox_unknown:
                # It may have been sent a moment ago, or be known by another id now: the key tells.
                raise _Postponed(LOOK_AGAIN.total_seconds()) from error
            await self.advance(Step.DRAFTED)
            raise _Failed(_failure(error, self.message)) from error
        await self.finish_sent(None)

    async def finish_sent(self, sent: FoundMessage | None) -> None:
        await self.finish(Status.SENT, Step.SENT, None, sent)
        raise _Sent

    async def fail(self, failure: Failure) -> None:
        """Ends the message as failed; while a `/send` is unclear, as one that may have been
        sent."""
        if self.copy.step is Step.SENDING:
            await self.finish(Status.FAILED, Step.NEEDS_REVIEW, Failure("mayHaveBeenSent"))
            return
        await self.discard_drafts()
        await self.release_files()
        await self.finish(Status.FAILED, Step.FAILED, failure)

    async def discard_drafts(self) -> None:
        """Leaves nothing in the seller's drafts that nobody will send; as far as Graph lets us."""
        mail, mailbox = self.workshop.mail, self.message.from_
        with contextlib.suppress(GraphError):
            for found in await mail.find_by_send_key(mailbox, self.send_key):
                if found.is_draft:
                    await mail.delete_message(mailbox, found.id)

    async def finish(
        self,
        status: Status,
        step: Step,
        failure: Failure | None,
        sent: FoundMessage | None = None,
    ) -> None:
        """Writes how it ended, with the todo row of what follows, then does what follows."""
        now = self.workshop.clock()
        todo_keys: list[str] = []
        due_at = self.message.due_at

        def ended(message: MessageRow, copy: CopyRow) -> tuple[MessageRow, CopyRow, list[Write]]:
            sent_at = (sent.sent_at if sent else None) or now
            changed = replace(
                message,
                status=status,
                failure=failure,
                sent_at=sent_at if status is Status.SENT else None,
                due_at=None,
                lease_owner="",
                lease_until=None,
            )
            changed, todo = with_todo(changed)
            todo_keys[:] = [todo.row["RowKey"]]
            return changed, _with_ids(replace(copy, step=step, step_at=now), sent), [todo]

        await self.write_with(ended)
        await drain(self.organization, self.message, todo_keys)
        await _forget_files(self.organization, self.message)
        await remove_due(self.organization, self.message.id, due_at)

    async def advance(self, step: Step, found: FoundMessage | None = None) -> None:
        """Records that a step is reached (and, with `/send`, that hits may come from now on)."""
        now = self.workshop.clock()

        def reached(message: MessageRow, copy: CopyRow) -> tuple[MessageRow, CopyRow]:
            if step is Step.SENDING and message.sending_began_at is None:
                message = replace(message, sending_began_at=now)
            return message, _with_ids(replace(copy, step=step, step_at=now), found)

        await self.write(reached)

    async def postpone(self, seconds: float) -> Later | None:
        """Lets the lease go until later; after a day the message ends as failed."""
        now = self.workshop.clock()
        if now - self.message.tried_since > GIVE_UP:
            await self.fail(Failure("graphUnavailable"))
            return None
        before = self.message.due_at
        due_at = now + timedelta(seconds=seconds) + WATCH
        await put_due(self.organization, self.message.id, due_at)
        await self.write(
            lambda message, copy: (
                replace(
                    message,
                    due_at=due_at,
                    not_before=now + timedelta(seconds=seconds),
                    lease_owner="",
                    lease_until=None,
                ),
                copy,
            )
        )
        await remove_due(self.organization, self.message.id, before)
        await list_message(self.organization, self.message)
        return Later(seconds)

    async def let_go(self) -> None:
        """Gives the lease back where storage lets us, so that the next attempt need not wait."""
        with contextlib.suppress(StorageUnavailable, Busy):
            await self.write(
                lambda message, copy: (replace(message, lease_owner="", lease_until=None), copy)
            )

    async def write(
        self, change: Callable[[MessageRow, CopyRow], tuple[MessageRow, CopyRow]]
    ) -> None:
        await self.write_with(lambda message, copy: (*change(message, copy), []))

    async def write_with(
        self, change: Callable[[MessageRow, CopyRow], tuple[MessageRow, CopyRow, list[Write]]]
    ) -> None:
        """Writes a change, again when a fold came in between; `Busy` where the lease is lost."""
        while True:
            if self.message.lease_owner != self.workshop.owner:
                raise Busy("another delivery has taken this message over")
            message, copy, writes = change(self.message, self.copy)
            message = replace(message, version=self.message.version + 1)
            try:
                self.stored = await write_message(
                    self.organization, self.stored, message, [copy], writes
                )
                return
            except Changed:
                fresh = await read_message(self.organization, self.message.id)
                if fresh is None:
                    raise Busy("the message is gone") from None
                self.stored = fresh

    async def ask(self, request: Awaitable[T]) -> T:
        """A request to Graph other than `/send`: all of them may be repeated later."""
        try:
            return await request
        except NotDone as error:
            raise _Postponed(self.patience(error)) from error
        except Ambiguous as error:
            raise _Postponed(self.patience(error)) from error
        except (NotFound, Refused) as error:
            raise _Failed(_failure(error, self.message)) from error

    def patience(self, error: GraphError) -> float:
        """Seconds until the next attempt: as told, else longer with each."""
        told = error.retry_after if isinstance(error, NotDone) else None
        if told is not None:
            return min(told, GIVE_UP.total_seconds())
        return min(10.0 * 2.0 ** min(self.message.attempts, 6), 600.0)


class _Sent(Exception):
    """The message is sent and everything is written down."""


async def _tidy(workshop: Workshop, message: MessageRow) -> None:
    """Does what a delivery that died right after its end left undone, and says the words about
    files that were taken back and are still there."""
    await list_message(workshop.organization, message)
    await drain_left_behind(workshop.organization, message.id)
    await _forget_files(workshop.organization, message)
    for number in (
        await leaving_files(workshop.organization, message.id) if message.attachments else ()
    ):
        await workshop.upload(message.id, number)


async def _forget_files(organization: Organization, message: MessageRow) -> None:
    """Deletes what was staged of the files of a message that is sent: nobody needs it again."""
    if message.status is Status.SENT and message.attachments:
        with contextlib.suppress(StorageUnavailable):
            await delete_files(organization, message.id, message.attachments)


def _lease_rest(message: MessageRow, now: datetime) -> timedelta:
    if not message.lease_owner or message.lease_until is None:
        return timedelta()
    return message.lease_until - now


def _with_ids(copy: CopyRow, found: FoundMessage | None) -> CopyRow:
    if found is None:
        return copy
    return replace(
        copy,
        draft_id=found.id,
        internet_message_id=found.internet_message_id or copy.internet_message_id,
        conversation_id=found.conversation_id or copy.conversation_id,
    )


def _draft(content: Content, composed: Composed, send_key: str) -> Draft:
    people: Mapping[str, list[tuple[str, str]]] = {"to": [], "cc": [], "bcc": []}
    for recipient in content.recipients:
        people[recipient.field].append((recipient.address, recipient.name or ""))
    return Draft(
        subject=content.subject,
        body=composed.body,
        is_html=composed.is_html,
        to=people["to"],
        cc=people["cc"],
        bcc=people["bcc"],
        send_key=send_key,
    )


def _inline(part: InlinePart) -> Travelling:
    async def read(offset: int, length: int) -> bytes:
        return part.content[offset : offset + length]

    return Travelling(
        part.name,
        part.content_type,
        Source(len(part.content), read),
        content_id=part.content_id,
        is_inline=True,
    )


def _failure(error: NotFound | Refused, message: MessageRow) -> Failure:
    """A refusal of Graph as a reason a seller understands."""
    if isinstance(error, NotFound):
        return Failure("mailboxUnknown", {"address": message.from_})
    if error.status == 403:
        return Failure("mailboxOutOfScope", {"address": message.from_})
    if error.status == 413 or error.code == "ErrorMessageSizeExceeded":
        return Failure("messageTooLarge")
    if error.code in ("ErrorInvalidRecipients", "ErrorInvalidSmtpAddress"):
        return Failure("recipientRefused", {"who": message.to_text})
    log.error("Graph refused message %s for good: %s", message.id, error)
    return Failure("unexpected")
