"""Hits for minutes at a rate that folding keeps up with."""

from __future__ import annotations

from bench.figures import say, show, under_way
from bench.load import Load, load
from bench.machine import SERVICE, machine
from bench.processes import cpu_seconds, machine_load, resident_mib
from bench.waiting import oldest_age_s, until_folded

MINUTES = 1.0
A_SECOND = 50.0
"""A little below what folding keeps up with on a machine with two cores."""

CONNECTIONS = 32
MESSAGES = 200
_SLICE_S = 5.0
_FOLDED_S = 60.0


def measure(minutes: float = MINUTES, a_second: float = A_SECOND) -> None:
    """hits at a steady rate with folding keeping up: its lag, and whether memory stays flat"""
    slices: list[Load] = []
    lag: list[float] = []
    with machine() as here:
        paths = here.pixels(MESSAGES)
        host = here.start(SERVICE)
        load(host.port, paths, connections=CONNECTIONS, seconds=5, most=400)
        here.with_contoso(lambda contoso: until_folded(contoso, _FOLDED_S))
        resident = [resident_mib(host.process.pid)]
        cpu = cpu_seconds(host.process.pid)
        count = max(2, round(minutes * 60 / _SLICE_S))
        for number in range(count):
            under_way(f"sustained: {number * _SLICE_S:.0f} of {count * _SLICE_S:.0f} s")
            slices.append(
                load(
                    host.port,
                    paths,
                    connections=CONNECTIONS,
                    seconds=_SLICE_S,
                    a_second=a_second,
                )
            )
            lag.append(here.with_contoso(oldest_age_s))
            resident.append(resident_mib(host.process.pid))
        try:
            took = here.with_contoso(lambda contoso: until_folded(contoso, _FOLDED_S))
            rest = f"{took:.1f} s after the last hit"
        except TimeoutError:
            rest = f"not even {_FOLDED_S:.0f} s after the last hit: too fast for this machine"
        cpu = cpu_seconds(host.process.pid) - cpu
    answers = sum(done.answers for done in slices)
    show(
        f"Hits for {count * _SLICE_S:.0f} s, {a_second:.0f} a second wanted, "
        f"{MESSAGES} messages, folding beside it",
        "",
        {
            "hits a second": [done.a_second for done in slices],
            "ms, typically": [done.typical_ms for done in slices],
            "ms, 1 in 100 takes longer": [done.slow_ms for done in slices],
            "s, age of the oldest not folded": lag,
            "MiB of memory": resident,
        },
    )
    start, middle, end = resident[0], resident[len(resident) // 2], resident[-1]
    say(
        f"  Memory: {start:.0f} MiB at the start, {middle:.0f} in the middle, {end:.0f} at the end."
    )
    say(f"  All was folded {rest}.")
    say(f"  CPU of the process for a hit and its folding: {cpu / answers * 1e6:.0f} µs.")
    say(f"  This machine's load is {machine_load():.1f}.\n")
