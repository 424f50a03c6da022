"""Cards over the API: from a hit to a card, and what may be done with it (R2, R3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.sending.test_trying_again_api import OUT_OF_SCOPE
from tests.web.running_service import RunningService, soon

pytestmark = pytest.mark.processes
LISTED = "cards?seller=ana@contoso.com"
MESSAGE = {
    "from": "ana@contoso.com",
    "to": [{"address": "li@example.com", "record": {"type": "contact", "id": "c-1"}}],
    "subject": "Offer",
    "html": "<p>Hello</p>",
}


def at_once_but_scheduled() -> str:
    return (datetime.now(UTC) + timedelta(seconds=2)).isoformat()


def cards(service: RunningService, path: str = LISTED) -> list[dict[str, Any]]:
    answer = service.call("GET", path)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


@pytest.fixture(scope="module")
def failed(service: RunningService) -> dict[str, Any]:
    """The card of a message that Graph refused."""
    service.faults(OUT_OF_SCOPE)
    message = service.call("POST", "messages", MESSAGE).json()["id"]
    (card,) = soon(lambda: cards(service))
    assert card["message"]["id"] == message
    return card


def test_a_message_that_cannot_be_sent_is_told_with_its_reason(
    service: RunningService, failed: dict[str, Any]
) -> None:
    message = failed["message"]["id"]
    assert failed == {
        "id": f"{message}-failed",
        "kind": "failed",
        "priority": "normal",
        "at": failed["at"],
        "state": "shown",
        "snoozedUntil": None,
        "message": {"id": message, "subject": "Offer", "to": "li@example.com"},
        "recipient": None,
        "place": None,
        "comment": None,
        "failure": failed["failure"],
        "links": {
            "message": f"/api/orgs/contoso/messages/{message}",
            "page": f"/orgs/contoso/messages/{message}",
        },
    }
    assert failed["failure"]["code"] == "mailboxOutOfScope"
    spanish = service.call("GET", LISTED, headers={"accept-language": "es"}).json()["items"][0]
    assert spanish["failure"]["message"] != failed["failure"]["message"]


def test_asking_with_the_tag_of_the_answer_before_answers_304_until_something_changes(
    service: RunningService, failed: dict[str, Any]
) -> None:
    first = service.call("GET", LISTED)

    def again(path: str = LISTED, **headers: str) -> httpx.Response:
        return service.call("GET", path, headers={"if-none-match": first.headers["etag"]} | headers)

    assert (again().status_code, again().content) == (304, b"")
    assert again().headers["etag"] == first.headers["etag"]
    for path in ("cards?seller=bruno@contoso.com", f"{LISTED}&limit=5"):
        assert again(path).status_code == 200
    assert again(**{"accept-language": "es"}).status_code == 200
    service.call("POST", f"cards/{failed['id']}/snooze")
    assert again().status_code == 200
    service.call("POST", f"cards/{failed['id']}/undo")


def test_a_card_is_snoozed_dismissed_and_brought_back(
    service: RunningService, failed: dict[str, Any]
) -> None:
    path = f"cards/{failed['id']}"
    for _ in range(2):
        dismissed = service.call("POST", f"{path}/dismiss")
        assert (dismissed.status_code, dismissed.json()["state"]) == (200, "dismissed")
        assert cards(service) == []
    assert service.call("POST", f"{path}/undo").json() == failed
    assert cards(service) == [failed]
    snoozed = service.call("POST", f"{path}/snooze", {"until": "2027-02-01T09:00:00-03:00"})
    assert (snoozed.json()["state"], snoozed.json()["snoozedUntil"]) == (
        "snoozed",
        "2027-02-01T12:00:00.000Z",
    )
    assert cards(service) == []
    assert service.call("POST", f"{path}/undo", {}).json() == failed


MISTAKES: list[tuple[str, Any, str]] = [
    ("snooze", {"until": "tomorrow"}, "/until"),
    ("snooze", {"until": "2027-02-30T09:00:00Z"}, "/until"),
    ("snooze", {"until": "2027-02-01T09:00:00"}, "/until"),
    ("snooze", {"until": "2020-02-01T09:00:00Z"}, "/until"),
    ("snooze", {"until": "2200-02-01T09:00:00Z"}, "/until"),
    ("snooze", {"until": 7}, "/until"),
    ("snooze", {"for": "1h"}, "/for"),
    ("dismiss", {"until": None}, "/until"),
    ("undo", {"x": 1}, "/x"),
]


@pytest.mark.parametrize(("verb", "body", "pointer"), MISTAKES, ids=lambda one: str(one)[:40])
def test_a_mistake_is_pointed_at_and_nothing_changes(
    service: RunningService, failed: dict[str, Any], verb: str, body: Any, pointer: str
) -> None:
    answer = service.call("POST", f"cards/{failed['id']}/{verb}", body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert cards(service) == [failed]


def test_who_may_see_and_change_a_card_a1_a3(
    service: RunningService, failed: dict[str, Any]
) -> None:
    path = f"cards/{failed['id']}"
    read, send = service.new_key("read"), service.new_key("send")
    assert service.call("GET", LISTED, key=send).status_code == 403
    assert service.call("POST", f"{path}/dismiss", key=read).status_code == 403
    assert (
        service.call("GET", f"/api/orgs/contoso/{LISTED}", key="local-fabrikam").status_code == 404
    )
    for stranger in (f"/api/orgs/contoso/{path}/dismiss", f"/api/orgs/fabrikam/{path}/dismiss"):
        assert service.call("POST", stranger, key="local-fabrikam").status_code == 404
    of_failed = "/api/orgs/fabrikam/cards?seller=ana@contoso.com"
    assert service.call("GET", of_failed, key="local-fabrikam").json()["items"] == []
    for unknown in (f"cards/{'0' * 32}-failed", f"{path}-7", "cards/7", f"{path}x"):
        assert service.call("POST", f"{unknown}/undo").status_code == 404
    assert cards(service) == [failed]


def test_a_person_sees_their_own_cards_a_manager_everybodys_and_only_its_seller_changes_one_a3(
    service: RunningService, failed: dict[str, Any]
) -> None:
    def as_person(person: str, method: str, path: str, site: str = "same-origin") -> httpx.Response:
        headers = {"cookie": service.sign_in(person), "sec-fetch-site": site}
        return service.call(method, path, key=None, headers=headers)

    assert as_person("ana@contoso.com", "GET", "cards").json()["items"] == [failed]
    assert as_person("ana@contoso.com", "GET", "cards?seller=bruno@contoso.com").status_code == 403
    assert as_person("bruno@contoso.com", "GET", LISTED).json()["items"] == [failed]
    undo = f"cards/{failed['id']}/undo"
    assert as_person("bruno@contoso.com", "POST", undo).status_code == 403
    assert as_person("ana@contoso.com", "POST", undo).status_code == 200
    assert as_person("ana@contoso.com", "POST", undo, site="cross-site").status_code == 403


def test_a_mailbox_that_is_gone_is_told_to_managers_who_may_put_that_away_a3(
    service: RunningService,
) -> None:
    def as_person(person: str, method: str, path: str) -> httpx.Response:
        headers = {"cookie": service.sign_in(person), "sec-fetch-site": "same-origin"}
        return service.call(method, path, key=None, headers=headers)

    gone = {"from": "gone@contoso.com", "sendAt": at_once_but_scheduled()}
    message = service.call("POST", "messages", MESSAGE | gone).json()["id"]
    (card,) = soon(lambda: as_person("bruno@contoso.com", "GET", "cards").json()["items"])
    assert (card["id"], card["kind"]) == (f"{message}-mailboxGone", "failed")
    assert card["failure"]["code"] == "mailboxUnknown"
    assert [one["id"] for one in cards(service, "cards?seller=managers")] == [card["id"]]
    dismiss = f"cards/{card['id']}/dismiss"
    assert as_person("ana@contoso.com", "POST", dismiss).status_code == 403
    assert card["id"] not in as_person("ana@contoso.com", "GET", "cards").text
    assert as_person("bruno@contoso.com", "POST", dismiss).json()["state"] == "dismissed"
    assert as_person("bruno@contoso.com", "GET", "cards").json()["items"] == []


@pytest.mark.parametrize(
    "query", ["", "?seller=ana@contoso.com&kind=opened", f"{LISTED[5:]}&limit=0"]
)
def test_what_nobody_can_answer_is_refused(service: RunningService, query: str) -> None:
    assert service.call("GET", f"cards{query}").status_code == 422
    assert service.call("GET", f"{LISTED}&cursor=eA").status_code == 422


def test_a_message_that_is_tried_again_has_failed_no_more(
    service: RunningService, failed: dict[str, Any]
) -> None:
    message = failed["message"]["id"]
    assert service.call("POST", f"messages/{message}/retry").status_code == 202
    assert cards(service) == []
