"""Counting events whose neighbours in time matter: stored events are asked where a copy's row does
not tell (rules T2, T8).

Mostly it does, and nothing is asked. What is asked is a stretch of the timeline around the new
hits, as long as the chains they touch; twice as much with each request. Only where the verdict of
a hit is corrected that settled before (another came that late), all events are asked.

The latest hits of a copy are counted in only for now: their verdicts may change with the next ones.
The row keeps them, and the counts without them, so that a correction needs nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shared.messages.chains import Chain
from shared.messages.recent import Recent
from shared.messages.rows import CopyRow
from shared.messages.timeline import events_of
from shared.model import Event, EventKind
from shared.organizations import Organization
from shared.tracking.chains import GAP, Get, Run, Unclear, chains_of, get_of, touching
from shared.tracking.counting import count, recounted, to_look_up
from shared.tracking.together import CLICKS, NEIGHBOURHOOD, OPENS, is_hit

REMEMBERED = 2 * NEIGHBOURHOOD
"""A hit changes verdicts `NEIGHBOURHOOD` away, and these depend on hits as far away again."""

MOST_REMEMBERED = 40
"""Clicks, and opens, that a copy keeps in its row, about 120 bytes each."""

_MS = timedelta(milliseconds=1)


async def count_in(
    organization: Organization,
    message: str,
    copy: CopyRow,
    events: Sequence[Event],
    corrected: Sequence[Event] = (),
) -> CopyRow:
    """The copy with new events counted that are not stored yet, and with stored ones counted by
    their new verdicts."""
    now = {event.id: event for event in corrected}
    were = copy.recent.hits
    hits = [
        *(now.get(hit.id, hit) for hit in were),
        *(event for event in events if is_hit(event)),
    ]
    recent = remembered(copy.recent, hits)
    kept = {hit.id for hit in recent.hits}
    settling = [
        *(event for event in events if not is_hit(event)),
        *(hit for hit in hits if hit.id not in kept),
    ]
    base, unsettled = copy.without_recent, {hit.id for hit in were}
    try:
        if now.keys() - unsettled:
            raise Unclear
        runs = to_look_up(base, [*settling, *recent.hits])
        found: Sequence[Chain] = ()
        if runs:
            found = await _chains_of_runs(organization, message, copy.number, runs, unsettled)
        settled = count(base, settling, found) if settling else base
        counted = count(base, [*settling, *recent.hits], found)
    except Unclear:
        stored = [
            now.get(event.id, event)
            async for event in events_of(organization, message)
            if event.copy == copy.number and event.id not in unsettled
        ]
        settled = recounted(base, [*stored, *settling])
        counted = recounted(base, [*stored, *settling, *recent.hits])
    return replace(counted, settled=settled if recent.hits else None, recent=recent)


def remembered(before: Recent, hits: Sequence[Event]) -> Recent:
    """What a copy remembers when these are its latest hits, and others that it did not."""
    latest = max((hit.at for hit in hits), default=None)
    if latest is None:
        return before
    clicks, clicks_until = _latest(hits, CLICKS, latest, before.clicks_until)
    opens, opens_until = _latest(hits, OPENS, latest, before.opens_until)
    return Recent((*clicks, *opens), clicks_until, opens_until)


def _latest(
    hits: Sequence[Event], kinds: Collection[EventKind], latest: datetime, until: datetime | None
) -> tuple[list[Event], datetime | None]:
    mine = sorted((hit for hit in hits if hit.kind in kinds), key=lambda hit: (hit.at, hit.id))
    kept = [hit for hit in mine if hit.at >= latest - REMEMBERED][-MOST_REMEMBERED:]
    gone = mine[: len(mine) - len(kept)]
    return kept, max((at for at in (until, gone[-1].at if gone else None) if at), default=None)


def crowded_from(recent: Recent, kinds: Collection[EventKind]) -> datetime | None:
    """Since when a copy remembers as many hits as it can, and may have forgotten others; None where
    there are fewer."""
    mine = [hit.at for hit in recent.hits if hit.kind in kinds]
    return min(mine) if len(mine) >= MOST_REMEMBERED else None


async def _chains_of_runs(
    organization: Organization,
    message: str,
    copy: int,
    runs: Iterable[Run],
    but: Collection[str],
) -> list[Chain]:
    """The chains around these runs of what is stored, except for the events `but`."""
    found: list[Chain] = []
    together: list[Run] = []
    for run in sorted(runs, key=lambda run: run.first_at):
        if together and run.first_at - 2 * GAP > max(other.last_at for other in together):
            found += await _chains_around(organization, message, copy, together, but)
            together = []
        together.append(run)
    if together:
        found += await _chains_around(organization, message, copy, together, but)
    return found


async def _chains_around(
    organization: Organization,
    message: str,
    copy: int,
    runs: Sequence[Run],
    but: Collection[str],
) -> list[Chain]:
    """The chains, in whole, of the programs of these runs in the time around them."""
    agents = {run.agent for run in runs}
    gets: list[Get] = []

    async def read(since: datetime, until: datetime) -> None:
        async for event in events_of(organization, message, since, until):
            get = get_of(event) if event.copy == copy and event.id not in but else None
            if get is not None and get.agent in agents:
                gets.append(get)

    start = min(run.first_at for run in runs) - GAP
    end = max(run.last_at for run in runs) + GAP
    await read(start, end)
    further = GAP
    while (wanted := touching(gets, start, end)) != (start, end):
        if wanted[0] < start:
            await read(start - further, start - _MS)
            start -= further
        if wanted[1] > end:
            await read(end + _MS, end + further)
            end += further
        further *= 2
    return chains_of(gets)
