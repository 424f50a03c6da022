"""Upload sessions of a message's attachments: 3 to 150 MB, in pieces of at most 4 MB, in order."""

from __future__ import annotations

import re
import secrets
import sqlite3
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import mailboxes
from .attachments import LARGEST_SMALL_FILE, MEGABYTE, add, draft_of, missing
from .errors import GraphRefusal
from .resources import AttachmentItem, CreateUploadSession, read_body
from .store import Store, store_of

LARGEST_FILE = 150 * MEGABYTE
LARGEST_CHUNK = 4 * MEGABYTE
SESSION_LIFETIME = timedelta(hours=1)
_CONTENT_RANGE = re.compile(r"^bytes (\d+)-(\d+)/(\d+)$")


def routes() -> list[Route]:
    message = "/v1.0/users/{user}/messages/{item}"
    session = message + "/attachmentSessions/{session}"
    return [
        Route(message + "/attachments/createUploadSession", create_session, methods=["POST"]),
        Route(session, put_chunk, methods=["PUT"]),
        Route(session, get_session, methods=["GET"]),
        Route(session, cancel_session, methods=["DELETE"]),
    ]


async def create_session(request: Request) -> Response:
    store, row = draft_of(request)
    content_type = request.headers.get("content-type", "")
    item = read_body(CreateUploadSession, content_type, await request.body()).attachment_item
    _check_item(item)
    session, token = mailboxes.new_id("AAMk", 50), secrets.token_urlsafe(24)
    expires_at = mailboxes.graph_time(datetime.now(UTC) + SESSION_LIFETIME)
    with store.transaction():
        store.insert(
            "upload_sessions",
            id=session,
            token=token,
            message=row["key"],
            item=item.model_dump_json(by_alias=True),
            expires_at=expires_at,
        )
    path = f"v1.0/users/{quote(row['mailbox'])}/messages/{quote(row['immutable_id'])}"
    address = f"{request.base_url}{path}/attachmentSessions/{quote(session)}?authtoken={token}"
    return JSONResponse(
        {
            "@odata.context": f"{request.base_url}v1.0/$metadata#microsoft.graph.uploadSession",
            "uploadUrl": address,
            "expirationDateTime": expires_at,
            "nextExpectedRanges": ["0-"],
        },
        201,
    )


async def put_chunk(request: Request) -> Response:
    store, session = _session(request)
    chunk = await request.body()
    start, end, total = _content_range(request)
    item = AttachmentItem.model_validate_json(session["item"])
    received = _received(store, session)
    _check_chunk(chunk, start, end, total, item.size or 0, received)
    with store.transaction():
        store.insert("upload_chunks", session=session["id"], start=start, bytes=chunk)
        if end + 1 < total:
            return JSONResponse(
                {
                    "expirationDateTime": session["expires_at"],
                    # Outlook names the next byte alone here, without the dash of the first answer.
                    "nextExpectedRanges": [str(end + 1)],
                }
            )
        attachment = _finish(store, session, item)
    row = mailboxes.by_key(store, session["message"])
    location = (
        f"{request.base_url}v1.0/Users('{row['mailbox']}')/Messages('{row['immutable_id']}')"
        f"/Attachments('{attachment['id']}')"
    )
    return Response(status_code=201, headers={"Location": location})


async def get_session(request: Request) -> Response:
    store, session = _session(request)
    return JSONResponse(
        {
            "expirationDateTime": session["expires_at"],
            "nextExpectedRanges": [f"{_received(store, session)}-"],
        }
    )


async def cancel_session(request: Request) -> Response:
    store, session = _session(request)
    with store.transaction():
        store.run("DELETE FROM upload_sessions WHERE id = ?", session["id"])
    return Response(status_code=204)


def _check_item(item: AttachmentItem) -> None:
    if item.attachment_type != "file":
        raise missing("attachmentType")
    if not item.name or item.size is None:
        raise missing("name" if not item.name else "size")
    if item.size < LARGEST_SMALL_FILE:
        raise GraphRefusal(
            400,
            "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize",
            "The attachment size should not be less than the minimum size of 3 MB.",
        )
    if item.size > LARGEST_FILE:
        raise GraphRefusal(
            400,
            "ErrorAttachmentSizeLimitExceeded",
            "The attachment size exceeds the allowable limit of 150 MB.",
        )


def _check_chunk(chunk: bytes, start: int, end: int, total: int, size: int, received: int) -> None:
    if len(chunk) > LARGEST_CHUNK:
        raise GraphRefusal(413, "RequestEntityTooLarge", "A chunk is at most 4 MB.")
    if total != size or end >= total or end - start + 1 != len(chunk):
        raise GraphRefusal(
            400,
            "ErrorInvalidContentRange",
            f"Content-Range does not fit: {len(chunk)} bytes were sent, of a file of {size} bytes.",
        )
    if start != received:
        raise GraphRefusal(
            416, "ErrorInvalidContentRange", f"The next byte expected is {received}, not {start}."
        )


def _content_range(request: Request) -> tuple[int, int, int]:
    for name in ("content-length", "content-type"):
        if name not in request.headers:
            raise GraphRefusal(400, "BadRequest", f"The header '{name}' is missing.")
    match = _CONTENT_RANGE.match(request.headers.get("content-range", ""))
    if match is None:
        raise GraphRefusal(
            400, "BadRequest", "Content-Range must be 'bytes {start}-{end}/{total}'."
        )
    return int(match[1]), int(match[2]), int(match[3])


def _session(request: Request) -> tuple[Store, sqlite3.Row]:
    """The session of an upload address, which carries its own authorization and wants no other."""
    if "authorization" in request.headers:
        raise GraphRefusal(
            401, "InvalidAuthenticationToken", "An upload address takes no Authorization header."
        )
    store = store_of(request)
    session = store.row(
        "SELECT * FROM upload_sessions WHERE id = ?", request.path_params["session"]
    )
    given = request.query_params.get("authtoken", "")
    fault = request.state.fault
    if session is not None and fault is not None and fault.kind == "expireSession":
        with store.transaction():
            store.run("DELETE FROM upload_sessions WHERE id = ?", session["id"])
        session = None
    if session is None or session["expires_at"] < mailboxes.graph_time(datetime.now(UTC)):
        raise GraphRefusal(404, "ErrorItemNotFound", "The upload session was not found.")
    if not secrets.compare_digest(session["token"], given):
        raise GraphRefusal(401, "InvalidAuthenticationToken", "The upload address is not valid.")
    return store, session


def _received(store: Store, session: sqlite3.Row) -> int:
    row = store.row(
        "SELECT coalesce(sum(length(bytes)), 0) AS received FROM upload_chunks WHERE session = ?",
        session["id"],
    )
    assert row is not None
    return int(row["received"])


def _finish(store: Store, session: sqlite3.Row, item: AttachmentItem) -> sqlite3.Row:
    chunks = store.rows(
        "SELECT bytes FROM upload_chunks WHERE session = ? ORDER BY start", session["id"]
    )
    content = b"".join(chunk["bytes"] for chunk in chunks)
    attachment = add(store, session["message"], item, content, datetime.now(UTC))
    store.run("DELETE FROM upload_sessions WHERE id = ?", session["id"])
    return attachment
