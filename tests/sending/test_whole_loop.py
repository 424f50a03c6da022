"""The whole loop through the real processes: send, arrive, open, click, see it (S1, T1, T3, T9).

What is sent is what real tools write: every mail of `tests/mail`, and one of 500 KB with 300 links.
"""

from __future__ import annotations

import html
import re
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.mail.images import DATA, GIF, PNG, data_uri
from tests.running_storage import Deployments
from tests.web.running_service import RunningService, running_service, soon

pytestmark = pytest.mark.processes

MAILS = sorted((Path(__file__).parent.parent / "mail").glob("*.html"))
BROWSER = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


@pytest.fixture(scope="module")
def service(
    deployments: Deployments, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """A service that folds what no word told of every two seconds, as a real one does later."""
    directory = tmp_path_factory.mktemp("service")
    often = {"SWEEP_SCHEDULE": "*/2 * * * * *", "WATCH_SCHEDULE": "* * * * * *"}
    with running_service(deployments, directory, **often) as running:
        yield running


def send(service: RunningService, address: str, subject: str, body: str) -> str:
    answer = service.call(
        "POST",
        "messages",
        {
            "from": "ana@contoso.com",
            "to": [{"address": address, "record": {"type": "contact", "id": address}}],
            "subject": subject,
            "html": body,
            "follow": "required",
        },
    )
    assert answer.status_code == 202, answer.text
    message: str = answer.json()["id"]
    return message


def shown(service: RunningService, message: str) -> dict[str, Any]:
    value: dict[str, Any] = service.call("GET", f"messages/{message}").json()
    return value


def addresses(service: RunningService, body: str, letter: str) -> list[str]:
    """Our own addresses of a kind in a body, as a mail program reads them."""
    found = re.findall(rf"{service.host_address}/{letter}/[^\s\"'<>]+", body)
    return [html.unescape(address) for address in found]


def arrived(service: RunningService, address: str) -> str:
    """The body of the one mail of a mailbox, once it is there."""
    (mail,) = soon(lambda: service.received(address))
    body: str = mail["html"]
    return body


def counted(service: RunningService, message: str, **kpis: int) -> dict[str, Any]:
    """The message, once it has these counts."""

    def look() -> dict[str, Any] | None:
        value = shown(service, message)
        return value if kpis.items() <= value["kpis"].items() else None

    return soon(look)


def test_a_reply_an_automatic_answer_and_a_bounce_are_seen_within_seconds(
    service: RunningService,
) -> None:
    """From the mailbox by Graph's notification, the webhook and the queue into the timeline."""
    message = send(service, "answers@example.com", "Offer", "<p>What do you think?</p>")
    arrived(service, "answers@example.com")
    path = f"{service.graph.address}/_local/mailboxes/answers@example.com"
    with httpx.Client(timeout=10) as graph:
        (mail,) = graph.get(f"{path}/messages").json()["items"]
        soon(lambda: graph.get(f"{service.graph.base_url}/subscriptions").json()["value"])
        for kind in ("outOfOffice", "reply", "bounce"):
            answer = {"messageId": mail["id"], "text": "I will see.", "kind": kind}
            graph.post(f"{path}/reply", json=answer).raise_for_status()
    soon(lambda: len(told(service, message)) == 4)
    events = {one["kind"]: one for one in told(service, message)}
    assert events["reply"]["repliedBy"] == events["autoReply"]["repliedBy"]
    assert events["bounce"]["failedAddress"] == "answers@example.com"
    assert events["open"]["inferred"]
    seen = counted(service, message, replies=1, humanOpens=1)
    assert seen["recipients"][0]["bounced"]
    check = {"to": [{"address": "Answers@example.com"}], "cc": [], "bcc": []}
    (warning,) = service.call("POST", "follow-check", check).json()["warnings"]
    assert warning["code"] == "addressBounced"


def test_the_log_tells_a_messages_whole_way_under_the_id_that_its_request_was_answered_with(
    service: RunningService,
) -> None:
    """From the request by the sending and Graph's notification to its events."""
    message = send(service, "way@example.com", "Way", "<p>What do you think?</p>")
    (pixel,) = addresses(service, arrived(service, "way@example.com"), "o")
    soon(lambda: shown(service, message)["status"] == "sent")
    service.host.client.get(pixel, headers=BROWSER)
    counted(service, message, opens=1)
    path = f"{service.graph.address}/_local/mailboxes/way@example.com"
    with httpx.Client(timeout=10) as graph:
        (mail,) = graph.get(f"{path}/messages").json()["items"]
        answer = {"messageId": mail["id"], "text": "Yes", "kind": "reply"}
        graph.post(f"{path}/reply", json=answer).raise_for_status()
    counted(service, message, replies=1)

    about = f"{{organization=contoso message={message}}}"
    way = [
        f"message {message} of contoso is accepted",
        f"message {message} of contoso is sent {about}",
        f"1 hits of 1 messages of contoso: {message}",
        f"the timeline has the reply {about}",
    ]

    def lines() -> list[str]:
        return [line for line in service.host.log.splitlines() if message in line]

    soon(lambda: all(any(line.endswith(step) for line in lines()) for step in way))
    found = [step for line in lines() for step in way if line.endswith(step)]
    assert found == way
    assert not any("@" in line for line in lines())


def told(service: RunningService, message: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = service.call("GET", f"messages/{message}/events").json()["items"]
    return items


def click_everything(service: RunningService, body: str) -> list[str]:
    """Where each link of a body leads, in its order."""
    led_to = []
    for address in addresses(service, body, "r"):
        answer = service.host.client.get(address, headers=BROWSER)
        assert answer.status_code == 302
        led_to.append(answer.headers["location"])
    return led_to


def test_real_mails_are_sent_read_and_clicked_and_all_of_it_is_seen(
    service: RunningService,
) -> None:
    sent = {}
    for mail in MAILS:
        address = f"{mail.stem}@example.com"
        sent[mail.stem] = send(service, address, mail.stem, mail.read_text("utf-8"))
    clicks = {}
    for name, message in sent.items():
        received = arrived(service, f"{name}@example.com")
        (pixel,) = addresses(service, received, "o")
        opened = service.host.client.get(pixel, headers=BROWSER)
        assert (opened.status_code, opened.headers["content-type"]) == (200, "image/gif")
        led_to = click_everything(service, received)
        links = [one for one in shown(service, message)["links"] if one["index"] is not None]
        assert led_to == [link["url"] for link in links]
        clicks[name] = len(led_to)
    assert sum(clicks.values()) > 50

    for name, message in sent.items():
        value = counted(service, message, opens=1, linkClicks=clicks[name])
        assert value["status"] == "sent"
        assert value["kpis"]["firstOpenedAt"] == value["kpis"]["lastOpenedAt"] is not None
        items = service.call("GET", f"messages/{message}/events?limit=200").json()["items"]
        assert [item["kind"] for item in items].count("open") == 1
        clicked = [item["link"] for item in items if item["kind"] == "click"]
        assert sorted(link["index"] for link in clicked) == list(range(clicks[name]))
        assert {item["recipient"] for item in items} == {f"{name}@example.com"}
        assert {item["client"]["name"] for item in items} == {"Firefox"}

    listed = service.call("GET", "messages?limit=200").json()["items"]
    kpis = {item["subject"]: item["kpis"] for item in listed}
    for name, message in sent.items():
        assert kpis[name] == shown(service, message)["kpis"]


def test_a_gateway_that_opens_and_follows_both_links_of_a_mail_is_no_person_t8(
    service: RunningService,
) -> None:
    """It looks like a browser, and all of it comes within seconds; no seller is told."""
    links = "".join(f'<a href="https://example.com/{n}">{n}</a>' for n in range(2))
    message = send(service, "scanned@example.com", "Scanned", links)
    received = arrived(service, "scanned@example.com")
    (pixel,) = addresses(service, received, "o")
    service.host.client.get(pixel, headers=BROWSER)
    click_everything(service, received)
    counted(service, message, opens=1, linkClicks=2, humanOpens=0, humanLinkClicks=0)
    reasons = sorted(one["reasons"][0] for one in told(service, message))
    assert reasons == ["burst", "burst", "sameScanner"]
    cards = service.call("GET", "cards?seller=ana@contoso.com").json()["items"]
    assert message not in {card["message"]["id"] for card in cards}


def test_a_message_of_500_kb_with_300_links_arrives_with_all_of_them_followed(
    service: RunningService,
) -> None:
    urls = [f"https://example.com/{n}?a={n}&b=%C3%A9#part-{n}" for n in range(300)]
    paragraphs = [f'<p>{"text " * 320}<a href="{html.escape(url)}">{url}</a></p>' for url in urls]
    body = f"<html><body>{''.join(paragraphs)}</body></html>"
    assert len(body) > 500_000
    message = send(service, "large@example.com", "Large", body)
    assert click_everything(service, arrived(service, "large@example.com")) == urls
    links = shown(service, message)["links"]
    assert [link["url"] for link in links] == urls
    assert [link["index"] for link in links] == list(range(300))


def test_images_of_a_mails_own_are_loaded_from_us_and_tell_of_an_open_t2(
    service: RunningService,
) -> None:
    body = f"<p>x</p><img src='{DATA}'><p style='background:url({data_uri(GIF)})'>y</p>"
    message = send(service, "images@example.com", "Images", body)
    received = arrived(service, "images@example.com")
    first, second = (address.split(")")[0] for address in addresses(service, received, "i"))
    for address, content in ((first, PNG), (second, GIF)):
        answer = service.host.client.get(address, headers=BROWSER)
        assert (answer.status_code, answer.content) == (200, content)
    value = counted(service, message, opens=1, humanOpens=1)
    items = service.call("GET", f"messages/{message}/events").json()["items"]
    assert [(item["kind"], item["image"]) for item in items] == [
        ("image", {"id": "1"}),
        ("image", {"id": "0"}),
    ]
    assert value["kpis"]["firstOpenedAt"] == items[1]["at"]
    (pixel,) = addresses(service, received, "o")
    service.host.client.get(pixel, headers=BROWSER)
    items = soon(
        lambda: [
            item
            for item in service.call("GET", f"messages/{message}/events").json()["items"]
            if item["kind"] == "open"
        ]
    )
    kpis = shown(service, message)["kpis"]
    assert (kpis["opens"], kpis["humanOpens"]) == (1, 1)
    assert kpis["firstOpenedAt"] == kpis["lastOpenedAt"] == items[0]["at"]


def test_the_same_mail_forwarded_to_a_new_recipient_counts_for_itself(
    service: RunningService,
) -> None:
    """Quoted text with links of ours is put back to the seller's links and left plain (T3)."""
    first = send(service, "quoted@example.com", "First", '<a href="https://example.com/q">x</a>')
    quoted = arrived(service, "quoted@example.com")
    reply = f'<p>See below <a href="https://example.com/new">new</a></p>{quoted}'
    second = send(service, "reply@example.com", "Second", reply)
    answer = arrived(service, "reply@example.com")
    (pixel,) = addresses(service, answer, "o")
    assert pixel not in quoted
    assert click_everything(service, answer) == ["https://example.com/new"]
    assert '<a href="https://example.com/q">' in answer
    counted(service, second, linkClicks=1)
    assert shown(service, first)["kpis"]["linkClicks"] == 0


def test_switching_engagement_off_empties_what_is_shown_and_on_shows_it_again_f6(
    service: RunningService,
) -> None:
    message = send(service, "f6@example.com", "F6", '<a href="https://example.com/">x</a>')
    received = arrived(service, "f6@example.com")
    click_everything(service, received)
    before = counted(service, message, linkClicks=1)

    assert service.call("PATCH", "settings", {"engagement": False}).status_code == 200
    off = shown(service, message)
    assert off["kpis"] is None
    listed = service.call("GET", "messages?limit=200").json()["items"]
    assert all(item["kpis"] is None for item in listed)
    events = service.call("GET", f"messages/{message}/events").json()
    assert events == {"items": [], "cursor": None}
    # Links still redirect and images still load; nothing that happens now is kept.
    assert click_everything(service, received) == ["https://example.com/"]
    (pixel,) = addresses(service, received, "o")
    assert service.host.client.get(pixel, headers=BROWSER).status_code == 200

    assert service.call("PATCH", "settings", {"engagement": True}).status_code == 200
    assert shown(service, message)["kpis"] == before["kpis"]
    click_everything(service, received)
    counted(service, message, linkClicks=2)
    items = service.call("GET", f"messages/{message}/events").json()["items"]
    assert len([item for item in items if item["kind"] == "click"]) == 2


def test_graph_that_is_busy_for_a_moment_is_waited_for_by_the_queue_s2(
    service: RunningService,
) -> None:
    busy = {"kind": "throttle", "retryAfter": 1, "method": "POST"}
    service.faults(busy | {"path": "/messages$"}, busy | {"path": "/send$"})
    message = send(service, "busy@example.com", "Busy", "<p>Hello</p>")
    soon(lambda: shown(service, message)["status"] == "sent")
    # Graph says 202 before the mail is there.
    assert len(soon(lambda: service.received("busy@example.com"))) == 1
    assert shown(service, message)["step"] == "sent"
    assert service.waiting("deliver") == 0


def test_a_message_that_waits_for_graph_is_found_among_those_being_sent(
    service: RunningService,
) -> None:
    service.faults({"kind": "throttle", "retryAfter": 3_600, "path": "/messages$"})
    message = send(service, "waits@example.com", "Waits", "<p>Hello</p>")

    def listed(status: str) -> list[str]:
        items = service.call("GET", f"messages?limit=200&status={status}").json()["items"]
        return [item["id"] for item in items]

    soon(lambda: message in listed("sending"))
    assert shown(service, message)["status"] == "sending"
    assert message not in listed("accepted") + listed("sent")


def test_a_message_graph_refuses_is_failed_with_a_sentence_in_the_readers_language_s2(
    service: RunningService,
) -> None:
    service.faults(
        {"kind": "status", "status": 403, "code": "ErrorAccessDenied", "path": "/messages$"}
    )
    message = send(service, "refused@example.com", "Refused", "<p>Hello</p>")
    value = soon(lambda: one if (one := shown(service, message))["failure"] else None)
    assert (value["status"], value["step"], value["sentAt"]) == ("failed", "failed", None)
    assert value["failure"]["code"] == "mailboxOutOfScope"
    assert "ana@contoso.com" in value["failure"]["message"]
    spanish = {"accept-language": "es"}
    shown_in_spanish = service.call("GET", f"messages/{message}", headers=spanish).json()
    assert shown_in_spanish["failure"]["message"] != value["failure"]["message"]
    assert service.received("refused@example.com") == []


def test_an_answer_arrives_in_its_thread_and_is_seen_on_its_own_s1(service: RunningService) -> None:
    address = "thread@example.com"
    first = send(service, address, "Offer", '<a href="https://a.example/">a</a>')
    arrived(service, address)
    soon(lambda: shown(service, first)["status"] == "sent")
    body = {
        "from": "ana@contoso.com",
        "to": [{"address": address, "record": {"type": "contact", "id": address}}],
        "subject": "Re: Offer",
        "html": '<img src="cid:logo"><a href="https://b.example/">b</a>',
        "attachments": [{"name": "l.png", "content": b64encode(PNG).decode(), "contentId": "logo"}],
        "inReplyTo": first,
    }
    other = body | {"from": "ana@fabrikam.com", "attachments": []}
    theirs = "/api/orgs/fabrikam/messages"
    assert service.call("POST", theirs, other, key="local-fabrikam").status_code == 422
    second = service.call("POST", "messages", body).json()["id"]
    _, mail = soon(lambda: found if len(found := service.received(address)) == 2 else None)
    assert click_everything(service, mail["html"]) == ["https://b.example/"]
    assert 'href="https://a.example/"' in mail["html"]
    (image,) = addresses(service, mail["html"], "i")
    assert service.host.client.get(image, headers=BROWSER).content == PNG
    assert mail["attachments"] == []
    assert shown(service, second)["inReplyTo"] == first
    (copy,) = shown(service, first)["copies"]
    assert mail["headers"]["In-Reply-To"] == copy["internetMessageId"]
    counted(service, second, linkClicks=1)
    assert shown(service, first)["kpis"]["linkClicks"] == 0
