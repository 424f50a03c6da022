"""What a reply quotes: one document with what the seller wrote, and nothing in it that is ours any
more (S1, T3)."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from pathlib import Path

import pytest
from turbohtml import parse

import tests.mail
from shared.model import Content, Quote, Recipient
from shared.sending.compose import Composed, compose, recognizer
from shared.tracking.tokens import Addresses, Signer, Target

SIGNER = Signer({"k1": b"a key for tests, 32 bytes or more"})
ADDRESS = "https://follow.example"
ADDRESSES = Addresses(SIGNER, ADDRESS)
EARLIER, NOW = Target("contoso", "a" * 32), Target("contoso", "b" * 32)
OFFER = "https://example.com/offer?a=1&b=2"
REDIRECT = ADDRESSES.redirect(replace(EARLIER, index=1), OFFER)
MAILS = Path(tests.mail.__file__).parent


def composed(
    quote: Quote, body: str = "<p>Thanks</p>", *, followed: bool = False, text: str | None = None
) -> Composed:
    content = Content(
        "Re: Offer", None if text else body, text, (Recipient("to", "li@example.com"),)
    )
    return compose(
        replace(content, signature="Ana"),
        NOW,
        followed=followed,
        addresses=ADDRESSES,
        own=recognizer(SIGNER, frozenset({ADDRESS})),
        language="en",
        quote=quote,
    )


def as_html(content: str) -> Quote:
    return Quote(content, is_html=True)


@pytest.mark.parametrize(
    ("quoted", "part"),
    [
        ("<hr><p>Hi</p>", "<hr><p>Hi</p>"),
        (
            "<html><head><title>x</title></head><body><p>Hi</p></body></html>",
            "<div><p>Hi</p></div>",
        ),
        (
            '<html><body dir="rtl" lang=ar>\r\n<p>Hi</p></body>\r\n</html>',
            '<div dir="rtl" lang=ar>\n<p>Hi</p></div>',
        ),
        (
            "<head><style>p{margin:0}</style><meta charset=utf-8></head><body>Hi",
            "<style>p{margin:0}</style><div>Hi</div>",
        ),
        (
            "<body>Hi <blockquote><html><body>inner</body></html></blockquote> end</body>",
            "<div>Hi <blockquote><html><body>inner</body></html></blockquote> end</div>",
        ),
        ("", ""),
    ],
)
@pytest.mark.parametrize(
    ("before", "after"),
    [("<p>Thanks</p>", ""), ("<html><body>Thanks", "</body></html>")],
)
def test_a_quote_stands_below_the_signature_inside_the_sellers_own_document(
    quoted: str, part: str, before: str, after: str
) -> None:
    made = composed(as_html(quoted), before + after)
    assert made.body == f"{before}<br><div>Ana</div>{part}{after}"


def words_of(body: str) -> str:
    (shown,) = parse(body).select("body")
    return " ".join(shown.text.split())


def our_mail(name: str) -> str:
    """A real client's reply to a mail of ours, with addresses that are really ours in it."""
    numbers = iter(range(100))

    def redirect(found: re.Match[str]) -> str:
        target = replace(EARLIER, index=next(numbers))
        return html.escape(ADDRESSES.redirect(target, f"https://example.com/{target.index}?a&b"))

    body = (MAILS / name).read_text("utf-8")
    body = re.sub(rf"{ADDRESS}/o/[^\"]+", ADDRESSES.pixel(EARLIER), body)
    return re.sub(rf"{ADDRESS}/r/[^\"]+", redirect, body)


@pytest.mark.parametrize("name", ["outlook-web-reply.html", "gmail-reply.html"])
@pytest.mark.parametrize("followed", [True, False])
def test_a_client_that_quoted_us_is_quoted_without_our_redirects_and_pixels_t3(
    name: str, followed: bool
) -> None:
    quoted = our_mail(name)
    ours = re.findall(rf"{ADDRESS}/[or]/([^\"?]+)", quoted)
    assert len(ours) == 4
    made = composed(as_html(quoted), '<a href="https://contoso.com/">x</a>', followed=followed)
    assert not [token for token in ours if token in made.body]
    for number in range(3):
        assert f'href="https://example.com/{number}?a&amp;b"' in made.body
    assert made.links[0].url == "https://contoso.com/" if followed else made.links == ()
    assert words_of(quoted) in words_of(made.body)


def test_every_other_link_of_the_quote_is_followed_after_the_sellers_t3() -> None:
    quoted = f'<a href="{html.escape(REDIRECT)}">ours</a><a href="https://li.example/">theirs</a>'
    made = composed(as_html(quoted), '<a href="https://contoso.com/">mine</a>', followed=True)
    assert [(link.index, link.text) for link in made.links] == [(0, "mine"), (1, "theirs")]


@pytest.mark.parametrize(
    "broken", ["<p>Hi <!-- never ends", "<textarea>Hi", "<body><div><a href='"]
)
def test_a_broken_quote_does_not_keep_the_pixel_from_being_seen_t1(broken: str) -> None:
    made = composed(as_html(broken), followed=True)
    images = [one.attrs["src"] for one in parse(made.body).select("img")]
    assert images == [ADDRESSES.pixel(NOW)]
    assert made.body.startswith("<p>Thanks</p>")


def test_a_quote_in_plain_text_is_shown_as_it_was_written_and_leads_where_it_led() -> None:
    quote = Quote(f"\n____\nFrom: Li <li@example.com>\n\nOffer<{REDIRECT}>\n  1 < 2", is_html=False)
    shown = parse(composed(quote).body).to_text()
    assert "From: Li <li@example.com>" in shown and f"Offer<{OFFER}>" in shown
    assert composed(quote, text="Thanks").body == (
        f"Thanks\n\nAna\n\n____\nFrom: Li <li@example.com>\n\nOffer<{OFFER}>\n  1 < 2"
    )


def test_a_message_in_plain_text_quotes_html_as_it_reads() -> None:
    pixel = f'<img src="{ADDRESSES.pixel(EARLIER)}">'
    quoted = f'<hr><b>From:</b> Li<br><p><a href="{html.escape(REDIRECT)}">Offer</a>{pixel}</p>'
    body = composed(as_html(quoted), text="Thanks").body
    assert body.startswith("Thanks\n\nAna\n\n")
    assert f"From: Li\n\nOffer <{OFFER}>" in body
    assert ADDRESS not in body
