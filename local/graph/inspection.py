"""``/_local``: what tests and people ask that Graph has no answer for."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import answers, drives, notifier, sharing
from .faults import Strict, add_faults, pending_faults, read_plan
from .store import Store, store_of

Asked = TypeVar("Asked", bound=Strict)


def routes() -> list[Route]:
    return [
        Route("/_local", forget_everything, methods=["DELETE"]),
        Route("/_local/mailboxes/{address}/messages", received_messages, methods=["GET"]),
        Route("/_local/mailboxes/{address}/reply", reply, methods=["POST"]),
        Route("/_local/mailboxes/{address}/lifecycle", lifecycle, methods=["POST"]),
        Route("/_local/drives/{user}/files", show_files, methods=["GET"]),
        Route("/_local/faults", plan_faults, methods=["POST"]),
        Route("/_local/faults", show_faults, methods=["GET"]),
        Route("/_local/requests", show_requests, methods=["GET"]),
    ]


class Answer(Strict):
    """The body of ``…/reply``."""

    message_id: str
    text: Annotated[str, Field(max_length=1_000_000)] = ""
    kind: answers.Kind = "reply"


class Lifecycle(Strict):
    """The body of ``…/lifecycle``."""

    event: notifier.LifecycleEvent


async def forget_everything(request: Request) -> Response:
    """Mail, drives, faults and the log of requests: as on the first start. Subscribers stay."""
    store_of(request).forget_everything()
    return Response(status_code=204)


async def received_messages(request: Request) -> Response:
    """What the address received, oldest first."""
    store = store_of(request)
    rows = inbox(store, request.path_params["address"])
    return JSONResponse({"items": [_item(store, row) for row in rows]})


async def reply(request: Request) -> Response:
    """The address answers a mail that it received, or its server does; the sender gets that."""
    asked = await _body(request, Answer)
    original = received(store_of(request), request.path_params["address"], asked.message_id)
    if original is None:
        return JSONResponse({"error": "This address received no such message."}, 404)
    now = datetime.now(UTC)
    item = answers.answer(store_of(request), original, asked.kind, asked.text, now)
    return JSONResponse({"id": item}, 201)


async def lifecycle(request: Request) -> Response:
    """Tells the mailbox's subscribers what became of their subscription."""
    asked = await _body(request, Lifecycle)
    mailbox, now = request.path_params["address"].lower(), datetime.now(UTC)
    told = notifier.tell_lifecycle(store_of(request), mailbox, asked.event, now)
    return JSONResponse({"told": told})


async def show_files(request: Request) -> Response:
    """What is in the drive, oldest first, with the links that lead to it."""
    store, owner = store_of(request), request.path_params["user"].lower()
    return JSONResponse(
        {"items": [_file(request, store, row) for row in drives.files(store, owner)]}
    )


async def plan_faults(request: Request) -> Response:
    _refuse_pages(request)
    try:
        plan = read_plan(await request.body())
    except ValueError as error:
        return JSONResponse({"error": str(error)}, 400)
    add_faults(store_of(request), plan)
    return JSONResponse({"faults": pending_faults(store_of(request))})


async def show_faults(request: Request) -> Response:
    return JSONResponse({"faults": pending_faults(store_of(request))})


async def show_requests(request: Request) -> Response:
    """The requests under ``/v1.0`` so far; ``status`` is null where nothing was answered."""
    rows = store_of(request).rows("SELECT at, method, path, status FROM requests ORDER BY key")
    return JSONResponse({"count": len(rows), "items": [dict(row) for row in rows]})


def received(store: Store, address: str, item: str) -> sqlite3.Row | None:
    """The message with that id (as listed here) that the address received."""
    return store.row(
        "SELECT * FROM shown_messages WHERE mailbox = ? AND folder = 'inbox' AND immutable_id = ?",
        address.lower(),
        item,
    )


def inbox(store: Store, address: str) -> list[sqlite3.Row]:
    return store.rows(
        "SELECT * FROM shown_messages WHERE mailbox = ? AND folder = 'inbox' ORDER BY key",
        address.lower(),
    )


def _refuse_pages(request: Request) -> None:
    # Only a program can send this type without the browser asking first, so no page can.
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise HTTPException(400, "Content-Type must be application/json.")


async def _body(request: Request, model: type[Asked]) -> Asked:
    _refuse_pages(request)
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = "/".join(str(step) for step in first["loc"]) or "the body"
        raise HTTPException(400, f"{place}: {first['msg']}.") from error


def _file(request: Request, store: Store, row: sqlite3.Row) -> dict[str, Any]:
    links = store.rows("SELECT * FROM share_links WHERE item = ?", row["key"])
    return {
        "id": row["id"],
        "path": row["path"],
        "name": row["path"].rpartition("/")[2],
        "size": row["size"],
        "quickXorHash": row["quick_xor_hash"],
        "links": [
            {
                "url": sharing.link_address(request, row["owner"], link),
                "expiresAt": link["expires_at"],
            }
            for link in links
        ],
    }


def _item(store: Store, row: sqlite3.Row) -> dict[str, Any]:
    stored = json.loads(row["resource"])
    body = stored.get("body") or {}
    attachments = store.rows("SELECT * FROM attachments WHERE message = ?", row["key"])
    return {
        "id": row["immutable_id"],
        "subject": stored.get("subject") or "",
        "from": (stored["from"].get("emailAddress") or {}).get("address"),
        "receivedAt": row["received_at"],
        "html": body.get("content") if body.get("contentType") == "html" else None,
        "text": row["plain_text"],
        "headers": dict(json.loads(row["headers"])),
        "attachments": [
            {
                "name": attachment["name"],
                "size": attachment["size"],
                "contentType": attachment["content_type"],
                "contentId": attachment["content_id"],
                "isInline": bool(attachment["is_inline"]),
            }
            for attachment in attachments
        ],
    }
