"""The pages on which one plays the recipient: what they show, and what mail must not do there."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page, async_playwright

from local.graph.pages import opening_in_new_tabs
from tests.local.graph.mail import ANA, created, person, received, sent, until
from tests.running_graph import RunningGraph

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
PIXEL = (
    b"HTTP/1.1 200 OK\r\nContent-Type: image/gif\r\nContent-Length: 42\r\nConnection: close\r\n\r\n"
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,"
    b"\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x01D\x00;"
)


def page_of(http: httpx.Client, address: str) -> str:
    (item,) = received(http, address)
    return f"/mailboxes/{address}/messages/{item['id']}"


def test_the_list_of_mailboxes_grows_with_who_receives_mail(http: httpx.Client) -> None:
    assert "Nobody has received anything yet" in http.get("/").text
    sent(http)
    page = http.get("/").text
    assert '<a href="/mailboxes/li@example.com">' in page
    assert "1 message<" in page
    assert "bruno@fabrikam.com" in page


def test_a_mailbox_shows_its_mail_newest_first(http: httpx.Client) -> None:
    for subject in ("first", "second"):
        sent(http, subject=subject)
    page = http.get("/mailboxes/li@example.com").text
    assert 0 < page.index("second") < page.index("first")
    created(http, subject="not yet")
    assert "not yet" in http.get("/mailboxes/ana@contoso.com?folder=drafts").text
    assert "second" in http.get("/mailboxes/ana@contoso.com?folder=sentitems").text


def test_what_strangers_write_is_shown_and_not_obeyed(http: httpx.Client) -> None:
    hostile = "<script>alert(1)</script>"
    sent(
        http,
        subject=hostile,
        body={"contentType": "text", "content": hostile},
        toRecipients=[person("li@example.com", hostile)],
    )
    address = page_of(http, "li@example.com")
    views = [f"{address}?view=text", f"{address}?view=headers", "/mailboxes/li@example.com"]
    for view in views:
        answer = http.get(view)
        assert answer.status_code == 200
        assert hostile not in answer.text
        assert "&lt;script&gt;" in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert http.get(f"{address}/html").status_code == 404


def test_attachments_are_downloaded_and_inline_images_are_shown(http: httpx.Client) -> None:
    body = {"contentType": "html", "content": '<img src="cid:logo">'}
    item = created(http, body=body)["id"]
    for name, kind, content_id in (
        ("a.svg", "image/svg+xml", None),
        ("l.png", "image/png", "logo"),
    ):
        attachment = {
            "@odata.type": "#microsoft.graph.fileAttachment",
            "name": name,
            "contentType": kind,
            "contentBytes": "AAEC",
            "contentId": content_id,
            "isInline": content_id is not None,
        }
        assert http.post(f"{ANA}/{item}/attachments", json=attachment).status_code == 201
    http.post(f"{ANA}/{item}/send")
    until(lambda: len(received(http, "li@example.com")) == 1)
    address = page_of(http, "li@example.com")
    html = http.get(f"{address}/html").text
    image = http.get(html.split('src="')[1].split('"')[0])
    assert (image.content, image.headers["content-type"]) == (b"\x00\x01\x02", "image/png")
    link = http.get(address).text.split('class="attachments"')[1].split('href="')[1].split('"')[0]
    file = http.get(link)
    assert file.headers["content-type"] == "application/octet-stream"
    assert file.headers["content-disposition"] == "attachment; filename*=utf-8''a.svg"


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("<p>x</p>", '<base target="_blank"><p>x</p>'),
        ("\n<!DOCTYPE html><html>", '\n<!DOCTYPE html><base target="_blank"><html>'),
    ],
)
def test_the_rendering_mode_of_a_message_stays(html: str, shown: str) -> None:
    assert opening_in_new_tabs(html) == shown


class Web:
    """The web outside: it answers every request with a tiny image and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: dict[str, str] = {}
        self.address = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        self.asked[head.split()[1]] = head.lower()
        writer.write(PIXEL)
        await writer.drain()
        writer.close()


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    outside = Web()
    async with await asyncio.start_server(outside.answer, "127.0.0.1", 0) as server:
        outside.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield outside


@pytest.fixture
async def browser_page() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield await browser.new_page(viewport={"width": 1100, "height": 800})
        await browser.close()


@pytest.mark.browser
async def test_images_load_links_open_a_tab_and_scripts_never_run(
    graph: RunningGraph, http: httpx.Client, web: Web, browser_page: Page, tmp_path: Path
) -> None:
    content = (
        "<!doctype html><html><head><script>fetch('/ran-in-head')</script></head><body>"
        f'<h1>Our offer</h1><img src="{web.address}/pixel.gif" width="1" height="1" alt="">'
        f"<img src=x onerror=\"new Image().src='{web.address}/ran-on-error'\">"
        f'<p><a href="{web.address}/offer">See the offer</a></p>'
        f'<form action="{web.address}/form"><button>Send</button></form>'
        f"<script>new Image().src='{web.address}/ran'; top.location='{web.address}/top'</script>"
    )
    sent(http, body={"contentType": "html", "content": content})
    await browser_page.goto(f"{graph.address}/mailboxes/li@example.com")
    await browser_page.get_by_role("link", name="Offer").click()
    frame = browser_page.frame_locator("iframe")
    link = frame.get_by_role("link", name="See the offer")
    async with browser_page.context.expect_page() as opened:
        await link.click()
    tab = await opened.value
    await tab.wait_for_load_state()
    assert tab.url == f"{web.address}/offer"
    assert await tab.evaluate("document.body !== null"), "scripts run again outside the sandbox"
    await tab.close()
    await frame.get_by_role("button", name="Send").click()
    assert browser_page.url.startswith(graph.address)
    assert web.asked.keys() - {"/favicon.ico"} == {"/pixel.gif", "/offer"}
    assert "referer:" not in web.asked["/pixel.gif"] + web.asked["/offer"]
    await browser_page.get_by_role("link", name="Text").click()
    assert "See the offer<" in await browser_page.locator("pre").inner_text()
