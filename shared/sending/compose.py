"""What the recipient gets: the body with its links followed and the pixel in it, or as it is."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from shared.attachments.block import Linked, block
from shared.model import Content, Link
from shared.tracking.pixel_image import pixel_place
from shared.tracking.rewrite import OurAddress, OurRedirect, Own, rewrite, without_ours
from shared.tracking.tokens import Addresses, Kind, Mangled, Signer, Sound, Target, Withdrawn


@dataclass(frozen=True, slots=True)
class Composed:
    """A body ready to be sent, and the links in it (none where it is not followed)."""

    body: str
    is_html: bool
    links: tuple[Link, ...] = ()


def compose(
    content: Content,
    target: Target,
    *,
    followed: bool,
    addresses: Addresses,
    own: Own,
    language: str,
) -> Composed:
    """Composes one copy of a message. The same content gives the same links at every attempt.

    `language` is that of the words we add.
    """
    if content.html is None:
        return Composed(content.text or "", is_html=False)
    if not followed:
        return Composed(without_ours(content.html, own=own), is_html=True)
    pixel = addresses.pixel(target)
    rewritten = rewrite(
        _with_files(content, target, addresses, pixel, language),
        redirect=lambda index, url: addresses.redirect(_link(target, index), url),
        own=own,
        pixel=pixel,
    )
    links = tuple(
        Link(found.index, found.url, found.text, found.not_followed) for found in rewritten.links
    )
    return Composed(rewritten.html, is_html=True, links=links)


def _with_files(
    content: Content, target: Target, addresses: Addresses, pixel: str, language: str
) -> str:
    """The body with its followed files at the end, where the pixel would be seen."""
    html = content.html or ""
    files = [
        Linked(one.name, one.size, addresses.attachment(_link(target, one.number), one.name))
        for one in content.attachments
        if one.follow
    ]
    if not files:
        return html
    place = pixel_place(html, pixel)
    return html[:place] + block(language, files) + html[place:]


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
        if kind is not None and isinstance(signer.verify(kind, token), Sound):
            return OurAddress.KEPT
        return None

    return own


def _link(target: Target, index: int) -> Target:
    return Target(target.organization, target.message, target.copy, index)
