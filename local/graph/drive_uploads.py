"""Upload sessions of a drive: a file in pieces, at an address of its own on the OneDrive host.

The address is its own authorization. Pieces come in order, each but the last a multiple of 320 KiB
and below 60 MiB. The session outlives a refusal of the last piece, as where somebody took the name
meanwhile.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from weakref import WeakValueDictionary

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import drives
from .drive_bodies import OpenDriveUpload
from .drive_requests import drive_item
from .errors import GraphRefusal
from .mailboxes import graph_time
from .resources import read_body
from .store import Store, store_of

PIECE_UNIT = 320 * 1024
LARGEST_PIECE = 60 * 1024 * 1024
LARGEST_FILE = 250 * 1024**3
SESSION_LIFETIME = timedelta(days=1)
_CONTENT_RANGE = re.compile(r"^bytes (\d{1,15})-(\d{1,15})/(\d{1,15})$")
# Two requests for one session must not write at once.
_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()


def routes() -> list[Route]:
    drive = "/v1.0/drives/{drive}"
    session = "/personal/{site}/_api/v2.0/drives/{drive}/items/{upload}/uploadSession"
    return [
        Route(drive + "/items/root:/{path:path}:/createUploadSession", open_, methods=["POST"]),
        Route(drive + "/root:/{path:path}:/createUploadSession", open_, methods=["POST"]),
        Route(session, put_piece, methods=["PUT"]),
        Route(session, show, methods=["GET"]),
        Route(session, cancel, methods=["DELETE"]),
    ]


async def open_(request: Request) -> Response:
    owner, path = drives.owner_of(request.path_params["drive"]), request.path_params["path"]
    drives.check_path(path)
    body = await request.body()
    asked = read_body(OpenDriveUpload, request.headers.get("content-type", ""), body)
    _refuse_what_is_not_served(asked, path)
    store = store_of(request)
    drives.refuse_taken(store, owner, path)
    upload, token = secrets.token_hex(16), secrets.token_urlsafe(32)
    expires_at = graph_time(datetime.now(UTC) + SESSION_LIFETIME)
    with store.transaction():
        store.insert(
            "drive_uploads",
            id=upload,
            token=token,
            owner=owner,
            path=path,
            content=store.contents.new(),
            expires_at=expires_at,
        )
    address = (
        f"{request.base_url}personal/{drives.site_of(owner)}/_api/v2.0/drives"
        f"/{quote(drives.drive_id(owner))}/items/{upload}/uploadSession?tempauth={token}"
    )
    return JSONResponse(
        {
            "@odata.context": f"{request.base_url}v1.0/$metadata#microsoft.graph.uploadSession",
            "uploadUrl": address,
            "expirationDateTime": expires_at,
            "nextExpectedRanges": ["0-"],
        }
    )


async def put_piece(request: Request) -> Response:
    lock = _locks.setdefault(request.path_params["upload"], asyncio.Lock())
    async with lock:
        store, upload = _session(request)
        try:
            start, length, total = _range_of(request)
            _check_piece(upload, start, length, total)
        except GraphRefusal:
            await _drain(request)
            raise
        kept = _kept(request, length)
        came = await store.contents.write(upload["content"], start, request.stream(), kept)
        if came != length:
            raise _invalid(f"{came} bytes came, and Content-Range says {length}.")
        received = start + kept
        with store.transaction():
            store.run(
                "UPDATE drive_uploads SET received = ?, total = ? WHERE id = ?",
                received,
                total,
                upload["id"],
            )
        if received < total:
            return JSONResponse(
                {
                    "expirationDateTime": upload["expires_at"],
                    "nextExpectedRanges": [f"{received}-"],
                },
                202,
            )
        return JSONResponse(drive_item(request, await _commit(store, upload, total)), 201)


async def show(request: Request) -> Response:
    _, upload = _session(request)
    received, total = upload["received"], upload["total"]
    missing: list[str] = []
    if total is None or received < total:
        # Once it knows where the file ends, OneDrive may name that, too.
        missing = [f"{received}-" + ("" if total is None else str(total - 1))]
    return JSONResponse({"expirationDateTime": upload["expires_at"], "nextExpectedRanges": missing})


async def cancel(request: Request) -> Response:
    store, upload = _session(request)
    _remove(store, upload)
    return Response(status_code=204)


async def _commit(store: Store, upload: sqlite3.Row, size: int) -> sqlite3.Row:
    quick_xor = await asyncio.to_thread(store.contents.quick_xor_hash, upload["content"])
    with store.transaction():
        row = drives.add_file(
            store,
            upload["owner"],
            upload["path"],
            upload["content"],
            size,
            quick_xor,
            datetime.now(UTC),
        )
        store.run("DELETE FROM drive_uploads WHERE id = ?", upload["id"])
    return row


def _session(request: Request) -> tuple[Store, sqlite3.Row]:
    if "authorization" in request.headers:
        raise GraphRefusal(
            401, "unauthenticated", "An upload address takes no Authorization header."
        )
    store = store_of(request)
    upload = store.row("SELECT * FROM drive_uploads WHERE id = ?", request.path_params["upload"])
    fault = request.state.fault
    expired = fault is not None and fault.kind == "expireSession"
    if upload is not None and (expired or upload["expires_at"] < graph_time(datetime.now(UTC))):
        _remove(store, upload)
        upload = None
    if upload is None:
        raise GraphRefusal(404, "itemNotFound", "The upload session was not found.")
    if not secrets.compare_digest(upload["token"], request.query_params.get("tempauth", "")):
        raise GraphRefusal(401, "unauthenticated", "The upload address is not valid.")
    return store, upload


def _remove(store: Store, upload: sqlite3.Row) -> None:
    with store.transaction():
        store.run("DELETE FROM drive_uploads WHERE id = ?", upload["id"])
    store.contents.remove([upload["content"]])


def _range_of(request: Request) -> tuple[int, int, int]:
    """The first byte, the number of bytes and the size of the file."""
    match = _CONTENT_RANGE.match(request.headers.get("content-range", ""))
    if match is None:
        raise _invalid("Content-Range must be 'bytes {start}-{end}/{total}'.")
    start, end, total = (int(number) for number in match.groups())
    if request.headers.get("content-length") != str(end - start + 1) or end < start:
        raise _invalid("Content-Length does not fit the Content-Range.")
    return start, end - start + 1, total


def _check_piece(upload: sqlite3.Row, start: int, length: int, total: int) -> None:
    known, received = upload["total"], upload["received"]
    if length >= LARGEST_PIECE:
        raise GraphRefusal(413, "requestTooLarge", "A piece must be below 60 MiB.")
    if start + length > total or total > LARGEST_FILE or known not in (None, total):
        raise _invalid("The size in Content-Range is not the size of this file.")
    if start + length < total and length % PIECE_UNIT:
        raise _invalid("Every piece but the last must be a multiple of 327680 bytes.")
    if start < received:
        raise _wrong_range("The uploaded fragment overlaps with data that was received.")
    if start > received:
        raise _wrong_range("The uploaded fragment is out of order.")


def _kept(request: Request, length: int) -> int:
    """How many bytes of the piece are kept: all, but for two faults, which keep about half."""
    fault = request.state.fault
    if fault is None or fault.kind not in ("partialCommit", "dropMidway"):
        return length
    return length // 2 // PIECE_UNIT * PIECE_UNIT


def _refuse_what_is_not_served(asked: OpenDriveUpload, path: str) -> None:
    item: Any = asked.item
    if item is None or item.conflict_behavior != "fail" or asked.defer_commit:
        raise GraphRefusal(
            501,
            "NotImplemented",
            "The local Graph serves only sessions with "
            "'item': {'@microsoft.graph.conflictBehavior': 'fail'} and without deferCommit.",
        )
    if item.name is not None and item.name != path.rpartition("/")[2]:
        raise _invalid("The name is not the one in the address.")


async def _drain(request: Request) -> None:
    """Take what comes, so that the client can read why it was refused."""
    async for _ in request.stream():
        pass


def _invalid(message: str) -> GraphRefusal:
    return GraphRefusal(400, "invalidRequest", message)


def _wrong_range(message: str) -> GraphRefusal:
    return GraphRefusal(416, "invalidRange", message)
