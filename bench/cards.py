"""From a hit to its card: how long until a seller is told, on messages older than the hold."""

from __future__ import annotations

import asyncio
import random
import time
from statistics import quantiles

import httpx

from bench.figures import say, show, under_way
from bench.load import AGENT
from bench.machine import SERVICE, machine
from bench.messages import SELLER
from shared.assistant.cards import read_cards
from shared.organizations import Organization
from shared.service import utc_now

OPENS = 60
PAUSE_S = 0.6
"""Between two opens, on average: whether the folder is awake already is left to chance."""
_LONGEST_S = 30.0


def measure() -> None:
    """seconds from an open to its card in storage, with the default settings"""
    with machine() as here:
        paths = here.pixels(OPENS)
        host = here.start(SERVICE)
        took = here.with_contoso(lambda contoso: _opened(contoso, host.port, paths))
    show("From an open to its card, one after the other", "s", {"open to card": took})
    say(
        f"  95 of 100 within {quantiles(took, n=20)[-1]:.2f} s. It waits for the fold: for its word"
    )
    say("  on the queue, at most once a second, and for the queue to be asked.\n")


async def _opened(contoso: Organization, port: int, paths: list[str]) -> list[float]:
    chance = random.Random(1)
    took: list[float] = []
    async with httpx.AsyncClient(headers={"user-agent": AGENT}) as client:
        for number, path in enumerate(paths):
            under_way(f"cards: open {number + 1} of {len(paths)}")
            await asyncio.sleep(chance.uniform(0, 2 * PAUSE_S))
            began = time.perf_counter()
            (await client.get(f"http://127.0.0.1:{port}{path}")).raise_for_status()
            while await _cards(contoso) <= number:
                if time.perf_counter() - began > _LONGEST_S:
                    raise RuntimeError("no card came")
                await asyncio.sleep(0.02)
            took.append(time.perf_counter() - began)
    return took


async def _cards(contoso: Organization) -> int:
    page = await read_cards(contoso, (SELLER,), utc_now(), engagement=True, limit=OPENS + 1)
    return len(page.cards)
