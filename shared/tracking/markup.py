"""Where the links and images of an HTML body stand in its source.

The parser is turbohtml: it builds the tree that the WHATWG standard prescribes, as browsers do, and
tells for every attribute from where to where it reaches in the source. What the tree does not
hold is no link: text in scripts, styles and comments, the content of templates, tags that a browser
drops. It parses without scripting, as mail clients do, so `<noscript>` holds ordinary markup.

A conditional comment is a comment to everybody but Outlook, for which it holds markup: it is
parsed once more, on its own.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from turbohtml import Comment, Element, Namespace, Node, Text, parse

from shared.tracking.character_references import WrittenValue
from shared.tracking.image_addresses import Found, css_addresses, srcset_addresses

TEXT_LENGTH = 120
_TEXT_NODES = 500  # enough for any link's text, and a bound for links nested in links

_CONDITION = re.compile(r"(?<=<!--\[)if", re.IGNORECASE)
_CONDITIONAL = re.compile(r"if\b[^\]]*\]>(.*)<!\[endif\]", re.IGNORECASE | re.DOTALL)
_VALUE = re.compile(r"[^\s=]+[\t\n\f ]*=[\t\n\f ]*(?P<quote>[\"']?)(?P<value>.*)", re.DOTALL)
_INLINE = {"a", "abbr", "b", "big", "code", "em", "font", "i", "ins", "mark", "nobr", "s", "small"}
_INLINE |= {"span", "strong", "sub", "sup", "u"}


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` up to but without `end`, in characters of the source."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Link:
    """An `<a>`, an `<area>` or a VML shape with an href."""

    href: str  # as HTML decodes it
    value: Span  # without its quotes
    quote: str  # `"`, `'` or nothing
    tag: Span
    text: str
    follow_off: bool


@dataclass(frozen=True, slots=True)
class Image:
    """An `<img>`, or a VML element that draws one."""

    src: str
    tags: tuple[Span, ...]  # its start tag, and its end tag where it has one


@dataclass(frozen=True, slots=True)
class ImageAddress:
    """The address of an image, wherever mail has them: `src`, `srcset`, `background`, styles."""

    address: str
    value: Span  # what spells the address, and nothing of what is around it


@dataclass(frozen=True, slots=True)
class Markup:
    """What stands in a body, in the order of the source."""

    links: tuple[Link, ...]
    images: tuple[Image, ...]
    image_addresses: tuple[ImageAddress, ...]
    base: str | None


def read_markup(html: str) -> Markup:
    """Find the links and images of `html`. Never raises, whatever the text."""
    source = _Source(html)
    links: list[Link] = []
    images: list[Image] = []
    addresses: list[ImageAddress] = []
    base: str | None = None
    for part in (source, *_conditional_parts(source)):
        for element in part.elements():
            if element.tag == "base" and base is None and part is source:
                base = _attribute(element, "href")
            if link := _link(element, part):
                links.append(link)
            elif links and _continues(element, links[-1]):
                links[-1] = replace(links[-1], text=_text(element))
            if image := _image(element, part):
                images.append(image)
            addresses.extend(_image_addresses(element, part))
    return Markup(
        links=tuple(sorted(links, key=lambda link: link.value.start)),
        images=tuple(sorted(images, key=lambda image: image.tags[0].start)),
        image_addresses=tuple(sorted(addresses, key=lambda address: address.value.start)),
        base=base,
    )


def element_starts(html: str) -> list[int]:
    """Where the start tags of `html` begin, in no order."""
    source = _Source(html)
    locations = (element.source_location for element in source.elements())
    return [source.span(at.start_tag.start_offset, 0).start for at in locations if at]


def live_nodes(html: str) -> Iterator[Node]:
    """Every node that `html` shows or runs, in document order; templates are not entered."""
    # A template with a shadow root would be live in a page; mail clients know no such thing.
    document = parse(html, source_locations=True, allow_declarative_shadow_roots=False)
    yield from _below(document)


def _below(root: Node) -> Iterator[Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        if not _is_template(node):
            waiting.extend(reversed(node.children))


def _is_template(node: Node) -> bool:
    return isinstance(node, Element) and node.tag == "template" and node.namespace is Namespace.HTML


class _Source:
    """A stretch of the body's source, and the way back from the parser's offsets to it.

    The parser counts `\\r\\n` as one character, as HTML says, so the text is given to it like
    that and offsets are corrected by the line ends before them.
    """

    def __init__(self, html: str) -> None:
        self.text = html.replace("\r\n", "\n").replace("\r", "\n")
        self._offset = 0
        self._pairs = [m.start() - n for n, m in enumerate(re.finditer("\r\n", html))]

    def part(self, start: int, end: int) -> "_Source":
        part = object.__new__(_Source)
        part.text = self.text[start:end]
        part._offset = self._offset + start
        part._pairs = self._pairs
        return part

    def span(self, start: int, end: int) -> Span:
        return Span(self._original(start), self._original(end))

    def _original(self, offset: int) -> int:
        offset += self._offset
        return offset + bisect_left(self._pairs, offset)

    def elements(self) -> Iterator[Element]:
        return (node for node in live_nodes(self.text) if isinstance(node, Element))


def _conditional_parts(source: _Source) -> Iterator[_Source]:
    """The contents of `<!--[if …]> … <![endif]-->`, wherever that is really a comment.

    The tree says which comments there are and not where. So each place that looks like one gets
    its number written into it, which changes nothing in how HTML reads it, and the comments that
    come out of the parser tell which of those places they are.
    """
    starts = [match.start() for match in _CONDITION.finditer(source.text)]
    if not starts:
        return
    mark = "0"
    while f"[{mark}" in source.text:
        mark += "0"
    numbers = iter(range(len(starts)))
    numbered = _CONDITION.sub(lambda found: f"{mark}{next(numbers)};{found[0]}", source.text)
    numbering = re.compile(rf"(?<=\[){mark}(\d+);")
    for node in live_nodes(numbered):
        if isinstance(node, Comment) and (number := numbering.match(node.data, 1)):
            comment = numbering.sub("", node.data)[1:]
            yield from _conditional_part(source, starts[int(number[1])], comment)


def _conditional_part(source: _Source, start: int, comment: str) -> Iterator[_Source]:
    match = _CONDITIONAL.match(source.text, start, start + len(comment))
    # A comment may differ from its source (U+0000 is replaced) or end with the text: then its
    # offsets cannot be trusted, and it stays as it is.
    if match and match[0] == comment and source.text.startswith("-->", match.end()):
        yield source.part(match.start(1), match.end(1))


def _link(element: Element, part: _Source) -> Link | None:
    name = _link_attribute(element)
    location = element.source_location
    written = _written(element, name, part) if name else None
    if name is None or location is None or written is None:
        return None
    return Link(
        href=_attribute(element, name) or "",
        value=part.span(written.start, written.end),
        quote=written.quote,
        tag=part.span(location.start_tag.start_offset, location.start_tag.end_offset),
        text=_text(element),
        follow_off=(_attribute(element, "data-follow") or "").strip().lower() == "off",
    )


@dataclass(frozen=True, slots=True)
class _Written:
    """An attribute's value in the text of its part, without its quotes."""

    start: int
    end: int
    quote: str


def _written(element: Element, name: str, part: _Source) -> _Written | None:
    location = element.source_location
    attribute = location.attrs.get(name) if location else None
    if attribute is None:
        return None
    written = _VALUE.fullmatch(part.text, attribute.start_offset, attribute.end_offset)
    if written is None:  # no value
        return None
    quote = written["quote"]
    return _Written(written.start("value"), written.end("value") - len(quote), quote)


def _continues(element: Element, link: Link) -> bool:
    """Whether `element` is a piece of `link`, which misnested tags have split: `<a><p></a></p>`."""
    copied = element.tag == "a" and element.source_location is None
    return copied and not link.text and _attribute(element, "href") == link.href


def _link_attribute(element: Element) -> str | None:
    """The name of the attribute that makes this a link.

    In SVG `href` wins over the older `xlink:href`. Outlook follows VML shapes also outside of
    conditional comments, where to everybody else they are unknown elements.
    """
    is_link = (
        (element.tag == "a" and element.namespace is not Namespace.MATHML)
        or (element.tag == "area" and element.namespace is Namespace.HTML)
        or element.tag.startswith("v:")
    )
    if not is_link:
        return None
    if "href" in element.attrs:
        return "href"
    if element.namespace is Namespace.SVG and "xlink:href" in element.attrs:
        return "xlink:href"
    return None


def _image(element: Element, part: _Source) -> Image | None:
    location = element.source_location
    src = _attribute(element, "src")
    if src is None or location is None:
        return None
    if element.tag != "img" and not element.tag.startswith("v:"):
        return None
    tags = [location.start_tag] + ([location.end_tag] if location.end_tag else [])
    return Image(src, tuple(part.span(tag.start_offset, tag.end_offset) for tag in tags))


def _image_addresses(element: Element, part: _Source) -> Iterator[ImageAddress]:
    has_src = element.tag in ("img", "input") or element.tag.startswith("v:")
    for name in ("src", "background") if has_src else ("background",):
        address, written = _attribute(element, name), _written(element, name, part)
        if address and written:
            yield ImageAddress(address, part.span(written.start, written.end))
    if element.tag in ("img", "source"):
        yield from _listed_addresses(element, "srcset", srcset_addresses, part)
    yield from _listed_addresses(element, "style", css_addresses, part)
    if element.tag == "style" and element.namespace is Namespace.HTML:
        yield from _sheet_addresses(element, part)


def _listed_addresses(
    element: Element, name: str, find: Callable[[str], Iterator[Found]], part: _Source
) -> Iterator[ImageAddress]:
    """Those inside the value of an attribute."""
    value = _attribute(element, name)
    found = list(find(value)) if value else []
    written = _written(element, name, part) if found else None
    if not value or written is None:
        return
    try:
        source = WrittenValue(value, part.text[written.start : written.end])
    except ValueError:  # a value that comes otherwise out of the parser stays as it is
        return
    for one in found:
        start, end = source.source(one.start), source.source(one.end)
        yield ImageAddress(one.address, part.span(written.start + start, written.start + end))


def _sheet_addresses(element: Element, part: _Source) -> Iterator[ImageAddress]:
    """Those of a `<style>`, which has no character references; one that never ends has none."""
    location = element.source_location
    if location is None or location.end_tag is None:
        return
    start, end = location.start_tag.end_offset, location.end_tag.start_offset
    for one in css_addresses(part.text[start:end]):
        yield ImageAddress(one.address, part.span(start + one.start, start + one.end))


def _attribute(element: Element, name: str) -> str | None:
    value = element.attrs.get(name)
    return value if isinstance(value, str) else None


def _text(element: Element) -> str:
    """What a reader sees of a link, on one line; for one without text its alt or title."""
    shown = " ".join("".join(_words(element)).split())
    for name in ("alt", "title"):
        shown = shown or " ".join((_attribute(element, name) or "").split())
    return shown if len(shown) <= TEXT_LENGTH else shown[: TEXT_LENGTH - 1].rstrip() + "…"


def _words(element: Element) -> Iterator[str]:
    for node in islice(_below(element), _TEXT_NODES):
        if isinstance(node, Text):
            parent = node.parent
            if not (isinstance(parent, Element) and parent.tag in ("style", "script")):
                yield node.data
        elif isinstance(node, Element):
            if node.tag == "img":
                yield _attribute(node, "alt") or ""
            if node.tag not in _INLINE:
                yield " "
