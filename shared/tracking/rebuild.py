"""Rebuilding what is derived from events: the KPIs of copies and messages, the lists (rule T9), and
what messages say of their readers' habits.

Ordinarily there is nothing to do; a rebuild proves it, or says what differed and has put it right.
It may run while hits are folded: every write is under the rows' ETags, and is done again otherwise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.errors import Changed, Conflict
from shared.messages.feeds import list_message, listed_as
from shared.messages.rows import (
    MESSAGE_KEY,
    TABLE,
    CopyRow,
    event_key,
    event_to_row,
)
from shared.messages.stored import Stored, read_message, write_message
from shared.messages.timeline import events_of
from shared.messages.todo import drain_left_behind
from shared.model import Event, Kpis
from shared.organizations import Organization
from shared.storage.tables import Write
from shared.timing.history import note, noted
from shared.tracking.counting import counted, inferred_open, recounted, total

MESSAGES_A_PAGE = 50


@dataclass(frozen=True, slots=True)
class Difference:
    """What was not as the events say: which message, what of it, what it said and says now."""

    message: str
    what: str
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class RebuiltPage:
    """Messages looked at and what differed; the cursor of the next page, None at the end."""

    messages: int
    differences: Sequence[Difference]
    cursor: str | None


async def rebuild_page(organization: Organization, cursor: str = "") -> RebuiltPage:
    """Rebuilds the next messages of an organization, in the order of their ids."""
    ids = await organization.tables.partitions_with(
        TABLE, MESSAGE_KEY, after=cursor, limit=MESSAGES_A_PAGE
    )
    differences: list[Difference] = []
    for message in ids:
        differences.extend(await rebuild_message(organization, message))
    last = ids[-1] if len(ids) == MESSAGES_A_PAGE else None
    return RebuiltPage(len(ids), differences, last)


async def rebuild_message(organization: Organization, message: str) -> list[Difference]:
    """Rebuilds one message; returns what differed."""
    while True:
        stored = await read_message(organization, message)
        if stored is None:
            return []
        events = [event async for event in events_of(organization, message)]
        copies = _recounted(stored, events)
        kpis = total(list(copies.values()))
        differences = [
            *_differing_copies(stored, copies),
            *_differing_kpis(message, "message", stored.message.kpis, kpis),
            *await _differing_lists(organization, stored, kpis),
            *await _differing_history(organization, stored, copies),
        ]
        moves = _inferred_moves(message, events, copies)
        differences += [Difference(message, "inferred open", *move.told) for move in moves]
        if not differences:
            await drain_left_behind(organization, message)
            return []
        # The lists take only a newer version, so whatever differed, the message gets one.
        changed = replace(stored.message, kpis=kpis, version=stored.message.version + 1)
        try:
            await write_message(
                organization,
                stored,
                changed,
                [copy for number, copy in copies.items() if copy != stored.copies[number]],
                [move.write for move in moves],
            )
        except (Changed, Conflict):
            continue
        await note(organization, changed, copies.values())
        await list_message(organization, changed)
        return differences


def _recounted(stored: Stored, events: Sequence[Event]) -> dict[int, CopyRow]:
    by_copy: defaultdict[int, list[Event]] = defaultdict(list)
    for event in events:
        by_copy[event.copy].append(event)
    return {number: _whole(copy, by_copy[number]) for number, copy in stored.copies.items()}


def _whole(copy: CopyRow, events: Sequence[Event]) -> CopyRow:
    """The copy with all of its events counted anew; what it remembers of its latest hits is as they
    are stored."""
    latest = {hit.id for hit in copy.recent.hits}
    recent = replace(copy.recent, hits=tuple(event for event in events if event.id in latest))
    base = copy.without_recent
    whole = recounted(base, events)
    if not recent.hits:
        return replace(whole, recent=recent)
    settled = recounted(base, [event for event in events if event.id not in latest])
    return replace(whole, settled=settled, recent=recent)


def _differing_copies(stored: Stored, copies: dict[int, CopyRow]) -> list[Difference]:
    found = []
    for number, copy in copies.items():
        before, name = stored.copies[number], f"copy {number}"
        found += _differing_kpis(stored.message.id, name, counted(before), counted(copy))
        was_settled, settled = (one.settled or one.without_recent for one in (before, copy))
        # Their inferred opens are nobody's concern.
        found += _differing_kpis(
            stored.message.id, f"{name}, settled", was_settled.kpis, settled.kpis
        )
        for what in (
            *("first_human_open_at", "first_human_click_at", "first_human_view_at"),
            *("first_reply_at", "inferred_open_at", "bounced", "first_bounce_at"),
        ):
            was, now = getattr(before, what), getattr(copy, what)
            if was != now:
                label = f"{name}: {what.removesuffix('_at').replace('_', ' ')}"
                found.append(Difference(stored.message.id, label, _said(was), _said(now)))
    return found


def _differing_kpis(message: str, whose: str, was: Kpis, now: Kpis) -> list[Difference]:
    return [
        Difference(
            message,
            f"{whose}: {name.replace('_', ' ')}",
            _said(getattr(was, name)),
            _said(getattr(now, name)),
        )
        for name in Kpis.__slots__
        if getattr(was, name) != getattr(now, name)
    ]


async def _differing_lists(
    organization: Organization, stored: Stored, kpis: Kpis
) -> list[Difference]:
    found = []
    for feed, row in await listed_as(organization, stored.message):
        if row is None:
            found.append(Difference(stored.message.id, f"list {feed}", "not listed", "listed"))
        elif row.kpis != kpis or row.status is not stored.message.status:
            found.append(Difference(stored.message.id, f"list {feed}", "outdated", "current"))
    return found


async def _differing_history(
    organization: Organization, stored: Stored, copies: dict[int, CopyRow]
) -> list[Difference]:
    if await noted(organization, stored.message, copies.values()):
        return []
    return [Difference(stored.message.id, "history", "outdated", "current")]


@dataclass(frozen=True, slots=True)
class _Move:
    write: Write
    told: tuple[str, str]


def _inferred_moves(
    message: str, events: Sequence[Event], copies: dict[int, CopyRow]
) -> list[_Move]:
    """The writes that make the inferred opens in the timeline those that the copies have."""
    there = {event_key(event.at, event.id): event for event in events if event.inferred}
    wanted = {}
    for copy in copies.values():
        if copy.inferred_open_at is not None:
            event = inferred_open(copy, copy.inferred_open_at)
            wanted[event_key(event.at, event.id)] = event
    gone = [
        _Move(Write("delete", {"PartitionKey": message, "RowKey": key}), (_said(event.at), "none"))
        for key, event in there.items()
        if key not in wanted
    ]
    new = [
        _Move(Write("insert", event_to_row(message, event)), ("none", _said(event.at)))
        for key, event in wanted.items()
        if key not in there
    ]
    return gone + new


def _said(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
