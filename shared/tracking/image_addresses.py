"""Where addresses of images stand in the text of a style and of a `srcset`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """An address, and from where to where its spelling reaches in the text."""

    address: str
    start: int
    end: int


_CSS = re.compile(
    r"""
      /\*.*?(?:\*/|\Z)
    | (?<![\w\-\\]) url \( \s*+ (?:
          "(?P<double>(?:[^"\\\n\f]|\\.)*+)"
        | '(?P<single>(?:[^'\\\n\f]|\\.)*+)'
        | (?P<bare>(?:[^"'()\\\s\x00-\x08\x0b\x0e-\x1f\x7f]
            | \\[0-9a-f]{1,6}[ \n\t\f]? | \\[^\n\f])*+) \s*+ (?:\)|\Z)
      )
    | "(?:[^"\\\n\f]|\\.)*+"?
    | '(?:[^'\\\n\f]|\\.)*+'?
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE | re.ASCII,
)
_CSS_ESCAPE = re.compile(r"\\(?:([0-9a-f]{1,6})[ \n\t\f]?|(\n|\f)|(.))", re.IGNORECASE | re.DOTALL)
_HTML_SPACE = " \t\n\f\r"
_CANDIDATE = re.compile(rf"[{_HTML_SPACE},]*+(?P<url>[^{_HTML_SPACE}]++)")
_DESCRIPTORS = re.compile(r"(?:[^,(]|\([^)]*+\)?)*+")


def css_addresses(css: str) -> Iterator[Found]:
    """The `url(…)` of a style sheet, or of what stands in a `style` attribute (CSS Syntax 3)."""
    if "(" not in css:
        return
    for match in _CSS.finditer(css):
        name = match.lastgroup
        if name is not None:
            yield Found(_CSS_ESCAPE.sub(_unescaped, match[name]), *match.span(name))


def srcset_addresses(srcset: str) -> Iterator[Found]:
    """The addresses of a `srcset` (HTML, "parsing a srcset attribute"): data: has commas, too."""
    place = 0
    while match := _CANDIDATE.match(srcset, place):
        address = match["url"].rstrip(",")
        start, place = match.start("url"), match.end()
        if address:
            yield Found(address, start, start + len(address))
        if address == match["url"]:
            place = _DESCRIPTORS.match(srcset, place).end()  # type: ignore[union-attr]


def _unescaped(escape: re.Match[str]) -> str:
    if escape[1]:
        code = int(escape[1], 16)
        return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"
    return escape[3] or ""
