"""``…/messages/{id}/attachments``: listing them, and adding small files in one request."""

from __future__ import annotations

import base64
import sqlite3
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import mailboxes
from .errors import GraphRefusal, bad_query, unknown_item
from .resources import (
    LARGEST_REQUEST_BYTES,
    AttachmentItem,
    FileAttachment,
    read_body,
)
from .store import Store, store_of

MEGABYTE = 1024 * 1024
LARGEST_SMALL_FILE = 3 * MEGABYTE
# A list is of attachments of any kind; what only files have is selected by a cast.
_CAST = "microsoft.graph.fileAttachment/"
_SELECTABLE = frozenset(
    {"id", "name", "contentType", "size", "isInline", "lastModifiedDateTime"}
    | {_CAST + name for name in ("contentId", "contentLocation", "contentBytes")}
)


def routes() -> list[Route]:
    message = "/v1.0/users/{user}/messages/{item}"
    return [
        Route(message + "/attachments", list_attachments, methods=["GET"]),
        Route(message + "/attachments", attach, methods=["POST"]),
        Route(message + "/attachments/{attachment}", get_attachment, methods=["GET"]),
    ]


async def attach(request: Request) -> Response:
    store, row = draft_of(request)
    file = read_body(
        FileAttachment,
        request.headers.get("content-type", ""),
        await request.body(),
        # Just below 3 MB, base64 alone takes the 4 MB; its JSON must have room.
        largest=LARGEST_REQUEST_BYTES + 16 * 1024,
    )
    if not file.name or file.content_bytes is None:
        raise missing("name" if not file.name else "contentBytes")
    if len(file.content_bytes) >= LARGEST_SMALL_FILE:
        raise GraphRefusal(
            413, "RequestEntityTooLarge", "A file of 3 MB or more needs an upload session."
        )
    with store.transaction():
        attachment = add(store, row["key"], file, file.content_bytes, datetime.now(UTC))
    return JSONResponse(_resource(attachment, file.content_bytes), 201)


async def list_attachments(request: Request) -> Response:
    mailbox = mailboxes.seller(request.path_params["user"])
    row = mailboxes.find(store_of(request), mailbox, request.path_params["item"])
    names = _select(request)
    if not names or "contentBytes" in names:
        found = [_with_content(store_of(request), a) for a in _of(request, row)]
    else:
        found = [_resource(a, b"") for a in _of(request, row)]
    shown = [
        {name: value for name, value in one.items() if not names or name in names} for one in found
    ]
    return JSONResponse({"value": shown})


async def get_attachment(request: Request) -> Response:
    mailbox = mailboxes.seller(request.path_params["user"])
    row = mailboxes.find(store_of(request), mailbox, request.path_params["item"])
    for attachment in _of(request, row):
        if attachment["id"] == request.path_params["attachment"]:
            return JSONResponse(_with_content(store_of(request), attachment))
    raise unknown_item()


def add(
    store: Store, message: int, file: FileAttachment | AttachmentItem, content: bytes, now: datetime
) -> sqlite3.Row:
    key = store.insert(
        "attachments",
        message=message,
        id=mailboxes.new_id("AAMk", 122),
        name=file.name,
        content_type=file.content_type or "application/octet-stream",
        content_id=file.content_id,
        is_inline=int(bool(file.is_inline)),
        size=len(content),
        modified_at=mailboxes.graph_time(now),
        content=store.insert("contents", bytes=content),
    )
    row = store.row("SELECT * FROM attachments WHERE key = ?", key)
    assert row is not None
    return row


def _resource(row: sqlite3.Row, content: bytes) -> dict[str, Any]:
    return {
        "@odata.type": "#microsoft.graph.fileAttachment",
        "@odata.mediaContentType": row["content_type"],
        "id": row["id"],
        "lastModifiedDateTime": row["modified_at"],
        "name": row["name"],
        "contentType": row["content_type"],
        "size": row["size"],
        "isInline": bool(row["is_inline"]),
        "contentId": row["content_id"],
        "contentLocation": None,
        "contentBytes": base64.b64encode(content).decode(),
    }


def _with_content(store: Store, row: sqlite3.Row) -> dict[str, Any]:
    content = store.row("SELECT bytes FROM contents WHERE key = ?", row["content"])
    assert content is not None
    return _resource(row, content["bytes"])


def _of(request: Request, row: sqlite3.Row) -> list[sqlite3.Row]:
    return store_of(request).rows(
        "SELECT * FROM attachments WHERE message = ? ORDER BY key", row["key"]
    )


def _select(request: Request) -> set[str]:
    """The properties asked for, with those Graph always names; none where all are wanted."""
    for name in request.query_params:
        if name.startswith("$") and name != "$select":
            raise bad_query(f"The query option '{name}' is not supported.")
    if "$select" not in request.query_params:
        return set()
    names = {name.strip() for name in request.query_params["$select"].split(",")}
    for name in sorted(names - _SELECTABLE):
        raise bad_query(
            f"Could not find a property named '{name}' on type 'microsoft.graph.attachment'."
        )
    own = {name.removeprefix(_CAST) for name in names}
    return own | {"@odata.type", "@odata.mediaContentType", "id"}


def draft_of(request: Request) -> tuple[Store, sqlite3.Row]:
    mailbox = mailboxes.seller(request.path_params["user"])
    return store_of(request), mailboxes.find_draft(
        store_of(request), mailbox, request.path_params["item"]
    )


def missing(name: str) -> GraphRefusal:
    return GraphRefusal(
        400, "ErrorRequiredPropertyMissing", f"Required property is missing: '{name}'."
    )
