"""One copy of a message: composed, drafted, its files attached, sent; each step recorded before
the next begins.

A draft carries a *send key* that Graph can be asked for; so after a crash, a time-out or a lost
answer the next attempt first looks what became of the last one: no draft any more means it was
sent, a draft is adopted, none means nothing was done yet. Only around `/send` itself can it be
unknown for a while; then the same draft is looked up again after some minutes, and a copy that
Graph knows nothing of any more is shown to people instead of being sent anew.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from shared.graph.attachments import Attachment as Travelling
from shared.graph.errors import Ambiguous, GraphError, NotDone, NotFound, Refused
from shared.graph.mail import Draft, FoundMessage
from shared.graph.uploads import Source
from shared.messages.content import CONTAINER, file_name
from shared.messages.lookups import note_mail
from shared.messages.rows import TABLE, CopyRow, MessageRow, link_to_row
from shared.model import Attachment, Content, Failure, Quote, Reader, Recipient, Step, StoredImage
from shared.sending.attempt import (
    Attempt,
    Failed,
    Postponed,
    Unclear,
    lease_rest,
    refusal,
    with_ids,
)
from shared.sending.compose import Composed, compose
from shared.sending.conversation import reply_draft
from shared.sending.images import InlinePart
from shared.sending.linked_images import attached_images, store_images
from shared.storage.tables import Write
from shared.timing.zones import zone_of_recipient
from shared.tracking.tokens import Target

SEND_NEEDS = timedelta(seconds=25)
"""What must be left of the lease when `/send` begins."""

LOOK_AGAIN = timedelta(minutes=2)
"""How long the move to Sent Items may take: before that, an unclear send is not looked up."""


class OneCopy:
    """One copy in an attempt at its message."""

    def __init__(self, attempt: Attempt, number: int) -> None:
        self.attempt = attempt
        self.number = number

    @property
    def message(self) -> MessageRow:
        return self.attempt.message

    @property
    def copy(self) -> CopyRow:
        return self.attempt.stored.copies[self.number]

    @property
    def send_key(self) -> str:
        return f"{self.attempt.organization.id}/{self.message.id}/{self.number}"

    async def deliver(self, content: Content) -> FoundMessage | None:
        """Sends the copy; what Graph knows of it where it was found sent already.

        Raises `Postponed`, `Unclear` or `Failed` where it is not sent now.
        """
        found = await self.look_up()
        if found is not None and not found.is_draft:
            return found
        if self.copy.step is Step.SENDING:
            # The same draft is sent again, but never a fresh one.
            if found is None:
                raise Failed(Failure("mayHaveBeenSent"), of_copy=True)
            await self.reach(Step.DRAFTED, found)
        else:
            await self.prepare(content, found)
        await self.send(await self.reader(content))
        return None

    async def prepare(self, content: Content, found: FoundMessage | None) -> None:
        """The draft whole, as it is sent; `found` is what an earlier attempt made of it."""
        if content.in_reply_to is None:
            composed = await self.compose(content)
            await self.draft(content, composed, found)
        else:
            composed = await self.reply(content, content.in_reply_to, found)
        await self.attach(content, composed, anew=found is None)

    async def look_up(self) -> FoundMessage | None:
        """What Graph has under the send key, where an earlier attempt may have begun this copy: the
        sent mail, or the one draft that is left."""
        if self.number >= self.attempt.begun_before:
            return None
        if self.copy.step is Step.SENDING:
            since = self.attempt.now - (self.copy.step_at or self.attempt.now)
            if since < LOOK_AGAIN:
                raise Unclear((LOOK_AGAIN - since).total_seconds())
        mail, mailbox = self.attempt.workshop.mail, self.message.from_
        found = await self.attempt.ask(mail.find_by_send_key(mailbox, self.send_key))
        sent = next((one for one in found if not one.is_draft), None)
        drafts = [one for one in found if one.is_draft]
        for spare in drafts if sent else drafts[1:]:
            await self.attempt.ask(mail.delete_message(mailbox, spare.id))
        return sent or next(iter(drafts), None)

    async def compose(self, content: Content, quote: Quote | None = None) -> Composed:
        """The body, with its links written down before anybody can click one."""
        attempt = self.attempt
        target = Target(attempt.organization.id, self.message.id, self.number)
        attached: Mapping[str, StoredImage] = {}
        if self.message.followed:
            attached = await attached_images(
                attempt.organization, self.message.id, content.attachments
            )
        # In a thread: a large body takes long, and pixels are answered in this loop.
        composed = await asyncio.to_thread(
            compose,
            content,
            target,
            followed=self.message.followed,
            addresses=attempt.workshop.addresses,
            own=attempt.workshop.own,
            language=self.message.language,
            attached=attached,
            quote=quote,
        )
        rows = [
            Write("upsert", link_to_row(self.message.id, self.number, place, link))
            for place, link in enumerate(composed.links)
        ]
        await store_images(attempt, self.number, content.attachments, attached, composed)
        await attempt.write_rows(rows)
        return composed

    async def forget_links(self) -> None:
        """Removes the links and images of a followed draft that an earlier attempt made: nobody has
        them. What the images show stays, it may belong to other messages, too."""
        keys: list[str] = []
        for kind in ("link", "image"):
            prefix = f"{kind}~{self.number:04d}~"
            rows = self.attempt.organization.tables.rows(
                TABLE, self.message.id, after=prefix, below=prefix + "~"
            )
            keys += [read.row["RowKey"] async for read in rows]
        await self.attempt.write_rows(
            [Write("delete", {"PartitionKey": self.message.id, "RowKey": key}) for key in keys]
        )

    async def draft(self, content: Content, composed: Composed, found: FoundMessage | None) -> None:
        """The draft in the seller's mailbox: the one an earlier attempt made, or a new one."""
        await self.attempt.hold()
        draft = found or await self.attempt.ask(
            self.attempt.workshop.mail.create_draft(
                self.message.from_,
                _draft(content, self.message.copies, self.number, composed, self.send_key),
            ),
            self.copy.recipient,
        )
        await self.reach(Step.DRAFTED, draft, self.followed_links(content, composed))

    async def reply(
        self, content: Content, in_reply_to: str, found: FoundMessage | None
    ) -> Composed:
        """The draft in the thread of what is answered. It is whole once its step is recorded; one
        that an earlier attempt left before is written anew."""
        whole = found is not None and self.copy.step is not Step.ACCEPTED
        if not whole and self.copy.step is not Step.ACCEPTED:
            # The draft was whole and is gone: what is made now is not, until it is recorded again.
            await self.reach(Step.ACCEPTED)
        attempt, copies = self.attempt, self.message.copies
        await attempt.hold()
        recipients = _recipients(content, copies, self.number)
        draft, quote = await reply_draft(
            attempt, self.number, in_reply_to, recipients, self.send_key, found
        )
        composed = await self.compose(content, quote)
        if not whole:
            await attempt.hold()
            ours = _draft(content, copies, self.number, composed, self.send_key)
            change = attempt.workshop.mail.update_draft(self.message.from_, draft.id, ours)
            draft = await attempt.ask(change, self.copy.recipient)
        await self.reach(Step.DRAFTED, draft, self.followed_links(content, composed))
        return composed

    async def attach(self, content: Content, composed: Composed, *, anew: bool) -> None:
        """The files that travel with the message, and then the images of its body where it is not
        followed; those that an adopted draft has stay."""
        followed = self.message.followed
        files = [
            *(
                self.travelling(one)
                for one in content.attachments
                if not (followed and one.follow) and one.content_id not in composed.linked
            ),
            *(_inline(part) for part in composed.inline),
        ]
        if not files:
            return
        attempt, mail, mailbox = self.attempt, self.attempt.workshop.mail, self.message.from_
        draft = self.copy.draft_id
        assert draft is not None
        there = [] if anew else await attempt.ask(mail.attachments_of(mailbox, draft))
        # A quote brings images of its own, which may have the name of one of ours.
        known = Counter((one.name, one.content_id if one.is_inline else None) for one in there)
        for file in files:
            if known[file.name, file.content_id]:
                # Files come in their order: of several with one name the first are there.
                known[file.name, file.content_id] -= 1
                continue
            await attempt.ask(mail.add_attachment(mailbox, draft, file))
        await self.reach(Step.ATTACHED)

    def travelling(self, file: Attachment) -> Travelling:
        """A file as Graph takes it, read from where it was stored; the lease is kept meanwhile."""
        name = file_name(self.message.id, file.number)

        async def read(offset: int, length: int) -> bytes:
            await self.attempt.hold()
            return await self.attempt.organization.blobs.part(CONTAINER, name, offset, length)

        return Travelling(
            file.name,
            file.content_type,
            Source(file.size, read),
            content_id=file.content_id,
            is_inline=file.content_id is not None,
        )

    async def reader(self, content: Content) -> Reader | None:
        """Whose habits the opens of this copy will tell (rule D2): its one recipient's. It stays as
        it was when its sending began."""
        people = _recipients(content, self.message.copies, self.number)
        begun = self.copy.sending_began_at is not None
        if begun or not self.message.followed or len(people) != 1:
            return None
        [person] = people
        zone = await zone_of_recipient(self.attempt.organization, person, self.attempt.now)
        return Reader(person.address, zone.name) if zone else None

    async def send(self, reader: Reader | None) -> None:
        """Sends the draft. From here until Graph answers, nobody can tell whether it was sent."""
        if lease_rest(self.message, self.attempt.now) < SEND_NEEDS:
            raise Postponed(1)
        draft = self.copy.draft_id
        assert draft is not None
        # Before it leaves: an answer may come sooner than we know that it was sent (rule T7).
        await note_mail(self.attempt.organization, self.message.id, self.copy)
        await self.reach(Step.SENDING, reader=reader)
        try:
            await self.attempt.workshop.mail.send_draft(self.message.from_, draft)
        except NotDone as error:
            await self.reach(Step.DRAFTED)
            raise Postponed(self.attempt.patience(error)) from error
        except Ambiguous as error:
            raise Unclear(LOOK_AGAIN.total_seconds()) from error
        except (NotFound, Refused) as error:
            if isinstance(error, NotFound) and not error.mailbox_unknown:
                # It may have been sent a moment ago, or be known by another id now: the key tells.
                raise Unclear(LOOK_AGAIN.total_seconds()) from error
            await self.reach(Step.DRAFTED)
            raise refusal(error, self.message, self.copy.recipient) from error

    def followed_links(self, content: Content, composed: Composed) -> int:
        """How many links of the copy lead through us, those of files included."""
        files = sum(one.follow for one in content.attachments) if self.message.followed else 0
        return files + sum(link.index is not None for link in composed.links)

    async def reach(
        self,
        step: Step,
        found: FoundMessage | None = None,
        links: int | None = None,
        reader: Reader | None = None,
    ) -> None:
        """Records that a step is reached (and, with `/send`, that hits may come from now on, and
        whose), and how many followed links the copy has, where that is known anew."""
        now = self.attempt.now

        def reached(
            message: MessageRow, copy: CopyRow
        ) -> tuple[MessageRow, CopyRow, tuple[Write, ...]]:
            if step is Step.SENDING and copy.sending_began_at is None:
                copy = replace(copy, sending_began_at=now, reader=reader)
            if links is not None:
                copy = replace(copy, links=links)
            return message, with_ids(replace(copy, step=step, step_at=now), found), ()

        await self.attempt.write_copy(self.number, reached)

    async def discard_drafts(self) -> None:
        """Leaves nothing in the seller's drafts that nobody will send; as far as Graph lets us."""
        mail, mailbox = self.attempt.workshop.mail, self.message.from_
        with contextlib.suppress(GraphError):
            for found in await mail.find_by_send_key(mailbox, self.send_key):
                if found.is_draft:
                    await mail.delete_message(mailbox, found.id)


def _draft(content: Content, copies: int, number: int, composed: Composed, send_key: str) -> Draft:
    people: Mapping[str, list[tuple[str, str]]] = {"to": [], "cc": [], "bcc": []}
    for recipient in _recipients(content, copies, number):
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


def _recipients(content: Content, copies: int, number: int) -> tuple[Recipient, ...]:
    """Whom a copy goes to: to everybody, or, where each has one, to its own person (rule S6)."""
    return content.recipients if copies == 1 else (content.recipients[number],)


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
