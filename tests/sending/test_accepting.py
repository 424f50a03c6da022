"""What the API answers to a message it takes, and to one that it may not take (S1, F1–F3, A1)."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.web.running_service import RunningService, soon

pytestmark = pytest.mark.processes

MESSAGE: dict[str, Any] = {
    "from": "Ana@Contoso.com",
    "to": [
        {"address": "li@example.com", "name": "Li Wei", "record": {"type": "contact", "id": "c-1"}}
    ],
    "subject": "Offer",
    "html": '<p>Hello <a href="https://example.com/">there</a></p>',
}
STRANGER = MESSAGE | {"to": [{"address": "stranger@example.com"}]}
OPTED_OUT = MESSAGE | {"to": [{"address": "sam@example.com"}]}


def post(service: RunningService, body: Any, path: str = "messages", **more: Any) -> httpx.Response:
    return service.call("POST", path, body, **more)


def codes(answer: httpx.Response) -> list[str]:
    return [reason["code"] for reason in answer.json()["notFollowedReasons"]]


def test_the_answer_has_the_id_the_status_and_where_the_message_is(service: RunningService) -> None:
    answer = post(service, MESSAGE)
    assert answer.status_code == 202
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["cache-control"] == "no-store"
    value = answer.json()
    assert re.fullmatch("[0-9a-f]{32}", value["id"])
    assert value == {
        "id": value["id"],
        "status": "accepted",
        "followed": True,
        "notFollowedReasons": [],
        "warnings": [],
        "links": {"self": f"/api/orgs/contoso/messages/{value['id']}"},
    }
    assert answer.headers["location"] == value["links"]["self"]
    found = service.call("GET", value["links"]["self"]).json()
    assert found["id"] == value["id"]


def test_the_whole_message_is_shown_as_it_was_given(service: RunningService) -> None:
    began = datetime.now(UTC) - timedelta(seconds=1)
    body = MESSAGE | {
        "cc": [{"address": "Noor@example.net"}],
        "bcc": [{"address": "b@example.com", "record": {"type": "opportunity", "id": "ø/7 #?"}}],
        "regarding": {"type": "opportunity", "id": "o-7"},
        "seller": "Bruno@contoso.com",
    }
    answer = post(service, body).json()
    shown = service.call("GET", answer["links"]["self"]).json()
    assert shown["from"] == "ana@contoso.com"
    assert shown["seller"] == "bruno@contoso.com"
    assert shown["subject"] == "Offer"
    assert shown["follow"] == "preferred"
    assert shown["regarding"] == {"type": "opportunity", "id": "o-7"}
    assert shown["recipients"] == [
        {
            "field": "to",
            "address": "li@example.com",
            "name": "Li Wei",
            "record": {"type": "contact", "id": "c-1"},
            "bounced": False,
        },
        {
            "field": "cc",
            "address": "Noor@example.net",
            "name": None,
            "record": None,
            "bounced": False,
        },
        {
            "field": "bcc",
            "address": "b@example.com",
            "name": None,
            "record": {"type": "opportunity", "id": "ø/7 #?"},
            "bounced": False,
        },
    ]
    assert shown["recipientCount"] == 3
    assert (shown["attachments"], shown["notFollowedReasons"]) == ([], [])
    assert shown["reminder"]["state"] == "notSet"
    assert shown["kpis"]["opens"] == 0
    assert shown["kpis"]["humanOpeners"] is None, "three people share one copy"
    accepted_at = datetime.fromisoformat(shown["acceptedAt"])
    assert began < accepted_at < datetime.now(UTC) + timedelta(seconds=1)


def test_a_message_with_five_hundred_recipients_is_taken(service: RunningService) -> None:
    crowd = [{"address": f"{'p' * 60}{n}@{'x' * 60}.example.com"} for n in range(500)]
    answer = post(service, MESSAGE | {"to": crowd, "follow": "off"})
    assert answer.status_code == 202, answer.text
    shown = service.call("GET", answer.json()["links"]["self"]).json()
    assert len(shown["recipients"]) == 500


def test_the_same_key_at_once_from_many_connections_is_one_message(
    service: RunningService,
) -> None:
    headers = {"idempotency-key": "many connections"}
    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda _: post(service, MESSAGE, headers=headers), range(20)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    differently = b"\n " + answers[0].request.content.replace(b": ", b" :\t")
    again = post(service, None, content=differently, headers=headers)
    assert again.text == answers[0].text


def test_the_same_key_with_another_body_is_a_409(service: RunningService) -> None:
    headers = {"idempotency-key": "reused"}
    assert post(service, MESSAGE, headers=headers).status_code == 202
    answer = post(service, MESSAGE | {"subject": "Another"}, headers=headers)
    assert answer.status_code == 409
    assert answer.json()["code"] == "idempotencyKeyReused"
    assert answer.headers["content-type"].startswith("application/problem+json")


@pytest.mark.parametrize(
    ("language", "begins"),
    [
        ("en", "We have no record for stranger@example.com."),
        ("pt-BR,pt;q=0.9", "Não temos "),
        ("es-MX", "No tenemos "),
        ("de", "We have no record"),
        (None, "We have no record"),
    ],
)
def test_a_required_message_that_cannot_be_followed_says_why_in_the_callers_language(
    service: RunningService, language: str | None, begins: str
) -> None:
    headers = {"accept-language": language} if language else {"accept-language": ""}
    answer = post(service, STRANGER | {"follow": "required"}, headers=headers)
    assert answer.status_code == 422
    value = answer.json()
    assert value["code"] == "cannotFollow"
    assert codes(answer) == ["noRecord", "noFollowableRecipient"]
    assert value["notFollowedReasons"][0]["message"].startswith(begins)
    assert value["errors"] == [{"pointer": "/follow", "detail": "The message cannot be followed."}]


def test_a_preferred_message_that_cannot_be_followed_goes_out_unfollowed(
    service: RunningService,
) -> None:
    answer = post(service, OPTED_OUT)
    assert (answer.status_code, answer.json()["followed"]) == (202, False)
    assert codes(answer) == ["recipientOptedOut"]
    assert "sam@example.com" in answer.json()["notFollowedReasons"][0]["message"]
    (mail,) = soon(lambda: service.received("sam@example.com"))
    assert mail["html"] == MESSAGE["html"]
    shown = service.call("GET", answer.json()["links"]["self"]).json()
    assert [reason["code"] for reason in shown["notFollowedReasons"]] == ["recipientOptedOut"]
    assert shown["followed"] is False


def test_a_message_with_follow_off_is_never_followed(service: RunningService) -> None:
    answer = post(service, MESSAGE | {"follow": "off"})
    assert (answer.json()["followed"], codes(answer)) == (False, ["sellerChoseNot"])


def test_a_no_that_is_said_with_one_message_holds_for_that_message_only_f5(
    service: RunningService,
) -> None:
    to = [
        {
            "address": "li@example.com",
            "record": {"type": "contact", "id": "c-1", "followEmail": False},
        }
    ]
    assert codes(post(service, MESSAGE | {"to": to})) == ["recipientOptedOut"]
    assert codes(post(service, MESSAGE)) == []


@pytest.mark.parametrize(
    "to",
    [
        {"to": MESSAGE["to"]},
        {"to": STRANGER["to"]},
        {"to": MESSAGE["to"], "cc": STRANGER["to"]},
        {"to": MESSAGE["to"], "bcc": STRANGER["to"]},
        {"to": MESSAGE["to"], "bcc": OPTED_OUT["to"]},
        {"to": [{"address": "li@example.com", "record": {"type": "opportunity", "id": "1"}}]},
        {"to": [{"address": f"p{n}@example.com"} for n in range(40)]},
    ],
)
def test_the_follow_check_says_what_sending_would_say_f3(
    service: RunningService, to: dict[str, Any]
) -> None:
    checked = post(service, to, "follow-check")
    assert checked.status_code == 200
    value = checked.json()
    sent = post(service, {key: value for key, value in MESSAGE.items() if key != "to"} | to)
    assert value["followed"] == sent.json()["followed"]
    assert value["reasons"] == sent.json()["notFollowedReasons"]
    addresses = [one["address"] for many in to.values() for one in many]
    assert [one["address"] for one in value["recipients"]] == addresses
    for one in value["recipients"]:
        assert one["preference"] is (one["address"] != "sam@example.com")


def test_the_follow_check_of_nobody_has_a_reason_and_no_preferences(
    service: RunningService,
) -> None:
    value = post(service, {}, "follow-check").json()
    assert (value["followed"], value["recipients"]) == (False, [])
    assert [reason["code"] for reason in value["reasons"]] == ["noFollowableRecipient"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"to": [{"address": "li"}]}, "/to/0/address"),
        ({"subject": "x"}, "/subject"),
        ({"to": "li@example.com"}, "/to"),
    ],
)
def test_a_follow_check_with_mistakes_is_pointed_at(
    service: RunningService, body: dict[str, Any], pointer: str
) -> None:
    answer = post(service, body, "follow-check")
    assert answer.status_code == 422
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]


def test_from_may_be_any_mailbox_of_the_domain_until_mailboxes_are_listed_a2(
    service: RunningService,
) -> None:
    carla = {"from": "carla@fabrikam.com", "seller": None}
    fabrikam = {"path": "/api/orgs/fabrikam/messages", "key": "local-fabrikam"}
    settings = "/api/orgs/fabrikam/settings"
    assert post(service, MESSAGE | carla, **fabrikam).status_code == 202
    listed = {"sendingMailboxes": ["Ana@fabrikam.com", "sales@fabrikam.com"]}
    service.call("PATCH", settings, listed, key="local-fabrikam")
    refused = post(service, MESSAGE | carla, **fabrikam)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/from"
    for mailbox in ("ANA@fabrikam.com", "sales@fabrikam.com"):
        assert post(service, MESSAGE | {"from": mailbox}, **fabrikam).status_code == 202
    service.call("PATCH", settings, {"sendingMailboxes": []}, key="local-fabrikam")
    assert post(service, MESSAGE | carla, **fabrikam).status_code == 202


@pytest.mark.parametrize("path", ["messages", "follow-check"])
def test_what_is_wrong_first_is_said_first(
    service: RunningService, path: str, keys_by_scope: dict[str, str]
) -> None:
    """401, 404, 403, 413, 400, 422: each of these requests is wrong in every later way too."""
    too_large, not_json = b"{" * (8 * 1024 * 1024 + 1), b"{"
    reader = keys_by_scope["admin"]

    def status(content: bytes, org: str = "contoso", **more: Any) -> int:
        return post(service, None, f"/api/orgs/{org}/{path}", content=content, **more).status_code

    assert status(too_large, "nowhere", key=None) == 401
    assert status(too_large, "nowhere", key="nobody-knows") == 401
    assert status(too_large, "nowhere", key=reader) == 404
    assert status(too_large, "fabrikam", key=reader) == 404
    assert status(too_large, key=reader) == 403
    assert status(too_large) == 413
    assert status(not_json) == 400
    assert status(b'{"subject": 7}') == 422


@pytest.mark.parametrize(
    ("key", "org"), [("local-contoso", "fabrikam"), ("local-fabrikam", "contoso")]
)
@pytest.mark.parametrize("path", ["messages", "follow-check", "settings", "records/contact/c-1"])
def test_another_organization_is_not_there_a1(
    service: RunningService, key: str, org: str, path: str
) -> None:
    """The same answer as for an organization that never was: it must not even tell."""
    method = "GET" if path in ("settings", "records/contact/c-1") else "POST"
    body = MESSAGE if method == "POST" else None
    theirs = service.call(method, f"/api/orgs/{org}/{path}", body, key=key)
    nobodys = service.call(method, f"/api/orgs/nobody/{path}", body, key=key)
    assert (theirs.status_code, theirs.content) == (404, nobodys.content)


@pytest.mark.parametrize(
    ("key", "org"), [("local-contoso", "contoso"), ("local-fabrikam", "fabrikam")]
)
@pytest.mark.parametrize("below", ["", "/events"])
def test_a_message_of_another_organization_is_not_found_under_ones_own_a1(
    service: RunningService, key: str, org: str, below: str
) -> None:
    other = "fabrikam" if org == "contoso" else "contoso"
    body = MESSAGE | {"from": f"ana@{other}.com"}
    theirs = post(service, body, f"/api/orgs/{other}/messages", key=f"local-{other}").json()
    path = f"/api/orgs/{org}/messages/{theirs['id']}{below}"
    assert service.call("GET", path, key=key).status_code == 404
    assert service.call("GET", theirs["links"]["self"] + below, key=key).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("POST", "messages", {"send"}),
        ("GET", "messages", {"read"}),
        ("GET", "messages/" + "0" * 32, {"read"}),
        ("GET", "messages/" + "0" * 32 + "/events", {"read"}),
        ("POST", "follow-check", {"send", "read"}),
        ("GET", "settings", {"read", "admin"}),
        ("PATCH", "settings", {"admin"}),
        ("GET", "records/contact/c-1", {"send", "read", "admin"}),
        ("PUT", "records/contact/c-1", {"send", "admin"}),
    ],
)
def test_each_resource_wants_its_scope_a3(
    service: RunningService,
    keys_by_scope: dict[str, str],
    method: str,
    path: str,
    scopes: set[str],
) -> None:
    for scope, key in keys_by_scope.items():
        content = b"{" if method != "GET" else None
        answer = service.call(method, path, content=content, key=key)
        assert (answer.status_code == 403) == (scope not in scopes), (scope, answer.text)


@pytest.mark.parametrize(
    "message",
    ["", "0" * 31, "0" * 33, "g" * 32, "A" * 32, "..%2Fcontent", "a'b", "%00", "~", "%23"],
)
@pytest.mark.parametrize("below", ["", "/events"])
def test_an_id_that_cannot_be_one_is_not_found(
    service: RunningService, message: str, below: str
) -> None:
    answer = service.call("GET", f"/api/orgs/contoso/messages/{message or '%20'}{below}")
    assert answer.status_code in (404, 400), answer.text
    assert answer.status_code == 404 or message == "%00"
