"""The whole loop through the real processes: send, arrive, open, click, and see it (S1, T1, T3, T9).

What is sent is what real tools write: every mail of `tests/mail`, and one of 500 KB with 300 links.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.running_storage import Deployments
from tests.web.running_service import RunningService, running_service, soon

pytestmark = pytest.mark.processes

MAILS = sorted((Path(__file__).parent.parent / "mail").glob("*.html"))
BROWSER = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
FOLLOWED_TWICE = 2


@pytest.fixture(scope="module")
def service(
    deployments: Deployments, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """A service that folds what no word told of every two seconds, as a real one does later."""
    directory = tmp_path_factory.mktemp("service")
    with running_service(deployments, directory, SWEEP_SCHEDULE="*/2 * * * * *") as running:
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


def click_everything(service: RunningService, body: str) -> list[str]:
    """Where each link of a body leads, in its order."""
    arrived = []
    for address in addresses(service, body, "r"):
        answer = service.host.client.get(address, headers=BROWSER)
        assert answer.status_code == 302
        arrived.append(answer.headers["location"])
    return arrived


def test_real_mails_are_sent_read_and_clicked_and_all_of_it_is_seen(
    service: RunningService,
) -> None:
    sent = {}
    for mail in MAILS:
        address = f"{mail.stem}@example.com"
        sent[mail.stem] = send(service, address, mail.stem, mail.read_text("utf-8"))
    clicks = {}
    for name, message in sent.items():
        (received,) = soon(lambda name=name: service.received(f"{name}@example.com"))
        (pixel,) = addresses(service, received["html"], "o")
        opened = service.host.client.get(pixel, headers=BROWSER)
        assert (opened.status_code, opened.headers["content-type"]) == (200, "image/gif")
        arrived = click_everything(service, received["html"])
        links = [one for one in shown(service, message)["links"] if one["index"] is not None]
        assert arrived == [link["url"] for link in links]
        clicks[name] = len(arrived)
    assert sum(clicks.values()) > 50

    for name, message in sent.items():
        value = soon(
            lambda name=name, message=message: (
                value if (value := shown(service, message))["kpis"]["linkClicks"] == clicks[name]
                and value["kpis"]["opens"] else None
            )
        )  # fmt: skip
        assert (value["status"], value["kpis"]["opens"]) == ("sent", 1)
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


def test_a_message_of_500_kb_with_300_links_arrives_with_all_of_them_followed(
    service: RunningService,
) -> None:
    urls = [f"https://example.com/{n}?a={n}&b=%C3%A9#part-{n}" for n in range(300)]
    paragraphs = [f'<p>{"text " * 320}<a href="{html.escape(url)}">{url}</a></p>' for url in urls]
    body = f"<html><body>{''.join(paragraphs)}</body></html>"
    assert len(body) > 500_000
    message = send(service, "large@example.com", "Large", body)
    (received,) = soon(lambda: service.received("large@example.com"))
    assert click_everything(service, received["html"]) == urls
    links = shown(service, message)["links"]
    assert [link["url"] for link in links] == urls
    assert [link["index"] for link in links] == list(range(300))


def test_the_same_mail_forwarded_to_a_new_recipient_counts_for_itself(
    service: RunningService,
) -> None:
    """Quoted text with links of ours is put back to the seller's links and followed anew (T3)."""
    first = send(service, "quoted@example.com", "First", '<a href="https://example.com/q">x</a>')
    (received,) = soon(lambda: service.received("quoted@example.com"))
    reply = f'<p>See below <a href="https://example.com/new">new</a></p>{received["html"]}'
    second = send(service, "reply@example.com", "Second", reply)
    (answer,) = soon(lambda: service.received("reply@example.com"))
    (pixel,) = addresses(service, answer["html"], "o")
    assert pixel not in received["html"]
    assert click_everything(service, answer["html"]) == ["https://example.com/new"]
    assert '<a href="https://example.com/q">' in answer["html"]
    value = soon(
        lambda: value if (value := shown(service, second))["kpis"]["linkClicks"] else None
    )
    assert value["kpis"]["linkClicks"] == 1
    assert shown(service, first)["kpis"]["linkClicks"] == 0


def test_switching_engagement_off_empties_what_is_shown_and_on_shows_it_again_f6(
    service: RunningService,
) -> None:
    message = send(service, "f6@example.com", "F6", '<a href="https://example.com/">x</a>')
    (received,) = soon(lambda: service.received("f6@example.com"))
    click_everything(service, received["html"])
    before = soon(
        lambda: value if (value := shown(service, message))["kpis"]["linkClicks"] else None
    )

    assert service.call("PATCH", "settings", {"engagement": False}).status_code == 200
    off = shown(service, message)
    assert off["kpis"].keys() == before["kpis"].keys()
    assert set(off["kpis"].values()) == {None}
    listed = service.call("GET", "messages?limit=200").json()["items"]
    assert all(set(item["kpis"].values()) == {None} for item in listed)
    events = service.call("GET", f"messages/{message}/events").json()
    assert events == {"items": [], "cursor": None}
    # Links still redirect and images still load; nothing that happens now is kept.
    assert click_everything(service, received["html"]) == ["https://example.com/"]
    (pixel,) = addresses(service, received["html"], "o")
    assert service.host.client.get(pixel, headers=BROWSER).status_code == 200

    assert service.call("PATCH", "settings", {"engagement": True}).status_code == 200
    assert shown(service, message)["kpis"] == before["kpis"]
    click_everything(service, received["html"])
    after = soon(
        lambda: (
            value
            if (value := shown(service, message))["kpis"]["linkClicks"] >= FOLLOWED_TWICE
            else None
        )
    )
    assert after["kpis"]["linkClicks"] == FOLLOWED_TWICE
    kinds = service.call("GET", f"messages/{message}/events").json()["items"]
    assert len([item for item in kinds if item["kind"] == "click"]) == FOLLOWED_TWICE
