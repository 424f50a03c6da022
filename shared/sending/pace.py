"""How fast a mailbox sends: so many messages a minute, so many at work at once, on all instances.

Exchange takes 30 messages a minute from a mailbox, and Graph four requests at a time (Graph's
documentation, throttling limits of the Outlook service). One row for each mailbox, changed by its
ETag, holds the turns given away and who is at work. A turn is given once, and far ahead where many
wait: whoever has to wait comes back when it is his, so that a thousand waiting messages cost a
thousand visits and no more.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.errors import Changed, Conflict
from shared.messages.rows import instant_of, milliseconds
from shared.organizations import Organization, OrganizationSettings
from shared.storage.tables import Row, key_text

TABLE = "schedule"
PARTITION = "pace"

MINUTE = timedelta(minutes=1)
"""Of this length are the spans that a turn counts in; one missed by as much is void."""

AT_ONCE = timedelta(seconds=1)
"""A turn that comes so soon is not worth waiting for."""


@dataclass(frozen=True, slots=True)
class Entry:
    """When a message may be sent, and whether it is now one of those at work."""

    turn: datetime
    at_work: bool


def next_turn(given: Sequence[datetime], now: datetime, a_minute: int) -> datetime:
    """The earliest instant that leaves no more than `a_minute` turns within any minute. `given` is
    in order, and holds the latest `a_minute` at least."""
    return now if len(given) < a_minute else max(now, given[-a_minute] + MINUTE)


async def enter(
    organization: Organization,
    mailbox: str,
    message: str,
    *,
    settings: OrganizationSettings,
    now: datetime,
    until: datetime,
    turn: datetime | None,
) -> Entry:
    """Gives a message its turn where it has none that is still good, and puts it among those at
    work, until `until` at most, when its turn has come and there is room."""
    if turn is not None and turn < now - MINUTE:
        turn = None
    while True:
        read = await organization.tables.get(TABLE, PARTITION, key_text(mailbox))
        row = read.row if read else {}
        given = _instants(row.get("turns", "[]"))
        at_work = _at_work(row, now)
        at_work.pop(message, None)
        mine = turn
        if mine is None:
            mine = next_turn(given, now, settings.sends_a_minute)
            given = sorted([*given, mine])[-settings.sends_a_minute :]
        enters = mine <= now + AT_ONCE and len(at_work) < settings.sends_at_once
        if enters:
            at_work[message] = milliseconds(until)
        elif turn is not None:
            return Entry(mine, at_work=False)
        try:
            changed = _row(mailbox, given, at_work)
            if read is None:
                await organization.tables.insert(TABLE, changed)
            else:
                await organization.tables.replace(TABLE, changed, read.etag)
        except (Changed, Conflict):
            continue
        return Entry(mine, at_work=enters)


async def stay(
    organization: Organization, mailbox: str, message: str, now: datetime, until: datetime
) -> None:
    """Keeps a message among those at work until then."""
    await _change(organization, mailbox, now, message, milliseconds(until))


async def leave(organization: Organization, mailbox: str, message: str, now: datetime) -> None:
    """Takes a message off those at work; once more changes nothing."""
    await _change(organization, mailbox, now, message, None)


async def _change(
    organization: Organization, mailbox: str, now: datetime, message: str, until: int | None
) -> None:
    while True:
        read = await organization.tables.get(TABLE, PARTITION, key_text(mailbox))
        if read is None:
            return
        at_work = _at_work(read.row, now)
        if at_work.get(message) == until:
            return
        at_work.pop(message, None)
        if until is not None:
            at_work[message] = until
        try:
            changed = _row(mailbox, _instants(read.row["turns"]), at_work)
            await organization.tables.replace(TABLE, changed, read.etag)
        except Changed:
            continue
        return


def _row(mailbox: str, given: Sequence[datetime], at_work: dict[str, int]) -> Row:
    return {
        "PartitionKey": PARTITION,
        "RowKey": key_text(mailbox),
        "schema": 1,
        "turns": json.dumps([milliseconds(turn) for turn in given]),
        "atWork": json.dumps(at_work),
    }


def _instants(text: str) -> list[datetime]:
    return [instant_of(ms) for ms in json.loads(text)]


def _at_work(row: Row, now: datetime) -> dict[str, int]:
    """Who is at work by the row; those whose time is over died, or lost their lease."""
    told: dict[str, int] = json.loads(row.get("atWork", "{}"))
    return {message: until for message, until in told.items() if until > milliseconds(now)}
