"""Folding: hits become events, events become KPIs, once each.

One folder works for an organization at a time, holding a leased row. It reads the segments that
`ingest` wrote, groups their hits by message, and for each message writes transactions of

    the events, under their own ids · the verdicts of earlier ones that change with them · the
    copies and the message with the new counts, under their ETags · a todo row for what follows

so that a count and the event it counts are one write; the `todo` row of each takes the place of
the one before, so that their end costs the same however many they were. Only when everything is in
do the segments go. Whatever is done twice, by a crash, a lost answer or a lapsed lease, meets the
events' ids.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.errors import Changed, Conflict, Transient
from shared.messages.rows import TABLE, event_key, instant_of
from shared.messages.stored import Stored, read_message
from shared.messages.todo import drain_left_behind
from shared.model import Event
from shared.organizations import Organization, OrganizationSettings
from shared.storage.tables import TRANSACTION_LIMIT
from shared.telemetry import about
from shared.tracking.folder_lease import FolderLease
from shared.tracking.hits import Hit
from shared.tracking.judging import THREAD_FROM, Judged, events_from, judge
from shared.tracking.origins import NetworkKeys
from shared.tracking.recording import Recorded, follow_up, record
from shared.tracking.segments import (
    Segment,
    delete_segments,
    read_backlog,
    set_aside,
    set_segment_aside,
)

log = logging.getLogger(__name__)

LATE_S = 300.0
"""A hit is counted within seconds; one that waited for so long tells of a fault."""

MESSAGES_AT_ONCE = 8
MOST_TRIES = 100
"""So often somebody else may write a message between our reading and our writing it."""
MOST_NAMED = 20
"""Messages that a line of the log names: with many, none of them is looked for by name."""


async def fold(
    organization: Organization, owner: str, clock: Callable[[], datetime], *, until: datetime
) -> bool:
    """Folds everything that is in, as the organization's one folder.

    Returns whether all is folded; False when `until` came first. Where somebody else is folding,
    they are told that there is more, and this returns True at once.
    """
    lease = FolderLease(organization.tables, owner, clock)
    if not await lease.take():
        return True
    async with lease.kept():
        while True:
            while segments := await read_backlog(organization):
                # After the hits, so that a switch that came before one of them is known (rule F6).
                settings = await organization.settings()
                hits = await _read_hits(organization, segments)
                _say_how_late(organization, hits, clock())
                await _fold_hits(organization, settings, hits, lease.network_keys)
                await delete_segments(organization, segments)
                if clock() >= until:
                    await lease.give_up()
                    return False
            if await lease.release():
                return True


async def _read_hits(
    organization: Organization, segments: Iterable[Segment]
) -> dict[str, list[Hit]]:
    """The hits by message, each id once (a journal may repeat what a segment has)."""
    by_message: defaultdict[str, dict[str, Hit]] = defaultdict(dict)
    for segment in segments:
        try:
            hits = segment.hits()
        except (ValueError, TypeError):
            log.exception("segment %s of %s set aside", segment.key, organization.id)
            await set_segment_aside(organization, segment)
            continue
        for hit in hits:
            by_message[hit.message][hit.id] = hit
    return {message: list(hits.values()) for message, hits in by_message.items()}


def _say_how_late(organization: Organization, hits: dict[str, list[Hit]], now: datetime) -> None:
    """Says so when hits had to wait: an alert is on this line (docs/operations.md)."""
    oldest = min((hit.at for each in hits.values() for hit in each), default=None)
    waited_s = 0.0 if oldest is None else now.timestamp() - oldest / 1000
    if waited_s > LATE_S:
        log.warning("hits of %s waited to be counted, one for %d s", organization.id, waited_s)


async def _fold_hits(
    organization: Organization,
    settings: OrganizationSettings,
    hits: dict[str, list[Hit]],
    keys: NetworkKeys,
) -> None:
    """Folds every message's hits, several messages at once; raises the first Transient, at the
    end."""
    places = asyncio.Semaphore(MESSAGES_AT_ONCE)

    async def one(message: str) -> None:
        async with places:
            try:
                with about(organization=organization.id, message=message):
                    await fold_message(organization, settings, message, hits[message], keys)
            except (Transient, Conflict, Changed):
                raise
            except Exception:
                # What we did not foresee must not stop the other messages, and must not be lost.
                log.exception("hits of message %s of %s set aside", message, organization.id)
                await set_aside(organization, message, hits[message])

    results = await asyncio.gather(*(one(message) for message in hits), return_exceptions=True)
    _say_what_was_counted(organization, hits)
    for result in results:
        if isinstance(result, BaseException):
            raise result


def _say_what_was_counted(organization: Organization, hits: Mapping[str, Sequence[Hit]]) -> None:
    """The last line of a message's way, from the request to send it to its events."""
    if log.isEnabledFor(logging.INFO):
        messages = list(hits)
        for start in range(0, len(messages), MOST_NAMED):
            part = messages[start : start + MOST_NAMED]
            number = sum(len(hits[message]) for message in part)
            ids = ", ".join(part)
            log.info("%d hits of %d messages of %s: %s", number, len(part), organization.id, ids)


async def fold_message(
    organization: Organization,
    settings: OrganizationSettings,
    message: str,
    hits: Sequence[Hit],
    keys: NetworkKeys,
) -> None:
    """Adds the hits of one message to its timeline and KPIs, those that are not in it yet."""
    stored = await read_message(organization, message)
    if stored is None:
        log.warning(
            "%d hits of a message of %s that is unknown or erased passed over",
            len(hits),
            organization.id,
        )
        return
    collected = [
        hit
        for hit in hits
        if hit.copy in stored.copies and settings.collected_at(instant_of(hit.at))
    ]
    if len(collected) > THREAD_FROM:
        events = await asyncio.to_thread(events_from, collected, stored.copies, settings, keys)
    else:
        events = events_from(collected, stored.copies, settings, keys)
    new = await _write_all(organization, stored, events)
    if new.recorded and new.events == len(events):
        await follow_up(organization, stored, new.recorded, settings)
    else:
        # Some were there already: whoever wrote them may have died before doing what follows.
        await drain_left_behind(organization, message)


def _parts(events: Sequence[Event]) -> list[list[Event]]:
    """Cuts events, new or corrected, into what fits into one transaction.

    Beside the events there are the message, a todo row, and for each copy its row and at most two
    for its inferred open: 95 events, where there is one copy.
    """
    parts: list[list[Event]] = []
    for event in events:
        if parts:
            copies = {other.copy for other in parts[-1]} | {event.copy}
            rows = len(parts[-1]) + 1 + 3 * len(copies) + 2
            if rows <= TRANSACTION_LIMIT:
                parts[-1].append(event)
                continue
        parts.append([event])
    return parts


@dataclass(frozen=True, slots=True)
class _New:
    """What a fold has recorded of a message, and how many of its events were new."""

    recorded: Recorded | None = None
    events: int = 0


async def _write_all(organization: Organization, stored: Stored, events: Sequence[Event]) -> _New:
    """Writes those of the events that are not there yet, with their counts, and corrects the
    verdicts that change with them.

    Where somebody else wrote in between, what is left is judged anew: theirs may change it.
    """
    new, left = _New(), list(events)
    for _ in range(MOST_TRIES):
        judged = await judge(organization, stored, left)
        corrected = {event.id for event in judged.corrected}
        try:
            for part in _parts(_in_order(judged)):
                mine = [event for event in part if event.id not in corrected]
                recorded = await record(
                    organization,
                    stored,
                    mine,
                    corrected=[event for event in part if event.id in corrected],
                    after=new.recorded,
                )
                stored, new = recorded.stored, _New(recorded, new.events + len(mine))
                written = {event.id for event in mine}
                left = [event for event in left if event.id not in written]
            return new
        except (Conflict, Changed) as error:
            if isinstance(error, Conflict):
                left = await _without_known(organization, stored.message.id, left)
            fresh = await read_message(organization, stored.message.id)
            if fresh is None or not left:
                # Erased in between, as its mark on the row says; or all were there already.
                return new
            stored = fresh
    raise RuntimeError("a message changes whenever its hits are to be written")


def _in_order(judged: Judged) -> list[Event]:
    """By copies; those that are corrected before those that correct them. Should this end in
    between, the latter come again, and find the former corrected."""
    corrected, new = (
        [((event.copy, place, event.at, event.id), event) for event in events]
        for place, events in enumerate((judged.corrected, judged.new))
    )
    return [event for _, event in sorted([*corrected, *new], key=lambda one: one[0])]


async def _without_known(
    organization: Organization, message: str, events: Sequence[Event]
) -> list[Event]:
    """Those of the events that are not in the timeline yet."""
    keys = {event_key(event.at, event.id): event for event in events}
    first, last = min(keys), max(keys)
    known = {
        read.row["RowKey"]
        async for read in organization.tables.rows(
            TABLE, message, after=first[:-1], below=last + "~"
        )
    }
    return [event for key, event in keys.items() if key not in known]
