"""Sharing links and download addresses: how people without an account get a file of a drive.

A link of OneDrive opens a viewer; here it answers the file itself.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from . import drives
from .downloads import download_headers
from .drive_bodies import CreateLink
from .errors import GraphRefusal
from .mailboxes import graph_time
from .resources import read_body
from .store import Store, store_of

DOWNLOAD_LIFETIME = timedelta(hours=1)
_TYPES = frozenset({"view", "edit", "embed"})
_SCOPES = frozenset({"anonymous", "organization", "users"})


def routes() -> list[Route]:
    return [
        Route("/v1.0/drives/{drive}/items/{item}/createLink", create_link, methods=["POST"]),
        Route("/:u:/g/personal/{site}/{token}", follow_link, methods=["GET"]),
        Route("/personal/{site}/_layouts/15/download.aspx", download, methods=["GET"]),
    ]


async def create_link(request: Request) -> Response:
    owner = drives.owner_of(request.path_params["drive"])
    body = await request.body()
    asked = read_body(CreateLink, request.headers.get("content-type", ""), body)
    store, now = store_of(request), datetime.now(UTC)
    item = drives.find(store, owner, request.path_params["item"])
    _check(asked, now)
    found = store.row(
        "SELECT * FROM share_links WHERE item = ? AND (expires_at IS NULL OR expires_at > ?)",
        item["key"],
        graph_time(now),
    )
    if found is not None:
        # OneDrive has one link of a kind; it stays as it is.
        return JSONResponse(_permission(request, owner, found), 200)
    expires_at = asked.expiration_date_time
    with store.transaction():
        key = store.insert(
            "share_links",
            item=item["key"],
            id=secrets.token_hex(16),
            token="E" + secrets.token_urlsafe(32),
            expires_at=None if expires_at is None else graph_time(expires_at),
        )
    made = store.row("SELECT * FROM share_links WHERE key = ?", key)
    assert made is not None
    return JSONResponse(_permission(request, owner, made), 201)


async def follow_link(request: Request) -> Response:
    """The file; 410 when the link expired, 404 when link or file are gone."""
    store = store_of(request)
    link = store.row(
        "SELECT drive_items.*, share_links.expires_at FROM share_links JOIN drive_items"
        " ON drive_items.key = share_links.item WHERE share_links.token = ?",
        request.path_params["token"],
    )
    if link is None or drives.site_of(link["owner"]) != request.path_params["site"]:
        return PlainTextResponse("This link has been removed.", 404)
    if link["expires_at"] is not None and link["expires_at"] <= graph_time(datetime.now(UTC)):
        return PlainTextResponse("This link has expired.", 410)
    return _file(store, link)


async def download(request: Request) -> Response:
    """The file, for the short time that its address holds."""
    store = store_of(request)
    item = store.row(
        "SELECT * FROM drive_items WHERE unique_id = ? AND NOT is_folder",
        request.query_params.get("UniqueId", ""),
    )
    if item is None:
        return PlainTextResponse("The file is not there.", 404)
    until, _, given = request.query_params.get("tempauth", "").partition(".")
    if not hmac.compare_digest(given.encode(), _proof(item, until).encode()):
        return PlainTextResponse("Access denied.", 401)
    if datetime.now(UTC).timestamp() > int(until):
        return PlainTextResponse("This address has expired.", 401)
    return _file(store, item)


def download_address(request: Request, item: sqlite3.Row) -> str:
    until = str(int((datetime.now(UTC) + DOWNLOAD_LIFETIME).timestamp()))
    return (
        f"{request.base_url}personal/{drives.site_of(item['owner'])}/_layouts/15/download.aspx"
        f"?UniqueId={item['unique_id']}&tempauth={until}.{_proof(item, until)}"
    )


def link_address(request: Request, owner: str, link: sqlite3.Row) -> str:
    return f"{request.base_url}:u:/g/personal/{drives.site_of(owner)}/{link['token']}"


def _file(store: Store, item: sqlite3.Row) -> Response:
    name = item["path"].rpartition("/")[2]
    headers = download_headers(name, drives.kind_of(name))
    return FileResponse(store.contents.path(item["content"]), headers=headers)


def _check(asked: CreateLink, now: datetime) -> None:
    for given, known in ((asked.type, _TYPES), (asked.scope, _SCOPES)):
        if given not in known:
            raise GraphRefusal(400, "invalidRequest", f"'{given}' is no kind of sharing link.")
    if (asked.type, asked.scope) != ("view", "anonymous") or asked.password or asked.message:
        raise GraphRefusal(
            501, "NotImplemented", "The local Graph makes only anonymous links to view."
        )
    if asked.expiration_date_time is not None and asked.expiration_date_time <= now:
        raise GraphRefusal(400, "invalidRequest", "The expiration must be in the future.")


def _permission(request: Request, owner: str, link: sqlite3.Row) -> dict[str, Any]:
    address = link_address(request, owner, link)
    shown = {
        "@odata.context": f"{request.base_url}v1.0/$metadata#permission",
        "id": link["id"],
        "roles": ["read"],
        "shareId": "u!" + base64.urlsafe_b64encode(address.encode()).decode().rstrip("="),
        "hasPassword": False,
        "link": {
            "type": "view",
            "scope": "anonymous",
            "webUrl": address,
            "preventsDownload": False,
        },
    }
    if link["expires_at"] is not None:
        shown["expirationDateTime"] = link["expires_at"]
    return shown


def _proof(item: sqlite3.Row, until: str) -> str:
    return hmac.new(item["secret"].encode(), until.encode(), hashlib.sha256).hexdigest()
