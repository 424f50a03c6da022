"""A client of our own that asks for paths again and again, over connections that stay open.

It parses no more than it must, so that on a machine with two cores the host is what is measured.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import cast

AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Thunderbird/140.2.0"
PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Load:
    """What came of it: how long the whole took, and each answer, in seconds, the quickest first."""

    seconds: float
    took: Sequence[float]

    @property
    def answers(self) -> int:
        return len(self.took)

    @property
    def a_second(self) -> float:
        return self.answers / self.seconds

    @property
    def typical_ms(self) -> float:
        return self.took[len(self.took) // 2] * 1000

    @property
    def slow_ms(self) -> float:
        """Of a hundred answers, one takes longer."""
        return self.took[len(self.took) * 99 // 100] * 1000


def load(
    port: int,
    paths: Sequence[str],
    *,
    connections: int,
    seconds: float,
    most: int = 1_000_000,
    a_second: float | None = None,
    status: int = 200,
) -> Load:
    """Asks for the paths in turn, for so many seconds and at most so often.

    Each connection asks anew when it has its answer, or with `a_second` when it is the next one's
    turn. Raises RuntimeError where an answer has another status, or none comes in `PATIENCE_S`.
    """
    client = _Client(port, paths, most, seconds, a_second, b"HTTP/1.1 %d " % status)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(client.run(connections))


class _Client:
    """What the connections share: whose turn it is, and what was answered."""

    def __init__(
        self,
        port: int,
        paths: Sequence[str],
        most: int,
        seconds: float,
        a_second: float | None,
        expected: bytes,
    ) -> None:
        self._port = port
        self._requests = cycle([_request(port, path) for path in paths])
        self._left = most
        self._seconds = seconds
        self._gap = 1 / a_second if a_second else 0.0
        self._next_turn = 0.0
        self._until = 0.0
        self.expected = expected
        self.took: list[float] = []

    async def run(self, connections: int) -> Load:
        loop = asyncio.get_running_loop()
        opened = [
            (await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._port))[1]
            for _ in range(connections)
        ]
        start = self._next_turn = time.perf_counter()
        self._until = start + self._seconds
        for connection in opened:
            connection.ask()
        async with asyncio.timeout(self._seconds + PATIENCE_S):
            await asyncio.gather(*(connection.done for connection in opened))
        return Load(time.perf_counter() - start, sorted(self.took))

    def next_request(self) -> tuple[bytes, float] | None:
        """The next request and in how many seconds it is its turn; None when it is enough."""
        now = time.perf_counter()
        turn = max(self._next_turn, now - 0.1) if self._gap else now
        if self._left <= 0 or turn >= self._until:
            return None
        self._left -= 1
        self._next_turn = turn + self._gap
        return next(self._requests), turn - now


class _Connection(asyncio.Protocol):
    def __init__(self, client: _Client) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._client = client
        self._received = b""
        self._asked_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is one too, but does not say so.
        self._transport = cast("asyncio.Transport", transport)

    def ask(self) -> None:
        turn = self._client.next_request()
        if turn is None:
            self._transport.close()
            self.done.set_result(None)
            return
        request, wait = turn
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self._send, request)
        else:
            self._send(request)

    def _send(self, request: bytes) -> None:
        self._asked_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        size = _size_of_answer(self._received)
        if size is None or len(self._received) < size:
            return
        self._client.took.append(time.perf_counter() - self._asked_at)
        if not self._received.startswith(self._client.expected):
            line = self._received.partition(b"\r\n")[0]
            self._fail(f"a hit was not answered as it should be: {line!r}")
            return
        self._received = b""
        self.ask()

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(f"a connection broke: {error}")

    def _fail(self, sentence: str) -> None:
        if not self.done.done():
            self.done.set_exception(RuntimeError(sentence))
            self._transport.close()


def _request(port: int, path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nUser-Agent: {AGENT}\r\n\r\n".encode()


def _size_of_answer(received: bytes) -> int | None:
    """Bytes of head and body together; None while the head is not there."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = received[:end].lower()
    _, _, rest = head.partition(b"\r\ncontent-length:")
    return end + 4 + int(rest.partition(b"\r\n")[0])


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # there is none for Windows
        return None
    return uvloop.new_event_loop
