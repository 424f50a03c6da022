"""A body put together: what the seller wrote, and below it their signature, the files it links, and
what it quotes.

Each part goes to the end of what is there by then, before the document's own `</body>`, as mail
programs do it; what the seller wrote stays as it is. Where that end is inside an element that was
hidden and never closed, they go before that element.
"""

from __future__ import annotations

import re

from turbohtml import Element, parse

from shared.model import Content
from shared.tracking.pixel_image import pixel_image, pixel_place

_HIDES = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|max-height\s*:\s*0(?![.\d])",
    re.IGNORECASE,
)
_HIDDEN = re.compile(r"\shidden[\s=/>]", re.IGNORECASE)


def html_body(content: Content, *, files: str, quote: str, pixel: str) -> str:
    """The HTML of a message with its block of `files` and its `quote`; nothing in it is followed
    yet.

    `pixel` is the address of its pixel, by which it is found out what is seen where.
    """
    html = content.html or ""
    signature = f"<br><div>{content.signature}</div>" if content.signature else ""
    for part in (signature, files, quote):
        if part:
            place = _end(html, pixel)
            html = html[:place] + part + html[place:]
    return html


def _end(html: str, pixel: str) -> int:
    """Where a part goes so that it is seen: the end of the body, but for what is hidden there."""
    place = pixel_place(html, pixel)
    if not (_HIDES.search(html) or _HIDDEN.search(html)):
        return place
    # The parser counts a line end as one character, whatever it is made of.
    same = html.replace("\r\n", " \n").replace("\r", "\n")
    document = parse(same[:place] + pixel_image(pixel) + same[place:], source_locations=True)
    for image in document.find_all("img"):
        if image.attrs.get("src") == pixel:
            hiding = [one for one in image.ancestors if isinstance(one, Element) and _hides(one)]
            location = hiding[-1].source_location if hiding else None
            return location.start_tag.start_offset if location else place
    return place


def _hides(element: Element) -> bool:
    """Whether nothing in the element is seen; of a body nobody says so by mistake."""
    if element.tag in ("html", "body"):
        return False
    style = str(element.attrs.get("style") or "")
    return "hidden" in element.attrs or _HIDES.search(style) is not None


def text_body(content: Content, *, quote: str) -> str:
    """The text of a message in plain text."""
    return "\n\n".join(part for part in (content.text, content.signature, quote) if part)
