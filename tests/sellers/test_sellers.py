"""What sellers decide for their own mail, over the API, and the signature in what they send (A3,
S1)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from shared.model import Seller
from shared.organizations import Organization
from shared.sellers.store import load_seller, store_seller
from tests.web.running_service import RunningService, soon

WHOLE: dict[str, Any] = {
    "name": "Ana Souza",
    "language": "pt-BR",
    "timeZone": "America/Sao_Paulo",
    "signature": '<p onload="x()">Ana <a href="https://contoso.com/">Contoso</a></p><script>x()</script>',
    "signatureText": "Ana\nContoso",
    "cards": {
        "opened": True,
        "reminderDue": True,
        "failed": False,
        "bounced": True,
        "clicked": True,
        "attachmentViewed": False,
        "replied": False,
        "openedAgain": False,
    },
}
NOTHING = {
    "name": None,
    "language": None,
    "timeZone": None,
    "signature": None,
    "signatureText": None,
    "cards": {**WHOLE["cards"], "failed": True, "clicked": False},
}
UNREAD = {"mailboxTimeZone": None}
"""What the watcher of mailboxes has not told yet."""
ANA = "sellers/ana@contoso.com"


def put(service: RunningService, body: Any, path: str = ANA, **more: Any) -> httpx.Response:
    return service.call("PUT", path, body, **more)


@pytest.mark.processes
def test_a_seller_is_read_as_it_was_written_whoever_spells_the_address_how(
    service: RunningService,
) -> None:
    answer = put(service, WHOLE, "sellers/Ana%40Contoso.com")
    assert (answer.status_code, answer.json()) == (
        200,
        {"address": "ana@contoso.com", **WHOLE, **UNREAD},
    )
    assert service.call("GET", "sellers/ANA@contoso.com").json() == answer.json()
    assert answer.headers["content-type"].startswith("application/json")
    assert put(service, {"signature": " \n", "name": "Ana"}).json() == {
        "address": "ana@contoso.com",
        **NOTHING,
        **UNREAD,
        "name": "Ana",
    }


@pytest.mark.processes
def test_a_seller_who_decided_nothing_has_the_defaults(service: RunningService) -> None:
    answer = service.call("GET", "sellers/new@contoso.com")
    assert answer.json() == {"address": "new@contoso.com", **NOTHING, **UNREAD}


@pytest.mark.processes
def test_a_seller_of_another_organization_is_none_a1(service: RunningService) -> None:
    theirs = "/api/orgs/fabrikam/sellers/ana@fabrikam.com"
    for path in ("sellers/ana@fabrikam.com", "sellers/li@example.com", theirs):
        assert service.call("GET", path).status_code == 404
        assert put(service, WHOLE, path).status_code == 404
    assert service.call("GET", theirs, key="local-fabrikam").json()["signature"] is None


MISTAKES: list[tuple[dict[str, Any], str, int]] = [
    ({"address": "ana@contoso.com"}, "/address", 422),
    ({"time_zone": "Europe/Paris"}, "/time_zone", 422),
    ({"timeZone": "Mars/Olympus"}, "/timeZone", 422),
    ({"language": "fr"}, "/language", 422),
    ({"name": "a\nb"}, "/name", 422),
    ({"cards": {"opened": "yes"}}, "/cards/opened", 422),
    ({"cards": {"closed": True}}, "/cards/closed", 422),
    ({"signature": 7}, "/signature", 422),
    ({"signature": "é" * 32 * 1024 + "x"}, "/signature", 413),
    ({"signatureText": "x" * 64 * 1024 + "x"}, "/signatureText", 413),
]


@pytest.mark.processes
@pytest.mark.parametrize(
    ("body", "pointer", "status"), MISTAKES, ids=[pointer for _, pointer, _ in MISTAKES]
)
def test_a_mistake_is_pointed_at_and_nothing_changes(
    service: RunningService, body: dict[str, Any], pointer: str, status: int
) -> None:
    before = put(service, WHOLE).json()
    answer = put(service, body)
    assert answer.status_code == status
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert service.call("GET", ANA).json() == before


@pytest.mark.processes
def test_what_cannot_be_an_address_is_no_seller(service: RunningService) -> None:
    answer = put(service, {}, "sellers/a%20na@contoso.com")
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/address"]
    assert service.call("GET", f"{ANA}?x=1").status_code == 422
    assert service.call("DELETE", ANA).status_code == 404


@pytest.mark.processes
def test_who_may_write_is_who_may_send_and_a_person_writes_their_own_a3(
    service: RunningService,
) -> None:
    for scope, status in (("read", 403), ("send", 200), ("admin", 200)):
        key = service.new_key(scope)
        assert put(service, {}, key=key).status_code == status
        assert service.call("GET", ANA, key=key).status_code == 200
    for person, own, other in (
        ("ana@contoso.com", 200, 403),
        ("bruno@contoso.com", 403, 403),
        ("carla@contoso.com", 200, 200),
    ):
        for address, status in ((person, own), ("dana@contoso.com", other)):
            answer = from_our_page(service, person, f"sellers/{address}", {"name": "x"})
            assert answer.status_code == status, (person, address)


def from_our_page(
    service: RunningService, person: str, path: str, body: dict[str, Any]
) -> httpx.Response:
    headers = {"cookie": service.sign_in(person), "sec-fetch-site": "same-origin"}
    return put(service, body, path, key=None, headers=headers)


@pytest.mark.processes
def test_what_a_seller_sends_carries_their_signature_and_our_words_their_language_s1(
    service: RunningService,
) -> None:
    put(service, WHOLE)
    message = {
        "from": "ana@contoso.com",
        "to": [{"address": "li@example.com"}],
        "subject": "Offer",
        "follow": "off",
    }
    for changes in ({"html": "<p>Hi</p>"}, {"text": "Hi"}, {"html": "Hi", "signature": False}):
        assert service.call("POST", "messages", message | changes).status_code == 202
    answer = service.call("POST", "messages", message | {"html": "<p>Hi</p>"}).json()
    assert answer["notFollowedReasons"][0]["message"].startswith("Você")
    soon(lambda: len(service.received("li@example.com")) == 4)
    mails = service.received("li@example.com")
    signed = f"<p>Hi</p><br><div>{WHOLE['signature']}</div>"
    bodies = sorted(mail["html"] or "" for mail in mails)
    assert bodies == sorted(["", signed, signed, "Hi"])
    assert [mail["text"].rstrip() for mail in mails if not mail["html"]] == ["Hi\n\nAna\nContoso"]


async def test_the_largest_signature_is_kept_whole(contoso: Organization) -> None:
    seller = Seller("ana@contoso.com", signature="é" * 32 * 1024, signature_text="x" * 64 * 1024)
    await store_seller(contoso, seller)
    assert await load_seller(contoso, "Ana@Contoso.com") == seller
