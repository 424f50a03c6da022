"""A body put together: what the seller wrote, and below it their signature, the files it links, and
what it quotes.

Each part goes to the end of what is there by then, before the document's own `</body>`, as mail
programs do it; what the seller wrote stays as it is.
"""

from __future__ import annotations

from shared.model import Content
from shared.tracking.pixel_image import pixel_place


def html_body(content: Content, *, files: str, quote: str, pixel: str) -> str:
    """The HTML of a message with its block of `files` and its `quote`; nothing in it is followed
    yet.

    `pixel` is the address of its pixel, by which it is found out what is seen where.
    """
    html = content.html or ""
    signature = f"<br><div>{content.signature}</div>" if content.signature else ""
    for part in (signature, files, quote):
        if part:
            place = pixel_place(html, pixel)
            html = html[:place] + part + html[place:]
    return html


def text_body(content: Content, *, quote: str) -> str:
    """The text of a message in plain text."""
    return "\n\n".join(part for part in (content.text, content.signature, quote) if part)
