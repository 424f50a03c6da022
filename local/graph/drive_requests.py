"""``/v1.0/drives/{drive}``: small files in one request, looking them up, deleting them."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import drives, sharing
from .errors import GraphRefusal, bad_query
from .mailboxes import SELLERS
from .store import store_of

# Graph takes so much in one request, though 4 MiB was long the limit.
LARGEST_FILE_IN_ONE_REQUEST = 250 * 1024 * 1024
_CONFLICT = "@microsoft.graph.conflictBehavior"


def routes() -> list[Route]:
    drive = "/v1.0/drives/{drive}"
    return [
        Route("/v1.0/users/{user}/drive", get_drive, methods=["GET"]),
        Route(drive + "/items/root:/{path:path}:/content", put_content, methods=["PUT"]),
        Route(drive + "/root:/{path:path}:/content", put_content, methods=["PUT"]),
        Route(drive + "/root:/{path:path}", get_by_path, methods=["GET"]),
        Route(drive + "/items/{item}", get_item, methods=["GET"]),
        Route(drive + "/items/{item}", delete_item, methods=["DELETE"]),
    ]


async def get_drive(request: Request) -> Response:
    owner = drives.drive_of(request.path_params["user"])
    _refuse_options(request)
    person = {"user": {"email": owner, "displayName": SELLERS[owner]}}
    return JSONResponse(
        {
            "@odata.context": f"{request.base_url}v1.0/$metadata#drives/$entity",
            "id": drives.drive_id(owner),
            "driveType": "business",
            "name": "OneDrive",
            "description": "",
            "webUrl": f"{request.base_url}personal/{drives.site_of(owner)}/Documents",
            "owner": person,
            "createdBy": person,
            "quota": {"total": 2**40, "used": 0, "remaining": 2**40, "state": "normal"},
        }
    )


async def put_content(request: Request) -> Response:
    owner, path = drives.owner_of(request.path_params["drive"]), request.path_params["path"]
    drives.check_path(path)
    _refuse_options(request)
    if request.query_params.get(_CONFLICT, "replace") != "fail":
        raise GraphRefusal(501, "NotImplemented", f"The local Graph serves only {_CONFLICT}=fail.")
    store, most = store_of(request), LARGEST_FILE_IN_ONE_REQUEST
    content = store.contents.new()
    try:
        size = await store.contents.write(content, 0, request.stream(), most)
        if size > most:
            raise GraphRefusal(413, "requestTooLarge", "The file needs an upload session.")
        quick_xor = await asyncio.to_thread(store.contents.quick_xor_hash, content)
        with store.transaction():
            row = drives.add_file(store, owner, path, content, size, quick_xor, datetime.now(UTC))
    except BaseException:
        store.contents.remove([content])
        raise
    return JSONResponse(drive_item(request, row), 201)


async def get_by_path(request: Request) -> Response:
    owner = drives.owner_of(request.path_params["drive"])
    _refuse_options(request)
    row = drives.find_by_path(store_of(request), owner, request.path_params["path"])
    return JSONResponse(drive_item(request, row))


async def get_item(request: Request) -> Response:
    owner = drives.owner_of(request.path_params["drive"])
    _refuse_options(request)
    return JSONResponse(
        drive_item(request, drives.find(store_of(request), owner, request.path_params["item"]))
    )


async def delete_item(request: Request) -> Response:
    owner = drives.owner_of(request.path_params["drive"])
    drives.delete(store_of(request), owner, request.path_params["item"])
    return Response(status_code=204)


def drive_item(request: Request, row: sqlite3.Row) -> dict[str, Any]:
    """The file or folder in Graph's form."""
    folder, _, name = row["path"].rpartition("/")
    owner, drive = row["owner"], drives.drive_id(row["owner"])
    shown = {
        "@odata.context": f"{request.base_url}v1.0/$metadata#drives('{quote(drive)}')"
        "/items/$entity",
        "id": row["id"],
        "name": name,
        "size": row["size"],
        "eTag": f'"{{{row["unique_id"]}}},1"',
        "cTag": f'"c:{{{row["unique_id"]}}},1"',
        "createdDateTime": row["at"],
        "lastModifiedDateTime": row["at"],
        "webUrl": f"{request.base_url}personal/{drives.site_of(owner)}/Documents/"
        + quote(row["path"]),
        "parentReference": {
            "driveType": "business",
            "driveId": drive,
            "id": drives.parent_id(store_of(request), row),
            "name": folder.rpartition("/")[2] or "root",
            "path": f"/drives/{drive}/root:" + (f"/{folder}" if folder else ""),
        },
        "fileSystemInfo": {"createdDateTime": row["at"], "lastModifiedDateTime": row["at"]},
    }
    if row["is_folder"]:
        return shown | {"folder": {"childCount": 0}}
    return shown | {
        "@microsoft.graph.downloadUrl": sharing.download_address(request, row),
        "file": {
            "mimeType": drives.kind_of(name),
            "hashes": {"quickXorHash": row["quick_xor_hash"]},
        },
    }


def _refuse_options(request: Request) -> None:
    for name in request.query_params:
        if name.startswith("$") or (name.startswith("@") and name != _CONFLICT):
            raise bad_query(f"The query option '{name}' is not supported.")
