"""Trying again over the API: who may, and what is answered."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.web.running_service import RunningService, soon

pytestmark = pytest.mark.processes

OUT_OF_SCOPE = {
    "method": "POST",
    "path": "/messages$",
    "kind": "status",
    "status": 403,
    "code": "ErrorAccessDenied",
}


def status(service: RunningService, message: str) -> str:
    found: str = service.call("GET", f"messages/{message}").json()["status"]
    return found


@pytest.fixture
def failed(service: RunningService) -> str:
    """A message of Ana's that failed."""
    service.faults(OUT_OF_SCOPE)
    body = {
        "from": "ana@contoso.com",
        "to": [{"address": "li@example.com"}],
        "subject": "Offer",
        "text": "Hello",
    }
    message: str = service.call("POST", "messages", body).json()["id"]
    return soon(lambda: message if status(service, message) == "failed" else "")


def retry(service: RunningService, message: str, **call: object) -> httpx.Response:
    return service.call("POST", f"messages/{message}/retry", **call)  # type: ignore[arg-type]


def test_a_failed_message_is_sent_when_it_is_tried_again(
    service: RunningService, failed: str
) -> None:
    answer = retry(service, failed)
    assert (answer.status_code, answer.json()["id"]) == (202, failed)
    assert answer.json()["links"]["self"] == f"/api/orgs/contoso/messages/{failed}"
    soon(lambda: status(service, failed) == "sent")
    assert retry(service, failed).status_code == 409


def test_only_who_may_send_it_may_try_it_again(service: RunningService, failed: str) -> None:
    assert retry(service, failed, key=None).status_code == 401
    assert retry(service, failed, key=service.new_key("read")).status_code == 403
    assert retry(service, failed, key="local-fabrikam").status_code == 404
    there = f"/api/orgs/fabrikam/messages/{failed}/retry"
    assert service.call("POST", there, key="local-fabrikam").status_code == 404
    # A manager reads, an administrator of another organization is nobody here.
    for person, expected in (("bruno@contoso.com", 403), ("carla@fabrikam.com", 404)):
        signed_in = {"cookie": service.sign_in(person), "origin": service.host.address}
        assert retry(service, failed, key=None, headers=signed_in).status_code == expected
    assert status(service, failed) == "failed"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({"evenIfSent": "yes"}, "/evenIfSent"), ({"force": True}, "/force")],
)
def test_a_mistake_is_pointed_at(
    service: RunningService, failed: str, body: dict[str, object], pointer: str
) -> None:
    answer = retry(service, failed, body=body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert status(service, failed) == "failed"


def test_a_manager_gives_a_failed_message_to_another_seller_who_tries_it_again_a3(
    service: RunningService, failed: str
) -> None:
    """A manager may do this and nothing else; a seller cannot give their own away."""

    def change(person: str, body: Any, **more: str) -> int:
        headers = {"cookie": service.sign_in(person), "sec-fetch-site": "same-origin", **more}
        path = f"messages/{failed}"
        return service.call("PATCH", path, body, key=None, headers=headers).status_code

    carlas = {"from": "carla@contoso.com", "seller": "carla@contoso.com"}
    assert change("ana@contoso.com", carlas) == 403
    for body, expected in (
        ({}, 403),
        (carlas | {"subject": "Other"}, 403),
        ({"subject": "Other"}, 403),
        ({"from": "bruno@elsewhere.example"}, 422),
        ({"from": None}, 422),
    ):
        assert change("bruno@contoso.com", body) == expected
    bruno = "bruno@contoso.com"
    assert change(bruno, carlas, **{"sec-fetch-site": "cross-site"}) == 403
    assert change(bruno, carlas) == 200
    shown = service.call("GET", f"messages/{failed}").json()
    assert (shown["seller"], shown["status"]) == ("carla@contoso.com", "failed")
    signed_in = {"cookie": service.sign_in(bruno), "origin": service.host.address}
    assert retry(service, failed, key=None, headers=signed_in).status_code == 403
    signed_in["cookie"] = service.sign_in("carla@contoso.com")
    assert retry(service, failed, key=None, headers=signed_in).status_code == 202
    soon(lambda: status(service, failed) == "sent")
