"""From a place in an attribute's value back to the place in its source.

`style` and `srcset` hold addresses inside their values, and a value is written with character
references (`&quot;`, `&amp;`). Decoded here by HTML's rule for attributes, and never trusted
alone: what does not come out as the parser has it is not changed.
"""

import re
from bisect import bisect_right
from html import unescape
from html.entities import html5

_REFERENCE = re.compile(r"&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[A-Za-z][A-Za-z0-9]*;?)")
_LONGEST_NAME = max(len(name) for name in html5)


class WrittenValue:
    """A value and how it is written in the source."""

    def __init__(self, value: str, written: str) -> None:
        """Raises ValueError where `written` does not read as `value`."""
        self._in_value: list[int] = []
        self._in_source: list[int] = []
        if self._read(written) != value:
            raise ValueError("this is not how the value is written")

    def source(self, place: int) -> int:
        """Where in the source a place in the value is."""
        found = bisect_right(self._in_value, place) - 1
        return self._in_source[found] + place - self._in_value[found]

    def _read(self, written: str) -> str:
        pieces: list[str] = []
        length = done = 0
        self._mark(0, 0)
        for match in _REFERENCE.finditer(written):
            character, end = _decoded(written, match)
            pieces += (written[done : match.start()], character)
            length += match.start() - done
            self._mark(length, match.start())
            length += len(character)
            done = end
            self._mark(length, done)
        pieces.append(written[done:])
        return "".join(pieces)

    def _mark(self, in_value: int, in_source: int) -> None:
        self._in_value.append(in_value)
        self._in_source.append(in_source)


def _decoded(written: str, match: re.Match[str]) -> tuple[str, int]:
    """What a reference stands for, and where it ends; itself where it is none."""
    name = match[0][1:]
    if name.startswith("#"):
        return unescape(match[0]), match.end()
    if name in html5 and name.endswith(";"):
        return html5[name], match.end()
    for length in range(min(len(name), _LONGEST_NAME), 1, -1):
        if name[:length] in html5:
            end = match.start() + 1 + length
            following = written[end : end + 1]
            # `&copy=` and `&copyright` are text in attributes, whatever they begin with.
            if following == "=" or (following.isascii() and following.isalnum()):
                break
            return html5[name[:length]], end
    return match[0], match.end()
