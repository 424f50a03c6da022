"""The local journal: hits that storage did not take in time, synced to disk before they are
answered.

One file a process, locked while the process lives. Whatever a process leaves behind when it dies is
adopted by the next one on that machine: its hits go to storage, then its file goes. A hit that had
reached storage all the same is recorded twice and folded once, by its id.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import IO

from shared.tracking.hits import Hit, unpack

log = logging.getLogger(__name__)


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


class Journal:
    """Append, forget, adopt. All disk work happens in threads, many hits to one sync."""

    def __init__(self, folder: Path, instance: str) -> None:
        self._folder = folder
        self._path = folder / f"{instance}.journal"
        self._file: FileIO | None = None
        self._kept: set[str] = set()
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._syncing: asyncio.Task[None] | None = None

    async def append(self, organization: str, hit: Hit) -> None:
        """Returns once the hit is on disk. Raises OSError where the disk does not take it."""
        self._kept.add(hit.id)
        line = json.dumps([organization, hit.packed()]).encode() + b"\n"
        synced: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((line, synced))
        if self._syncing is None:
            self._syncing = asyncio.create_task(self._sync())
        await synced

    def forget(self, hits: list[Hit]) -> None:
        """These hits are in storage now; the file is emptied when no others are in it."""
        if self._file is None and self._syncing is None:
            return
        self._kept.difference_update(hit.id for hit in hits)
        self._trim()

    async def adopt(self) -> list[LeftBehind]:
        """The journals of processes that are gone, each locked for us until removed."""
        return await asyncio.to_thread(self._adopt)

    def close(self) -> None:
        """Lets go of the file; an empty one is removed."""
        if self._file is not None:
            if not self._kept:
                self._path.unlink(missing_ok=True)
            self._file.close()
            self._file = None

    async def _sync(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await asyncio.to_thread(self._write, b"".join(line for line, _ in batch))
            except OSError as error:
                for _, synced in batch:
                    if not synced.done():
                        synced.set_exception(error)
            else:
                for _, synced in batch:
                    if not synced.done():
                        synced.set_result(None)
        self._syncing = None
        self._trim()

    def _trim(self) -> None:
        if not self._kept and self._syncing is None and self._file is not None:
            self._file.truncate(0)

    def _write(self, lines: bytes) -> None:
        if self._file is None:
            self._file = self._open()
        whole = os.fstat(self._file.fileno()).st_size
        left = memoryview(lines)
        try:
            while left:
                # A disk that fills up takes a part without a word, and refuses the next part.
                left = left[self._file.write(left) :]
            os.fsync(self._file.fileno())
        except OSError:
            # What comes later must begin on a line of its own.
            self._file.truncate(whole)
            raise

    def _open(self) -> FileIO:
        """The file of this process. It is locked before it has the name that others look for."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        unlocked = self._path.with_suffix(".new")
        file = FileIO(unlocked, "ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            unlocked.rename(self._path)
        except OSError:
            file.close()
            raise
        return file

    def _adopt(self) -> list[LeftBehind]:
        if not self._folder.is_dir():
            return []
        adopted = []
        for path in sorted(self._folder.glob("*.journal")):
            if path == self._path:
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
