"""Orderly ends: hits that wait on this instance's disk go to storage before the instance goes.

A Functions worker offers no hook for its end. Azure sends SIGTERM, so the handler that was there is
put behind ours: drain first, then whatever would have happened.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from types import FrameType

from shared.tracking.ingest import Ingest

log = logging.getLogger(__name__)

DRAIN_S = 4.0
"""How long an end waits for hits to become safe; what is not by then stays in the journal."""


def drain_on_sigterm(ingest: Ingest) -> None:
    """From now on SIGTERM drains first. Call it in the worker's loop; only a main thread can."""
    if threading.current_thread() is not threading.main_thread():
        log.info("SIGTERM is not handled here: the worker's loop is not in the main thread")
        return
    loop = asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGTERM)
    ending: list[asyncio.Task[None]] = []

    async def end(number: int) -> None:
        try:
            if not await ingest.drain(DRAIN_S):
                log.warning("some hits stay in this instance's journal")
        finally:
            signal.signal(signal.SIGTERM, before if before is not None else signal.SIG_DFL)
            if callable(before):
                before(number, None)
            else:
                os.kill(os.getpid(), number)

    def drain_first(number: int, frame: FrameType | None) -> None:
        if not ending:
            loop.call_soon_threadsafe(lambda: ending.append(asyncio.create_task(end(number))))

    signal.signal(signal.SIGTERM, drain_first)
