"""The right to fold for an organization: a leased row of its `ingest` table.

Others who come while it is held leave word that there is more, and the holder looks once again
before it leaves; so no segment waits for a timer. A lease that lapses (its process died, or hung)
is taken over; should the former holder still be at work, the ids of events keep every count exact.

The row also holds the keys under which networks are hashed. Who takes the lease, as the sweeping
timer does at least, renews them, so that none outlives its day.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

from shared.errors import Changed, Conflict, StorageUnavailable
from shared.storage.tables import Row, Tables
from shared.tracking.origins import NetworkKeys

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=20)
_KEY = ("lease", "fold")


class FolderLease:
    """`owner` must be new for every fold, so that no two folds take each other for themselves."""

    def __init__(self, tables: Tables, owner: str, clock: Callable[[], datetime]) -> None:
        self._tables = tables
        self._owner = owner
        self._clock = clock
        self._words_heard = 0
        self.network_keys = NetworkKeys()

    async def take(self) -> bool:
        """Whether we are the folder now; if not, word was left with the one who is."""
        try:
            return await self._take()
        except StorageUnavailable:
            # The lease may be ours all the same: given back, nobody has to wait for it to lapse.
            with contextlib.suppress(StorageUnavailable):
                await self.give_up()
            raise

    async def _take(self) -> bool:
        while True:
            read = await self._tables.get("ingest", *_KEY)
            try:
                if read is None:
                    self.network_keys = NetworkKeys().at(self._clock())
                    await self._tables.insert("ingest", self._row(self._owner, 0))
                    return True
                words = int(read.row["words"])
                keys = NetworkKeys.from_text(read.row.get("networkKeys"))
                self.network_keys = keys.at(self._clock())
                if read.row["owner"] == self._owner:
                    # Our own write whose answer was lost.
                    self._words_heard = words
                    return True
                if read.row["owner"] and self._clock() < datetime.fromisoformat(read.row["until"]):
                    word = {**read.row, "words": words + 1}
                    await self._tables.replace("ingest", word, read.etag)
                    return False
                await self._tables.replace("ingest", self._row(self._owner, words), read.etag)
                self._words_heard = words
                return True
            except (Changed, Conflict):
                continue

    async def release(self) -> bool:
        """Gives the lease up; False where word was left meanwhile: then it is still ours."""
        while True:
            read = await self._tables.get("ingest", *_KEY)
            if read is None or read.row["owner"] != self._owner:
                return True
            words = int(read.row["words"])
            if words != self._words_heard:
                self._words_heard = words
                return False
            try:
                await self._tables.replace("ingest", self._row("", words), read.etag)
            except Changed:
                continue
            return True

    async def give_up(self) -> None:
        """Gives the lease up although there may be more to do."""
        while not await self.release():
            pass

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Renews the lease while the block runs, and gives it up where the block fails."""
        renewing = asyncio.create_task(self._renew())
        try:
            yield
        except BaseException:
            with contextlib.suppress(StorageUnavailable):
                await self.give_up()
            raise
        finally:
            renewing.cancel()
            await asyncio.wait((renewing,))

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            try:
                read = await self._tables.get("ingest", *_KEY)
                if read is None or read.row["owner"] != self._owner:
                    return
                row = self._row(self._owner, int(read.row["words"]))
                await self._tables.replace("ingest", row, read.etag)
            except (Changed, StorageUnavailable) as error:
                log.info("the lease was not renewed this time: %s", error)

    def _row(self, owner: str, words: int) -> Row:
        partition, key = _KEY
        return {
            "PartitionKey": partition,
            "RowKey": key,
            "schema": 1,
            "owner": owner,
            "until": (self._clock() + LEASE).isoformat(),
            "words": words,
            "networkKeys": self.network_keys.to_text(),
        }
