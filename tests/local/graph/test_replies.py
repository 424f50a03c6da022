"""Replies: drafts in the thread of a message, and how they arrive in the conversation."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.local.graph.mail import (
    ANA,
    IMMUTABLE,
    SEND_KEY_ID,
    created,
    draft,
    person,
    received,
    refused,
    sent,
    shown,
    until,
)

BRUNO = "/v1.0/users/bruno@contoso.com/messages"


def found(http: httpx.Client, mailbox: str, internet_message_id: str) -> list[dict[str, Any]]:
    options = {"$filter": f"internetMessageId eq '{internet_message_id}'"}
    answer = http.get(mailbox, params=options, headers=IMMUTABLE)
    assert answer.status_code == 200, answer.text
    value: list[dict[str, Any]] = answer.json()["value"]
    return value


def at_bruno(http: httpx.Client, **changes: Any) -> dict[str, Any]:
    """A message of Ana's as it is in Bruno's inbox."""
    message = sent(http, toRecipients=[person("bruno@contoso.com", "Bruno")], **changes)
    (copy,) = found(http, BRUNO, message["internetMessageId"])
    return copy


def reply(http: httpx.Client, mailbox: str, item: str, **changes: Any) -> dict[str, Any]:
    answer = http.post(f"{mailbox}/{item}/createReply", json=changes, headers=IMMUTABLE)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_a_message_is_found_by_its_internet_id_in_every_folder(http: httpx.Client) -> None:
    message = sent(http, toRecipients=[person("ana@contoso.com"), person("li@example.com")])
    both = found(http, ANA, message["internetMessageId"])
    assert len(both) == 2
    assert message["id"] in [one["id"] for one in both]
    assert found(http, ANA, "<nobody@example.com>") == []
    answer = http.get(ANA, params={"$filter": "internetMessageId ne 'x'"})
    refused(answer, 400, "BadRequest")


def test_a_reply_is_a_draft_that_quotes_and_stays_in_the_conversation(http: httpx.Client) -> None:
    original = at_bruno(http, body={"contentType": "html", "content": "<body><p>1 &lt; 2</p>"})
    key = [{"id": SEND_KEY_ID, "value": "reply-1"}]
    made = reply(http, BRUNO, original["id"], Message={"singleValueExtendedProperties": key})
    assert made["isDraft"] is True
    assert made["subject"] == "RE: Offer"
    assert made["conversationId"] == original["conversationId"]
    assert made["toRecipients"] == [person("ana@contoso.com", "Ana")]
    content = made["body"]["content"]
    assert content.startswith("<body><br><hr")
    assert "<b>From:</b> Ana &lt;ana@contoso.com&gt;" in content
    assert content.endswith("<p>1 &lt; 2</p>")
    text = f"singleValueExtendedProperties/Any(e: e/id eq '{SEND_KEY_ID}' and e/value eq 'reply-1')"
    by_key = http.get(BRUNO, params={"$filter": text}, headers=IMMUTABLE).json()["value"]
    assert [one["id"] for one in by_key] == [made["id"]]


def test_replies_thread_on_both_sides(http: httpx.Client) -> None:
    original = at_bruno(http)
    answer = reply(http, BRUNO, original["id"])
    http.post(f"{BRUNO}/{answer['id']}/send")
    until(lambda: len(received(http, "ana@contoso.com")) == 1)
    (copy,) = received(http, "ana@contoso.com")
    assert copy["headers"]["In-Reply-To"] == original["internetMessageId"]
    assert copy["headers"]["References"] == original["internetMessageId"]
    mine = found(http, ANA, original["internetMessageId"])[0]
    at_ana = shown(http, copy["id"])
    assert at_ana["conversationId"] == mine["conversationId"]

    again = reply(http, ANA, copy["id"])
    assert again["subject"] == "RE: Offer"
    http.post(f"{ANA}/{again['id']}/send")
    until(lambda: len(received(http, "bruno@contoso.com")) == 2)
    headers = received(http, "bruno@contoso.com")[1]["headers"]
    assert headers["In-Reply-To"] == answer["internetMessageId"]
    assert headers["References"].split() == [
        original["internetMessageId"],
        answer["internetMessageId"],
    ]


def test_a_reply_in_plain_text_quotes_in_plain_text(http: httpx.Client) -> None:
    original = at_bruno(http, body={"contentType": "text", "content": "1 < 2"})
    body = reply(http, BRUNO, original["id"])["body"]
    assert body["contentType"] == "text"
    assert "From: Ana <ana@contoso.com>" in body["content"]
    assert body["content"].endswith("1 < 2")


def test_a_reply_goes_where_the_sender_asked_and_its_draft_can_be_changed(
    http: httpx.Client,
) -> None:
    original = at_bruno(http, replyTo=[person("sales@contoso.com")])
    made = reply(http, BRUNO, original["id"], Message={"subject": "Other"})
    assert made["toRecipients"] == [person("sales@contoso.com")]
    assert made["subject"] == "Other"
    change = draft(subject="Changed", toRecipients=[person("li@example.com")])
    assert http.patch(f"{BRUNO}/{made['id']}", json=change).status_code == 200
    http.post(f"{BRUNO}/{made['id']}/send")
    until(lambda: len(received(http, "li@example.com")) == 1)
    (copy,) = received(http, "li@example.com")
    assert copy["subject"] == "Changed"
    assert copy["html"] == change["body"]["content"]
    assert copy["headers"]["In-Reply-To"] == original["internetMessageId"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"Message": {"body": {"contentType": "text", "content": "x"}}}, 501, "NotImplemented"),
        ({"Comment": "x"}, 501, "NotImplemented"),
        ({"Message": {"colour": "red"}}, 400, "RequestBodyRead"),
        ({"Message": {"internetMessageId": "<x@y>"}}, 400, "RequestBodyRead"),
        ({"message": "x"}, 400, "RequestBodyRead"),
    ],
)
def test_a_reply_that_would_not_be_made_is_refused(
    http: httpx.Client, body: dict[str, Any], status: int, code: str
) -> None:
    item = sent(http)["id"]
    refused(http.post(f"{ANA}/{item}/createReply", json=body), status, code)
    drafts = http.get("/mailboxes/ana@contoso.com?folder=drafts").text
    assert "No messages here" in drafts


def test_a_draft_has_no_reply(http: httpx.Client) -> None:
    item = created(http)["id"]
    refused(http.post(f"{ANA}/{item}/createReply", json={}), 400, "ErrorInvalidReferenceItem")
    refused(http.post(f"{ANA}/nothing/createReply", json={}), 404, "ErrorItemNotFound")
