"""Files from the request to the recipient and into the timeline, through the real processes
(T5, T6, S1)."""

from __future__ import annotations

import base64
import html
import re
from typing import Any

import httpx
import pytest

from tests.web.running_service import RunningService, soon

pytestmark = pytest.mark.processes

OFFER = bytes(range(256)) * 40
BROWSER = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


def given(name: str, content: bytes = OFFER, **fields: Any) -> dict[str, Any]:
    return {"name": name, "content": base64.b64encode(content).decode(), **fields}


def post(
    service: RunningService, address: str, attachments: list[dict[str, Any]], **fields: Any
) -> httpx.Response:
    body = {
        "from": "ana@contoso.com",
        "to": [{"address": address, "record": {"type": "contact", "id": address}}],
        "subject": "Offer",
        "html": "<p>Here it is.</p>",
        "attachments": attachments,
    }
    return service.call("POST", "messages", body | fields)


def sent(
    service: RunningService, address: str, attachments: list[dict[str, Any]], **fields: Any
) -> str:
    """The id of a message, once it is sent."""
    answer = post(service, address, attachments, **fields)
    assert answer.status_code == 202, answer.text
    message: str = answer.json()["id"]
    return soon(lambda: message if shown(service, message)["status"] == "sent" else "")


def shown(service: RunningService, message: str) -> dict[str, Any]:
    value: dict[str, Any] = service.call("GET", f"messages/{message}").json()
    assert value["status"] != "failed", value["failure"]
    return value


def arrived(service: RunningService, address: str) -> dict[str, Any]:
    (mail,) = soon(lambda: service.received(address))
    return mail


def file_links(service: RunningService, mail: dict[str, Any]) -> list[str]:
    found = re.findall(rf"{service.host_address}/a/[^\s\"'<>]+", mail["html"])
    return [html.unescape(address) for address in found]


def drive_files(service: RunningService, user: str = "ana@contoso.com") -> list[dict[str, Any]]:
    address = f"{service.graph.address}/_local/drives/{user}/files"
    items: list[dict[str, Any]] = httpx.get(address).json()["items"]
    return items


def upload(service: RunningService, name: str, content: bytes) -> str:
    """The id of an upload whose bytes are there."""
    answer = service.call("POST", "uploads", {"name": name, "size": len(content)})
    assert answer.status_code == 201, answer.text
    put = httpx.put(answer.json()["url"], content=content, headers={"x-ms-blob-type": "BlockBlob"})
    assert put.status_code == 201, put.text
    found: str = answer.json()["id"]
    return found


def test_followed_and_ordinary_files_mix_and_a_view_of_one_is_told(
    service: RunningService,
) -> None:
    large = upload(service, "plano & preços.pdf", OFFER * 600)
    message = sent(
        service,
        "mix@example.com",
        [
            given("offer.pdf", follow=True),
            given("terms.txt", b"as usual"),
            {"upload": large, "follow": True},
        ],
    )
    mail = arrived(service, "mix@example.com")
    assert [(one["name"], one["size"] > 0) for one in mail["attachments"]] == [("terms.txt", True)]
    first, second = file_links(service, mail)
    assert [one["name"] for one in drive_files(service)] == ["offer.pdf", "plano & preços.pdf"]
    assert "offer.pdf" in mail["text"] and first in mail["text"]

    for link, content in ((first, OFFER), (second, OFFER * 600)):
        answer = service.host.client.get(link, headers=BROWSER)
        assert answer.status_code == 302
        assert httpx.get(answer.headers["location"]).content == content
    value = soon(lambda: _viewed(service, message, 2))
    assert [(one["name"], one["followed"]) for one in value["attachments"]] == [
        ("offer.pdf", True),
        ("terms.txt", False),
        ("plano & preços.pdf", True),
    ]
    items = service.call("GET", f"messages/{message}/events").json()["items"]
    views = {item["attachment"]["name"] for item in items if item["kind"] == "attachmentView"}
    assert views == {"offer.pdf", "plano & preços.pdf"}
    # What was staged for it is not needed any more; the upload itself may serve other messages.
    blobs = [name for name, _ in service.stored()["contoso content"]]
    assert not [name for name in blobs if message in name and name.startswith("files/")]


def test_a_file_taken_back_is_gone_and_the_timeline_says_so(service: RunningService) -> None:
    message = sent(service, "back@example.com", [given("secret.pdf", follow=True)])
    (link,) = file_links(service, arrived(service, "back@example.com"))
    assert service.host.client.get(link, headers=BROWSER).status_code == 302

    path = f"messages/{message}/attachments/1"
    assert service.call("DELETE", path).status_code == 204
    gone = service.host.client.get(link, headers=BROWSER | {"accept-language": "pt-BR"})
    assert (gone.status_code, "location" in gone.headers) == (410, False)
    assert "não está mais compartilhado" in gone.text
    assert service.call("DELETE", path).status_code == 204
    soon(lambda: "secret.pdf" not in [one["name"] for one in drive_files(service)])

    value = soon(lambda: _viewed(service, message, 1))
    assert value["attachments"][0]["withdrawnAt"] is not None
    items = service.call("GET", f"messages/{message}/events").json()["items"]
    withdrawn = [item for item in items if item["kind"] == "withdrawn"]
    assert [item["attachment"] for item in withdrawn] == [{"id": "1", "name": "secret.pdf"}]


@pytest.mark.parametrize("number", ["2", "0", "99", "x", "1x", "%C2%B2"])
def test_only_a_followed_file_of_the_message_can_be_taken_back(
    service: RunningService, number: str
) -> None:
    address = f"only{abs(hash(number))}@example.com"
    message = sent(service, address, [given("a.pdf", follow=True), given("b.pdf")])
    assert service.call("DELETE", f"messages/{message}/attachments/{number}").status_code == 404


def test_files_are_nothing_to_another_organization(service: RunningService) -> None:
    ours = upload(service, "ours.pdf", OFFER)
    theirs = {
        "from": "ana@fabrikam.com",
        "to": [{"address": "li@example.com"}],
        "subject": "x",
        "text": "x",
        "attachments": [{"upload": ours}],
    }
    answer = service.call("POST", "/api/orgs/fabrikam/messages", theirs, key="local-fabrikam")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/attachments/0/upload"
    message = sent(service, "ours@example.com", [given("a.pdf", follow=True)])
    path = f"/messages/{message}/attachments/1"
    for organization, expected in (("fabrikam", 404), ("contoso", 404)):
        answer = service.call("DELETE", f"/api/orgs/{organization}{path}", key="local-fabrikam")
        assert answer.status_code == expected
    assert shown(service, message)["attachments"][0]["withdrawnAt"] is None


def test_an_upload_counts_once_its_bytes_are_there(service: RunningService) -> None:
    answer = service.call("POST", "uploads", {"name": "a.pdf", "size": 10})
    id_, url = answer.json()["id"], answer.json()["url"]
    refused = post(service, "li@example.com", [{"upload": id_}])
    assert (refused.status_code, "PUT the bytes" in refused.text) == (422, True)
    httpx.put(url, content=b"short", headers={"x-ms-blob-type": "BlockBlob"}).raise_for_status()
    refused = post(service, "li@example.com", [{"upload": id_}])
    assert "5 bytes were uploaded instead of 10" in refused.text, refused.text
    httpx.put(url, content=b"0123456789", headers={"x-ms-blob-type": "BlockBlob"})
    sent(service, "once@example.com", [{"upload": id_}])
    # It serves another message, too, and who has its address changes nothing that was accepted.
    httpx.put(url, content=b"9876543210", headers={"x-ms-blob-type": "BlockBlob"})
    sent(service, "twice@example.com", [{"upload": id_}])


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"name": "a.pdf", "size": 150 * 1024**2 + 1}, 413, "/size"),
        ({"name": "a.pdf", "size": 0}, 422, "/size"),
        ({"name": "a.pdf", "size": "10"}, 422, "/size"),
        ({"name": "a/b.pdf", "size": 10}, 422, "/name"),
        ({"size": 10}, 422, "/name"),
        ({"name": "a.pdf", "size": 10, "contentType": "pdf"}, 422, "/contentType"),
        ({"name": "a.pdf", "size": 10, "follow": True}, 422, "/follow"),
    ],
)
def test_an_upload_that_cannot_be_is_refused(
    service: RunningService, body: dict[str, Any], status: int, pointer: str
) -> None:
    answer = service.call("POST", "uploads", body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (status, pointer)


def test_only_who_may_send_may_upload(service: RunningService) -> None:
    body = {"name": "a.pdf", "size": 10}
    assert service.call("POST", "uploads", body, key=None).status_code == 401
    assert service.call("POST", "uploads", body, key=service.new_key("read")).status_code == 403
    path = "/api/orgs/fabrikam/uploads"
    assert service.call("POST", path, body).status_code == 404


def test_files_that_are_too_much_for_a_mail_are_refused_unless_they_are_linked(
    service: RunningService,
) -> None:
    large = upload(service, "large.bin", bytes(19 * 1024**2))
    refused = post(service, "li@example.com", [{"upload": large}])
    assert (refused.status_code, refused.json()["code"]) == (422, "attachmentsTooLarge")
    refused = post(service, "li@example.com", [{"upload": large, "follow": True}], follow="off")
    assert (refused.status_code, refused.json()["code"]) == (422, "attachmentsTooLarge")
    sent(service, "large@example.com", [{"upload": large, "follow": True}])


def test_the_files_of_a_message_that_is_not_followed_travel_in_it(
    service: RunningService,
) -> None:
    message = sent(service, "plain@example.com", [given("offer.pdf", follow=True)], follow="off")
    mail = arrived(service, "plain@example.com")
    assert [one["name"] for one in mail["attachments"]] == ["offer.pdf"]
    assert service.host_address not in mail["html"]
    (attachment,) = shown(service, message)["attachments"]
    assert (attachment["followed"], attachment["place"]) == (False, None)


def _viewed(service: RunningService, message: str, times: int) -> dict[str, Any] | None:
    value = shown(service, message)
    return value if value["kpis"]["attachmentViews"] == times else None
