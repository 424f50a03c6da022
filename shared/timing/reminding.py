"""Firing reminders: each once, never early, decided from everything that happened until its time.

A row in its own partition of the table `schedule` brings a message up when its reminder is to be
decided. The message row is the authority: a row of a reminder that was moved, removed or has fired
is stale, and goes when its time comes. What follows from the decision (the card) has its todo row
in the same transaction as the decision, so that whoever comes after a crash makes up for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from shared.assistant.facts import cards_of, differing
from shared.errors import Changed
from shared.messages.rows import (
    MessageRow,
    instant_of,
    instant_or_none,
    milliseconds,
    text_or_none,
)
from shared.messages.stored import Stored, read_message, write_message
from shared.messages.todo import drain, drain_left_behind, with_todo
from shared.model import ReminderCondition, ReminderState
from shared.organizations import Organization, OrganizationSettings
from shared.side_by_side import each_by_itself
from shared.storage.tables import Read
from shared.timing.reminders import decided, look_at
from shared.tracking.segments import written_since

log = logging.getLogger(__name__)

TABLE = "schedule"
PARTITION = "reminders"

UNSENT = timedelta(minutes=1)
"""A message that should have been sent by its reminder's time is looked at again after so long."""

_ORPHAN = timedelta(minutes=10)
"""A row whose message is not there after this long belongs to one that was never accepted."""

PATIENCE = timedelta(hours=1)
"""A mailbox that cannot be read for so long, from the first time it was asked, is waited for no
more: a reply that is found later withdraws the card."""

Ask = Callable[[str], Awaitable[bool]]
"""Reads a mailbox; whether everything that it received until now has been taken in."""

_A_TIME = 100
_AT_ONCE = 16


class Asked:
    """The mailboxes that were asked in this round: once each, however many reminders are due."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._answers: dict[str, asyncio.Future[bool]] = {}

    async def about(self, mailbox: str) -> bool:
        if mailbox not in self._answers:
            self._answers[mailbox] = asyncio.ensure_future(self._ask(mailbox))
        return await self._answers[mailbox]


async def put_reminder(
    organization: Organization, message: MessageRow, not_before: datetime | None = None
) -> None:
    """Somebody decides the message's reminder at its time; written before the message says that it
    has one. One that is not set needs nobody."""
    reminder = message.reminder
    if reminder is not None and reminder.state is ReminderState.SET:
        at = max(look_at(reminder), not_before or reminder.at)
        await _put(organization, message.id, at)


async def fire_reminders(organization: Organization, now: datetime, ask: Ask) -> int:
    """Decides every reminder whose time has come; returns how many rows it looked at.

    `ask` looks once more for replies, once in a mailbox. Work grows with what is due. Raises
    `Transient` where storage is away; what was not done is met again.
    """
    asked = Asked(ask)
    below = f"{milliseconds(now) + 1:013d}"
    looked_at = 0
    part: list[Read] = []
    rows = organization.tables.rows(TABLE, PARTITION, below=below, a_time=_A_TIME)
    async for read in rows:
        part.append(read)
        if len(part) == _A_TIME:
            looked_at += await _decide_all(organization, part, asked, now)
            part = []
    return looked_at + await _decide_all(organization, part, asked, now)


async def _decide_all(
    organization: Organization, part: list[Read], asked: Asked, now: datetime
) -> int:
    if not part:
        return 0
    settings = await organization.settings()
    unfolded_since = await written_since(organization)

    async def decide(read: Read) -> None:
        await _decide(organization, read, settings, unfolded_since, asked, now)

    what = f"a reminder of {organization.id}"
    await each_by_itself(decide, part, at_once=_AT_ONCE, what=what)
    return len(part)


async def _decide(
    organization: Organization,
    read: Read,
    settings: OrganizationSettings,
    unfolded_since: datetime | None,
    asked: Asked,
    now: datetime,
) -> None:
    message = read.row["message"]
    stored = await read_message(organization, message)
    if stored is None:
        if now - instant_of(int(read.row["RowKey"].partition("~")[0])) > _ORPHAN:
            await _remove(organization, read)
        return
    reminder = stored.message.reminder
    due = reminder is not None and reminder.state is ReminderState.SET and look_at(reminder) <= now
    if reminder is None or not due:
        # Moved, removed, fired: whoever fired it may have died before doing what follows.
        await drain_left_behind(organization, message)
        await _remove(organization, read)
        return
    if not stored.message.status.is_final:
        # It fires when the message is finally sent (rule R1).
        await _put(organization, message, now + UNSENT)
        await _remove(organization, read)
        return
    hits_matter = reminder.condition is not ReminderCondition.ANYWAY
    if hits_matter and unfolded_since is not None and unfolded_since <= look_at(reminder):
        log.info("a reminder of %s waits for hits to be folded", organization.id)
        return
    if reminder.condition is ReminderCondition.NO_REPLY_BY:
        told = await asked.about(stored.message.from_)
        if not told and await _waits(organization, read, now):
            log.info("a reminder of %s waits for a mailbox to be read", organization.id)
            return
        # What was found is taken in by now.
        fresh = await read_message(organization, message)
        if fresh is None:
            return
        stored = fresh
    if await _write(organization, stored, settings, now):
        await _remove(organization, read)


async def _waits(organization: Organization, read: Read, now: datetime) -> bool:
    """Whether a mailbox is to be asked again. Its row says since when: after an outage the reminder
    is long due, and nobody has asked yet."""
    since = instant_or_none(read.row.get("askedSince"))
    if since is not None:
        return now - since < PATIENCE
    with contextlib.suppress(Changed):
        row = read.row | {"askedSince": text_or_none(now)}
        await organization.tables.replace(TABLE, row, read.etag)
    return True


async def _write(
    organization: Organization, stored: Stored, settings: OrganizationSettings, now: datetime
) -> bool:
    """Writes the decision and does what follows; False where the message has just changed: the row
    stays for the next look."""
    copies = stored.copies.values()
    changed = decided(stored, settings, now)
    cards = differing(cards_of(stored.message, copies), cards_of(changed, copies))
    changed, todo = with_todo(changed, cards=cards)
    try:
        await write_message(organization, stored, changed, (), [todo])
    except Changed:
        return False
    keys = [todo.row["RowKey"]]
    await drain(organization, changed, keys, history=(), cards=cards, settings=settings)
    return True


async def _put(organization: Organization, message: str, at: datetime) -> None:
    row = {
        "PartitionKey": PARTITION,
        "RowKey": f"{milliseconds(at):013d}~{message}",
        "schema": 1,
        "message": message,
    }
    await organization.tables.upsert(TABLE, row)


async def _remove(organization: Organization, read: Read) -> None:
    """Removes a row as it was read: not one that was put there since, for the same time."""
    try:
        await organization.tables.delete(TABLE, PARTITION, read.row["RowKey"], read.etag)
    except Changed:
        return
