"""When people opened what they were sent: kept copy by copy, summed up week by week (D2).

    reads            read~{week}~{message}   a copy to one person: sent, first opened, where;
                                             with ~{copy} behind it where a message has several
                     week~{week}             the habits that these copies show, or that nobody
                                             summed them up since one of them changed
    person:{address} read~{week}~{message}   the same copy, to find it by its recipient

A copy's row is derived from the copy and carries its message's version, so that it may be written
twice and an older state never takes the place of a newer. It is written in one transaction with the
mark on its week; whoever asks next sums the week up anew, under the mark's ETag. So nothing is
incremented, and a sum is never of other rows than there are.

A week counts once everything sent in it has been watched as long as it is (`WATCHED`): what was
just sent and not opened yet says nothing, and a week that counts seldom changes any more.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.errors import Changed, Conflict
from shared.messages.rows import (
    CopyRow,
    MessageRow,
    filled_row,
    instant_or_none,
    text_or_none,
)
from shared.organizations import Organization
from shared.storage.tables import Read, Row, Write, key_text
from shared.timing.best_time import NO_HABITS, WATCHED, Habits, History, Reading, observed
from shared.tracking.counting import counted

TABLE = "aggregates"
EVERYBODY = "reads"

WEEKS = 26
"""How far back history is looked at: half a year, because habits change."""

_SUMMING = 4


@dataclass(frozen=True, slots=True)
class Known:
    """What a copy says of when its recipient reads: when it was sent, when a person first opened
    it (None also where that was later than it is watched), to whom it went, and their zone."""

    sent_at: datetime
    opened_at: datetime | None
    address: str
    time_zone: str


def known_of(copy: CopyRow) -> Known | None:
    """What a copy says; nothing before it was sent, or where it has not one reader with a known
    zone."""
    reader, sent_at = copy.reader, copy.sent_at
    if reader is None or sent_at is None:
        return None
    opened_at = counted(copy).first_human_opened_at
    if opened_at is not None and opened_at > sent_at + WATCHED:
        opened_at = None
    return Known(sent_at, opened_at, reader.address, reader.time_zone)


async def note(organization: Organization, message: MessageRow, copies: Iterable[CopyRow]) -> None:
    """Brings what history has of these copies up to this state of them, each in at most two
    requests for the organization and two for the person; may be done twice."""
    for copy in copies:
        known = known_of(copy)
        if known is None:
            continue
        mark = Write("upsert", filled_row(EVERYBODY, _week_key(_week_of(known.sent_at))))
        await _write(organization, _row(EVERYBODY, message, copy.number, known), [mark])
        person = _person(known.address)
        await _write(organization, _row(person, message, copy.number, known), [])


async def noted(organization: Organization, message: MessageRow, copies: Iterable[CopyRow]) -> bool:
    """Whether history says of these copies what they say."""
    for copy in copies:
        known = known_of(copy)
        if known is None:
            continue
        for partition in (EVERYBODY, _person(known.address)):
            row = _row(partition, message, copy.number, known)
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
    """What copies sent from one week to another say."""
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


def _row(partition: str, message: MessageRow, copy: int, known: Known) -> Row:
    of_several = f"~{copy:04d}" if message.copies > 1 else ""
    return filled_row(
        partition,
        f"read~{_week_of(known.sent_at).isoformat()}~{message.id}{of_several}",
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
