"""Sharing links: who gets a file, until when, and how."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.local.graph.drive import drive, files, stored
from tests.local.graph.mail import refused, until
from tests.local.graph.test_faults import plan


def link(http: httpx.Client, item: dict[str, Any], **changes: Any) -> httpx.Response:
    body = {"type": "view", "scope": "anonymous", "retainInheritedPermissions": True} | changes
    return http.post(f"{drive(http)}/items/{item['id']}/createLink", json=body)


def later(**time: float) -> str:
    return (datetime.now(UTC) + timedelta(**time)).isoformat(timespec="milliseconds")


def test_a_link_leads_everybody_to_the_file(http: httpx.Client) -> None:
    item = stored(http, "m/Angebot ü.pdf", b"the offer")
    made = link(http, item, expirationDateTime=later(days=30))
    assert made.status_code == 201
    permission = made.json()
    assert permission["roles"] == ["read"]
    assert permission["link"]["scope"] == "anonymous"
    file = httpx.get(permission["link"]["webUrl"])
    assert (file.status_code, file.content) == (200, b"the offer")
    assert (
        file.headers["content-disposition"] == "attachment; filename*=utf-8''Angebot%20%C3%BC.pdf"
    )
    assert file.headers["content-type"] == "application/octet-stream"
    assert "sandbox" in file.headers["content-security-policy"]
    assert httpx.get(file.url, headers={"Range": "bytes=4-8"}).content == b"offer"
    assert [shown["url"] for shown in files(http)[0]["links"]] == [permission["link"]["webUrl"]]


def test_a_file_has_one_link_of_a_kind(http: httpx.Client) -> None:
    item = stored(http, "a.txt", b"x")
    first = link(http, item)
    again = link(http, item, expirationDateTime=later(days=1))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()


def test_a_link_ends_when_it_expires_and_a_new_one_is_made(http: httpx.Client) -> None:
    item = stored(http, "a.txt", b"x")
    address = link(http, item, expirationDateTime=later(seconds=2)).json()["link"]["webUrl"]
    until(lambda: httpx.get(address).status_code == 410)
    renewed = link(http, item)
    assert renewed.status_code == 201
    assert httpx.get(renewed.json()["link"]["webUrl"]).content == b"x"


def test_a_link_ends_with_its_file(http: httpx.Client) -> None:
    item = stored(http, "a.txt", b"x")
    address = link(http, item).json()["link"]["webUrl"]
    http.delete(f"{drive(http)}/items/{item['id']}")
    assert httpx.get(address).status_code == 404
    assert httpx.get(address[:-1]).status_code == 404
    refused(link(http, item), 404, "itemNotFound")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"type": "look"}, 400, "invalidRequest"),
        ({"scope": None}, 400, "invalidRequest"),
        ({"type": "edit"}, 501, "NotImplemented"),
        ({"expirationDateTime": "2001-01-01T00:00:00Z"}, 400, "invalidRequest"),
        ({"expirationDateTime": "2101-01-01T00:00:00"}, 400, "RequestBodyRead"),
        ({"expirationDateTime": 4000000000}, 400, "RequestBodyRead"),
        ({"expires": "2101-01-01T00:00:00Z"}, 400, "RequestBodyRead"),
        ({"retainInheritedPermissions": "yes"}, 400, "RequestBodyRead"),
    ],
)
def test_a_link_that_would_not_be_made_is_refused(
    http: httpx.Client, changes: dict[str, Any], status: int, code: str
) -> None:
    item = stored(http, "a.txt", b"x")
    refused(link(http, item, **changes), status, code)
    assert files(http)[0]["links"] == []


def test_a_tenant_can_forbid_anonymous_links(http: httpx.Client) -> None:
    item = stored(http, "a.txt", b"x")
    plan(http, {"kind": "linksForbidden", "path": "/createLink", "times": 1000})
    for _ in range(2):
        refused(link(http, item), 403, "accessDenied")
    again = http.get(f"{drive(http)}/items/{item['id']}").json()
    assert http.get(again["@microsoft.graph.downloadUrl"]).content == b"x"


def test_a_download_address_cannot_be_made_up(http: httpx.Client) -> None:
    item, other = stored(http, "a.txt", b"x"), stored(http, "b.txt", b"y")
    address = httpx.URL(item["@microsoft.graph.downloadUrl"])
    unique = httpx.URL(other["@microsoft.graph.downloadUrl"]).params["UniqueId"]
    assert http.get(address.copy_set_param("UniqueId", unique)).status_code == 401
    for proof in ("", "9999999999.", "9999999999." + "0" * 64, "é.ü", "x"):
        assert http.get(address.copy_set_param("tempauth", proof)).status_code == 401
