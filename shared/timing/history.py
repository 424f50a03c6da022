"""When people opened what they were sent: kept message by message, summed up week by week (D2).

    reads            read~{week}~{message}   a message to one person: sent, first opened, where
                     week~{week}             the habits that these messages show, or that nobody
                                             summed them up since one of them changed
    person:{address} read~{week}~{message}   the same message, to find it by its recipient

A message's row is derived from the message and carries its version, so that it may be written
twice and an older state never takes the place of a newer. It is written in one transaction with the
mark on its week; whoever asks next sums the week up anew, under the mark's ETag. So nothing is
incremented, and a sum is never of other rows than there are.

A week counts once everything sent in it has been watched as long as it is (`WATCHED`): what was
just sent and not opened yet says nothing, and a week that counts seldom changes any more.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.errors import Changed, Conflict
from shared.messages.rows import (
    MessageRow,
    filled_row,
    instant_or_none,
    text_or_none,
)
from shared.organizations import Organization
from shared.storage.tables import Read, Row, Write, key_text
from shared.timing.best_time import NO_HABITS, WATCHED, Habits, History, Reading, observed

TABLE = "aggregates"
EVERYBODY = "reads"

WEEKS = 26
"""How far back history is looked at: half a year, because habits change."""

_SUMMING = 4


@dataclass(frozen=True, slots=True)
class Known:
    """What a message says of when its recipient reads: when it was sent, when a person first opened
    it (None also where that was later than it is watched), to whom it went, and their zone."""

    sent_at: datetime
    opened_at: datetime | None
    address: str
    time_zone: str


def known_of(message: MessageRow) -> Known | None:
    """What a message says; nothing before it was sent, or where it has not one reader with a known
    zone."""
    reader, sent_at = message.reader, message.sent_at
    if reader is None or sent_at is None:
        return None
    opened_at = message.kpis.first_human_opened_at
    if opened_at is not None and opened_at > sent_at + WATCHED:
        opened_at = None
    return Known(sent_at, opened_at, reader.address, reader.time_zone)


async def note(organization: Organization, message: MessageRow) -> None:
    """Brings what history has of a message up to this state of it, in at most two requests for the
    organization and two for the person; may be done twice."""
    known = known_of(message)
    if known is None:
        return
    week = _week_of(known.sent_at)
    mark = Write("upsert", filled_row(EVERYBODY, _week_key(week)))
    await _write(organization, _row(EVERYBODY, message, known), [mark])
    await _write(organization, _row(_person(known.address), message, known), [])


async def noted(organization: Organization, message: MessageRow) -> bool:
    """Whether history says of a message what the message says."""
    known = known_of(message)
    if known is None:
        return True
    for partition in (EVERYBODY, _person(known.address)):
        row = _row(partition, message, known)
        read = await organization.tables.get(TABLE, partition, row["RowKey"])
        if read is None or _reading(read.row) != _reading(row):
            return False
    return True


async def read_history(organization: Organization, address: str, now: datetime) -> History:
    """What is known at `now` of an organization's recipients and of one of them.

    One request for each of the two, and for each week that has changed since it was summed up two
    and one for a thousand messages.
    """
    last = _week_of(now - WATCHED) - timedelta(weeks=1)
    first = last - timedelta(weeks=WEEKS - 1)
    weeks = await organization.tables.page(
        TABLE,
        EVERYBODY,
        after=_week_key(first - timedelta(days=1)),
        below=_week_key(last) + "~",
        limit=WEEKS,
    )
    places = asyncio.Semaphore(_SUMMING)

    async def summed(read: Read) -> Habits:
        async with places:
            return await _summed(organization, read)

    everybody = sum(await asyncio.gather(*map(summed, weeks)), NO_HABITS)
    since = min((_week_from(read.row["RowKey"]) for read in weeks), default=None)
    own = _readings(organization, _person(address), first, last)
    return History(everybody, observed([one async for one in own]), since)


async def _summed(organization: Organization, read: Read) -> Habits:
    """The habits of a week, summed up now where nobody did since one of its messages changed."""
    if "habits" in read.row:
        return Habits(*json.loads(read.row["habits"]))
    week = _week_from(read.row["RowKey"])
    readings = [one async for one in _readings(organization, EVERYBODY, week, week)]
    # In a thread: pixels are answered in this loop.
    habits = await asyncio.to_thread(observed, readings)
    text = json.dumps([habits.opens, [round(lay, 3) for lay in habits.lay]], separators=(",", ":"))
    try:
        row = filled_row(EVERYBODY, read.row["RowKey"], habits=text.encode())
        await organization.tables.replace(TABLE, row, read.etag)
    except Changed:
        # A message of that week changed meanwhile: whoever asks next sums up again.
        pass
    return habits


async def _readings(
    organization: Organization, partition: str, first: date, last: date
) -> AsyncIterator[Reading]:
    """What messages sent from one week to another say."""
    after, below = f"read~{first.isoformat()}~", f"read~{last.isoformat()}~~"
    async for read in organization.tables.rows(TABLE, partition, after=after, below=below):
        yield _reading(read.row)


async def _write(organization: Organization, row: Row, more: Sequence[Write]) -> None:
    while True:
        read = await organization.tables.get(TABLE, row["PartitionKey"], row["RowKey"])
        if read is not None and read.row["version"] >= row["version"]:
            return
        ours = Write("replace", row, read.etag) if read else Write("insert", row)
        try:
            await organization.tables.transact(TABLE, [ours, *more])
        except (Changed, Conflict):
            continue
        return


def _row(partition: str, message: MessageRow, known: Known) -> Row:
    return filled_row(
        partition,
        f"read~{_week_of(known.sent_at).isoformat()}~{message.id}",
        sentAt=text_or_none(known.sent_at),
        openedAt=text_or_none(known.opened_at),
        timeZone=known.time_zone,
        version=message.version,
    )


def _reading(row: Row) -> Reading:
    return Reading(
        datetime.fromisoformat(row["sentAt"]),
        instant_or_none(row.get("openedAt")),
        ZoneInfo(row["timeZone"]),
    )


def _person(address: str) -> str:
    return f"person:{key_text(address.lower())}"


def _week_of(instant: datetime) -> date:
    """The Monday (UTC) of the week of an instant."""
    day = instant.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def _week_key(week: date) -> str:
    return f"week~{week.isoformat()}"


def _week_from(key: str) -> date:
    return date.fromisoformat(key.partition("~")[2])
