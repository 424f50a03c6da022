"""Taking hits in: one write for all hits of an organization that arrive while a write is under way.

`record` returns when the hit is safe: in a *segment* of the organization's storage; in the
overflow, while that storage stays away; or, where neither answers in time, in the local journal
(its segment follows when one of them is back). Memory holds a bounded number of hits; those beyond
it wait on disk only, and are taken in from there when there is room. Nothing here looks at a
message; that is the fold's work.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.errors import EngagementError, StorageUnavailable
from shared.organizations import Organization, Organizations
from shared.tracking.hits import Hit
from shared.tracking.journal import Journal, LeftBehind
from shared.tracking.overflow import Overflow
from shared.tracking.segments import SEGMENT_BYTES, Segment, read_segments, store_segment

log = logging.getLogger(__name__)

GATHER_S = 0.005
"""Under load a write waits this long at most for those who were in the last one to come again."""

WRITE_PATIENCE_S = 3.0
"""How long a write of a segment may take before storage counts as away."""

OVERFLOW_AFTER_S = 5.0
"""After this long without its storage, an organization's segments go to the overflow."""

MOST_IN_MEMORY = 20_000
"""Hits of all organizations that may wait in memory, 1 to 2 KiB each; beside them one file of the
journal that is being adopted."""

PROBE_EVERY_S = 3.0
_SAID_EVERY_S = 1.0
_APPENDED_AT_ONCE = 500
_FIRST_PAUSE_S = 0.1
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
        overflow: Overflow,
        most_in_memory: int = MOST_IN_MEMORY,
    ) -> None:
        self._organizations = organizations
        self._journal = journal
        self._overflow = overflow
        self._instance = instance
        self._now_ms = now_ms
        self._committed = committed
        self._streams: dict[str, _Stream] = {}
        self._adopting: asyncio.Task[int] | None = None
        self._numbers = itertools.count()
        self._most_in_memory = most_in_memory
        self._left_on_disk = False
        self._said_at = -math.inf
        self.held = 0
        """Hits in memory that are not safe in storage or overflow yet."""
        self.lost = 0
        """Hits that were neither written nor kept: memory and disk were full."""
        self.at_risk = 0
        """Hits that only memory had when they were answered, because the disk did not take them;
        they go to storage when it is back."""

    async def record(self, organization: str, hit: Hit, patience: float) -> bool:
        """Returns once the hit is safe, waiting for storage at most `patience` seconds.

        False where it is not safe: where the organization is not there any more, so that nothing is
        kept, or where neither storage nor the local disk took it, which is counted and logged.
        """
        stream = self._stream(organization)
        if stream is None:
            return False
        if self.held >= self._most_in_memory:
            return await self._leave(organization, hit)
        committed = stream.append(hit)
        await asyncio.wait((committed,), timeout=patience)
        if not committed.done():
            try:
                await self._journal.append(organization, hit)
            except OSError as error:
                self.at_risk += 1
                self._say_unsafe(error)
                return False
            if committed.done():
                self._journal.forget([hit])
        return True

    async def _leave(self, organization: str, hit: Hit) -> bool:
        try:
            await self._journal.leave(organization, hit)
        except OSError as error:
            self.lost += 1
            self._say_unsafe(error)
            return False
        self._left_on_disk = True
        return True

    def _say_unsafe(self, error: OSError) -> None:
        """At most one line a second: where a disk is full, there are many hits to tell of."""
        now = asyncio.get_running_loop().time()
        if now - self._said_at >= _SAID_EVERY_S:
            self._said_at = now
            log.error(
                "neither storage nor disk takes hits: since the start %d were lost, %d waited in "
                "memory only: %s",
                self.lost,
                self.at_risk,
                error,
            )

    def adopt_journals(self) -> asyncio.Task[int]:
        """Sends the hits that processes before us left in their journals, and those for which there
        was no room in memory; the task says how many.

        One task at a time: while an organization's storage is away the same goes on waiting.
        """
        if self._adopting is None or self._adopting.done():
            self._adopting = asyncio.create_task(self._adopt())
        return self._adopting

    async def drain(self, patience: float) -> bool:
        """Before this process ends: gets what is not safe elsewhere into storage or overflow.

        Returns whether all of it was; what was not stays in the journal on this machine's disk.
        """
        waiting = [future for stream in self._streams.values() for future in stream.hurry()]
        ends_at = asyncio.get_running_loop().time() + patience
        if waiting:
            await asyncio.wait(waiting, timeout=patience)
        left = self.adopt_journals()
        await asyncio.wait((left,), timeout=max(ends_at - asyncio.get_running_loop().time(), 0))
        return left.done() and all(future.done() for future in waiting)

    async def _adopt(self) -> int:
        """File after file, as memory has room for them; a file goes when its hits are safe."""
        taken = 0
        sending: set[asyncio.Task[None]] = set()
        while True:
            if self.held <= self._most_in_memory // 2 and (found := await self._journal.adopt(1)):
                for journal in found:
                    waiting = await self._append_all(journal.hits)
                    taken += len(waiting)
                    sending.add(asyncio.create_task(_removed(journal, waiting)))
            elif sending:
                done, sending = await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            else:
                return taken

    async def _append_all(self, hits: Sequence[tuple[str, Hit]]) -> list[asyncio.Future[None]]:
        waiting = []
        for number, (organization, hit) in enumerate(hits, 1):
            stream = self._stream(organization)
            if stream is not None:
                waiting.append(stream.append(hit))
            if number % _APPENDED_AT_ONCE == 0:
                # Recipients are answered in this loop.
                await asyncio.sleep(0)
        return waiting

    async def keep_in_overflow(self, organization: str, segment: Segment) -> None:
        await self._overflow.keep(organization, segment)

    def segment_of(self, lines: list[str]) -> Segment:
        key = f"{self._now_ms():013d}-{self._instance}-{next(self._numbers):06d}"
        return Segment(key, "\n".join(lines).encode())

    def settled(self, organization: str, hits: list[Hit], *, in_overflow: bool) -> None:
        self.held -= len(hits)
        self._journal.forget(hits)
        if self._left_on_disk and self.held <= self._most_in_memory // 2:
            # At once and by ourselves: in Azure the timer runs on another instance's disk.
            self._left_on_disk = False
            self.adopt_journals()
        if not in_overflow:
            self._committed(organization)

    def _stream(self, organization: str) -> _Stream | None:
        stream = self._streams.get(organization)
        if stream is None:
            found = self._organizations.get(organization)
            if found is None:
                return None
            stream = self._streams[organization] = _Stream(found, self)
        return stream


async def _removed(journal: LeftBehind, waiting: Sequence[asyncio.Future[None]]) -> None:
    """Removes a journal when its hits are safe elsewhere."""
    if waiting:
        await asyncio.wait(waiting)
        log.warning("took %d hits from a journal on disk", len(waiting))
    journal.remove()


@dataclass(slots=True)
class _Pending:
    hit: Hit
    line: str
    committed: asyncio.Future[None]


class _Stream:
    """The hits of one organization on their way to storage: at most one write at a time."""

    def __init__(self, organization: Organization, ingest: Ingest) -> None:
        self._organization = organization
        self._ingest = ingest
        self._pending: deque[_Pending] = deque()
        self._under_way: list[_Pending] = []
        self._writing: asyncio.Task[None] | None = None
        self._gathered = asyncio.Event()
        self._wanted = 0
        self._hurry = asyncio.Event()
        self._away_since: float | None = None
        self._probing: asyncio.Task[None] | None = None

    def append(self, hit: Hit) -> asyncio.Future[None]:
        committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append(_Pending(hit, hit.packed(), committed))
        self._ingest.held += 1
        if len(self._pending) >= self._wanted:
            self._gathered.set()
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        return committed

    def hurry(self) -> list[asyncio.Future[None]]:
        """No more waiting: storage is asked at once, then the overflow. What is not safe yet."""
        self._hurry.set()
        return [pending.committed for pending in (*self._under_way, *self._pending)]

    async def _write_all(self) -> None:
        try:
            while self._pending:
                await self._gather()
                self._under_way = self._take()
                await self._write(self._under_way)
                # With those who came meanwhile: half of all would take turns with the other half.
                self._wanted = min(
                    len(self._under_way) + len(self._pending), 2 * len(self._under_way)
                )
                self._under_way = []
        finally:
            self._writing = None
            self._wanted = 0

    async def _gather(self) -> None:
        """Under load, lets those who were in the last write come again before the next one.

        Otherwise writes of some hits and of all others would take turns for ever.
        """
        self._wanted = self._wanted * 3 // 4
        if len(self._pending) >= self._wanted:
            return
        self._gathered.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GATHER_S):
                await self._gathered.wait()

    def _take(self) -> list[_Pending]:
        taken = [self._pending.popleft()]
        size = len(taken[0].line)
        while self._pending and size + len(self._pending[0].line) < SEGMENT_BYTES:
            size += len(self._pending[0].line) + 1
            taken.append(self._pending.popleft())
        return taken

    async def _write(self, taken: list[_Pending]) -> None:
        """Tries until the hits are safe. The key stays the same, so a lost answer does no harm."""
        segment = self._ingest.segment_of([pending.line for pending in taken])
        pause, safe = _FIRST_PAUSE_S, False
        while not safe:
            try:
                safe = await self._store(segment)
            except (StorageUnavailable, TimeoutError) as error:
                log.warning(
                    "%d hits of %s wait for storage: %s",
                    len(taken) + len(self._pending),
                    self._organization.id,
                    error or "no answer in time",
                )
                await self._pause(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_S)
            except Exception:
                # Nothing a hit waits for may end this loop: what is unknown is logged and retried.
                log.exception("hits of %s could not be written", self._organization.id)
                await self._pause(_LONGEST_PAUSE_S)
        for pending in taken:
            if not pending.committed.done():
                pending.committed.set_result(None)
        hits = [pending.hit for pending in taken]
        self._ingest.settled(self._organization.id, hits, in_overflow=self._away_since is not None)

    async def _store(self, segment: Segment) -> bool:
        """True when the segment is safe: in its storage or, while that stays away, the overflow."""
        loop = asyncio.get_running_loop()
        if not self._overdue():
            began = loop.time()
            try:
                async with asyncio.timeout(WRITE_PATIENCE_S):
                    await store_segment(self._organization, segment)
            except (StorageUnavailable, TimeoutError):
                if self._away_since is None:
                    self._away_since = began
                if not self._overdue():
                    raise
            else:
                self._away_since = None
                return True
        if self._probing is None:
            self._probing = asyncio.create_task(self._probe())
        await self._ingest.keep_in_overflow(self._organization.id, segment)
        return True

    def _overdue(self) -> bool:
        """Whether the storage has been away for too long to wait for it with every segment."""
        if self._away_since is None:
            return False
        away_s = asyncio.get_running_loop().time() - self._away_since
        return self._hurry.is_set() or away_s >= OVERFLOW_AFTER_S

    async def _probe(self) -> None:
        """Asks the storage now and then until it answers; meanwhile segments go to the overflow."""
        try:
            while self._away_since is not None:
                await asyncio.sleep(PROBE_EVERY_S)
                with contextlib.suppress(EngagementError, TimeoutError):
                    async with asyncio.timeout(WRITE_PATIENCE_S):
                        await read_segments(self._organization, 1)
                    self._away_since = None
        finally:
            self._probing = None

    async def _pause(self, seconds: float) -> None:
        """Waits before the next try; not at all when this process is about to end."""
        if self._hurry.is_set():
            await asyncio.sleep(_FIRST_PAUSE_S)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
