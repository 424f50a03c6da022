"""Counting events whose neighbours in time matter: stored events are asked where a copy's row does
not tell (rule T2).

Mostly it does, and nothing is asked. What is asked is a stretch of the timeline around the new
hits, as long as the chains they touch; twice as much with each request.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime, timedelta

from shared.messages.chains import Chain
from shared.messages.rows import TABLE, CopyRow, event_from_row, event_key
from shared.model import Event
from shared.organizations import Organization
from shared.tracking.chains import GAP, Get, Run, Unclear, chains_of, get_of, touching
from shared.tracking.counting import count, recounted, to_look_up

_MS = timedelta(milliseconds=1)


async def count_in(
    organization: Organization, message: str, copy: CopyRow, events: Sequence[Event]
) -> CopyRow:
    """The copy with new events counted that are not stored yet."""
    try:
        runs = to_look_up(copy, events)
        found = await _chains_of_runs(organization, message, copy.number, runs) if runs else ()
        return count(copy, events, found)
    except Unclear:
        stored = [
            event async for event in _events(organization, message) if event.copy == copy.number
        ]
        return recounted(copy, [*stored, *events])


async def _chains_of_runs(
    organization: Organization, message: str, copy: int, runs: Iterable[Run]
) -> list[Chain]:
    found: list[Chain] = []
    together: list[Run] = []
    for run in sorted(runs, key=lambda run: run.first_at):
        if together and run.first_at - 2 * GAP > max(other.last_at for other in together):
            found += await _chains_around(organization, message, copy, together)
            together = []
        together.append(run)
    if together:
        found += await _chains_around(organization, message, copy, together)
    return found


async def _chains_around(
    organization: Organization, message: str, copy: int, runs: Sequence[Run]
) -> list[Chain]:
    """The chains, in whole, of the programs of these runs in the time around them."""
    agents = {run.agent for run in runs}
    gets: list[Get] = []

    async def read(since: datetime, until: datetime) -> None:
        async for event in _events(organization, message, since, until):
            get = get_of(event) if event.copy == copy else None
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


async def _events(
    organization: Organization,
    message: str,
    since: datetime | None = None,
    until: datetime | None = None,
) -> AsyncIterator[Event]:
    """The stored events between two instants, both included; newest first."""
    after = event_key(until, "") if until else "event~"
    below = event_key(since, "~") if since else "event~~"
    async for read in organization.tables.rows(TABLE, message, after=after, below=below):
        yield event_from_row(read.row)
