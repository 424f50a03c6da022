"""Subscriptions: the handshake, notifications, their retries, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.local.graph.mail import IMMUTABLE, created, received, refused, sent
from tests.local.graph.receiver import Receiver, receiver
from tests.local.graph.test_faults import plan

PATH = "/v1.0/subscriptions"


@pytest.fixture
def subscriber(http: httpx.Client) -> Iterator[Receiver]:
    with receiver() as made:
        yield made
    for one in http.get(PATH).json()["value"]:
        http.delete(f"{PATH}/{one['id']}")


def in_minutes(minutes: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


def asked(subscriber: Receiver, **changes: Any) -> dict[str, Any]:
    wanted = {
        "changeType": "created",
        "notificationUrl": subscriber.address(),
        "lifecycleNotificationUrl": subscriber.address("/life?of=it"),
        "resource": "users/ana@contoso.com/messages",
        "expirationDateTime": in_minutes(4200),
        "clientState": "secret",
    } | changes
    return {name: value for name, value in wanted.items() if value is not None}


def subscribed(http: httpx.Client, subscriber: Receiver, **changes: Any) -> dict[str, Any]:
    answer = http.post(PATH, json=asked(subscriber, **changes), headers=IMMUTABLE)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def reply_of_li(http: httpx.Client) -> None:
    (item, *_) = received(http, "li@example.com")
    body = {"messageId": item["id"], "text": "Yes", "kind": "reply"}
    http.post("/_local/mailboxes/li@example.com/reply", json=body).raise_for_status()


def test_both_addresses_prove_themselves_and_news_come(
    http: httpx.Client, subscriber: Receiver
) -> None:
    sent(http)
    made = subscribed(http, subscriber)
    assert sorted(subscriber.shaken) == ["/life", "/news"]
    reply_of_li(http)
    (news,) = subscriber.told(1)
    (copy,) = received(http, "ana@contoso.com")
    assert (news["changeType"], news["subscriptionId"]) == ("created", made["id"])
    assert (news["clientState"], news["tenantId"][:4]) == ("secret", "1111")
    assert news["subscriptionExpirationDateTime"] == made["expirationDateTime"]
    data = news["resourceData"]
    assert (data["@odata.type"], data["id"]) == ("#Microsoft.Graph.Message", copy["id"])
    assert data["@odata.id"] == news["resource"]


def test_drafts_and_what_is_sent_are_told_too(http: httpx.Client, subscriber: Receiver) -> None:
    subscribed(http, subscriber)
    item = sent(http)["id"]
    assert [news["resourceData"]["id"] for news in subscriber.told(2)] == [item, item]


def test_a_receiver_that_fails_is_told_again(http: httpx.Client, subscriber: Receiver) -> None:
    subscribed(http, subscriber)
    subscriber.answers = [500]
    created(http)
    first, again = subscriber.told(2)
    assert first == again


def test_news_get_lost_and_doubled_on_demand(http: httpx.Client, subscriber: Receiver) -> None:
    subscribed(http, subscriber)
    plan(
        http,
        {"kind": "loseNotification", "path": "ana@contoso.com"},
        {"kind": "doubleNotification"},
    )
    lost, doubled = created(http)["id"], created(http)["id"]
    assert [news["resourceData"]["id"] for news in subscriber.told(2)] == [doubled, doubled]
    assert lost not in str(subscriber.told(2))
    assert http.get("/_local/faults").json()["faults"] == []


@pytest.mark.parametrize("event", ["reauthorizationRequired", "missed", "subscriptionRemoved"])
def test_what_becomes_of_a_subscription_is_told_to_its_own_address(
    http: httpx.Client, subscriber: Receiver, event: str
) -> None:
    made = subscribed(http, subscriber)
    path = "/_local/mailboxes/ana@contoso.com/lifecycle"
    assert http.post(path, json={"event": "gone"}).status_code == 400
    assert http.post(path, json={"event": event}).json() == {"told": 1}
    (told,) = subscriber.told(1)
    assert (told["lifecycleEvent"], told["clientState"]) == (event, "secret")
    assert "changeType" not in told
    assert subscriber.paths() == ["/life"]
    gone = event == "subscriptionRemoved"
    assert http.get(f"{PATH}/{made['id']}").status_code == (404 if gone else 200)


def test_it_is_renewed_listed_and_removed(http: httpx.Client, subscriber: Receiver) -> None:
    made = subscribed(http, subscriber, expirationDateTime=in_minutes(60))
    one = f"{PATH}/{made['id']}"
    renewed = http.patch(one, json={"expirationDateTime": in_minutes(4200)}).json()
    assert renewed["expirationDateTime"] > made["expirationDateTime"]
    assert [each["id"] for each in http.get(PATH).json()["value"]] == [made["id"]]
    refused(http.patch(one, json={"clientState": "x"}), 400, "InvalidRequest")
    assert http.delete(one).status_code == 204
    for answer in (
        http.get(one),
        http.delete(one),
        http.patch(one, json={"expirationDateTime": in_minutes(60)}),
    ):
        refused(answer, 404, "ResourceNotFound")


def test_subscribers_stay_when_everything_else_is_forgotten(
    http: httpx.Client, subscriber: Receiver
) -> None:
    made = subscribed(http, subscriber)
    http.delete("/_local").raise_for_status()
    assert http.get(f"{PATH}/{made['id']}").status_code == 200


def test_who_does_not_prove_itself_gets_none(http: httpx.Client, subscriber: Receiver) -> None:
    subscriber.proves = False
    refused(http.post(PATH, json=asked(subscriber)), 400, "ValidationError")
    nobody = asked(subscriber, notificationUrl="http://127.0.0.1:9/news")
    refused(http.post(PATH, json=nobody), 400, "ValidationError")
    assert http.get(PATH).json()["value"] == []


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"expirationDateTime": in_minutes(4300)}, 400, "InvalidRequest"),
        ({"expirationDateTime": in_minutes(-1)}, 400, "InvalidRequest"),
        ({"expirationDateTime": None}, 400, "InvalidRequest"),
        ({"clientState": "x" * 129}, 400, "InvalidRequest"),
        ({"changeType": "exploded"}, 400, "InvalidRequest"),
        ({"resource": "users/ana@contoso.com/events"}, 400, "InvalidRequest"),
        ({"resource": "users/nobody@contoso.com/messages"}, 404, "ErrorInvalidUser"),
        ({"notificationUrl": "http://example.com/news"}, 400, "InvalidRequest"),
        ({"notificationUrl": None}, 400, "InvalidRequest"),
        ({"secret": "x"}, 400, "RequestBodyRead"),
    ],
)
def test_what_graph_refuses_is_refused(
    http: httpx.Client, subscriber: Receiver, changes: dict[str, Any], status: int, code: str
) -> None:
    refused(http.post(PATH, json=asked(subscriber, **changes)), status, code)
    assert subscriber.shaken == []
