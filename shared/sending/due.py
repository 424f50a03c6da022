"""When somebody must look at a message: the rows that make sure none is forgotten.

Every message that is to be sent and is not finished has a row in one partition of the table
`schedule`, under the instant it is due; a timer reads what is due and hands it to delivery. The
message row's `due_at` is the authority: a schedule row under any other instant is stale, ignored,
and goes when its time comes.

A message that is scheduled becomes `accepted` when its time has come, and only here: delivery
passes over it before, whatever word it hears.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shared.errors import Changed
from shared.messages.erasing import finish_erasing
from shared.messages.files import leaving_files
from shared.messages.rows import MessageRow, instant_of, milliseconds
from shared.messages.stored import read_message, write_message
from shared.messages.todo import drain_left_behind
from shared.model import Status
from shared.organizations import Organization
from shared.side_by_side import each_by_itself
from shared.storage.tables import Read, Row

TABLE = "schedule"
PARTITION = "due"
WATCH = timedelta(minutes=2)
"""After handing a message to delivery, it is looked at again after this long should it be stuck."""

EARLY_WORD = timedelta(seconds=5)
"""A word that comes so little before its time is the right one, and comes again."""

FIRST_LOOK = timedelta(seconds=40)
"""The same for one whose time has just come: should we die before the word is said, the timer's
next look still hands it over within a minute."""

SOON = timedelta(seconds=90)
"""A scheduled message so near its time gets a word that is heard at its second."""

_ORPHAN = timedelta(minutes=10)
"""A row whose message is not there after this long belongs to a request that was never accepted."""

_A_TIME = 100
_AT_ONCE = 16

Deliver = Callable[[str], Awaitable[None]]
Announce = Callable[[str, datetime], Awaitable[None]]
"""Says a word that is heard at that instant and not before: `fire_announced`."""


async def put_due(organization: Organization, message: str, due_at: datetime) -> None:
    """Somebody looks at the message then, should it not be finished."""
    await organization.tables.upsert(TABLE, _row(_key(message, due_at), message))


async def put_scheduled(organization: Organization, message: MessageRow, now: datetime) -> None:
    """The message is handed to delivery at its time; the timer announces it when that is near."""
    assert message.due_at is not None and message.send_time is not None
    row = _row(_key(message.id, message.due_at), message.id)
    row |= {"announce": not is_soon(message.due_at, now), "local": bool(message.send_time.local)}
    await organization.tables.upsert(TABLE, row)


async def remove_due(organization: Organization, message: str, due_at: datetime | None) -> None:
    if due_at is not None:
        await organization.tables.delete(TABLE, PARTITION, _key(message, due_at))


async def put_look(organization: Organization, message: str, version: int, now: datetime) -> None:
    """Should we die before `remove_look`, the timer does what was to follow from this version."""
    row = _row(_look(message, version, now), message) | {"look": True}
    await organization.tables.upsert(TABLE, row)


async def remove_look(
    organization: Organization, message: str, version: int, now: datetime
) -> None:
    await organization.tables.delete(TABLE, PARTITION, _look(message, version, now))


def is_soon(due_at: datetime, now: datetime) -> bool:
    return due_at - now <= SOON


async def fire_due(
    organization: Organization, now: datetime, deliver: Deliver, announce: Announce
) -> int:
    """Hands every message that is due to `deliver` (an enqueue); returns how many.

    What is scheduled within `SOON` is announced, once. Work grows with what is due, not with what
    waits. Raises `Transient` where storage or the queue is away; what was not done is met again.
    """
    fired = 0
    below = f"{milliseconds(now + SOON) + 1:013d}"
    part: list[Read] = []
    async for read in organization.tables.rows(TABLE, PARTITION, below=below, a_time=_A_TIME):
        if _due_at(read) <= now or read.row.get("announce"):
            part.append(read)
        if len(part) == _A_TIME:
            fired += await _look_at(organization, part, now, deliver, announce)
            part = []
    return fired + await _look_at(organization, part, now, deliver, announce)


async def fire_announced(
    organization: Organization, message: str, due_at: datetime, now: datetime, deliver: Deliver
) -> bool:
    """Hands a scheduled message to `deliver` if this is its time and it has come.

    A word that comes early, by a clock that is behind, does nothing: the timer is there as well.
    """
    if now < due_at:
        return False
    read = await organization.tables.get(TABLE, PARTITION, _key(message, due_at))
    return read is not None and await _fire(organization, read, now, deliver)


async def _look_at(
    organization: Organization,
    part: Sequence[Read],
    now: datetime,
    deliver: Deliver,
    announce: Announce,
) -> int:
    async def look(read: Read) -> bool:
        if _due_at(read) > now:
            await _announce(organization, read, announce)
            return False
        return await _fire(organization, read, now, deliver)

    what = f"a message of {organization.id} that is due"
    return sum(map(bool, await each_by_itself(look, part, at_once=_AT_ONCE, what=what)))


async def _announce(organization: Organization, read: Read, announce: Announce) -> None:
    try:
        await organization.tables.replace(TABLE, read.row | {"announce": False}, read.etag)
    except Changed:
        return
    await announce(read.row["message"], _due_at(read))


async def _fire(organization: Organization, read: Read, now: datetime, deliver: Deliver) -> bool:
    message, due_at = read.row["message"], _due_at(read)
    stored = await read_message(organization, message)
    if stored is None:
        erased = await finish_erasing(organization, message)
        if erased and await leaving_files(organization, message):
            # The word that they shall leave OneDrive may be lost; delivery says it again.
            await deliver(message)
        elif erased or now - due_at > _ORPHAN:
            await _remove(organization, read)
        return False
    if read.row.get("look") or not _same(stored.message, due_at):
        await drain_left_behind(organization, message)
        cancelled = stored.message.status is Status.CANCELLED
        if stored.message.attachments and (cancelled or await leaving_files(organization, message)):
            # The word that they shall leave OneDrive may be lost; delivery says it again.
            await deliver(message)
        await _remove(organization, read)
        return False
    # The next look is written before the message is handed over: whatever happens to that word,
    # the message comes up again.
    its_time = stored.message.status is Status.SCHEDULED
    next_look = now + (FIRST_LOOK if its_time else WATCH)
    await put_due(organization, message, next_look)
    handed = replace(stored.message, due_at=next_look, version=stored.message.version + 1)
    if its_time:
        handed = replace(handed, status=Status.ACCEPTED, taken_up_at=now)
    try:
        await write_message(organization, stored, handed)
    except Changed:
        # Somebody is at work on it right now; its row stays and is looked at in the next round.
        # The other one stays, too: another timer may have put it there at the same millisecond.
        return False
    await deliver(message)
    await _remove(organization, read)
    return True


async def _remove(organization: Organization, read: Read) -> None:
    """Removes a row as it was read: not one that was put there since, for the same time."""
    try:
        await organization.tables.delete(TABLE, PARTITION, read.row["RowKey"], read.etag)
    except Changed:
        return


def _same(message: MessageRow, due_at: datetime) -> bool:
    return message.due_at is not None and milliseconds(message.due_at) == milliseconds(due_at)


def _row(key: str, message: str) -> Row:
    return {"PartitionKey": PARTITION, "RowKey": key, "schema": 1, "message": message}


def _key(message: str, due_at: datetime) -> str:
    return f"{milliseconds(due_at):013d}~{message}"


def _look(message: str, version: int, now: datetime) -> str:
    return f"{_key(message, now + WATCH)}~{version}"


def _due_at(read: Read) -> datetime:
    return instant_of(int(read.row["RowKey"].partition("~")[0]))
