"""The signature under a seller's messages: where it stands, what is followed in it, and its form in
plain text (S1, T2, T3)."""

from __future__ import annotations

import pytest

from shared.model import Attachment, Content, Recipient, Seller
from shared.sending.compose import Composed, compose, recognizer
from shared.sending.plain_text import to_html, to_text
from shared.sending.signature import signature_of
from shared.tracking.tokens import Addresses, Signer, Target
from tests.mail.images import DATA

SIGNER = Signer({"k1": b"a key for tests, 32 bytes or more"})
ADDRESS = "https://follow.example"
ANA = '<p>Ana, <a href="https://contoso.com/ana">Contoso</a></p>'
SIGNED = f"<br><div>{ANA}</div>"
OFFER = Attachment(1, "offer.pdf", "application/pdf", 3, follow=True)


def composed(
    html: str | None,
    signature: str | None = ANA,
    *,
    followed: bool = False,
    files: tuple[Attachment, ...] = (),
    text: str | None = None,
) -> Composed:
    recipients = (Recipient("to", "li@example.com"),)
    return compose(
        Content("Offer", html, text, recipients, attachments=files, signature=signature),
        Target("contoso", "b" * 32),
        followed=followed,
        addresses=Addresses(SIGNER, ADDRESS),
        own=recognizer(SIGNER, frozenset({ADDRESS})),
        language="en",
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<p>Hello</p>", ""),
        ("Hello", ""),
        ("<html><body><p>Hello</p>\r\n", "</body>\r\n</html>"),
        ("<table><tr><td>a </body> inside", ""),
        ("", ""),
    ],
)
def test_the_signature_stands_at_the_end_of_the_body_and_nothing_else_changes(
    before: str, after: str
) -> None:
    assert composed(before + after).body == before + SIGNED + after


def test_a_message_without_a_signature_is_as_it_was_written() -> None:
    assert composed("<p>Hello", None).body == "<p>Hello"


def test_links_of_a_signature_are_followed_after_those_of_the_text_t3() -> None:
    made = composed('<a href="https://contoso.com/ana">mine</a>', followed=True)
    assert [(link.index, link.text) for link in made.links] == [(0, "mine"), (1, "Contoso")]


def test_images_of_a_signature_are_stored_or_travel_like_others_t2() -> None:
    signature = f'<img src="{DATA}">'
    assert len(composed("<p>Hello", signature, followed=True).images) == 1
    assert len(composed("<p>Hello", signature).inline) == 1


def test_followed_files_stand_below_the_signature_and_the_pixel_at_the_end_t5() -> None:
    body = composed("<p>Hello</p>", followed=True, files=(OFFER,)).body
    assert body.index("Ana, ") < body.index("offer.pdf") < body.index(f"{ADDRESS}/o/")


@pytest.mark.parametrize(
    "hidden",
    [
        '<div style="color: red; DISPLAY : none !important">never closed <p>and on',
        "<div style='max-height:0;overflow:hidden'>\r\n<span>never closed",
        "<div hidden><table><tr><td>never closed",
    ],
)
@pytest.mark.parametrize("after", ["", "</body></html>"])
def test_what_is_hidden_and_never_closed_hides_neither_files_nor_signature_t5(
    hidden: str, after: str
) -> None:
    before = '<p style="max-height:0.5em">Hello</p>\r\n<div style="display:none">preview</div>\r\n'
    body = composed(before + hidden + after, followed=True, files=(OFFER,)).body
    assert body.index("preview") < body.index("Ana, ") < body.index("offer.pdf")
    assert body.index("offer.pdf") < body.index(hidden)
    assert body.startswith(before) and hidden in body


@pytest.mark.parametrize(
    "broken", ["<div><!-- never ends", "<a href='", "<title>", "</div></body></html>", "<script>"]
)
def test_a_broken_signature_hides_neither_the_text_nor_the_pixel_t1(broken: str) -> None:
    made = composed("<p>Hello</p>", broken, followed=True)
    assert made.body.startswith("<p>Hello</p>")
    assert "<img" in made.body.replace(broken, "")


def test_a_message_in_plain_text_gets_the_signature_in_plain_text() -> None:
    assert composed(None, "Ana\nContoso", text="Hello").body == "Hello\n\nAna\nContoso"
    assert composed(None, None, text="Hello\n").body == "Hello\n"


@pytest.mark.parametrize(
    ("html", "text", "in_html", "in_text"),
    [
        (None, None, None, None),
        (ANA, "Ana", ANA, "Ana"),
        (ANA, None, ANA, "Ana, Contoso <https://contoso.com/ana>"),
        (None, "Ana & Co\n  x", "Ana &amp; Co<br>\n&nbsp; x", "Ana & Co\n  x"),
        (
            "<img src='https://contoso.com/a.png'>",
            None,
            "<img src='https://contoso.com/a.png'>",
            None,
        ),
    ],
)
def test_a_form_that_the_seller_did_not_give_is_made_from_the_other(
    html: str | None, text: str | None, in_html: str | None, in_text: str | None
) -> None:
    seller = Seller("ana@contoso.com", signature=html, signature_text=text)
    assert signature_of(seller, html=True) == in_html
    assert signature_of(seller, html=False) == in_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (
            "<div>Ana</div>\n<div>Sales</div>x<div><br></div><div><div>y</div></div>",
            "Ana\nSales\nx\n\ny",
        ),
        ("<table><tr><td><img src=x alt=Logo><td>Ana<br>+55 11</table>", "Logo\nAna\n+55 11"),
        ("<p>a</p><ul><li>b<li>c</ul>", "a\n\n* b\n* c"),
        ("<style>p{}</style><script>x</script>a &lt;b&gt;&nbsp;c", "a <b>\xa0c"),
        ('<a href="https://a.example/">https://a.example/</a>', "https://a.example/"),
        ('<a href="mailto:a@b.example">a@b.example</a> <a href>x</a>', "a@b.example x"),
        ("", ""),
        ("<!--", ""),
    ],
)
def test_html_reads_as_text(html: str, text: str) -> None:
    assert to_text(html) == text


def test_text_in_html_keeps_its_lines_and_indents_and_runs_nothing() -> None:
    assert to_html("a  b\r\n <script>&amp;") == "a&nbsp; b<br>\n&nbsp;&lt;script&gt;&amp;amp;"
