"""What recipients answer: replies, absences and bounces, as they arrive at the sender's."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

import httpx
import pytest

from tests.local.graph.mail import ANA, IMMUTABLE, received, sent, shown

SELECT = "internetMessageHeaders,subject,body,from,conversationId,receivedDateTime,parentFolderId"


def answered(http: httpx.Client, kind: str, text: str = "Yes, please.") -> dict[str, Any]:
    """The answer of Li to Ana's mail, as it is in Ana's mailbox."""
    (item,) = received(http, "li@example.com")
    answer = http.post(
        "/_local/mailboxes/li@example.com/reply",
        json={"messageId": item["id"], "text": text, "kind": kind},
    )
    assert answer.status_code == 201, answer.text
    found = shown(http, answer.json()["id"], **{"$select": SELECT})
    found["headers"] = {one["name"]: one["value"] for one in found["internetMessageHeaders"]}
    return found


def mime(http: httpx.Client, item: str) -> EmailMessage:
    answer = http.get(f"{ANA}/{item}/$value", headers=IMMUTABLE)
    assert answer.status_code == 200
    mail = message_from_bytes(answer.content, policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


def test_a_reply_arrives_in_the_thread_and_quotes_the_mail(http: httpx.Client) -> None:
    mail = sent(http)
    reply = answered(http, "reply")
    assert reply["subject"] == "Re: Offer"
    assert reply["from"]["emailAddress"] == {"name": "Li Wei", "address": "li@example.com"}
    assert reply["conversationId"] == mail["conversationId"]
    assert reply["headers"]["In-Reply-To"] == mail["internetMessageId"]
    assert reply["headers"]["References"].split()[-1] == mail["internetMessageId"]
    assert reply["headers"]["Message-ID"].endswith("@example.com>")
    assert "Auto-Submitted" not in reply["headers"]
    assert "Yes, please." in reply["body"]["content"]
    assert "https://a.example/" in reply["body"]["content"]
    text = mime(http, reply["id"]).get_body(("plain",))
    assert text is not None
    assert "\n> See it" in text.get_content()


def test_an_absence_says_that_it_is_automatic_rfc_3834(http: httpx.Client) -> None:
    mail = sent(http)
    absence = answered(http, "outOfOffice", "Back on Monday.")
    assert absence["subject"] == "Automatic reply: Offer"
    assert absence["headers"]["Auto-Submitted"] == "auto-replied"
    assert absence["headers"]["X-Auto-Response-Suppress"] == "All"
    assert absence["headers"]["In-Reply-To"] == mail["internetMessageId"]
    assert "Back on Monday." in absence["body"]["content"]


def test_a_bounce_is_a_report_with_status_and_the_mail_s_headers_rfc_3464(
    http: httpx.Client,
) -> None:
    mail = sent(http, subject="Angebot für Müller")
    bounce = answered(http, "bounce", "")
    assert bounce["subject"] == "Undeliverable: Angebot für Müller"
    assert bounce["from"]["emailAddress"]["address"].endswith("@contoso.com")
    assert bounce["conversationId"] == mail["conversationId"]
    report = mime(http, bounce["id"])
    assert report.get_content_type() == "multipart/report"
    assert report.get_param("report-type") == "delivery-status"
    human, status, headers = report.iter_parts()
    assert human.get_content_type() == "multipart/alternative"
    _, recipient = cast("list[EmailMessage]", status.get_payload())
    assert recipient["Final-Recipient"] == "rfc822;li@example.com"
    assert (recipient["Action"], recipient["Status"]) == ("failed", "5.1.10")
    assert mail["internetMessageId"] in headers.get_content()
    assert "li@example.com" in bounce["body"]["content"]


def test_an_ordinary_mail_has_its_mime_too(http: httpx.Client) -> None:
    mail = sent(http, subject="日本語")
    assert mime(http, mail["id"])["Message-ID"] == mail["internetMessageId"]
    assert mime(http, mail["id"])["Subject"] == "日本語"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"messageId": "nobody knows it", "text": "a", "kind": "reply"}, 404),
        ({"text": "a", "kind": "reply"}, 400),
        ({"messageId": "x", "text": "a", "kind": "thanks"}, 400),
        ({"messageId": "x", "text": 3, "kind": "reply"}, 400),
        ({"messageId": "x", "text": "a", "kind": "reply", "to": "me"}, 400),
    ],
)
def test_what_is_no_answer_is_refused(
    http: httpx.Client, body: dict[str, Any], status: int
) -> None:
    sent(http)
    answer = http.post("/_local/mailboxes/li@example.com/reply", json=body)
    assert answer.status_code == status
    assert len(http.get(ANA).json()["value"]) == 1


def test_the_page_of_a_received_mail_answers_it(http: httpx.Client) -> None:
    sent(http)
    (item,) = received(http, "li@example.com")
    page = f"/mailboxes/li@example.com/messages/{item['id']}"
    for title in ("Reply", "Answer as out of office", "Bounce it"):
        assert f">{title}</button>" in http.get(page).text
    form = {"text": "Good.\r\nSend it.", "kind": "reply"}
    other = http.post(f"{page}/answer", data=form, headers={"Origin": "https://evil.example"})
    assert other.status_code == 403
    own = {"Origin": str(http.base_url).rstrip("/")}
    answer = http.post(f"{page}/answer", data=form, headers=own)
    assert answer.status_code == 303
    assert "gets it" in http.get(answer.headers["location"]).text
    assert http.post(f"{page}/answer", data={"kind": "no"}, headers=own).status_code == 400
    (copy,) = received(http, "ana@contoso.com")
    assert "Good.<br>Send it." in copy["html"]
