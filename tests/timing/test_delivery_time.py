"""The recommended delivery time over HTTP (rules D1, D2)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.web.running_service import RunningService, soon

LI = "li.timing@example.com"


def ask(service: RunningService, body: Any, **more: Any) -> dict[str, Any]:
    answer = service.call("POST", "delivery-time", body, **more)
    assert answer.status_code == 200, answer.text
    value: dict[str, Any] = answer.json()
    assert set(value) == {"recommended", "reason"}
    assert (value["recommended"] is None) != (value["reason"] is None)
    return value


def to(mailbox: str = LI, /, **record: Any) -> dict[str, Any]:
    """One recipient, with what is said of their record for this message."""
    if not record:
        return {"address": mailbox}
    return {"address": mailbox, "record": {"type": "contact", "id": "nobody", **record}}


@pytest.mark.processes
def test_the_time_is_in_the_recipients_business_hours_and_says_what_it_rests_on_d1(
    service: RunningService,
) -> None:
    now = datetime.now(UTC)
    answer = ask(service, {"to": [to(timeZone="Asia/Kathmandu")]})["recommended"]
    at = datetime.fromisoformat(answer["at"])
    local = at.astimezone(ZoneInfo("Asia/Kathmandu"))
    assert at.replace(microsecond=0) >= now.replace(microsecond=0)
    assert 8 <= local.hour < 17
    assert answer == {
        "at": answer["at"],
        "timeZone": "Asia/Kathmandu",
        "local": local.strftime("%Y-%m-%dT%H:%M"),
        "source": "record",
        "evidence": {
            "decidedBy": "businessHours",
            "opens": 0,
            "recipientOpens": 0,
            "since": None,
            "bestHour": None,
        },
    }


@pytest.mark.processes
def test_what_is_said_with_the_message_counts_before_the_stored_record_d1(
    service: RunningService,
) -> None:
    stored = {"addresses": [LI], "timeZone": "Asia/Shanghai", "phone": "+55 11 3456-7890"}
    assert service.call("PUT", "records/contact/li-timing", stored).status_code == 200
    named = {"type": "contact", "id": "li-timing"}
    for recipient, zone in (
        ({"address": LI}, "Asia/Shanghai"),
        ({"address": "other@example.com", "record": named}, "Asia/Shanghai"),
        ({"address": LI, "record": {**named, "timeZone": "Pacific/Apia"}}, "Pacific/Apia"),
    ):
        assert ask(service, {"cc": [recipient]})["recommended"]["timeZone"] == zone
    assert service.call("PUT", "records/lead/li-again", stored).status_code == 200
    assert ask(service, {"to": [to()]})["recommended"]["timeZone"] == "Asia/Shanghai"
    moved = {**stored, "timeZone": "Africa/Casablanca"}
    assert service.call("PUT", "records/lead/li-again", moved).status_code == 200
    assert ask(service, {"to": [to()]})["reason"]["code"] == "noTimeZone"


@pytest.mark.processes
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"to": [to("a@example.com")]}, "noTimeZone"),
        ({"to": [to("a@example.com", address={"country": "Brazil"})]}, "noTimeZone"),
        ({"to": [to(timeZone="UTC")], "bcc": [to("b@example.com")]}, "severalRecipients"),
        ({}, "noRecipient"),
    ],
)
def test_where_there_is_no_time_the_answer_says_why_in_the_callers_language_d1(
    service: RunningService, body: Any, code: str
) -> None:
    reasons = [
        ask(service, body, headers={"accept-language": language})["reason"]
        for language in ("en", "es", "pt-BR")
    ]
    assert {reason["code"] for reason in reasons} == {code}
    assert len({reason["message"] for reason in reasons}) == 3


@pytest.mark.processes
def test_a_message_takes_the_recommended_time_and_its_key_answers_the_same_again_d1_s1(
    service: RunningService,
) -> None:
    body = {
        "from": "ana@contoso.com",
        "to": [to("recommended@example.com", timeZone="Asia/Kathmandu")],
        "subject": "Offer",
        "html": "<p>Hello</p>",
        "sendAt": "recommended",
    }
    headers = {"idempotency-key": "recommended"}
    expected = ask(service, {"to": body["to"]})["recommended"]
    first = service.call("POST", "messages", body, headers=headers)
    assert first.status_code == 202, first.text
    shown = service.call("GET", first.json()["links"]["self"]).json()
    basis = {name: expected[name] for name in ("source", "evidence")}
    assert shown["sendAtRecommended"] == basis
    local = {"local": expected["local"], "timeZone": "Asia/Kathmandu"}
    scheduled = first.json()["status"] == "scheduled"
    assert shown["sendAtLocal"] == (local if scheduled else None)
    if scheduled:
        assert shown["sendAt"] == expected["at"]
    assert service.call("POST", "messages", body, headers=headers).text == first.text
    body["to"] = [to("a@example.com")]
    for language, word in (("en", "time zone"), ("es", "zona horaria"), ("pt-BR", "fuso")):
        refused = service.call("POST", "messages", body, headers={"accept-language": language})
        assert (refused.status_code, refused.json()["code"]) == (422, "noTimeZone")
        assert word in refused.json()["errors"][0]["detail"]


@pytest.mark.processes
@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"to": [to()], "at": "now"}, "/at"),
        ({"to": LI}, "/to"),
        ({"to": [{"address": "no address"}]}, "/to/0/address"),
        ({"to": [to(timeZone="Mars/Base")]}, "/to/0/record/timeZone"),
        ({"to": [to(phone=5)]}, "/to/0/record/phone"),
        ({"to": [to(address={"planet": "Mars"})]}, "/to/0/record/address/planet"),
    ],
)
def test_a_request_with_a_mistake_is_told_where_it_is(
    service: RunningService, body: Any, pointer: str
) -> None:
    answer = service.call("POST", "delivery-time", body)
    assert (answer.status_code, [one["pointer"] for one in answer.json()["errors"]]) == (
        422,
        [pointer],
    )


@pytest.mark.processes
def test_who_may_send_or_read_may_ask_and_others_may_not_a1(service: RunningService) -> None:
    body = {"to": [to(timeZone="UTC")]}
    for scope in ("send", "read"):
        ask(service, body, key=service.new_key(scope))
    for key, status in ((service.new_key("admin"), 403), (None, 401), ("local-fabrikam", 404)):
        assert service.call("POST", "delivery-time", body, key=key).status_code == status
    path = "/api/orgs/contoso/delivery-time?now=2026"
    assert service.call("POST", path, body).status_code == 422


@pytest.mark.processes
def test_a_message_that_was_sent_tells_of_its_one_recipient_from_then_on_d2(
    service: RunningService,
) -> None:
    """A week later its hours count; here it is enough that it was written down, in its zone."""
    message = {
        "from": "ana@contoso.com",
        "to": [to("kathmandu@example.com", timeZone="Asia/Kathmandu")],
        "subject": "Offer",
        "html": "<p>Hello</p>",
    }
    ids = []
    for body in ({**message, "follow": "off"}, message):
        accepted = service.call("POST", "messages", body)
        assert accepted.status_code == 202, accepted.text
        ids.append(accepted.json()["id"])

    def sent() -> bool:
        said = [service.call("GET", f"messages/{id_}").json()["status"] for id_ in ids]
        return set(said) == {"sent"}

    soon(sent)
    rows = [row for row in service.stored()["contoso aggregates"] if ids[1] in row]
    assert len(rows) == 2
    assert all("'read~" in row and "Asia/Kathmandu" in row for row in rows)
    assert not any(ids[0] in row for row in service.stored()["contoso aggregates"])
