"""Upload sessions: a file in pieces, to an address that is its own authorization.

The pieces go by plain httpx. The SDK's own upload task fails for the ranges Graph documents, puts
the last piece twice, and would hand our token to the address. In memory is one piece at a time.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.graph.client import GraphTenant, plain_client, slices
from shared.graph.errors import Ambiguous, GraphError, NotFound, Refused, from_response, translated

if TYPE_CHECKING:
    import httpx

PIECE_UNIT = 320 * 1024
"""Every piece but the last is a multiple of this many bytes."""
_FIRST_MISSING = re.compile(r"^(\d+)(?:-\d*)?$")
_OUT_OF_STEP = 416
# 401: the address carries its authorization, and that has run out.
_GONE = frozenset({401, 404, 410})


@dataclass(frozen=True)
class Source:
    """A file to be uploaded: its size in bytes, and ``read(offset, length)``, which answers exactly
    the bytes asked for. It is asked in order, and again from an earlier byte after a failure."""

    size: int
    read: Callable[[int, int], Awaitable[bytes]]


async def next_byte(graph: GraphTenant, address: str, size: int) -> int:
    """The first byte that the session misses; ``size`` where it has them all.

    Raises:
        NotFound: the session is gone.
    """
    response = await _request(graph, "GET", address)
    if response.status_code != 200:
        raise _error("ask for the state of an upload", response)
    ranges = _json(response).get("nextExpectedRanges")
    if not isinstance(ranges, list):
        raise Ambiguous("Graph's answer about the state of an upload is unreadable.")
    return _first(ranges, size) if ranges else size


async def send_pieces(
    graph: GraphTenant, address: str, source: Source, start: int, piece_bytes: int
) -> httpx.Response:
    """Upload from byte ``start`` to the end; answers the response to the last piece.

    What becomes unclear on the way (no answer, 5xx, 416) is cleared up once for every byte by
    asking the session.

    Raises:
        NotFound: the session is gone: it expired, or the last piece was done unheard.
    """
    at, asked_at = start, -1
    while at < source.size:
        piece = await source.read(at, min(piece_bytes, source.size - at))
        try:
            response = await _put(graph, address, piece, at, source.size)
        except (Ambiguous, Refused) as error:
            unclear = isinstance(error, Ambiguous) or error.status == _OUT_OF_STEP
            if not unclear or asked_at == at:
                raise
            asked_at, at = at, await next_byte(graph, address, source.size)
            continue
        if _is_last(response):
            return response
        at = _next(response, at, len(piece), source.size)
    raise Ambiguous("Every byte was uploaded, and Graph did not say that this made a file.")


async def forget_session(graph: GraphTenant, address: str) -> None:
    """The session is gone with what it held; one that was gone before is fine too."""
    response = await _request(graph, "DELETE", address)
    if response.status_code not in (200, 204, *_GONE):
        raise _error("forget an upload", response)


async def _put(
    graph: GraphTenant, address: str, piece: bytes, at: int, size: int
) -> httpx.Response:
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Length": str(len(piece)),
        "Content-Range": f"bytes {at}-{at + len(piece) - 1}/{size}",
    }
    response = await _request(graph, "PUT", address, content=slices(piece), headers=headers)
    if response.status_code not in (200, 201, 202):
        raise _error("upload a part of a file", response)
    return response


async def _request(graph: GraphTenant, method: str, address: str, **options: Any) -> httpx.Response:
    client = await plain_client(graph)
    with translated("upload a file"):
        return await client.request(method, address, **options)


def _error(action: str, response: httpx.Response) -> GraphError:
    if response.status_code in _GONE:
        return NotFound(f"Could not {action}: the upload session is gone.", "itemNotFound")
    return from_response(action, response)


def _is_last(response: httpx.Response) -> bool:
    # A drive answers 202 until the last piece, a message 200 and names the next byte.
    if response.status_code == 200:
        return "nextExpectedRanges" not in _json(response)
    return response.status_code == 201


def _next(response: httpx.Response, at: int, length: int, size: int) -> int:
    ranges = _json(response).get("nextExpectedRanges")
    following = _first(ranges, size) if isinstance(ranges, list) and ranges else at + length
    if not at < following <= size:
        raise Ambiguous(f"After bytes {at} to {at + length} Graph asks for byte {following}.")
    return following


def _first(ranges: list[Any], size: int) -> int:
    """Graph writes ``0-``, ``327680`` or ``327680-655359``."""
    matches = [_FIRST_MISSING.match(text) for text in ranges if isinstance(text, str)]
    numbers = [int(match[1]) for match in matches if match is not None]
    if len(numbers) != len(ranges) or min(numbers) > size:
        raise Ambiguous("Graph names ranges of the file that are unreadable.")
    return min(numbers)


def _json(response: httpx.Response) -> dict[str, Any]:
    try:
        document = response.json()
    except ValueError as error:
        raise Ambiguous("Graph's answer to an upload is unreadable.") from error
    return document if isinstance(document, dict) else {}
