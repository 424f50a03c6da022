"""Trying again over the API: who may, and what is answered."""

from __future__ import annotations

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
