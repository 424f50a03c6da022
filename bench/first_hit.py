"""What the first recipients after a start wait for."""

from __future__ import annotations

import http.client
import time

from bench.figures import say, show, under_way
from bench.load import AGENT
from bench.machine import CONSTANT, GIF_PATH, SERVICE, Machine, machine, milliseconds_since

ROUNDS = 5


def measure() -> None:
    """the first and the second pixel hit of a process, against those of a constant GIF"""
    first: list[float] = []
    second: list[float] = []
    least: list[float] = []
    least_again: list[float] = []
    with machine() as here:
        (pixel,) = here.pixels(1)
        for number in range(ROUNDS):
            under_way(f"first_hit: round {number + 1} of {ROUNDS}")
            for app, path, times in (
                (SERVICE, pixel, (first, second)),
                (CONSTANT, GIF_PATH, (least, least_again)),
            ):
                for values, took in zip(times, _first_two(here, app, path), strict=True):
                    values.append(took)
    show(
        f"Hits right after a start, {ROUNDS} fresh processes each",
        "ms",
        {
            "pixel, first": first,
            "pixel, second": second,
            "constant GIF, first": least,
            "constant GIF, second": least_again,
        },
    )
    say("  From the moment the process accepts connections; the hit is in storage when answered.\n")


def _first_two(here: Machine, app: str, path: str) -> list[float]:
    host = here.start(app)
    try:
        times = []
        for _ in range(2):
            start = time.perf_counter()
            connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=30)
            connection.request("GET", path, headers={"User-Agent": AGENT})
            answer = connection.getresponse()
            if answer.status != 200 or not answer.read().startswith(b"GIF89a"):
                raise RuntimeError(f"no GIF: {host.log}")
            times.append(milliseconds_since(start))
            connection.close()
        return times
    finally:
        host.end()
