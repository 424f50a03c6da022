"""The image that tells of an open: how it is written, and where it goes in a body."""

import re
from collections.abc import Iterator
from html import escape
from itertools import islice

from turbohtml import Element, TokenType, tokenize

from shared.tracking.markup import element_starts, live_nodes

_BODY_END = re.compile(r"</body(?=[\s/>])", re.IGNORECASE)
_HTML_END = re.compile(r"</html(?=[\s/>])", re.IGNORECASE)
_PLACES_TRIED = 12


def pixel_image(address: str) -> str:
    """An image of one pixel that nobody sees and nobody hears, and that is short in the text part.

    Its alternative text is a space: for an empty one, Exchange writes the image's address into the
    text part (rule S5). The role tells screen readers to pass it over. It is not
    `display:none`, which some clients take as a reason not to load it. The sizes are important
    because newsletters say `img { width: 100% !important }` for phones.
    """
    return (
        f'<img src="{escape(address)}" width="1" height="1" alt=" " '
        'role="presentation" style="display:block;'
        "width:1px!important;height:1px!important;min-width:0!important;max-width:1px!important;"
        'margin:0!important;padding:0!important;border:0!important">'
    )


def pixel_place(html: str, address: str) -> int:
    """Where in `html` the image goes: before the document's own `</body>`, else at the end.

    Each place is tried out by parsing the body with the image in it. Broken HTML can swallow what
    stands at its end (an unclosed comment, title, script or tag); then the image goes before the
    last element where it is seen.
    """
    places = list(_ends(html))
    for place in places:
        if _is_seen(f"{html[:place]}{pixel_image(address)}{html[place:]}", address):
            return place
    return places[0]


def _ends(html: str) -> Iterator[int]:
    for tag in (_BODY_END, _HTML_END):
        starts = [match.start() for match in tag.finditer(html)]
        if starts and _nothing_follows(html[starts[-1] :]):
            yield starts[-1]
    yield len(html)
    # Only broken HTML gets here.
    yield from islice(sorted(element_starts(html), reverse=True), _PLACES_TRIED)
    yield 0


def _is_seen(html: str, address: str) -> bool:
    return any(
        isinstance(node, Element) and node.tag == "img" and node.attrs.get("src") == address
        for node in live_nodes(html)
    )


def _nothing_follows(tail: str) -> bool:
    """Whether the end tag that `tail` begins with is the document's own.

    A quoted mail may bring a nested document, whose end is followed by more; and a section that
    only some clients show (`<!--[if !mso]><!--> … <!--<![endif]-->`) may hold the end.
    """
    for token in tokenize(tail):
        if token.type is TokenType.END_TAG and token.tag in ("body", "html"):
            continue
        if token.type is TokenType.TEXT and not (token.data or "").strip():
            continue
        if token.type is TokenType.COMMENT and "[endif]" not in (token.data or "").lower():
            continue
        return False
    return True
