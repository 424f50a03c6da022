"""Whole HTTP/1.1 messages as they came, byte for byte (RFC 9112): enough to hand them on."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

LONGEST_HEAD = 256 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class HttpMessage:
    """A request or an answer: its head up to the empty line, and its body as it was sent."""

    head: bytes
    body: bytes

    @property
    def raw(self) -> bytes:
        return self.head + self.body

    @property
    def words(self) -> list[str]:
        """The first line's: method and target of a request, version and status of an answer."""
        return self.head.partition(b"\r\n")[0].decode("latin-1").split(" ", 2)

    @property
    def status(self) -> int:
        return int(self.words[1])

    @property
    def keeps_open(self) -> bool:
        """Whether another message may follow on the same connection."""
        return _CLOSES.search(self.head) is None


async def read_request(reader: asyncio.StreamReader) -> HttpMessage | None:
    """The next request of a connection, None at its end."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    return HttpMessage(head, await _read_body(reader, head))


async def read_answer(reader: asyncio.StreamReader, method: str) -> HttpMessage:
    """The answer to a request of that method; raises `IncompleteReadError` where it is cut."""
    head = await reader.readuntil(b"\r\n\r\n")
    answer = HttpMessage(head, b"")
    if method == "HEAD" or answer.status in (204, 304):
        return answer
    return HttpMessage(head, await _read_body(reader, head))


async def _read_body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    if length := _LENGTH.search(head):
        return await reader.readexactly(int(length[1]))
    if _CHUNKED.search(head):
        return await _read_chunks(reader)
    return b""


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while True:
        line = await reader.readuntil(b"\r\n")
        body += line
        size = int(line.partition(b";")[0], 16)
        if size == 0:
            break
        body += await reader.readexactly(size + 2)
    while line != b"\r\n":
        line = await reader.readuntil(b"\r\n")
        body += line
    return bytes(body)
