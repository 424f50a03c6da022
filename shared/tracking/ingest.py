"""Taking hits in: one write for all hits of an organization that arrive while a write is under way.

`record` returns when the hit is safe: in the organization's `ingest` table as part of a *segment*,
or, where storage does not answer in time, in the local journal (the segment follows when storage
is back). Nothing here looks at a message; that is the fold's work.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from shared.errors import Conflict, StorageUnavailable
from shared.organizations import Organization, Organizations
from shared.tracking.hits import Hit
from shared.tracking.journal import Journal

log = logging.getLogger(__name__)

SEGMENT_BYTES = 45 * 1024
"""A segment stays below the limit of a property, 64 KiB, with room to spare."""

HITS_PARTITION = "hits"
_LONGEST_PAUSE_S = 5.0


class Ingest:
    """All hits of this process. Made inside the running loop.

    `committed` is called with an organization's id whenever segments of it were written.
    """

    def __init__(
        self,
        organizations: Organizations,
        journal: Journal,
        instance: str,
        now_ms: Callable[[], int],
        committed: Callable[[str], None],
    ) -> None:
        self._organizations = organizations
        self._journal = journal
        self._instance = instance
        self._now_ms = now_ms
        self._committed = committed
        self._streams: dict[str, _Stream] = {}
        self._adopting: asyncio.Task[int] | None = None

    async def record(self, organization: str, hit: Hit, patience: float) -> bool:
        """Returns once the hit is safe, waiting for storage at most `patience` seconds.

        False where the organization is not there any more, so that nothing is kept. Raises OSError
        where neither storage nor the local disk took it.
        """
        stream = self._stream(organization)
        if stream is None:
            return False
        committed = stream.append(hit)
        await asyncio.wait((committed,), timeout=patience)
        if not committed.done():
            await self._journal.append(organization, hit)
            if committed.done():
                self._journal.forget([hit])
        return True

    def adopt_journals(self) -> asyncio.Task[int]:
        """Sends the hits that processes before us left in their journals; the task says how many.

        One at a time: while an organization's storage is away the same task goes on waiting.
        """
        if self._adopting is None or self._adopting.done():
            self._adopting = asyncio.create_task(self._adopt())
        return self._adopting

    async def _adopt(self) -> int:
        journals = await self._journal.adopt()
        waiting = [
            stream.append(hit)
            for journal in journals
            for organization, hit in journal.hits
            if (stream := self._stream(organization)) is not None
        ]
        if waiting:
            await asyncio.wait(waiting)
            log.warning("took %d hits from the journals of processes that ended", len(waiting))
        for journal in journals:
            journal.remove()
        return len(waiting)

    def _stream(self, organization: str) -> _Stream | None:
        stream = self._streams.get(organization)
        if stream is None:
            found = self._organizations.get(organization)
            if found is None:
                return None
            stream = _Stream(found, self)
            self._streams[organization] = stream
        return stream


@dataclass(slots=True)
class _Pending:
    hit: Hit
    line: str
    committed: asyncio.Future[None]


class _Stream:
    """The hits of one organization on their way to its table: at most one write at a time."""

    def __init__(self, organization: Organization, ingest: Ingest) -> None:
        self._organization = organization
        self._ingest = ingest
        self._pending: deque[_Pending] = deque()
        self._writing: asyncio.Task[None] | None = None
        self._numbers = itertools.count()

    def append(self, hit: Hit) -> asyncio.Future[None]:
        committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append(_Pending(hit, hit.packed(), committed))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        return committed

    async def _write_all(self) -> None:
        try:
            while self._pending:
                segment = self._take()
                await self._write(segment)
                for pending in segment:
                    if not pending.committed.done():
                        pending.committed.set_result(None)
                self._ingest._journal.forget([pending.hit for pending in segment])
                self._ingest._committed(self._organization.id)
        finally:
            self._writing = None

    def _take(self) -> list[_Pending]:
        segment = [self._pending.popleft()]
        size = len(segment[0].line)
        while self._pending and size + len(self._pending[0].line) < SEGMENT_BYTES:
            size += len(self._pending[0].line) + 1
            segment.append(self._pending.popleft())
        return segment

    async def _write(self, segment: list[_Pending]) -> None:
        """Writes until it is there. The key stays the same, so a lost answer does no harm."""
        key = f"{self._ingest._now_ms():013d}-{self._ingest._instance}-{next(self._numbers):06d}"
        row = {
            "PartitionKey": HITS_PARTITION,
            "RowKey": key,
            "schema": 1,
            "hits": "\n".join(pending.line for pending in segment).encode(),
        }
        pause = 0.1
        while True:
            try:
                await self._organization.tables.insert("ingest", row)
                return
            except Conflict:
                return
            except StorageUnavailable as error:
                log.warning(
                    "%d hits of %s wait for its storage: %s",
                    len(segment) + len(self._pending),
                    self._organization.id,
                    error,
                )
            except Exception:
                # Nothing a hit waits for may end this loop: what is unknown is logged and retried.
                log.exception("hits of %s could not be written", self._organization.id)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)
