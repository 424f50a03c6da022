"""``/_local``: what tests and people ask that Graph has no answer for."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import drives, sharing
from .faults import add_faults, pending_faults, read_plan
from .store import Store, store_of


def routes() -> list[Route]:
    return [
        Route("/_local", forget_everything, methods=["DELETE"]),
        Route("/_local/mailboxes/{address}/messages", received_messages, methods=["GET"]),
        Route("/_local/drives/{user}/files", show_files, methods=["GET"]),
        Route("/_local/faults", plan_faults, methods=["POST"]),
        Route("/_local/faults", show_faults, methods=["GET"]),
        Route("/_local/requests", show_requests, methods=["GET"]),
    ]


async def forget_everything(request: Request) -> Response:
    """Mail, drives, faults and the log of requests: as on the first start."""
    store_of(request).forget_everything()
    return Response(status_code=204)


async def received_messages(request: Request) -> Response:
    """What the address received, oldest first."""
    store = store_of(request)
    rows = inbox(store, request.path_params["address"])
    return JSONResponse({"items": [_item(store, row) for row in rows]})


async def show_files(request: Request) -> Response:
    """What is in the drive, oldest first, with the links that lead to it."""
    store, owner = store_of(request), request.path_params["user"].lower()
    return JSONResponse(
        {"items": [_file(request, store, row) for row in drives.files(store, owner)]}
    )


async def plan_faults(request: Request) -> Response:
    # Only a program can send this type without the browser asking first, so no page can.
    if not request.headers.get("content-type", "").startswith("application/json"):
        return JSONResponse({"error": "Content-Type must be application/json."}, 400)
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


def inbox(store: Store, address: str) -> list[sqlite3.Row]:
    return store.rows(
        "SELECT * FROM shown_messages WHERE mailbox = ? AND folder = 'inbox' ORDER BY key",
        address.lower(),
    )


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
