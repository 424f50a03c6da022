"""What folding costs: events a second, requests to storage, and memory."""

from __future__ import annotations

import math
import os
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from bench.figures import say, under_way
from bench.load import AGENT
from bench.machine import Machine, machine
from bench.messages import new_messages
from bench.processes import cpu_seconds, machine_load, resident_mib
from shared.organizations import Organization
from shared.service import now_ms, utc_now
from shared.tracking.fold import fold
from shared.tracking.hits import Hit
from shared.tracking.segments import SEGMENT_BYTES, Segment, store_segment
from tests.tracking.watched import Request, Watched

EVENTS = 2_000
LISTS = 2
"""A message stands in its seller's list and in everybody's."""

_LONGEST = timedelta(hours=12)


class Folding(Watched):
    """One fold as its requests tell it: counted by name, memory whenever segments are done."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.resident: list[float] = []
        self.seconds = 0.0
        self.cpu_seconds = 0.0

    async def around(self, name: str, request: Request) -> Any:
        self.counts[name] += 1
        answer = await request()
        if name in ("transact ingest", "delete ingest"):
            self.resident.append(resident_mib(os.getpid()))
        if self.counts.total() % 200 == 0:
            under_way(f"{self.counts.total()} requests so far")
        return answer

    async def run(self, contoso: Organization) -> None:
        """Folds all that is in; the organization's tables are those that this watches."""
        self.counts.clear()
        self.resident = [resident_mib(os.getpid())]
        begin, cpu = time.perf_counter(), cpu_seconds(os.getpid())
        await fold(contoso, "bench", utc_now, until=utc_now() + _LONGEST)
        self.seconds = time.perf_counter() - begin
        self.cpu_seconds = cpu_seconds(os.getpid()) - cpu

    def requests_of(self, *tables: str) -> int:
        return sum(n for name, n in self.counts.items() if name.split()[1] in tables)


def measure(events: int = EVENTS) -> None:
    """events folded a second and requests for them: one hot message, and a wide burst"""
    with machine() as here:
        for title, messages, opens in (
            (f"Folding a hot message: one, opened {events} times", 1, events),
            (f"Folding a wide burst: {events} messages, each opened once", events, 1),
        ):
            tell(title, _folded(here.another(), messages, opens), messages, opens)
    say("  Allowed: for each message ⌈n/90⌉ + 3 + 2 for each of its lists. Azurite slows down as")
    say(f"  its tables grow, and shares the cores; this machine's load is {machine_load():.1f}.\n")


def _folded(here: Machine, messages: int, opens: int) -> Folding:
    run = Folding()
    here.with_contoso(lambda contoso: store_and_fold(contoso, run, messages, opens), run)
    return run


async def store_and_fold(contoso: Organization, run: Folding, messages: int, opens: int) -> None:
    """Folds so many opens of each of so many new messages."""
    ids = await new_messages(contoso, messages)
    under_way("storing segments")
    for segment in _segments(ids, opens):
        await store_segment(contoso, segment)
    await run.run(contoso)


def _segments(messages: Sequence[str], opens: int) -> Iterator[Segment]:
    """The segments that the opens of these messages make, as full as they may be."""
    began = now_ms() - len(messages) * opens
    lines: list[str] = []
    size = number = 0
    for place in range(len(messages) * opens):
        message = messages[place % len(messages)]
        line = Hit(uuid.uuid4().hex, began + place, "open", message, 0, 0, "GET", AGENT).packed()
        if size + len(line) >= SEGMENT_BYTES:
            yield Segment(f"{began:013d}-bench-{number:06d}", "\n".join(lines).encode())
            lines, size, number = [], 0, number + 1
        lines.append(line)
        size += len(line) + 1
    yield Segment(f"{began:013d}-bench-{number:06d}", "\n".join(lines).encode())


def tell(title: str, run: Folding, messages: int, opens: int) -> None:
    """Says what a fold has cost."""
    events = messages * opens
    counted = run.requests_of("messages", "feeds")
    allowed = messages * (math.ceil(opens / 90) + 3 + 2 * LISTS)
    start, first, *_, end = (*run.resident, run.resident[-1])
    under_way("")
    say(title)
    say(f"  {events / run.seconds:10.0f}  events a second, in {run.seconds:.1f} s")
    say(f"  {run.cpu_seconds / events * 1e6:10.0f}  µs of CPU for an event")
    say(f"  {counted:10}  requests for messages and lists, allowed are {allowed}")
    say(f"  {run.requests_of('ingest', 'settings'):10}  requests for segments, lease, settings")
    say(f"  {run.counts.total() / events:10.3f}  requests for an event, all together")
    say(
        f"  {end:10.0f}  MiB of memory at the end, {start:.0f} at the start, {first:.0f} after the "
        "first read of segments"
    )
