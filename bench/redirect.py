"""How long a recipient who clicks waits, ordinarily and while storage hangs."""

from __future__ import annotations

from statistics import median

from bench.figures import say, show, under_way
from bench.load import Load, load
from bench.machine import SERVICE, machine

CONNECTIONS = 8
MESSAGES = 50
ROUNDS = 3
SECONDS = 1.5
HANGING_S = 4.0
OVERFLOWING_S = 3.0
_BETWEEN_S = 3.0


def measure() -> None:
    """how long a redirect takes, ordinarily and with the organization's storage hanging"""
    ordinary: list[Load] = []
    with machine() as here:
        paths = here.redirects(MESSAGES)
        host = here.start(SERVICE)
        _load(host.port, paths, 0.5)
        for number in range(ROUNDS):
            under_way(f"redirect: ordinarily, round {number + 1} of {ROUNDS}")
            ordinary.append(_load(host.port, paths, SECONDS))
        host.end()
        with here.hanging() as (host, hang):
            _load(host.port, paths, 0.5)
            under_way("redirect: storage hangs")
            hang()
            hanging = _load(host.port, paths, HANGING_S)
            _load(host.port, paths, _BETWEEN_S)
            under_way("redirect: storage hangs for longer")
            overflowing = _load(host.port, paths, OVERFLOWING_S)
    for title, loads in (
        (f"Redirects over {CONNECTIONS} connections, ordinarily ({ROUNDS} rounds)", ordinary),
        (f"The organization's storage hangs, the first {HANGING_S:.0f} s", [hanging]),
        ("It still hangs after 7 s: hits go to the overflow", [overflowing]),
    ):
        show(
            title,
            "ms",
            {
                "p50": [done.typical_ms for done in loads],
                "p99": [done.slow_ms for done in loads],
            },
        )
    added = hanging.typical_ms - median(done.typical_ms for done in ordinary)
    say(
        f"  While it hangs half of all wait {added:.0f} ms longer than ordinarily, or more: storage"
    )
    say("  may take 100 ms, then the local disk takes the hit; and nothing is folded meanwhile.\n")


def _load(port: int, paths: list[str], seconds: float) -> Load:
    return load(port, paths, connections=CONNECTIONS, seconds=seconds, status=302)
