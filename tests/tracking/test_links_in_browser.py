"""In Chromium, a followed link arrives where the seller's link leads (T3)."""

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from shared.tracking.destinations import destination
from tests.mail.followed import SITE, followed
from tests.mail.hard_cases import ADDRESSES, ELSEWHERE, LEFT, NO_LINKS, WRITTEN
from tests.mail.web import MAIL, Web, web

pytestmark = pytest.mark.browser

FIXTURES = sorted((Path(__file__).parent.parent / "mail").glob("*.html"))

HARD_CASES = {
    "written": [case.before for case in WRITTEN],
    "addresses": ["".join(f'<a href="{href}">x</a>' for _, href, *_ in ADDRESSES)],
    "left": ["".join(f'<a href="{href}">x</a>' for _, href in LEFT)],
    "elsewhere": [case.before for case in ELSEWHERE],
    # The browser does not tell whether a comment was closed, so that it cannot judge this one.
    "no links": [html for name, html in NO_LINKS if name != "a comment that never ends"],
}

# Every link in the order of the tree, as the browser understands it. What stands in a conditional
# comment is parsed as a document of its own, as Outlook does. `web` tells the absolute links to the
# web from the others; Chromium keeps a space in a host as %20, where no host can be.
LINKS = r"""() => {
  const links = []
  const collect = (root) => {
    const shown = NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_COMMENT
    const walker = document.createTreeWalker(root, shown)
    while (walker.nextNode()) {
      const node = walker.currentNode
      if (node.nodeType === Node.COMMENT_NODE) {
        const conditional = /^\[if\b[^\]]*\]>([^]*)<!\[endif\]$/i.exec(node.data)
        if (conditional) collect(new DOMParser().parseFromString(conditional[1], 'text/html'))
      } else if (/^(a|area|v:.*)$/.test(node.localName)) {
        const href = node.getAttribute('href') ?? node.getAttribute('xlink:href')
        if (href === null) continue
        const probe = document.createElement('a')
        probe.setAttribute('href', href)
        links.push({
          opens: probe.href,
          web: /^https?:$/.test(probe.protocol) && !probe.hostname.includes('%')
            && URL.canParse(href) && new URL(href).href === probe.href,
          off: (node.getAttribute('data-follow') ?? '').toLowerCase() === 'off',
        })
      }
    }
  }
  collect(document)
  return links
}"""

OPENED = """addresses => addresses.map(address => {
  const url = URL.canParse(address) ? new URL(address) : null
  return url && /^https?:$/.test(url.protocol) ? url.href : null
})"""

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--blink-settings=imagesEnabled=false",
    # The browser must ask for the address that the link says and not for a safer one; and a
    # process for each of the many sites takes most of the time.
    "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,HttpsFirstModeV2"
    ",ProactivelySwapBrowsingInstance,BackForwardCache",
    "--disable-site-isolation-trials",
]


class Browser:
    """Reads mail as a recipient does, on a web where every address exists."""

    def __init__(self, page: Page, internet: Web) -> None:
        self.page = page
        self._internet = internet
        self._arrivals: dict[str, str] = {}

    def links_of(self, html: str) -> list[dict[str, Any]]:
        self._internet.mail = html
        self.page.goto(MAIL, wait_until="domcontentloaded")
        links: list[dict[str, Any]] = self.page.evaluate(LINKS)
        return links

    def arrival(self, address: str) -> str:
        if address not in self._arrivals:
            self.page.goto(address, wait_until="commit")
            self._arrivals[address] = self.page.url
        return self._arrivals[address]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with web(tmp_path_factory.mktemp("web")) as internet, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
            args=[*ARGUMENTS, f"--host-resolver-rules=MAP * 127.0.0.1:{internet.server_port}"],
        )
        # Mail is read without scripts, so that what stands in <noscript> is markup.
        page = chromium.new_page(ignore_https_errors=True, java_script_enabled=False)
        yield Browser(page, internet)
        chromium.close()


def assert_every_link_arrives(html: str, browser: Browser) -> None:
    done = followed(html)
    before, after = browser.links_of(html), browser.links_of(done.html)
    redirects = {
        SITE.redirect(link.index, link.url) for link in done.links if link.index is not None
    }
    used = set()
    for original, link in zip(before, after, strict=True):
        if original["opens"].startswith(f"{SITE.address}/r/"):
            assert not link["opens"].startswith(SITE.address)
            assert browser.arrival(link["opens"]) == browser.arrival(original["opens"])
        elif not original["web"] or original["off"] or original["opens"].startswith(SITE.address):
            assert link == original
        else:
            assert link["opens"] in redirects, original
            assert browser.arrival(link["opens"]) == browser.arrival(original["opens"])
            used.add(link["opens"])
    assert used == redirects


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_every_link_of_real_mail_arrives(path: Path, browser: Browser) -> None:
    html = path.read_bytes().decode()
    assert followed(html).links
    assert_every_link_arrives(html, browser)


@pytest.mark.parametrize("kind", HARD_CASES)
def test_every_hard_case_arrives(kind: str, browser: Browser) -> None:
    for html in HARD_CASES[kind]:
        assert_every_link_arrives(html, browser)


def test_an_address_put_together_at_random_leads_where_the_browser_goes(browser: Browser) -> None:
    chance = random.Random(3986)
    hosts = [
        "e.com",
        "E.COM.",
        "münchen.de",
        "例え.jp",
        "موقع.example",
        "faß.de",
        "１.com",
        "☃.net",
    ]
    hosts += ["1.2.3.4", "0x7f.1", "256.1", "1.2.3.4.5", "[::1]", "[2001:DB8::1]", "[::1", "a_b.c"]
    hosts += ["a%41.com", "é%CC%81.com", "a\u00adb.com", "xn--mnchen-3ya.de", "a<b.com", "", ".."]
    rest = [
        *"abc/._-~!$&'()*+,;=:@%|^`{}[]\"<>\\ #?",
        "%41",
        "%zz",
        "%2F",
        "é",
        "日",
        "😀",
        "\t",
        "\n",
    ]
    rest += ["..", "/../", "/./", "%2e%2e", "\u00a0", "\ufeff", "\u2028", "\x00", "\x1f", "\x7f"]

    def address() -> str:
        parts = (
            chance.choice(
                ["http:", "https:", "HTTPS:", " hTtp:", "ht\ntp:", "ftp:", "javascript:"]
            ),
            chance.choice(["//", "//", "//", "/", "", "\\\\", "///", "//\t"]),
            chance.choice(["", "", "", "u@", "u:p@", "a:b@c@", ":p@", "u%20:é@", "@"]),
            chance.choice(hosts),
            chance.choice(["", "", "", ":80", ":443", ":8080", ":", ":99999", ":a", ":0080"]),
            chance.choice("/?#"),
            *chance.choices(rest, k=chance.randrange(9)),
        )
        return "".join(parts)

    addresses = [address() for _ in range(5_000)]
    destinations = [destination(address) for address in addresses]
    by_browser = browser.page.evaluate(OPENED, addresses)
    # Chromium writes a few addresses otherwise than the standard (a `|` in a path as %7C). What
    # counts is where it goes when it is redirected to ours.
    through_us = browser.page.evaluate(OPENED, [address or "" for address in destinations])
    assert [
        (address, ours)
        for address, ours, theirs in zip(addresses, through_us, by_browser, strict=True)
        if ours != theirs
    ] == []
    assert sum(address is not None for address in destinations) > 1_000
