"""What can go wrong between us and storage: each fault is what happens to one request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Request:
    """One request to storage. `resource` is its table, container or queue; of a `$batch` it is the
    table that its writes are for. `at` is `time.monotonic()` when it had arrived whole."""

    account: str
    service: str
    method: str
    path: str
    resource: str
    at: float

    @property
    def is_batch(self) -> bool:
        return self.path.endswith("/$batch")


class Exchange(Protocol):
    """A request on its way, in the hands of a fault."""

    request: Request
    lifted: asyncio.Event
    """Set when the fault is over."""

    async def forward(self) -> bytes:
        """Has storage do it; its whole answer."""

    async def send(self, answer: bytes) -> None:
        """Sends (part of) an answer to who asked."""

    def drop(self) -> None:
        """Resets the connection of who asked."""

    async def gone(self) -> None:
        """Returns when who asked has closed the connection."""


Fault = Callable[[Exchange], Awaitable[None]]


def delay(seconds: float) -> Fault:
    """It is done, but late; also where nobody waits for it any more."""

    async def play(exchange: Exchange) -> None:
        await asyncio.sleep(seconds)
        await exchange.send(await exchange.forward())

    return play


def hang() -> Fault:
    """No answer and nothing done; when the fault is lifted the connection breaks."""

    async def play(exchange: Exchange) -> None:
        waits = [
            asyncio.ensure_future(exchange.lifted.wait()),
            asyncio.ensure_future(exchange.gone()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            exchange.drop()

    return play


def refuse() -> Fault:
    """Nothing done, the connection is reset."""

    async def play(exchange: Exchange) -> None:
        exchange.drop()

    return play


def cut() -> Fault:
    """It is done, and the connection breaks in the middle of the answer's body, or of its head
    where it has none."""

    async def play(exchange: Exchange) -> None:
        answer = await exchange.forward()
        head = answer.index(b"\r\n\r\n") + 4
        body = len(answer) - head
        await exchange.send(answer[: head + body // 2] if body else answer[: head // 2])
        exchange.drop()

    return play


def answer(status: int) -> Fault:
    """Nothing done, this status is the answer: 500, 503, 409 or 412."""

    async def play(exchange: Exchange) -> None:
        await exchange.send(error_answer(exchange.request, status))

    return play


def done_but_lost(status: int | None = None) -> Fault:
    """It is done; then the connection breaks, or this status is the answer."""

    async def play(exchange: Exchange) -> None:
        await exchange.forward()
        if status is None:
            exchange.drop()
        else:
            await exchange.send(error_answer(exchange.request, status))

    return play


_CODES = {
    500: ("Internal Server Error", "InternalError"),
    503: ("Service Unavailable", "ServerBusy"),
    409: ("Conflict", "EntityAlreadyExists"),
    412: ("Precondition Failed", "UpdateConditionNotSatisfied"),
}


def error_answer(request: Request, status: int) -> bytes:
    """An error as the service says it ("Status and error codes" of each service)."""
    phrase, code = _CODES[status]
    if request.service != "table":
        xml = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>a fault</Message></Error>"
        return _answer(f"{status} {phrase}", "application/xml", xml, f"x-ms-error-code: {code}\r\n")
    if not request.is_batch or status >= 500:
        return _answer(f"{status} {phrase}", "application/json", _odata(code))
    # What one write of a transaction says comes as a part of an answer that is itself 202.
    inner = (
        f"HTTP/1.1 {status} {phrase}\r\nContent-Type: application/json\r\n\r\n{_odata(code, '0:')}"
    )
    part = f"--changes\r\nContent-Type: application/http\r\n\r\n{inner}\r\n--changes--\r\n"
    body = f"--batch\r\nContent-Type: multipart/mixed; boundary=changes\r\n\r\n{part}--batch--\r\n"
    return _answer("202 Accepted", "multipart/mixed; boundary=batch", body)


def _odata(code: str, place: str = "") -> str:
    message = {"lang": "en-US", "value": f"{place}a fault"}
    return json.dumps({"odata.error": {"code": code, "message": message}})


def _answer(status: str, content_type: str, body: str, more: str = "") -> bytes:
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n{more}"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
