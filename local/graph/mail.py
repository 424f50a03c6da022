"""``/v1.0/users/{user}/messages``: drafts, look-ups, sending; and the mailbox's settings."""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import mailboxes, mime, replies, sending
from .dispatch import Dispatch
from .errors import bad_query
from .plaintext import plain_text
from .preferences import prefers_immutable_ids
from .query import Query, read_query
from .resources import CreateReply, Message, read_body
from .store import Store, store_of

# Enough of a body for the 255 characters of its preview.
_PREVIEW_SOURCE = 20_000
# Graph answers these only when they are selected.
_ON_REQUEST = frozenset({"internetMessageHeaders"})


def routes() -> list[Route]:
    base = "/v1.0/users/{user}/messages"
    return [
        Route(base, list_messages, methods=["GET"]),
        Route(base, create_draft, methods=["POST"]),
        Route(base + "/{item}", get_message, methods=["GET"]),
        Route(base + "/{item}/$value", get_mime, methods=["GET"]),
        Route(base + "/{item}", change_message, methods=["PATCH"]),
        Route(base + "/{item}/permanentDelete", delete_message, methods=["POST"]),
        Route(base + "/{item}/createReply", create_reply, methods=["POST"]),
        Route(base + "/{item}/send", send_draft, methods=["POST"]),
        Route("/v1.0/users/{user}/mailboxSettings", get_settings, methods=["GET"]),
    ]


async def create_draft(request: Request) -> Response:
    mailbox = mailboxes.seller(request.path_params["user"])
    message = read_body(Message, request.headers.get("content-type", ""), await request.body())
    row = mailboxes.create_draft(store_of(request), mailbox, message, datetime.now(UTC))
    return _one(request, row, Query(), 201)


async def list_messages(request: Request) -> Response:
    mailbox = mailboxes.seller(request.path_params["user"])
    query = read_query(request.query_params)
    rows, more = mailboxes.search(store_of(request), mailbox, query)
    page: dict[str, Any] = {
        "@odata.context": _context(request, mailbox),
        "value": [resource(request, row, query) for row in rows],
    }
    if request.state.fault is not None and request.state.fault.kind == "repeatItems":
        page["value"] *= 2
    if more:
        options = dict(request.query_params) | {"$skip": str(query.skip + query.top)}
        address = request.url.replace(query=urlencode(options, safe="$"))
        page["@odata.nextLink"] = str(address)
    return JSONResponse(page, headers=_applied(request))


async def get_message(request: Request) -> Response:
    mailbox = mailboxes.seller(request.path_params["user"])
    query = read_query(request.query_params)
    row = mailboxes.find(store_of(request), mailbox, request.path_params["item"])
    return _one(request, row, query, 200)


async def get_mime(request: Request) -> Response:
    """The message as it travelled; for a draft, as it would."""
    mailbox, store = mailboxes.seller(request.path_params["user"]), store_of(request)
    row = mailboxes.find(store, mailbox, request.path_params["item"])
    return Response(_mime(store, row), media_type="text/plain")


async def change_message(request: Request) -> Response:
    mailbox = mailboxes.seller(request.path_params["user"])
    message = read_body(Message, request.headers.get("content-type", ""), await request.body())
    row = mailboxes.change(
        store_of(request), mailbox, request.path_params["item"], message, datetime.now(UTC)
    )
    return _one(request, row, Query(), 200)


async def delete_message(request: Request) -> Response:
    mailbox = mailboxes.seller(request.path_params["user"])
    mailboxes.delete(store_of(request), mailbox, request.path_params["item"])
    return Response(status_code=204)


async def create_reply(request: Request) -> Response:
    mailbox = mailboxes.seller(request.path_params["user"])
    asked = read_body(CreateReply, request.headers.get("content-type", ""), await request.body())
    row = replies.create_reply(
        store_of(request), mailbox, request.path_params["item"], asked, datetime.now(UTC)
    )
    return _one(request, row, Query(), 201)


async def send_draft(request: Request) -> Response:
    mailbox = mailboxes.seller(request.path_params["user"])
    fault = request.state.fault
    kind = fault.kind if fault is not None else ""
    wait = fault.seconds if kind == "lateSentItems" else request.app.state.move_after
    sending.submit(
        store_of(request),
        mailbox,
        request.path_params["item"],
        time.time() + wait,
        new_immutable_id=kind == "newIdOnSend",
    )
    dispatch: Dispatch = request.app.state.dispatch
    dispatch.wake()
    return Response(status_code=202)


async def get_settings(request: Request) -> Response:
    mailbox = mailboxes.seller(request.path_params["user"])
    for name in request.query_params:
        if name.startswith("$"):
            raise bad_query(f"The query option '{name}' is not supported.")
    context = f"{request.base_url}v1.0/$metadata#users('{mailbox}')/mailboxSettings"
    return JSONResponse({"@odata.context": context} | mailboxes.settings(mailbox))


def _mime(store: Store, row: sqlite3.Row) -> bytes:
    kept = store.row("SELECT bytes FROM mimes WHERE message = ?", row["key"])
    if kept is not None:
        return bytes(kept["bytes"])
    stored = sending.with_sender(row["mailbox"], json.loads(row["resource"]))
    headers = {name.lower(): value for name, value in json.loads(row["headers"] or "[]")}
    mail = mime.build(
        stored,
        row["internet_message_id"],
        datetime.fromisoformat(row["sent_at"]),
        row["plain_text"] or mime.text_of(stored.get("body") or {}),
        sending.parts(store, row["key"]),
        headers.get("references", "").split() or sending.references(store, row["key"]),
    )
    return mail.as_bytes()


def _one(request: Request, row: sqlite3.Row, query: Query, status: int) -> Response:
    context = {"@odata.context": _context(request, row["mailbox"]) + "/$entity"}
    return JSONResponse(context | resource(request, row, query), status, _applied(request))


def resource(request: Request, row: sqlite3.Row, query: Query) -> dict[str, Any]:
    """The message in Graph's form, with what the query asks for."""
    shown = _message(row, immutable=bool(_applied(request)))
    names = query.select or (shown.keys() - _ON_REQUEST)
    selected = {name: value for name, value in shown.items() if name in names or name == "id"}
    if query.expand_property is not None:
        found = store_of(request).rows(
            "SELECT id, value FROM extended_properties WHERE message = ? AND id = ? COLLATE NOCASE",
            row["key"],
            query.expand_property,
        )
        if found:
            selected["singleValueExtendedProperties"] = [dict(entry) for entry in found]
    return {"@odata.etag": f'W/"{row["change_key"]}"'} | selected


def _message(row: sqlite3.Row, *, immutable: bool) -> dict[str, Any]:
    """The message in Graph's form, with everything it can show."""
    stored = json.loads(row["resource"])
    body = stored.get("body") or {"contentType": "text", "content": ""}
    item = row["immutable_id"] if immutable else row["id"]
    shown = {
        "id": item,
        "createdDateTime": row["created_at"],
        "lastModifiedDateTime": row["modified_at"],
        "changeKey": row["change_key"],
        "categories": stored.get("categories") or [],
        "receivedDateTime": row["received_at"],
        "sentDateTime": row["sent_at"],
        "hasAttachments": bool(row["ordinary_attachments"]),
        "internetMessageId": row["internet_message_id"],
        "subject": stored.get("subject"),
        "bodyPreview": _preview(body),
        "importance": stored.get("importance") or "normal",
        "parentFolderId": mailboxes.folder_id(row),
        "conversationId": row["conversation_id"],
        "conversationIndex": _conversation_index(row["conversation_id"]),
        "isDeliveryReceiptRequested": bool(stored.get("isDeliveryReceiptRequested")),
        "isReadReceiptRequested": bool(stored.get("isReadReceiptRequested")),
        "isRead": bool(stored.get("isRead")),
        "isDraft": bool(row["is_draft"]),
        "webLink": f"https://outlook.office365.com/owa/?ItemID={item}",
        "body": body,
        "internetMessageHeaders": _headers(row, stored),
    }
    for name in ("sender", "from"):
        if stored.get(name):
            shown[name] = stored[name]
    for name in (*sending.RECIPIENT_PROPERTIES, "replyTo"):
        shown[name] = stored.get(name) or []
    return shown


def _headers(row: sqlite3.Row, stored: dict[str, Any]) -> list[dict[str, Any]]:
    if row["headers"] is None:
        return list(stored.get("internetMessageHeaders") or [])
    return [{"name": name, "value": value} for name, value in json.loads(row["headers"])]


def _conversation_index(conversation: str) -> str:
    """The 22 bytes of a conversation's first message, in the ordinary base64 of Edm.Binary."""
    return base64.b64encode(hashlib.sha256(conversation.encode()).digest()[:22]).decode()


def _preview(body: dict[str, Any]) -> str:
    content: str = body["content"][:_PREVIEW_SOURCE]
    text = plain_text(content) if body["contentType"] == "html" else content
    return " ".join(text.split())[:255]


def _context(request: Request, mailbox: str) -> str:
    return f"{request.base_url}v1.0/$metadata#users('{mailbox}')/messages"


def _applied(request: Request) -> dict[str, str]:
    if prefers_immutable_ids(request):
        return {"Preference-Applied": 'IdType="ImmutableId"'}
    return {}
