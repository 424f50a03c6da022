"""What the recipient gets: the body with its links followed, its images linked and the pixel in
it, or as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import parse_qs, urlsplit

from shared.attachments.block import Linked, block
from shared.model import Content, Link, Quote, StoredImage
from shared.sending.body import html_body, text_body
from shared.sending.images import InlinePart, InlineParts, LinkedImage, LinkedImages
from shared.sending.quote import html_quote, text_quote
from shared.tracking.rewrite import OurAddress, OurRedirect, Own, rewrite, without_ours
from shared.tracking.tokens import Addresses, Kind, Mangled, Signer, Sound, Target, Withdrawn


@dataclass(frozen=True, slots=True)
class Composed:
    """A body ready to be sent, and what belongs to it.

    Of a followed one the links in it, and the images to store before anybody can ask for them:
    those attachments whose content ids are in `linked` need not travel. Of one that is not followed
    the images that must travel with it.
    """

    body: str
    is_html: bool
    links: tuple[Link, ...] = ()
    images: tuple[LinkedImage, ...] = ()
    linked: frozenset[str] = frozenset()
    inline: tuple[InlinePart, ...] = ()


_NONE: Mapping[str, StoredImage] = MappingProxyType({})


def compose(
    content: Content,
    target: Target,
    *,
    followed: bool,
    addresses: Addresses,
    own: Own,
    language: str,
    attached: Mapping[str, StoredImage] = _NONE,
    quote: Quote | None = None,
) -> Composed:
    """Composes one copy of a message. The same content gives the same links at every attempt.

    `attached` are the images among its attachments by their content ids, which a followed body
    links, too (those that come back in `linked`); one that is not followed keeps them as they are.
    `quote` is what a reply quotes. `language` is that of the words we add.
    """
    if content.html is None:
        quoted = text_quote(quote, own=own) if quote else ""
        return Composed(text_body(content, quote=quoted), is_html=False)
    pixel = addresses.pixel(target)
    files = _linked_files(content, target, addresses, language) if followed else ""
    quoted = html_quote(quote, own=own, pixel=pixel) if quote else ""
    html = html_body(content, files=files, quote=quoted, pixel=pixel)
    if not followed:
        parts = InlineParts()
        body = without_ours(html, own=own, placed=parts.place)
        return Composed(body, is_html=True, inline=parts.found)
    images = LinkedImages(attached, lambda index, name: addresses.image(_part(target, index), name))
    rewritten = rewrite(
        html,
        redirect=lambda index, url: addresses.redirect(_part(target, index), url),
        own=own,
        pixel=pixel,
        placed=images.place,
    )
    links = tuple(
        Link(found.index, found.url, found.text, found.not_followed) for found in rewritten.links
    )
    return Composed(
        rewritten.html,
        is_html=True,
        links=links,
        images=images.found,
        linked=images.attached_found,
    )


def _linked_files(content: Content, target: Target, addresses: Addresses, language: str) -> str:
    """The followed files of the message as they stand in it."""
    return block(
        language,
        [
            Linked(one.name, one.size, addresses.attachment(_part(target, one.number), one.name))
            for one in content.attachments
            if one.follow
        ],
    )


def recognizer(signer: Signer, public_addresses: frozenset[str]) -> Own:
    """Recognizes addresses of ours in quoted text: by where they point, and by their signature."""

    def own(address: str) -> OurRedirect | OurAddress | None:
        parts = urlsplit(address)
        if f"{parts.scheme}://{parts.netloc}" not in public_addresses:
            return None
        _, letter, *rest = [*parts.path.split("/", 2), "", ""]
        token = rest[0].split("/", 1)[0]
        if letter == "r":
            destination = parse_qs(parts.query).get("u", [""])[0]
            verdict = signer.verify(Kind.CLICK, token, destination)
            if isinstance(verdict, Sound):
                return OurRedirect(destination)
            # Of a withdrawn key, or mangled: ours all the same, and nothing to wrap once more.
            return OurAddress.KEPT if isinstance(verdict, Withdrawn | Mangled) else None
        if letter == "o":
            sound = isinstance(signer.verify(Kind.OPEN, token.removesuffix(".gif")), Sound)
            return OurAddress.PIXEL if sound else None
        kind = {"a": Kind.ATTACHMENT, "i": Kind.IMAGE}.get(letter)
        if kind is not None and isinstance(signer.verify(kind, token), Sound | Withdrawn):
            return OurAddress.KEPT
        return None

    return own


def _part(target: Target, index: int) -> Target:
    return Target(target.organization, target.message, target.copy, index)
