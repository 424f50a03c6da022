"""Drafts, send later, changing, sending now and cancelling over HTTP (S1, S3, S4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.web.running_service import RunningService, soon

pytestmark = pytest.mark.processes

MESSAGE: dict[str, Any] = {
    "from": "ana@contoso.com",
    "to": [{"address": "li@example.com", "record": {"type": "contact", "id": "c-1"}}],
    "subject": "Offer",
    "html": "<p>Hello</p>",
}
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)


def post(service: RunningService, **changes: Any) -> httpx.Response:
    return service.call("POST", "messages", MESSAGE | changes)


def made(service: RunningService, **changes: Any) -> str:
    """The path of a message that was taken."""
    answer = post(service, **changes)
    assert answer.status_code == 202, answer.text
    path: str = answer.json()["links"]["self"]
    return path


def shown(service: RunningService, path: str) -> dict[str, Any]:
    value: dict[str, Any] = service.call("GET", path).json()
    return value


def test_a_draft_is_kept_changed_sent_and_answered_again(service: RunningService) -> None:
    draft = {"from": "ana@contoso.com", "draft": True}
    headers = {"idempotency-key": "a draft"}
    first = service.call("POST", "messages", draft, headers=headers)
    assert (first.status_code, first.json()["status"]) == (202, "draft")
    path = first.json()["links"]["self"]
    sent = service.call("POST", f"{path}/send")
    assert sent.status_code == 422
    assert [one["pointer"] for one in sent.json()["errors"]] == ["/to", "/subject", "/html"]

    to = [{"address": "draft@example.com", "record": {"type": "contact", "id": "c-1"}}]
    changes = {"to": to, "subject": "Now whole", "html": "<p>Hello</p>"}
    changed = service.call("PATCH", path, changes)
    assert (changed.status_code, changed.json()["status"]) == (200, "draft")
    assert changed.json()["followed"] is True
    whole = service.call("GET", f"{path}?include=body").json()
    assert whole["body"] == {"html": "<p>Hello</p>", "text": None}
    assert "body" not in shown(service, path)
    assert service.call("GET", f"{path}?include=all").status_code == 422
    drafts = service.call("GET", "messages?status=draft").json()["items"]
    assert path.rpartition("/")[2] in [one["id"] for one in drafts]

    sent = service.call("POST", f"{path}/send")
    assert (sent.status_code, sent.json()["status"]) == (202, "accepted")
    (mail,) = soon(lambda: service.received("draft@example.com"))
    assert mail["subject"] == "Now whole"
    soon(lambda: shown(service, path)["status"] == "sent")
    again = service.call("POST", f"{path}/send")
    assert (again.status_code, again.json()["status"]) == (202, "sent")
    assert service.call("POST", "messages", draft, headers=headers).text == first.text
    assert service.call("PATCH", path, {"subject": "Late"}).status_code == 409
    assert service.call("DELETE", path).status_code == 409


def test_a_deleted_draft_is_not_there_and_its_key_answers_as_before(
    service: RunningService,
) -> None:
    headers = {"idempotency-key": "a draft that goes"}
    body = MESSAGE | {"draft": True}
    first = service.call("POST", "messages", body, headers=headers)
    path = first.json()["links"]["self"]
    assert service.call("DELETE", path).status_code == 204
    for method, below in (("GET", ""), ("DELETE", ""), ("PATCH", ""), ("POST", "/send")):
        given: Any = {} if method == "PATCH" else None
        assert service.call(method, path + below, given).status_code == 404
    assert service.call("POST", "messages", body, headers=headers).text == first.text
    assert service.call("GET", path).status_code == 404


def test_a_scheduled_message_says_when_and_is_moved_and_cancelled(service: RunningService) -> None:
    local = {"local": f"{TOMORROW.year + 1}-06-01T09:00", "timeZone": "America/Sao_Paulo"}
    answer = post(service, sendAt=local)
    assert (answer.status_code, answer.json()["status"]) == (202, "scheduled")
    path = answer.json()["links"]["self"]
    value = shown(service, path)
    assert value["sendAt"] == f"{TOMORROW.year + 1}-06-01T12:00:00.000Z"
    assert value["sendAtLocal"] == local
    (listed,) = service.call("GET", "messages?status=scheduled").json()["items"]
    assert (listed["sendAt"], listed["sentAt"]) == (value["sendAt"], None)

    moved = service.call("PATCH", path, {"sendAt": TOMORROW.isoformat()})
    assert (moved.status_code, moved.json()["status"]) == (200, "scheduled")
    value = shown(service, path)
    assert datetime.fromisoformat(value["sendAt"]) == TOMORROW
    assert value["sendAtLocal"] is None

    bodies: list[Any] = [None, {}]
    for body in bodies:
        cancelled = service.call("POST", f"{path}/cancel", body)
        assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
        assert cancelled.json()["links"]["self"] == path
    for method, below in (("PATCH", ""), ("POST", "/send"), ("POST", "/retry"), ("DELETE", "")):
        refused = service.call(method, path + below, {} if method != "DELETE" else None)
        assert refused.status_code == 409, (method, below)
        assert refused.headers["content-type"].startswith("application/problem+json")
    assert shown(service, path)["status"] == "cancelled"


def test_what_is_due_in_seconds_is_sent_then_without_the_timer(service: RunningService) -> None:
    """The word is hidden until its second; timers come once a year here."""
    shown(service, made(service, draft=True))  # whatever the first request loads is loaded
    at = datetime.now(UTC) + timedelta(seconds=5)
    to = [{"address": "soon@example.com"}]
    path = made(service, to=to, sendAt=at.isoformat())
    assert shown(service, path)["status"] == "scheduled"
    soon(lambda: shown(service, path)["status"] == "sent")
    assert datetime.fromisoformat(shown(service, path)["sentAt"]) >= at
    assert len(soon(lambda: service.received("soon@example.com"))) == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"color": "red"}, "/color"),
        ({"attachments": [{"id": "1"}]}, "/attachments/0/id"),
        ({"to": [{"address": "li"}]}, "/to/0/address"),
        ({"reminder": {"condition": "anyway"}}, "/reminder/at"),
    ],
)
def test_a_change_with_mistakes_is_pointed_at(
    service: RunningService, body: dict[str, Any], pointer: str
) -> None:
    path = made(service, draft=True)
    answer = service.call("PATCH", path, body)
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]
    assert service.call("PATCH", path, {"html": "x" * 1_100_000}).status_code == 413
    assert service.call("PATCH", path, content=b"[").status_code == 400


@pytest.mark.parametrize(
    ("method", "below"), [("PATCH", ""), ("DELETE", ""), ("POST", "/send"), ("POST", "/cancel")]
)
def test_who_may_change_a_message(
    service: RunningService, method: str, below: str, keys_by_scope: dict[str, str]
) -> None:
    path = made(service, draft=True)
    body: Any = {} if method != "DELETE" else None

    def status(path: str, **more: Any) -> int:
        return service.call(method, path + below, body, **more).status_code

    assert status(path, key=None) == 401
    assert status(path, key=keys_by_scope["read"]) == 403
    assert status(path, key="local-fabrikam") == 404
    elsewhere = path.replace("contoso", "fabrikam")
    assert status(elsewhere, key="local-fabrikam") == 404
    assert status(path[:-32] + "f" * 32) == 404
    bruno = {"cookie": service.sign_in("bruno@contoso.com"), "sec-fetch-site": "same-origin"}
    assert status(path, key=None, headers=bruno) == 403
    unknown = service.call(method, f"{path}{below}?force=1", body)
    assert unknown.status_code == 422
    if below:
        assert service.call(method, path + below, {"at": "now"}).status_code == 422


def test_a_person_changes_no_message_into_somebody_elses(service: RunningService) -> None:
    ana = {"cookie": service.sign_in("ana@contoso.com"), "sec-fetch-site": "same-origin"}
    path = made(service, draft=True)
    for name in ("from", "seller"):
        changed = service.call("PATCH", path, {name: "bruno@contoso.com"}, key=None, headers=ana)
        assert changed.status_code == 403
    assert service.call("PATCH", path, {"subject": "x"}, key=None, headers=ana).status_code == 200
