"""Changing a message before its sending begins: edit, reschedule, send now, cancel (rule S3).

Every change goes through the message row's ETag, as delivery and the timer do: who comes second
looks again, and meets a message that is as it says, old or new. What is written before the row
(numbers for new files, their bytes, the content under a new name) belongs to nobody until the row
points to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

from pydantic import JsonValue

from shared.access.callers import Caller
from shared.attachments.staging import delete_files, given_files, store_files
from shared.errors import Changed, Problem, Refusal
from shared.messages.content import delete_content, load_content, store_content
from shared.messages.feeds import feeds_of
from shared.messages.files import (
    FileRow,
    Place,
    StoredFile,
    file_to_row,
    new_file,
    on_its_way_again,
    read_files,
)
from shared.messages.rows import MessageRow, copy_key, copy_to_row
from shared.messages.stored import Stored, new_copies, read_message, write_message
from shared.messages.todo import with_todo
from shared.model import Attachment, Content, SendTime, Status, Step
from shared.organizations import Organization
from shared.sellers.store import load_seller
from shared.sending.accept import (
    Order,
    decide,
    files_to_upload,
    message_row,
    put_in_schedule,
    with_recipient_zone,
)
from shared.sending.conversation import refuse_unknown
from shared.sending.due import put_look, remove_look
from shared.sending.reminded import set_reminder
from shared.sending.requests import MessageChange, check, reminder_of
from shared.sending.sequel import Words, follow_up
from shared.storage.tables import TRANSACTION_LIMIT, Write
from shared.timing.local_times import installed_rules
from shared.timing.recommended import recommended_send_time
from shared.timing.reminder_requests import refuse_impossible
from shared.timing.reminders import with_reminder
from shared.timing.send_times import RECOMMENDED, refuse_out_of_range

NOW: Mapping[str, Any] = {"draft": False, "sendAt": None}
"""The change that sends a draft, or what is scheduled."""

_EVER = datetime.min.replace(tzinfo=UTC)

GIVES = frozenset({"from", "seller"})
"""The fields that give a message to another seller; also one that failed before any of it was sent:
its mailbox may be gone. It stays failed, and is tried again from the other mailbox."""

ENDED = (Status.FAILED, Status.CANCELLED)


def anybody(from_: str, seller: str) -> None:
    """Any mailbox of the organization may send for any seller."""


@dataclass(slots=True)
class Changer:
    """What changing needs. `may_send_as` refuses who may not send from a mailbox for a seller;
    `seen_by` is who sees their own messages only."""

    organization: Organization
    words: Words
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    language: str
    may_send_as: Callable[[str, str], None] = anybody
    seen_by: str | None = None

    @classmethod
    def of(
        cls,
        caller: Caller,
        words: Words,
        language: str,
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> Self:
        """Changes what the caller may."""
        return cls(
            organization=caller.organization,
            words=words,
            clock=clock,
            new_id=new_id,
            language=language,
            may_send_as=caller.require_own_name,
            seen_by=caller.sees_own_or_followed,
        )


async def change(changer: Changer, message: str, changes: Mapping[str, Any]) -> MessageRow:
    """Changes these fields of a message, under the rules of a new one; the others stay.

    Raises `Refusal`: 404, 409 once sending has begun (but for its reminder alone, and for giving a
    failed one to another seller), 422 for what cannot be.
    """
    gives = bool(changes) and GIVES.issuperset(changes)
    if set(changes) == {"reminder"}:
        set_ = await _remind(changer, message, changes["reminder"])
        if set_ is not None:
            return set_
    stored = await _waiting(changer.organization, message, gives=gives)
    new_files = sum(one.get("id") is None for one in _objects(changes.get("attachments")))
    first: int | None = None
    while True:
        content = await load_content(changer.organization, stored.message)
        now = changer.clock()
        numbered_from = first or stored.message.attachments + 1
        order = await _order(changer, stored.message, content, changes, numbered_from, now)
        row = message_row(order, await decide(changer.organization, order), message, now)
        try:
            if new_files and first is None:
                stored = await _reserve_numbers(changer.organization, stored, new_files)
                first = numbered_from
                await store_files(changer.organization, message, order.files, now)
            return await _write(changer, stored, content, order, row, now)
        except Changed:
            stored = await _waiting(changer.organization, message, gives=gives)


async def send_now(changer: Changer, message: str) -> MessageRow:
    """Sends a draft, or what is scheduled, at once; what is on its way or sent stays so.

    Raises `Refusal`: 404, 409 where it failed or was cancelled, 422 where it cannot be sent so.
    """
    while True:
        stored = await _there(changer.organization, message)
        if stored.message.status in ENDED:
            raise _conflict(stored.message)
        if stored.message.status not in (Status.DRAFT, Status.SCHEDULED):
            return stored.message
        try:
            return await change(changer, message, NOW)
        except Refusal as refusal:
            # Its time came just now, and its sending has begun.
            if refusal.status != 409:
                raise


async def cancel(changer: Changer, message: str) -> MessageRow:
    """Cancels a message whose sending has not begun; once more changes nothing.

    Its files leave OneDrive and storage. Raises `Refusal`: 404, 409 for any other message.
    """
    organization = changer.organization
    while True:
        stored = await _there(organization, message)
        if stored.message.status is Status.CANCELLED:
            return stored.message
        if stored.message.status is Status.DRAFT:
            raise Refusal(409, "A draft is not cancelled but deleted.", code="draft")
        if not stored.message.may_change:
            raise _conflict(stored.message)
        now = changer.clock()
        cancelled = replace(stored.message, status=Status.CANCELLED, due_at=None)
        cancelled, todo = with_todo(with_reminder(cancelled))
        files = _files_after([], await read_files(organization, message))
        await put_look(organization, message, cancelled.version, now)
        try:
            await write_message(organization, stored, cancelled, (), [*files.writes(message), todo])
        except Changed:
            continue
        numbers = range(1, cancelled.attachments + 1)
        await _follow_up(changer, cancelled, files, todo, now, unused=numbers)
        return cancelled


async def _remind(changer: Changer, message: str, value: JsonValue) -> MessageRow | None:
    """Sets the reminder of a message whose sending has begun; None where it has not."""
    while True:
        stored = await _there(changer.organization, message)
        if stored.message.may_change:
            return None
        if stored.message.status in ENDED:
            raise _conflict(stored.message)
        try:
            return await set_reminder(changer.organization, stored, value, changer.clock())
        except Changed:
            continue


async def _order(
    changer: Changer,
    message: MessageRow,
    content: Content,
    changes: Mapping[str, Any],
    first: int,
    now: datetime,
) -> Order:
    """The message as it shall be, checked as a new one is."""
    organization = changer.organization
    request = MessageChange.of(message, content, dict(changes))
    send_time = check(request, now, content.attachments)
    recipients = request.recipients()
    await refuse_unknown(organization, request.in_reply_to, recipients, changer.seen_by)
    seller = await load_seller(organization, request.seller_address)
    if _asks_for_recommended(message, content, request, changes):
        send_time = await recommended_send_time(organization, recipients, now, changer.language)
    elif "sendAt" not in changes:
        send_time = _still(message, now, draft=request.draft)
    if "reminder" in changes:
        reminder = reminder_of(request, send_time, now)
    else:
        reminder = message.reminder
        refuse_impossible(reminder, request.follow, send_time.at if send_time else _EVER)
    brought = await given_files(organization, request.files(first), now)
    order = request.to_order(
        brought, send_time, seller, changer.language, stored=content.attachments, first=first
    )
    changer.may_send_as(order.from_, order.seller)
    order = await with_recipient_zone(organization, order, now)
    return replace(order, reminder=reminder)


def _asks_for_recommended(
    message: MessageRow,
    content: Content,
    request: MessageChange,
    changes: Mapping[str, Any],
) -> bool:
    """Whether the recommended time is to be found (anew): it was said now, or before, and other
    people get the message, or a draft of it is sent, which may have waited for days."""
    if "sendAt" in changes:
        return request.send_at == RECOMMENDED
    if message.send_time is None or message.send_time.recommended is None:
        return False
    is_sent = message.status is Status.DRAFT and not request.draft
    return is_sent or request.recipients() != content.recipients


def _still(message: MessageRow, now: datetime, *, draft: bool) -> SendTime | None:
    """The time that was chosen before; a draft may have waited until it passed, and zones may have
    other rules by then."""
    if message.send_time is None or message.status is not Status.DRAFT or draft:
        return message.send_time
    send_time = installed_rules().renewed(message.send_time)
    refuse_out_of_range(send_time, now)
    return send_time


async def _reserve_numbers(organization: Organization, stored: Stored, count: int) -> Stored:
    """Numbers for new files that nobody else takes, so that nobody writes over their bytes."""
    message = stored.message
    return await write_message(
        organization,
        stored,
        replace(message, attachments=message.attachments + count, version=message.version + 1),
    )


async def _write(
    changer: Changer,
    stored: Stored,
    before: Content,
    order: Order,
    row: MessageRow,
    now: datetime,
) -> MessageRow:
    organization, was = changer.organization, stored.message
    row = replace(
        row,
        accepted_at=was.accepted_at,
        taken_up_at=now if row.status is Status.ACCEPTED else None,
        language=was.language,
        content=was.content if order.content == before else changer.new_id(),
        attachments=was.attachments,
        todo_sequence=was.todo_sequence,
        version=was.version,
    )
    if was.status is Status.FAILED:
        # What is known of its attempts stays: the next one looks first for what they did.
        row = replace(
            row,
            status=was.status,
            failure=was.failure,
            taken_up_at=was.taken_up_at,
            due_at=None,
            begun=was.begun,
        )
    left = sorted(set(feeds_of(was)) - set(feeds_of(row)))
    row, todo = with_todo(row, left=left)
    files = _files_after(
        files_to_upload(row, order.content),
        await read_files(organization, row.id),
        elsewhere=row.from_ != was.from_,
    )
    writes = [*_copies_after(stored, order.content), *files.writes(row.id), todo]
    _refuse_too_many(writes)
    if row.content != was.content:
        await store_content(organization, row.id, order.content, row.content)
    await put_in_schedule(organization, row, now)
    await put_look(organization, row.id, row.version, now)
    try:
        await write_message(organization, stored, row, (), writes)
    except Changed:
        if row.content != was.content:
            await delete_content(organization, row.id, row.content)
        raise
    stay = {one.number for one in order.content.attachments}
    gone = [one.number for one in before.attachments if one.number not in stay]
    await _follow_up(changer, row, files, todo, now, left=left, unused=gone)
    if row.content != was.content:
        await delete_content(organization, row.id, was.content)
    return row


async def _follow_up(
    changer: Changer,
    message: MessageRow,
    files: _FilesAfter,
    todo: Write,
    now: datetime,
    *,
    left: Sequence[str] = (),
    unused: Iterable[int] = (),
) -> None:
    """Says what is to be said, then deletes the bytes of files that nobody needs any more."""
    done = await follow_up(
        changer.organization,
        message,
        changer.words,
        now,
        files=files.on_their_way,
        todo=[todo.row["RowKey"]],
        left=left,
    )
    await delete_files(changer.organization, message.id, unused)
    if done:
        await remove_look(changer.organization, message.id, message.version, now)


@dataclass(frozen=True, slots=True)
class _FilesAfter:
    """The rows of followed files that a change writes: those it changes, and new ones."""

    changed: Sequence[StoredFile]
    new: Sequence[FileRow]

    @property
    def on_their_way(self) -> list[int]:
        return [one.number for one in (*(stored.file for stored in self.changed), *self.new)]

    def writes(self, message: str) -> list[Write]:
        return [
            *(Write("replace", file_to_row(message, one.file), one.etag) for one in self.changed),
            *(Write("insert", file_to_row(message, file)) for file in self.new),
        ]


def _files_after(
    wanted: Sequence[Attachment], stored: Sequence[StoredFile], *, elsewhere: bool = False
) -> _FilesAfter:
    """What becomes of the files in OneDrive when these shall be there, and no others; `elsewhere`
    is in the OneDrive of another sender, to which they are brought anew.

    Whoever is bringing one right now keeps the lease, and is waited for.
    """
    numbers = {one.number for one in wanted}
    changed = []
    for one in stored:
        away = one.file.place in (Place.LEAVING, Place.GONE, Place.REFUSED)
        if one.file.number in numbers and (away or elsewhere):
            changed.append(replace(one, file=on_its_way_again(one.file)))
        elif one.file.number not in numbers and not away:
            changed.append(replace(one, file=replace(one.file, place=Place.LEAVING)))
    known = {one.file.number for one in stored}
    return _FilesAfter(changed, [new_file(one) for one in wanted if one.number not in known])


def _copies_after(stored: Stored, content: Content) -> list[Write]:
    """The writes of the copies that are others than they were; none of them has begun."""
    message, wanted = stored.message.id, new_copies(content)
    writes = [
        Write("upsert", copy_to_row(message, copy))
        for copy in wanted
        if copy.number not in stored.copies
        or stored.copies[copy.number].recipient != copy.recipient
    ]
    return writes + [
        Write("delete", {"PartitionKey": message, "RowKey": copy_key(number)})
        for number in stored.copies
        if number >= len(wanted)
    ]


def _refuse_too_many(writes: Sequence[Write]) -> None:
    """422 where more changes than one transaction takes with the message."""
    if len(writes) < TRANSACTION_LIMIT:
        return
    raise Refusal(
        422,
        "Too many recipients of individual copies, or too many followed files, change at once. "
        "Do it in several steps.",
        tuple(Problem(f"/{name}", "Too many change at once.") for name in ("to", "attachments")),
    )


async def _there(organization: Organization, message: str) -> Stored:
    stored = await read_message(organization, message)
    if stored is None:
        raise Refusal(404, "There is no such message.")
    return stored


async def _waiting(organization: Organization, message: str, *, gives: bool = False) -> Stored:
    """The message, whose sending has not begun, or which failed and is given to somebody else;
    `Refusal` 404 or 409 otherwise."""
    stored = await _there(organization, message)
    if gives and stored.message.status is Status.FAILED:
        if any(copy.step is not Step.FAILED for copy in stored.copies.values()):
            raise Refusal(409, "This message may have been sent.", code="mayHaveBeenSent")
    elif not stored.message.may_change:
        raise _conflict(stored.message)
    return stored


def _conflict(message: MessageRow) -> Refusal:
    if message.status is Status.CANCELLED:
        return Refusal(409, "This message was cancelled.", code="cancelled")
    if message.status is Status.FAILED:
        return Refusal(409, "This message failed; it can be tried again.", code="failed")
    return Refusal(
        409, "Its sending has begun, so it cannot be changed any more.", code="sendingBegan"
    )


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
