"""A client of our own that asks for one path again and again, over connections that stay open.

It parses no more than it must, so that on a machine with two cores the host is what is measured.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Thunderbird/140.2.0"


@dataclass(frozen=True)
class Load:
    """What came of it: answers a second, and how long an answer took, in milliseconds."""

    a_second: float
    typical_ms: float
    slow_ms: float
    """Of a hundred answers, one takes longer."""


async def ask_again_and_again(
    port: int, path: str, *, connections: int, most: int, seconds: float
) -> Load:
    """At most `most` requests and for at most so many seconds; raises where one is not a 200."""
    client = _Client(port, path, most, time.perf_counter() + seconds)
    start = time.perf_counter()
    await asyncio.gather(*(client.one_connection() for _ in range(connections)))
    took = sorted(client.took)
    return Load(
        len(took) / (time.perf_counter() - start),
        took[len(took) // 2] * 1000,
        took[len(took) * 99 // 100] * 1000,
    )


class _Client:
    def __init__(self, port: int, path: str, most: int, until: float) -> None:
        self._port = port
        self._left = most
        self._until = until
        self._request = (
            f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nUser-Agent: {AGENT}\r\n\r\n"
        ).encode()
        self.took: list[float] = []

    async def one_connection(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            while self._left > 0 and time.perf_counter() < self._until:
                self._left -= 1
                start = time.perf_counter()
                writer.write(self._request)
                await _answer(reader)
                self.took.append(time.perf_counter() - start)
        finally:
            writer.close()
            await writer.wait_closed()


async def _answer(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if not head.startswith(b"http/1.1 200 "):
        raise RuntimeError(f"a hit was not answered as it should be: {head.splitlines()[0]!r}")
    _, _, rest = head.partition(b"\r\ncontent-length:")
    await reader.readexactly(int(rest.partition(b"\r\n")[0]))
