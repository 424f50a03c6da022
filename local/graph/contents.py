"""The bytes of files, on disk beside the SQLite file: written and read in pieces, never whole.

The database knows which files there are. One it does not know was left by a process that died and
is removed at the next start.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from shared.graph.quickxor import QuickXor

_PIECE = 1024 * 1024


class Contents:
    """The folder of the files' bytes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str) -> Path:
        return self._folder / name

    def new(self) -> str:
        """The name of a new, empty file."""
        name = uuid.uuid4().hex
        self._folder.mkdir(parents=True, exist_ok=True)
        self.path(name).touch(exist_ok=False)
        return name

    async def write(self, name: str, at: int, pieces: AsyncIterator[bytes], most: int) -> int:
        """Write ``pieces`` from byte ``at`` on, in place of all that was there; answers how many
        bytes came. Those after the first ``most`` are counted and forgotten."""
        came = 0
        with self.path(name).open("r+b") as file:
            file.truncate(at)
            file.seek(at)
            async for piece in pieces:
                file.write(piece[: max(0, most - came)])
                came += len(piece)
        return came

    def quick_xor_hash(self, name: str) -> str:
        hasher = QuickXor()
        with self.path(name).open("rb") as file:
            while piece := file.read(_PIECE):
                hasher.update(piece)
        return hasher.text()

    def remove(self, names: Iterable[str | None]) -> None:
        for name in names:
            if name:
                self.path(name).unlink(missing_ok=True)

    def remove_all_but(self, known: Iterable[str]) -> None:
        if self._folder.is_dir():
            kept = set(known)
            self.remove(file.name for file in self._folder.iterdir() if file.name not in kept)

    def forget_everything(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
