"""Files to upload that take no room: their bytes follow from their place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from shared.graph.quickxor import QuickXor
from shared.graph.uploads import Source

_PATTERN = bytes(range(251)) * 4177  # a prime period, and about a megabyte


def content(offset: int, length: int) -> bytes:
    shift = offset % 251
    times = (shift + length) // len(_PATTERN) + 1
    return (_PATTERN * times)[shift : shift + length]


@dataclass
class Reading:
    """A source and what was asked of it; ``before`` runs before the read with its number (0…)."""

    size: int
    before: Callable[[int], Awaitable[None]] | None = None
    asked: list[tuple[int, int]] = field(default_factory=list)

    @property
    def source(self) -> Source:
        return Source(self.size, self._read)

    @property
    def hash(self) -> str:
        hasher = QuickXor()
        for start in range(0, self.size, 1 << 20):
            hasher.update(content(start, min(1 << 20, self.size - start)))
        return hasher.text()

    async def _read(self, offset: int, length: int) -> bytes:
        if self.before is not None:
            await self.before(len(self.asked))
        self.asked.append((offset, length))
        return content(offset, length)
