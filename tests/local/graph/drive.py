"""Requests to a drive that the tests of the local Graph repeat."""

from __future__ import annotations

from typing import Any

import httpx

UNIT = 320 * 1024


def drive(http: httpx.Client, owner: str = "ana@contoso.com") -> str:
    """The address of the owner's drive."""
    return f"/v1.0/drives/{http.get(f'/v1.0/users/{owner}/drive').json()['id']}"


def put(http: httpx.Client, path: str, content: bytes, conflict: str = "fail") -> httpx.Response:
    return http.put(
        f"{drive(http)}/items/root:/{path}:/content",
        params={"@microsoft.graph.conflictBehavior": conflict},
        content=content,
    )


def stored(http: httpx.Client, path: str, content: bytes) -> dict[str, Any]:
    answer = put(http, path, content)
    assert answer.status_code == 201, answer.text
    item: dict[str, Any] = answer.json()
    return item


def open_upload(http: httpx.Client, path: str, **changes: Any) -> httpx.Response:
    body = {"item": {"@microsoft.graph.conflictBehavior": "fail"}} | changes
    return http.post(f"{drive(http)}/items/root:/{path}:/createUploadSession", json=body)


def opened(http: httpx.Client, path: str) -> str:
    """The upload address of a new session."""
    answer = open_upload(http, path)
    assert answer.status_code == 200, answer.text
    address: str = answer.json()["uploadUrl"]
    return address


def put_piece(
    http: httpx.Client, address: str, content: bytes, start: int, total: int
) -> httpx.Response:
    said = f"bytes {start}-{start + len(content) - 1}/{total}"
    return http.put(address, content=content, headers={"Content-Range": said})


def files(http: httpx.Client, owner: str = "ana@contoso.com") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = http.get(f"/_local/drives/{owner}/files").json()["items"]
    return items
