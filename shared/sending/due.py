"""When somebody must look at a message: the rows that make sure none is forgotten.

Every message that is not finished has a row in one partition of the table `schedule`, under the
instant it is due; a timer reads what is due and hands it to delivery. The message row's `due_at` is
the authority: a schedule row under any other instant is stale and ignored.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

from shared.errors import Changed
from shared.messages.files import leaving_files
from shared.messages.rows import MessageRow, instant_of, milliseconds
from shared.messages.stored import read_message, write_message
from shared.messages.todo import drain_left_behind
from shared.organizations import Organization

log = logging.getLogger(__name__)

TABLE = "schedule"
PARTITION = "due"
WATCH = timedelta(minutes=2)
"""After handing a message to delivery, it is looked at again after this long should it be stuck."""

EARLY_WORD = timedelta(seconds=5)
"""A word that comes so little before its time is the right one, and comes again."""

_ORPHAN = timedelta(minutes=10)
"""A row whose message is not there after this long belongs to a request that was never accepted."""

Deliver = Callable[[str], Awaitable[None]]


async def put_due(organization: Organization, message: str, due_at: datetime) -> None:
    row = {
        "PartitionKey": PARTITION,
        "RowKey": _key(message, due_at),
        "schema": 1,
        "message": message,
    }
    await organization.tables.upsert(TABLE, row)


async def remove_due(organization: Organization, message: str, due_at: datetime | None) -> None:
    if due_at is not None:
        await organization.tables.delete(TABLE, PARTITION, _key(message, due_at))


async def fire_due(organization: Organization, now: datetime, deliver: Deliver) -> int:
    """Hands every message that is due to `deliver` (an enqueue); returns how many.

    Work grows with what is due, not with what waits.
    """
    fired = 0
    below = f"{milliseconds(now) + 1:013d}"
    async for read in organization.tables.rows(TABLE, PARTITION, below=below, a_time=100):
        fired += await _fire(
            organization, read.row["message"], _due_at(read.row["RowKey"]), now, deliver
        )
    return fired


async def _fire(
    organization: Organization, message: str, due_at: datetime, now: datetime, deliver: Deliver
) -> bool:
    stored = await read_message(organization, message)
    if stored is None:
        if now - due_at > _ORPHAN:
            await remove_due(organization, message, due_at)
        return False
    if not _same(stored.message, due_at):
        await drain_left_behind(organization, message)
        if stored.message.attachments and await leaving_files(organization, message):
            # The word that they shall leave OneDrive may be lost; delivery says it again.
            await deliver(message)
        await remove_due(organization, message, due_at)
        return False
    # The next look is written before the message is handed over: whatever happens to that word,
    # the message comes up again.
    next_look = now + WATCH
    await put_due(organization, message, next_look)
    try:
        await write_message(
            organization,
            stored,
            replace(stored.message, due_at=next_look, version=stored.message.version + 1),
        )
    except Changed:
        # Somebody is at work on it right now; its row stays and is looked at in the next round.
        await remove_due(organization, message, next_look)
        return False
    await deliver(message)
    await remove_due(organization, message, due_at)
    return True


def _same(message: MessageRow, due_at: datetime) -> bool:
    return message.due_at is not None and milliseconds(message.due_at) == milliseconds(due_at)


def _key(message: str, due_at: datetime) -> str:
    return f"{milliseconds(due_at):013d}~{message}"


def _due_at(key: str) -> datetime:
    return instant_of(int(key.partition("~")[0]))
