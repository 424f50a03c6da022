"""The leanest Python server that answers the same GIF: an ASGI application without any host."""

from __future__ import annotations

from typing import Any

from bench.apps.constant_gif import GIF, HEADERS

_HEADERS = [
    (b"content-type", b"image/gif"),
    (b"content-length", str(len(GIF)).encode()),
    *((name.lower().encode(), value.encode()) for name, value in HEADERS.items()),
]


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": GIF})
