"""Attachments: small ones in one request, large ones in an upload session."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from tests.local.graph.mail import ANA, created, received, refused, sent, shown, until

MEGABYTE = 1024 * 1024


def file(content: bytes, **changes: Any) -> dict[str, Any]:
    return {
        "@odata.type": "#microsoft.graph.fileAttachment",
        "name": "offer.pdf",
        "contentType": "application/pdf",
        "contentBytes": base64.b64encode(content).decode(),
    } | changes


def session(http: httpx.Client, item: str, size: int, **changes: Any) -> httpx.Response:
    wanted = {"attachmentType": "file", "name": "big.zip", "size": size} | changes
    address = f"{ANA}/{item}/attachments/createUploadSession"
    return http.post(address, json={"AttachmentItem": wanted})


def put(http: httpx.Client, address: str, content: bytes, start: int, total: int) -> httpx.Response:
    end = start + len(content) - 1
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Range": f"bytes {start}-{end}/{total}",
    }
    return http.put(address, content=content, headers=headers)


def test_a_small_file_travels_with_its_message(http: httpx.Client) -> None:
    item = created(http)["id"]
    attached = http.post(f"{ANA}/{item}/attachments", json=file(b"\x00PDF"))
    assert attached.status_code == 201
    assert attached.json()["size"] == 4
    (listed,) = http.get(f"{ANA}/{item}/attachments").json()["value"]
    assert listed == attached.json() == http.get(f"{ANA}/{item}/attachments/{listed['id']}").json()
    assert shown(http, item)["hasAttachments"] is True
    assert http.post(f"{ANA}/{item}/send").status_code == 202
    until(lambda: len(received(http, "li@example.com")) == 1)
    (copy,) = received(http, "li@example.com")
    assert [(a["name"], a["size"]) for a in copy["attachments"]] == [("offer.pdf", 4)]


def test_an_inline_image_alone_is_no_attachment_to_people(http: httpx.Client) -> None:
    item = created(http)["id"]
    http.post(f"{ANA}/{item}/attachments", json=file(b"x", isInline=True, contentId="logo"))
    assert shown(http, item)["hasAttachments"] is False


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (file(b"x") | {"@odata.type": "#microsoft.graph.itemAttachment"}, 400, "RequestBodyRead"),
        ({"name": "a", "contentBytes": "AAEC"}, 400, "RequestBodyRead"),
        (file(b"x", contentBytes="%%%"), 400, "RequestBodyRead"),
        (file(b"x", size=1), 400, "RequestBodyRead"),
        (file(b"x", name=None), 400, "ErrorRequiredPropertyMissing"),
        (file(b"x" * 3 * MEGABYTE), 413, "RequestEntityTooLarge"),
    ],
)
def test_what_is_no_small_file_is_refused(
    http: httpx.Client, body: dict[str, Any], status: int, code: str
) -> None:
    item = created(http)["id"]
    refused(http.post(f"{ANA}/{item}/attachments", json=body), status, code)
    assert http.get(f"{ANA}/{item}/attachments").json()["value"] == []


def test_only_a_draft_takes_files(http: httpx.Client) -> None:
    item = sent(http)["id"]
    refused(http.post(f"{ANA}/{item}/attachments", json=file(b"x")), 404, "ErrorItemNotFound")


def test_a_large_file_is_uploaded_in_chunks_and_can_be_resumed(http: httpx.Client) -> None:
    content = bytes(range(256)) * (5 * MEGABYTE // 256)
    size, first = len(content), 4 * MEGABYTE
    item = created(http)["id"]
    opened = session(http, item, size, contentType="application/zip")
    assert opened.status_code == 201
    assert opened.json()["nextExpectedRanges"] == ["0-"]
    address = opened.json()["uploadUrl"]

    more = put(http, address, content[:first], 0, size)
    assert (more.status_code, more.json()["nextExpectedRanges"]) == (200, [str(first)])
    assert http.get(address).json()["nextExpectedRanges"] == [f"{first}-"]
    done = put(http, address, content[first:], first, size)
    assert (done.status_code, done.content) == (201, b"")

    attachment = done.headers["location"].rsplit("Attachments('", 1)[1].removesuffix("')")
    stored = http.get(f"{ANA}/{item}/attachments/{attachment}").json()
    assert base64.b64decode(stored["contentBytes"]) == content
    assert (stored["name"], stored["contentType"]) == ("big.zip", "application/zip")
    refused(http.get(address), 404, "ErrorItemNotFound")


def test_chunks_that_do_not_fit_are_refused_and_change_nothing(http: httpx.Client) -> None:
    size = 5 * MEGABYTE
    address = session(http, created(http)["id"], size).json()["uploadUrl"]
    chunk = b"x" * 1000
    refused(put(http, address, chunk, 1000, size), 416, "ErrorInvalidContentRange")
    refused(put(http, address, chunk, 0, size + 1), 400, "ErrorInvalidContentRange")
    refused(put(http, address, b"x" * (4 * MEGABYTE + 1), 0, size), 413, "RequestEntityTooLarge")
    wrong_range = {"Content-Type": "application/octet-stream", "Content-Range": f"bytes 0-1/{size}"}
    answer = http.put(address, content=chunk, headers=wrong_range)
    refused(answer, 400, "ErrorInvalidContentRange")
    for headers in ({"Content-Type": "a/b"}, {"Content-Range": f"bytes 0-999/{size}"}):
        refused(http.put(address, content=chunk, headers=headers), 400, "BadRequest")
    assert http.get(address).json()["nextExpectedRanges"] == ["0-"]


def test_an_upload_address_takes_no_token_and_no_other_address_works(http: httpx.Client) -> None:
    address = session(http, created(http)["id"], 4 * MEGABYTE).json()["uploadUrl"]
    leaked = http.get(address, headers={"Authorization": "Bearer secret"})
    refused(leaked, 401, "InvalidAuthenticationToken")
    refused(http.get(address[:-1]), 401, "InvalidAuthenticationToken")
    assert http.delete(address).status_code == 204
    refused(http.get(address), 404, "ErrorItemNotFound")


@pytest.mark.parametrize(
    ("size", "changes", "code"),
    [
        (MEGABYTE, {}, "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize"),
        (151 * MEGABYTE, {}, "ErrorAttachmentSizeLimitExceeded"),
        (4 * MEGABYTE, {"name": ""}, "ErrorRequiredPropertyMissing"),
        (4 * MEGABYTE, {"attachmentType": "item"}, "ErrorRequiredPropertyMissing"),
        (4 * MEGABYTE, {"length": 1}, "RequestBodyRead"),
    ],
)
def test_a_session_that_graph_would_not_open_is_refused(
    http: httpx.Client, size: int, changes: dict[str, Any], code: str
) -> None:
    refused(session(http, created(http)["id"], size, **changes), 400, code)


def test_a_message_above_35_mb_is_not_sent(http: httpx.Client) -> None:
    item = created(http)["id"]
    size = 27 * MEGABYTE
    address = session(http, item, size).json()["uploadUrl"]
    for start in range(0, size, 4 * MEGABYTE):
        put(http, address, b"x" * min(4 * MEGABYTE, size - start), start, size)
    refused(http.post(f"{ANA}/{item}/send"), 413, "ErrorMessageSizeExceeded")


def test_a_list_of_files_can_leave_out_their_bytes(http: httpx.Client) -> None:
    item = created(http)["id"]
    http.post(f"{ANA}/{item}/attachments", json=file(b"x", isInline=True, contentId="logo"))
    wanted = {"$select": "id,name,size,isInline,microsoft.graph.fileAttachment/contentId"}
    (listed,) = http.get(f"{ANA}/{item}/attachments", params=wanted).json()["value"]
    assert set(listed) == {
        *("@odata.type", "@odata.mediaContentType", "id"),
        *("name", "size", "isInline", "contentId"),
    }
    for options in ({"$select": "contentBytes"}, {"$select": "nothing"}, {"$expand": "item"}):
        answer = http.get(f"{ANA}/{item}/attachments", params=options)
        refused(answer, 400, "RequestBroker--ParseUri")


def test_the_largest_small_file_fits_into_a_request(http: httpx.Client) -> None:
    item = created(http)["id"]
    content = b"x" * (3 * MEGABYTE - 1)
    assert http.post(f"{ANA}/{item}/attachments", json=file(content)).status_code == 201


def test_an_attachment_s_session_expires_on_demand(http: httpx.Client) -> None:
    address = session(http, created(http)["id"], 4 * MEGABYTE).json()["uploadUrl"]
    fault = {"kind": "expireSession", "path": "attachmentSessions"}
    http.post("/_local/faults", json={"faults": [fault]}).raise_for_status()
    refused(put(http, address, b"x", 0, 4 * MEGABYTE), 404, "ErrorItemNotFound")
    refused(http.get(address), 404, "ErrorItemNotFound")
