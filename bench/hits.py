"""How many hits a second one process takes in."""

from __future__ import annotations

import asyncio

from bench.figures import ratio, say, show, under_way
from bench.load import Load, ask_again_and_again
from bench.machine import CONSTANT, GIF_PATH, SERVICE, machine

PAIRS = 5
CONNECTIONS = 32
MOST_REQUESTS = 4_000
SECONDS = 4.0


def measure() -> None:
    """pixel hits a second with everything recorded, against the same host with a constant GIF"""
    pixel: list[Load] = []
    constant: list[Load] = []
    with machine() as here:
        path = here.pixel()
        service, least = here.start(SERVICE), here.start(CONSTANT)
        both = [(pixel, service.port, path), (constant, least.port, GIF_PATH)]
        for _, port, asked in both:
            _load(port, asked, most=400)
        for number in range(PAIRS):
            under_way(f"hits: pair {number + 1} of {PAIRS}")
            for loads, port, asked in both if number % 2 else reversed(both):
                loads.append(_load(port, asked, most=MOST_REQUESTS))
    show(
        f"Hits over {CONNECTIONS} connections, {PAIRS} pairs, Azurite as storage",
        "a second",
        {
            "pixel": [load.a_second for load in pixel],
            "constant GIF": [load.a_second for load in constant],
        },
    )
    show(
        "How long one takes",
        "ms",
        {
            "pixel, typically": [load.typical_ms for load in pixel],
            "pixel, 1 in 100 takes longer": [load.slow_ms for load in pixel],
            "constant GIF, typically": [load.typical_ms for load in constant],
            "constant GIF, 1 in 100": [load.slow_ms for load in constant],
        },
    )
    factor = ratio([load.a_second for load in pixel], [load.a_second for load in constant])
    say(f"  ratio {factor:.2f}: this much of a constant GIF's rate is left when every hit is")
    say("  verified, in storage before it is answered, and folded beside it.\n")


def _load(port: int, path: str, *, most: int) -> Load:
    return asyncio.run(
        ask_again_and_again(port, path, connections=CONNECTIONS, most=most, seconds=SECONDS)
    )
