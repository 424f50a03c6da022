"""What folding costs: events a second, requests to storage, and memory."""

from __future__ import annotations

import math
import os
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from bench.figures import say, under_way
from bench.load import AGENT
from bench.machine import Machine, machine
from bench.messages import new_messages
from bench.processes import cpu_seconds, machine_load, resident_mib
from shared.organizations import Organization
from shared.service import now_ms, utc_now
from shared.tracking.fold import EVENTS_A_TRANSACTION, fold
from shared.tracking.hits import Hit
from shared.tracking.segments import SEGMENT_BYTES, Segment, store_segment
from tests.tracking.followed_messages import fold_all
from tests.tracking.watched import Request, Watched

EVENTS = 2_000
LISTS = 2
"""A message stands in its seller's list and in everybody's."""

_LONGEST = timedelta(hours=6)


@dataclass
class _Fold(Watched):
    """One fold as its requests tell it: counted by name, memory at each of its steps."""

    requests_by_name: Counter[str] = field(default_factory=Counter)
    resident: list[float] = field(default_factory=lambda: [resident_mib(os.getpid())])
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    async def around(self, name: str, request: Request) -> Any:
        self.requests_by_name[name] += 1
        answer = await request()
        if name == "transact ingest":
            self.resident.append(resident_mib(os.getpid()))
        elif sum(self.requests_by_name.values()) % 500 == 0:
            under_way(f"folding: {sum(self.requests_by_name.values())} requests")
        return answer

    async def run(self, contoso: Organization, endpoint: str, key: str) -> None:
        tables = self.tables(endpoint, key)
        begin, cpu = time.perf_counter(), cpu_seconds(os.getpid())
        try:
            await fold(
                replace(contoso, tables=tables), "bench", utc_now, until=utc_now() + _LONGEST
            )
        finally:
            await tables.close()
        self.seconds = time.perf_counter() - begin
        self.cpu_seconds = cpu_seconds(os.getpid()) - cpu

    def of(self, *tables: str) -> int:
        return sum(n for name, n in self.requests_by_name.items() if name.split()[1] in tables)


def measure(events: int = EVENTS) -> None:
    """events folded a second and requests for them: one hot message, and a wide burst"""
    with machine() as here:
        say("Folding in one process, Azurite as storage")
        _tell("hot message", _measured(here.another(), messages=1, opens=events), 1, events)
        _tell("wide burst", _measured(here.another(), messages=events, opens=1), events, 1)
    say("  allowed: for each message ⌈n/90⌉ + 3 + 2 for each of its lists. Azurite slows down as")
    say(f"  its tables grow, and shares the cores: this machine's load is {machine_load():.1f}.\n")


def _measured(here: Machine, *, messages: int, opens: int) -> _Fold:
    """Folds so many opens of each of so many new messages."""

    async def measured(contoso: Organization) -> _Fold:
        ids = await new_messages(contoso, messages)
        under_way("storing segments")
        for segment in segments([hit for id_ in ids for hit in [id_] * opens]):
            await store_segment(contoso, segment)
        run = _Fold()
        await run.run(contoso, *here.tables_of_contoso)
        return run

    return here.with_contoso(measured)
