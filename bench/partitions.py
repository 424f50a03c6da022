"""Whether a partition of Table Storage gets more than it takes, when one organization is huge.

The busiest day is played second by second: hits arrive and are written as segments, the folders
read, fold and delete them, messages are accepted and delivered. What each of these asks of which
partition was counted on the real code (`counts.json`).
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random

from bench.counts import Measured, kept
from bench.figures import say, under_way
from bench.traffic import EVENTS_A_MESSAGE, SCHEDULED, peak, rate_at
from shared.tracking.fold import LATE_S
from shared.tracking.segments import BACKLOG_SEGMENTS

TARGET = 2_000
"""Entities of 1 KiB that one partition takes a second (Azure documentation, "Scalability and
performance targets for Table storage")."""
ALLOWED = TARGET / 2
MONTHS = (10e6, 30e6, 100e6, 300e6)
MOST_FOLDERS = 64

_MESSAGE_S, _EVENT_S = 0.014, 0.00045
"""What folding takes for a message and for each further event of it (docs/performance.md)."""
_WRITE_S = 0.01
"""One write to storage, as long as the others wait for theirs."""
_HITS_A_PROCESS = 50
"""Hits a second for which there is another instance: the more, the smaller their segments."""
_HOT_HITS, _HOT_S = 20_000, 600
"""In the busiest hour one message, that was passed on to many, is opened by all of them."""
_BURST, _BURST_S = 2.0, 300
"""In that hour twice as many hits come for so long, as when a campaign has just arrived. Sending
has no such peaks: Exchange takes 30 messages a minute from a mailbox."""
_BUSIEST_SELLER = 0.2
"""The part of all messages that one seller (a shared mailbox) sends."""
_DAY_S = 24 * 3600
_TUESDAY = 1
_HOURS = range(7, 21)
"""Of the day: before, folders wait for hits, and after, they catch up as they did before."""


@dataclass
class Load:
    """Rows of 1 KiB by partition and second."""

    seconds: defaultdict[str, list[float]] = field(
        default_factory=lambda: defaultdict(lambda: [0.0] * (_DAY_S + 1))
    )

    def add(self, partition: str, second: float, rows: float) -> None:
        self.seconds[partition][min(int(second), _DAY_S)] += rows

    def add_all(self, partition: str, hour: int, rows: float) -> None:
        """As many in each second of an hour."""
        seconds = self.seconds[partition]
        for second in range(hour * 3600, hour * 3600 + 3600):
            seconds[second] += rows

    def spread(self, partition: str, begins: float, took: float, rows: float) -> None:
        """Rows that are read and written evenly while something takes so long."""
        for second in range(int(begins), math.ceil(begins + took)):
            part = min(begins + took, second + 1) - max(begins, second)
            self.add(partition, second, rows * part / took)

    def hottest(self) -> dict[str, float]:
        """The most that each partition got in one second."""
        return {partition: max(rows[:-1]) for partition, rows in sorted(self.seconds.items())}


@dataclass(frozen=True)
class Day:
    """What came out: the hottest second of each partition, and how long hits waited at most."""

    hottest: Mapping[str, float]
    lag_s: float


@dataclass(frozen=True)
class _Segments:
    """Segments that were written in the same second, and the hits in each of them."""

    second: int
    number: float
    hits: float
    hot: float


@dataclass
class _Folder:
    """One folder, and what waits in its partition."""

    waiting: deque[_Segments] = field(default_factory=deque)
    free_at: float = 0.0

    def take(self) -> list[_Segments]:
        """The oldest segments, as many as are folded at a time."""
        taken: list[_Segments] = []
        room = float(BACKLOG_SEGMENTS)
        while self.waiting and room > 0:
            oldest = self.waiting.popleft()
            if oldest.number > room:
                self.waiting.appendleft(replace(oldest, number=oldest.number - room))
                oldest = replace(oldest, number=room)
            taken.append(oldest)
            room -= oldest.number
        return taken


def simulate(events_a_month: float, folders: int = 1, counts: Measured | None = None) -> Day:
    """Plays the busiest day; `folders` are the parts that the hits of the organization are folded
    in (as built: one)."""
    counts = counts or kept()
    chance, load = Random(events_a_month), Load()
    all_folders = [_Folder() for _ in range(folders)]
    sending = _sending(counts)
    lag = 0.0
    began = _busiest_second(events_a_month)
    for hour in _HOURS:
        messages = rate_at(events_a_month, _TUESDAY, hour) / EVENTS_A_MESSAGE
        for partition, rows in sending:
            load.add_all(partition, hour, rows * messages)
    for second in range(_HOURS.start * 3600, _HOURS.stop * 3600):
        rate = rate_at(events_a_month, _TUESDAY, second // 3600)
        rate *= _BURST if began <= second < began + _BURST_S else 1
        hits = max(0, round(chance.gauss(rate, math.sqrt(rate))))
        hot = _HOT_HITS / _HOT_S if began <= second < began + _HOT_S else 0.0
        for number, folder in enumerate(all_folders):
            # The hot message is one, and so is in one part.
            mine = hot if number == 0 else 0
            _arrive(load, folder, number, second, hits / folders + mine, mine)
            while folder.waiting and folder.free_at < second + 1:
                lag = max(lag, _fold(load, folder, number, second, counts))
    return Day(load.hottest(), lag)


def _busiest_second(events_a_month: float) -> int:
    busiest = max(range(24), key=lambda hour: rate_at(events_a_month, _TUESDAY, hour))
    return busiest * 3600 + 1200


def _sending(counts: Measured) -> list[tuple[str, float]]:
    """What a message asks of the partitions it shares with others until it is sent."""
    cost = counts.accepted + counts.delivered + counts.scheduled * SCHEDULED
    return [
        (partition, rows * _share(partition))
        for partition, rows in cost.entities.items()
        if _is_shared(partition)
    ]


def _is_shared(partition: str) -> bool:
    """Whether other messages are in it; those with a `~` have its id, or somebody's address."""
    return not partition.startswith("messages/") and "~{" not in partition


def _share(partition: str) -> float:
    return _BUSIEST_SELLER if "seller:{" in partition else 1.0


def _arrive(load: Load, folder: _Folder, number: int, second: int, hits: float, hot: float) -> None:
    """Hits that come together while a write is under way are one segment."""
    if hits <= 0:
        return
    processes = max(1, math.ceil(hits / _HITS_A_PROCESS))
    in_one = 1 + hits / processes * _WRITE_S
    segments = hits / in_one
    load.add(_hits_of(number), second, segments)
    folder.waiting.append(_Segments(second, segments, in_one, in_one * hot / hits))


def _fold(load: Load, folder: _Folder, number: int, second: int, counts: Measured) -> float:
    """One round of a fold, from its beginning; returns how long its oldest hit has waited."""
    begins = max(folder.free_at, float(second))
    taken = folder.take()
    segments = sum(each.number for each in taken)
    hits = sum(each.number * each.hits for each in taken)
    hot = sum(each.number * each.hot for each in taken)
    # Nobody else's hits meet in a message: the most that it can cost.
    messages = hits - hot + (1 if hot else 0)
    took = max(messages * _MESSAGE_S + max(hot - 1, 0) * _EVENT_S, 0.05)
    folder.free_at = begins + took
    fixed = counts.fold.entities
    load.add(f"ingest/lease {number}", begins, fixed["ingest/lease"])
    load.add(_hits_of(number), begins, segments + fixed["ingest/hits"] - 2)
    load.add(_hits_of(number), folder.free_at, segments)
    if hot:
        further = counts.further_event.entities["messages/{message}"]
        rows = counts.folded_message.entities["messages/{message}"] + (hot - 1) * further
        load.add("messages/{the hottest}", begins, rows)
    for partition, rows in counts.folded_message.entities.items():
        if _is_shared(partition):
            load.spread(partition, begins, took, rows * messages * _share(partition))
    return folder.free_at - taken[0].second


def _hits_of(number: int) -> str:
    return f"ingest/hits {number}"


def enough_folders(events_a_month: float) -> int:
    """With how many folders hits are counted before the alert on their lag."""
    folders = 1
    while simulate(events_a_month, folders).lag_s > LATE_S and folders < MOST_FOLDERS:
        folders *= 2
    return folders


def measure() -> None:
    """the busiest second of each partition, for one organization of up to 1,000 million events"""
    say("One organization, its busiest day, as built (one folder) and with as many as keep up.")
    say(f"Rows of 1 KiB in the busiest second; a partition takes {TARGET:,}, allowed is half.")
    for events in MONTHS:
        under_way(f"partitions: {events / 1e6:,.0f} million events a month")
        told = [(1, simulate(events))]
        if told[0][1].lag_s > LATE_S:
            folders = enough_folders(events)
            told.append((folders, simulate(events, folders)))
        under_way("")
        say(f"\n{events / 1e6:,.0f} million events a month, {peak(events):,.1f} a second at peak")
        for folders, day in told:
            say(f"  {folders} folder{'s' * (folders > 1)}: hits wait {_told(day.lag_s)} at most")
            for partition, rows in table_of(day):
                say(f"    {rows:>8,.0f}  {partition}{'  too much' * (rows > ALLOWED)}")


def table_of(day: Day) -> list[tuple[str, float]]:
    """The hottest partition of each kind, the hottest first."""
    kinds: dict[str, float] = {}
    for partition, rows in day.hottest.items():
        kind = partition.rpartition(" ")[0] if partition.startswith("ingest") else partition
        kinds[kind] = max(kinds.get(kind, 0), rows)
    return sorted(kinds.items(), key=lambda each: -each[1])


def _told(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 3600:.1f} hours"
