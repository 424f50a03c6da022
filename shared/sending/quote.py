"""What a reply quotes, as it stands below what the seller writes.

Exchange makes the quote: who wrote when to whom, and the mail itself. It is a whole document or a
text of its own, and becomes a part of ours.
"""

from __future__ import annotations

import re

from turbohtml import Element, parse

from shared.model import Quote
from shared.sending.plain_text import to_html, to_text
from shared.tracking.destinations import destination
from shared.tracking.pixel_image import pixel_place
from shared.tracking.rewrite import OurRedirect, Own, without_ours

_ADDRESS = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_BODY = "<body"


def html_quote(quote: Quote, *, own: Own, pixel: str) -> str:
    """The quote as a part of an HTML body; addresses of ours in its HTML are still as they were.

    `pixel` is an address by which it is found out what is seen where.
    """
    if quote.is_html:
        return _part(quote.content, pixel)
    return f"<br><div>{to_html(_put_back(quote.content, own))}</div>"


def text_quote(quote: Quote, *, own: Own) -> str:
    """The quote in plain text, with addresses of ours put back to where they lead."""
    if quote.is_html:
        return to_text(without_ours(quote.content, own=own))
    return _put_back(quote.content, own).strip("\r\n")


def _part(html: str, pixel: str) -> str:
    """What is inside a document's `<body>`, in a `<div>` with its direction, language and looks.

    The document's style sheets come along, as when a mail program quotes it: Word's paragraphs
    are nothing without theirs.
    """
    html = html.replace("\r\n", "\n").replace("\r", "\n")
    document = parse(html, source_locations=True)
    body = document.find("body")
    location = body.source_location if isinstance(body, Element) else None
    if location is None:
        return html
    start = location.start_tag
    attributes = html[start.start_offset + len(_BODY) : start.end_offset]
    content = html[start.end_offset : max(pixel_place(html, pixel), start.end_offset)]
    return f"{_style_sheets(html, document.select('head style'))}<div{attributes}{content}</div>"


def _style_sheets(html: str, styles: list[Element]) -> str:
    found = [style.source_location for style in styles]
    return "".join(
        html[one.start_tag.start_offset : one.end_tag.end_offset]
        for one in found
        if one is not None and one.end_tag is not None
    )


def _put_back(text: str, own: Own) -> str:
    def leads_to(found: re.Match[str]) -> str:
        address = destination(found[0])
        ours = own(address) if address is not None else None
        return ours.url if isinstance(ours, OurRedirect) else found[0]

    return _ADDRESS.sub(leads_to, text)
