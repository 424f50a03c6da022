"""Doing the same with many things, of which one that breaks us must not keep the others waiting."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from shared.errors import Transient

log = logging.getLogger(__name__)
T = TypeVar("T")
R = TypeVar("R")


async def each_by_itself(
    do: Callable[[T], Awaitable[R]], things: Iterable[T], *, at_once: int, what: str
) -> list[R | None]:
    """What came of each, in their order; None of those that broke in a way nobody foresaw, which is
    logged: `what` says for people what one of them is.

    Raises `Transient` where storage or a queue is away, when all others were done.
    """
    places = asyncio.Semaphore(at_once)

    async def one(thing: T) -> R | None:
        async with places:
            try:
                return await do(thing)
            except Transient:
                raise
            except Exception:
                log.exception("%s is left behind", what)
                return None

    results = await asyncio.gather(*map(one, things), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]
