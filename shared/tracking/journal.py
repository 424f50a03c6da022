"""The local journal: hits that storage did not take in time, synced to disk before they are
answered.

The files of a process are locked while it lives. Whatever a process leaves behind when it dies is
adopted by the next one on that machine: its hits go to storage, then its file goes. A hit that had
reached storage all the same is recorded twice and folded once, by its id.

A process that has no room in memory for more hits *leaves* them: they are on disk only, in files
that it adopts itself, one after the other, when it has room again.
"""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import json
import logging
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import IO

from shared.tracking.hits import Hit, unpack

log = logging.getLogger(__name__)

LARGEST_FILE = 4 * 1024 * 1024
"""Bytes. Who adopts a file reads all of it at once."""

LEFT = "left-"


@dataclass(slots=True)
class LeftBehind:
    """The journal of a process that is gone: its hits by organization, and how to be done with
    it."""

    hits: list[tuple[str, Hit]]
    _path: Path = field(repr=False)
    _file: IO[bytes] = field(repr=False)

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)
        self._file.close()


@dataclass(slots=True, eq=False)
class _Page:
    """One file of this process: the ids of its hits that are not in storage yet, its size."""

    path: Path
    file: FileIO | None = None
    kept: set[str] = field(default_factory=set)
    size: int = 0


class Journal:
    """Append and forget, leave and adopt. Writing happens in a thread, many hits to one sync.

    A file is emptied when none of its hits is wanted any more; under a load that never lets that
    happen, one that has grown to `largest` bytes is followed by another, and goes when it can.
    """

    def __init__(self, folder: Path, instance: str, largest: int = LARGEST_FILE) -> None:
        self._folder = folder
        self._instance = instance
        self._largest = largest
        self._numbers = itertools.count()
        self._pages = [self._new_page()]
        self._left: _Page | None = None
        self._finished: list[_Page] = []
        self._waiting: list[tuple[_Page, bytes, asyncio.Future[None]]] = []
        self._syncing: asyncio.Task[None] | None = None
        # A thread of its own: recipients must not wait for those that fold and compose.
        self._writer = ThreadPoolExecutor(1, "journal")

    async def append(self, organization: str, hit: Hit) -> None:
        """Returns once the hit is on disk. Raises OSError where the disk does not take it."""
        if self._pages[-1].size >= self._largest:
            self._pages.append(self._new_page())
        page = self._pages[-1]
        page.kept.add(hit.id)
        await self._add(page, organization, hit)

    async def leave(self, organization: str, hit: Hit) -> None:
        """As `append`, for a hit that nobody will forget: it is found when it is adopted."""
        if self._left is None or self._left.size >= self._largest:
            self._finish()
            self._left = self._new_page()
        await self._add(self._left, organization, hit)

    async def _add(self, page: _Page, organization: str, hit: Hit) -> None:
        line = json.dumps([organization, hit.packed()]).encode() + b"\n"
        page.size += len(line)
        synced: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((page, line, synced))
        if self._syncing is None:
            self._syncing = asyncio.create_task(self._sync())
        await synced

    def forget(self, hits: list[Hit]) -> None:
        """These hits are in storage now; files in which no others are left are emptied."""
        if not any(page.kept for page in self._pages):
            return
        ids = {hit.id for hit in hits}
        for page in self._pages:
            page.kept -= ids
        if self._syncing is None:
            self._tidy()

    async def adopt(self, most: int | None = None) -> list[LeftBehind]:
        """What processes that are gone left behind, and what was left here; each file is locked
        for us until removed. At most so many files."""
        self._finish()
        return await asyncio.to_thread(self._adopt, most)

    def close(self) -> None:
        """Lets go of the files; those with nothing in them are removed."""
        self._finish()
        for page in self._pages:
            if page.file is not None:
                if not page.kept:
                    page.path.unlink(missing_ok=True)
                page.file.close()
        self._pages = [self._new_page()]

    def _new_page(self) -> _Page:
        return _Page(self._folder / f"{self._instance}-{next(self._numbers)}.journal")

    async def _sync(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            page = self._waiting[0][0]
            batch = [one for one in self._waiting if one[0] is page]
            self._waiting = [one for one in self._waiting if one[0] is not page]
            lines = b"".join(line for _, line, _ in batch)
            try:
                await loop.run_in_executor(self._writer, self._write, page, lines)
            except OSError as error:
                for _, _, synced in batch:
                    if not synced.done():
                        synced.set_exception(error)
            else:
                for _, _, synced in batch:
                    if not synced.done():
                        synced.set_result(None)
            self._tidy()
        self._syncing = None

    def _finish(self) -> None:
        """Nothing more goes to the file of hits that are left: whoever adopts may have it."""
        if self._left is not None:
            self._finished.append(self._left)
            self._left = None
        if self._syncing is None:
            self._tidy()

    def _tidy(self) -> None:
        """Empties and removes files, and gives up those that are left; not while one is written."""
        busy = [page for page, _, _ in self._waiting]
        for page in self._finished:
            if page.file is not None and page not in busy:
                # Under a name that does not begin with ours, so that we adopt it, too.
                page.path.rename(page.path.with_name(f"{LEFT}{page.path.name}"))
                page.file.close()
                page.file = None
        self._finished = [page for page in self._finished if page.file or page in busy]
        current = self._pages[-1]
        for page in self._pages:
            if page.kept or page.file is None or page in busy:
                continue
            page.file.truncate(0)
            page.size = 0
            if page is not current:
                page.path.unlink(missing_ok=True)
                page.file.close()
                page.file = None
        self._pages = [page for page in self._pages if page is current or page.file or page in busy]

    def _write(self, page: _Page, lines: bytes) -> None:
        if page.file is None:
            page.file = self._open(page.path)
        file = page.file
        whole = os.fstat(file.fileno()).st_size
        left = memoryview(lines)
        try:
            while left:
                # A disk that fills up takes a part without a word, and refuses the next part.
                left = left[file.write(left) :]
            os.fsync(file.fileno())
        except OSError:
            # What comes later must begin on a line of its own.
            file.truncate(whole)
            raise

    def _open(self, path: Path) -> FileIO:
        """A file of this process. It is locked before it has the name that others look for."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        unlocked = path.with_suffix(".new")
        file = FileIO(unlocked, "ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            unlocked.rename(path)
        except OSError:
            file.close()
            raise
        return file

    def _adopt(self, most: int | None) -> list[LeftBehind]:
        if not self._folder.is_dir():
            return []
        adopted: list[LeftBehind] = []
        for path in sorted(self._folder.glob("*.journal")):
            if len(adopted) == most:
                break
            if path.name.startswith(f"{self._instance}-"):
                continue
            try:
                file = path.open("rb")
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.close()
                continue
            if not os.fstat(file.fileno()).st_nlink:
                # Another process was done with it between our opening and our locking it.
                file.close()
                continue
            adopted.append(LeftBehind(list(_read(file)), path, file))
        return adopted


def _read(file: IO[bytes]) -> Iterator[tuple[str, Hit]]:
    for line in file:
        try:
            organization, packed = json.loads(line)
            (hit,) = unpack([packed])
        except ValueError:
            # A line cut short by the end of its process was never answered for.
            log.warning("passed over an incomplete line of the journal %s", file.name)
            continue
        yield organization, hit
