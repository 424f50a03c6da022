"""How fast an organization asks Graph about its mailboxes, all instances together.

A row counts the requests of the running minute. An instance takes some at a time, so that counting
costs little; what it does not use is lost with the minute.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from shared.errors import Changed, Conflict
from shared.replies.mailboxes import TABLE
from shared.storage.tables import Tables

PER_MINUTE = 120
"""Requests for subscriptions and for what came in, of one organization. Graph itself refuses far
above: 10,000 in ten minutes for each mailbox, hundreds in 20 s for all subscriptions of a tenant
(Graph documentation, "throttling limits")."""
_AT_ONCE = 20
_KEY = ("pace", "minute")


class Pace:
    """The share of one instance; made anew for each run."""

    def __init__(self, tables: Tables, clock: Callable[[], datetime]) -> None:
        self._tables = tables
        self._clock = clock
        self._taking = asyncio.Lock()
        self._minute = ""
        self._left = 0

    async def take(self) -> bool:
        """Whether one more request may be made in this minute."""
        async with self._taking:
            minute = self._clock().strftime("%Y-%m-%dT%H:%M")
            if minute != self._minute:
                self._minute, self._left = minute, 0
            if not self._left:
                self._left = await self._granted(minute)
            if not self._left:
                return False
            self._left -= 1
            return True

    def give_back(self) -> None:
        """A request that was granted is not made after all."""
        self._left += 1

    async def _granted(self, minute: str) -> int:
        partition, key = _KEY
        while True:
            read = await self._tables.get(TABLE, partition, key)
            same = read is not None and read.row["minute"] == minute
            used = int(read.row["used"]) if read is not None and same else 0
            granted = min(_AT_ONCE, PER_MINUTE - used)
            if granted <= 0:
                return 0
            row = {
                "PartitionKey": partition,
                "RowKey": key,
                "schema": 1,
                "minute": minute,
                "used": used + granted,
            }
            try:
                if read is None:
                    await self._tables.insert(TABLE, row)
                else:
                    await self._tables.replace(TABLE, row, read.etag)
            except (Changed, Conflict):
                continue
            return granted
