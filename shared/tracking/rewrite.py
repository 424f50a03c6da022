"""Makes an HTML body followed: its links lead through our redirect, it carries the pixel, and the
images that it held itself are linked.

Rules T2, T3. The body is never written anew from a tree: the few places that change are cut out of
its source and replaced, and every other character stays.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from shared.tracking.destinations import destination
from shared.tracking.markup import Link, Markup, Span, read_markup
from shared.tracking.pixel_image import pixel_image, pixel_place

REDIRECT_LENGTH = 3_500  # characters; more does not survive every mail client and gateway
MOST_LINKS = 2**16  # a token numbers no more
_ANYWHERE = re.compile(r"[A-Za-z0-9:/@._~\[\]%-]*[A-Za-z0-9]")
"""What reads the same in an attribute with and without quotes, in CSS and in a `srcset`."""

TOO_LONG = "tooLong"
TOO_MANY = "tooMany"
OPT_OUT = "optOut"


@dataclass(frozen=True, slots=True)
class FoundLink:
    """A link to the web in a message."""

    index: int | None  # counts the followed links of the message from 0; None: left as it was
    url: str  # what a browser requests, in ASCII
    text: str  # what the reader sees of it, for the timeline
    not_followed: str | None  # None, TOO_LONG, TOO_MANY or OPT_OUT


@dataclass(frozen=True, slots=True)
class Rewritten:
    html: str
    links: tuple[FoundLink, ...]  # in the order of the source


@dataclass(frozen=True, slots=True)
class OurRedirect:
    """An address is a redirect of ours, and leads to `url`."""

    url: str


class OurAddress(Enum):
    PIXEL = "pixel"
    KEPT = "kept"  # a stored image or a followed file: works wherever it is quoted


Own: TypeAlias = Callable[[str], OurRedirect | OurAddress | None]
"""Recognizes an address of ours (as a browser requests it); None: it is not ours."""

Placed: TypeAlias = Callable[[str], str | None]
"""Where the image at an address (`data:…`, `cid:…`) is to be found instead; None: it stays."""

Redirect: TypeAlias = Callable[[int, str], str]
"""The whole address of the redirect for the link of this index to this destination."""


def where_it_is(address: str) -> str | None:
    """A `Placed` that leaves every image where it is."""
    return None


def rewrite(
    html: str, *, redirect: Redirect, own: Own, pixel: str, placed: Placed = where_it_is
) -> Rewritten:
    """Follow the links of `html`, link its images, and add the one at `pixel`.

    Redirects of ours in quoted text are put back to where they lead and not followed again; pixels
    of ours are taken out. Never raises, however broken the HTML.
    """
    markup = read_markup(html)
    edits = list(_quoted_pixels(markup, own))
    removed = {edit.span.start for edit in edits}
    found: list[FoundLink] = []
    index = 0
    for link in markup.links:
        url = destination(link.href, markup.base)
        if url is None or link.tag.start in removed:
            continue
        ours = own(url)
        if isinstance(ours, OurRedirect):
            edits.append(_new_href(link, ours.url))
        elif ours is None and link.follow_off:
            found.append(FoundLink(None, url, link.text, OPT_OUT))
        elif ours is None and index >= MOST_LINKS:
            found.append(FoundLink(None, url, link.text, TOO_MANY))
        elif ours is None and len(address := redirect(index, url)) > REDIRECT_LENGTH:
            found.append(FoundLink(None, url, link.text, TOO_LONG))
        elif ours is None:
            found.append(FoundLink(index, url, link.text, None))
            edits.append(_new_href(link, address))
            index += 1
    edits += _placed_images(markup, placed)
    place = pixel_place(html, pixel)
    edits.append(_Edit(Span(place, place), pixel_image(pixel)))
    return Rewritten(_edited(html, edits), tuple(found))


def without_ours(html: str, *, own: Own, placed: Placed = where_it_is) -> str:
    """A body that is not followed: nothing in it points to us (rule F4).

    Redirects of ours in quoted text are put back, pixels of ours taken out, images that it held
    itself put where `placed` says; nothing else changes.
    """
    markup = read_markup(html)
    edits = list(_quoted_pixels(markup, own))
    for link in markup.links:
        url = destination(link.href, markup.base)
        ours = own(url) if url is not None else None
        if isinstance(ours, OurRedirect):
            edits.append(_new_href(link, ours.url))
    edits += _placed_images(markup, placed)
    return _edited(html, edits)


@dataclass(frozen=True, slots=True)
class _Edit:
    span: Span
    text: str


def _quoted_pixels(markup: Markup, own: Own) -> Iterator[_Edit]:
    for image in markup.images:
        src = destination(image.src, markup.base)
        if src is not None and own(src) is OurAddress.PIXEL:
            yield from (_Edit(tag, "") for tag in image.tags)


def _placed_images(markup: Markup, placed: Placed) -> Iterator[_Edit]:
    for image in markup.image_addresses:
        address = placed(image.address)
        if address is not None:
            if not _ANYWHERE.fullmatch(address):
                raise ValueError(f"not to be written without quotes: {address}")
            yield _Edit(image.value, address)


def _new_href(link: Link, address: str) -> _Edit:
    return _Edit(link.value, _attribute_value(address, link.quote))


def _attribute_value(address: str, quote: str) -> str:
    """`address` as it is written between these quotes, or without any: they stay as they were."""
    value = address.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for character in quote or " \t\n\f\r\"'`":
        value = value.replace(character, f"&#{ord(character)};")
    if not quote and value.endswith("-"):
        # Before the tag's `>` two hyphens would end a conditional comment.
        value = value[:-1] + "&#45;"
    return value


def _edited(html: str, edits: list[_Edit]) -> str:
    pieces: list[str] = []
    done = 0
    for edit in sorted(edits, key=lambda edit: (edit.span.start, edit.span.end)):
        if edit.span.start >= done:  # edits never overlap; if they did, the source would win
            pieces += (html[done : edit.span.start], edit.text)
            done = edit.span.end
    pieces.append(html[done:])
    return "".join(pieces)
