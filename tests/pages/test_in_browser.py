"""In Chromium: a person signs in and reads; what strangers wrote does nothing."""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from shared.model import EventKind, Link, Recipient, SendTime, Status
from tests.pages.site import HOSTILE, LI, Site, Told, event
from tests.pages.test_given_away import failed

pytestmark = pytest.mark.browser

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=ARGUMENTS
        )
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained of: errors of the console, CSP violations among them."""
    return []


@pytest.fixture(params=[DESK, PHONE], ids=["desk", "phone"])
def page(
    request: pytest.FixtureRequest, chromium: Browser, site: Site, complaints: list[str]
) -> Iterator[Page]:
    context = chromium.new_context(base_url=site.address, viewport=request.param, locale="en-US")
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()


def sign_in(page: Page, asked_for: str = "/") -> None:
    page.goto(asked_for)
    page.get_by_role("button", name="ana@contoso.com").click()


def fits(page: Page) -> bool:
    """Whether nothing sticks out to the right."""
    result: bool = page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    return result


def test_a_seller_signs_in_and_reads_who_opened_and_clicked(
    site: Site, page: Page, complaints: list[str]
) -> None:
    opened, clicked = event(), event(EventKind.CLICK, link=0)
    ours = Link(0, "https://example.com/", "ours")
    site.tell(Told("Offer", [LI], events=[opened, clicked], links=[ours]))

    sign_in(page)
    expect(page).to_have_url(re.compile(r"/orgs/contoso/messages$"))
    expect(page.get_by_role("row")).to_have_count(2)
    assert fits(page)
    page.get_by_role("link", name="Offer").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Offer")
    expect(page.get_by_role("heading", level=3)).to_have_count(2)
    assert fits(page)
    page.get_by_role("link", name="People only").click()
    expect(page.get_by_role("link", name="People only")).to_have_attribute("aria-current", "true")
    page.get_by_role("link", name="Followed messages").click()
    expect(page).to_have_url(re.compile(r"/orgs/contoso/messages$"))
    assert complaints == []


def test_a_search_by_keyboard_finds_its_message(
    site: Site, page: Page, complaints: list[str]
) -> None:
    site.tell(Told("Spring offer"))
    site.tell(Told("Invoice"))
    sign_in(page, "/orgs/contoso/messages?period=90")

    page.get_by_role("searchbox").focus()
    page.keyboard.type("spring")
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile("search=spring"))
    expect(page.get_by_role("rowheader")).to_have_text(["Spring offer"])
    expect(page.get_by_label("Period")).to_have_value("90")
    assert complaints == []


def test_what_strangers_wrote_does_nothing(site: Site, page: Page, complaints: list[str]) -> None:
    link = Link(0, "https://example.com/?q=<script>", HOSTILE)
    hostile = Recipient("to", "li@example.com", HOSTILE)
    seen = [event(client=HOSTILE), event(EventKind.CLICK, link=0)]
    message = site.tell(
        Told(HOSTILE, [hostile], events=seen, links=[link], more={"to_text": HOSTILE})
    )

    sign_in(page)
    for address in ("/orgs/contoso/messages", f"/orgs/contoso/messages/{message}"):
        page.goto(address)
        expect(page.get_by_text(HOSTILE).first).to_be_visible()
        assert page.evaluate("window.hit") is None
        assert fits(page)
    assert complaints == []


def test_times_are_the_browsers_and_a_button_cancels_what_is_scheduled_d3_s3(
    site: Site, chromium: Browser
) -> None:
    at = datetime(2030, 5, 31, 22, 30, tzinfo=UTC)
    waits = {"status": Status.SCHEDULED, "sent_at": None, "due_at": at}
    site.tell(Told("Offer", more={**waits, "send_time": SendTime(at)}))
    context = chromium.new_context(
        base_url=site.address,
        locale="en-US",
        timezone_id="Asia/Kathmandu",
        viewport={"width": 390, "height": 844},
    )
    page = context.new_page()
    sign_in(page)
    expect(page.locator("caption")).to_have_text("Times are those of Nepal Time (Asia/Kathmandu).")
    page.get_by_role("link", name="Offer").click()
    expect(page.locator(".state")).to_contain_text("Jun 1, 2030 4:15")
    assert fits(page)
    page.get_by_role("button", name="Cancel sending").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".pill")).to_have_text("Cancelled")
    expect(page.get_by_role("button", name="Send now")).to_have_count(0)
    context.close()


def test_an_administrator_makes_the_first_key_as_the_docs_say(site: Site, page: Page) -> None:
    """In the console of the assistant's page, whose policy lets it ask our own address."""
    docs = Path(__file__).parents[2] / "docs" / "first-deployment.md"
    [typed] = re.findall(r"```js\n(.*?)```", docs.read_text(encoding="utf-8"), re.DOTALL)
    page.goto("/orgs/contoso/cards")
    page.get_by_role("button", name="carla@contoso.com").click()
    expect(page).to_have_url(re.compile(r"/orgs/contoso/cards$"))
    made = page.evaluate(f"async () => {typed}")
    assert made["scopes"] == ["admin", "read", "send"]
    keys = httpx.get(
        f"{site.address}/api/orgs/contoso/keys",
        headers={"x-api-key": made["key"]},
        trust_env=False,
    )
    assert made["id"] in [key["id"] for key in keys.json()["items"]]


def test_a_manager_gives_what_failed_to_another_seller(
    site: Site, page: Page, complaints: list[str]
) -> None:
    message = failed(site)
    page.goto(f"/orgs/contoso/messages/{message}")
    page.get_by_role("button", name="bruno@contoso.com").click()
    expect(page.get_by_text("This message was not sent")).to_be_visible()
    assert fits(page)
    page.get_by_label("Give it to another seller").fill("carla@contoso.com")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("It now belongs to carla@contoso.com")
    assert fits(page)
    assert complaints == []
