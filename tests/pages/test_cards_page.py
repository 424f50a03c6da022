"""The assistant's page: cards appear by themselves and are put away, in words of the reader's
language (R2–R4, K7)."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from shared.model import CardKind
from tests.pages.site import HOSTILE, Page, Site, Told, Visitor, ago
from tests.pages.test_in_browser import chromium, complaints, fits, page, sign_in

__all__ = ["chromium", "complaints", "page"]
CARDS = "/orgs/contoso/cards"


@pytest.fixture
def offer(site: Site) -> str:
    message = site.tell(Told("Offer"))
    site.card(message, CardKind.REMINDER_DUE, at=ago(minutes=5), comment="Call Li\nabout <b>it</b>")
    site.card(message, CardKind.OPENED, at=ago(minutes=9))
    return message


def put(visitor: Visitor, card: str, verb: str, **headers: str) -> httpx.Response:
    headers = {"sec-fetch-site": "same-origin"} | headers
    return visitor.client.post(f"{CARDS}/{card}/{verb}", headers=headers)


@pytest.mark.processes
def test_cards_are_told_newest_first_with_what_they_are_about(
    site: Site, ana: Visitor, offer: str
) -> None:
    page = ana.sees(CARDS)
    assert [re.sub(" +", " ", text) for text in page.texts(".card h2")] == [
        "Reminder Important Offer",
        "Opened Offer",
    ]
    assert "Call Li about <b>it</b>" in page.texts(".comment")
    site.card(site.tell(Told("Abroad")), CardKind.OPENED, at=ago(minutes=1), country="BR")
    in_spanish = site.visitor(language="es").sees(CARDS)
    assert "Brasil" in in_spanish.texts(".card")[0]
    assert page.address("Assistant") == CARDS


@pytest.mark.processes
def test_what_was_sent_before_is_asked_for_with_its_tag_and_not_sent_again(
    ana: Visitor, offer: str
) -> None:
    tag = ana.asks(CARDS).headers["etag"]
    assert ana.asks(CARDS, **{"if-none-match": tag}).status_code == 304
    assert ana.asks(CARDS, **{"if-none-match": tag, "accept-language": "es"}).status_code == 200
    put(ana, f"{offer}-opened", "dismiss")
    assert ana.asks(CARDS, **{"if-none-match": tag}).status_code == 200


@pytest.mark.processes
def test_forms_put_away_and_bring_back_without_any_script(
    site: Site, ana: Visitor, offer: str
) -> None:
    answer = put(ana, f"{offer}-opened", "snooze")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{CARDS}?away={offer}-opened")
    page = ana.sees(answer.headers["location"])
    assert len(page.texts(".card")) == 1
    assert page.texts(".away button") == ["Undo"]
    assert put(ana, f"{offer}-opened", "undo").headers["location"] == CARDS
    assert len(ana.sees(CARDS).texts(".card")) == 2
    for language, words in (("pt-BR", "Dispensar"), ("es", "Descartar")):
        page = Page(ana.asks(CARDS, **{"accept-language": language}))
        assert words in page.texts(".card button")


@pytest.mark.processes
def test_nobody_elses_form_and_nobody_elses_card_is_taken(
    site: Site, ana: Visitor, offer: str
) -> None:
    card = f"{offer}-opened"
    assert put(ana, card, "dismiss", **{"sec-fetch-site": "cross-site"}).status_code == 403
    assert put(site.visitor("carla@contoso.com"), card, "dismiss").status_code == 404
    assert put(site.visitor("bruno@contoso.com"), card, "dismiss").status_code == 403
    assert put(ana, card, "burn").status_code == 404
    assert put(ana, "x", "dismiss").status_code == 404
    assert ana.client.post(f"/orgs/fabrikam/cards/{card}/dismiss").status_code in (403, 404)
    assert ana.asks(f"{CARDS}?away=%3Cb%3E").status_code == 404
    assert len(ana.sees(CARDS).texts(".card")) == 2
    assert site.visitor("carla@contoso.com").sees(CARDS).texts(".card") == []


@pytest.mark.browser
def test_cards_appear_by_themselves_and_are_put_away_by_keyboard(
    site: Site, page: Tab, complaints: list[str]
) -> None:
    first, second = site.tell(Told("Offer")), site.tell(Told(HOSTILE))
    site.card(first, CardKind.OPENED, at=ago(minutes=9))
    page.clock.install()
    sign_in(page, CARDS)
    page.wait_for_load_state("networkidle")
    cards = page.locator(".card")
    expect(cards).to_have_count(1)

    page.get_by_role("button", name="Snooze for a day").focus()
    site.card(second, CardKind.REMINDER_DUE, at=ago(minutes=1), comment="Call Li")
    page.clock.run_for(5_000)
    expect(cards).to_have_count(2)
    expect(page.get_by_role("status").first).to_contain_text("Reminder: ")
    # Who was about to press a button still is.
    expect(page.get_by_role("button", name="Snooze for a day")).to_be_focused()
    assert fits(page)

    page.get_by_role("button", name="Dismiss").first.focus()
    page.keyboard.press("Enter")
    expect(cards).to_have_count(1)
    expect(page.get_by_role("button", name="Undo")).to_be_focused()
    page.keyboard.press("Enter")
    expect(cards).to_have_count(2)
    assert page.evaluate("window.hit") is None
    assert complaints == []


@pytest.mark.browser
def test_a_page_that_nobody_looks_at_asks_for_nothing_and_one_that_is_allowed_to_notifies(
    site: Site, page: Tab
) -> None:
    page.clock.install()
    page.context.grant_permissions(["notifications"])
    page.add_init_script(
        "window.noted = []; window.Notification = class extends EventTarget {"
        " static permission = 'granted';"
        " constructor(text) { super(); window.noted.push(text); } };"
        "window.sight = 'visible';"
        "Object.defineProperty(document, 'hidden', { get: () => window.sight === 'hidden' });"
    )
    sign_in(page, CARDS)
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    becomes = "window.sight = '{}'; document.dispatchEvent(new Event('visibilitychange'))"

    page.evaluate("Notification.permission = 'denied'")
    page.evaluate(becomes.format("hidden"))
    page.clock.run_for(300_000)
    assert asked == []

    page.evaluate("Notification.permission = 'granted'")
    page.evaluate(becomes.format("hidden"))
    site.card(site.tell(Told("Offer")), CardKind.OPENED, at=ago(minutes=1))
    page.clock.run_for(60_000)
    expect(page.locator(".card")).to_have_count(1)
    assert page.evaluate("window.noted") == ["Opened: Offer (li@example.com)"]
