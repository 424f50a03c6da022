"""HTML as text, and text as HTML: for signatures and quotes that stand in a body of the other kind.

What Exchange makes the text part of a mail from its HTML is another matter (rule S5).
"""

from __future__ import annotations

import re
from html import escape

from turbohtml import PlainText, Text, parse

_AS_READ = PlainText(images=True)
_LINES = "div, table, thead, tbody, tfoot, tr, td, th"
"""What begins a line and no paragraph; mail lays itself out with tables."""
_EDGE = "\ue000"  # of private use: no text has it
_EDGES = re.compile(rf"[\s{_EDGE}]*{_EDGE}[\s{_EDGE}]*")
_GAP = re.compile(r"\n{3,}")
_SPACE_THAT_COLLAPSES = re.compile(r"^ | (?= )")


def to_text(html: str) -> str:
    """What a reader sees of `html`: images by their alternative text, links with their address."""
    document = parse(html)
    for link in document.select("a[href]"):
        address = str(link.attrs["href"] or "").strip()
        if address.startswith(("http://", "https://")) and address != link.text.strip():
            link.append(Text(f" <{address}>"))
    for line in document.select(_LINES):
        line.insert_before(Text(_EDGE))
        line.insert_after(Text(_EDGE))
        line.unwrap()
    shown = _EDGES.sub(_line_end, document.to_text(_AS_READ))
    return _GAP.sub("\n\n", shown).strip()


def to_html(text: str) -> str:
    """`text` with its lines and its indents, safe to stand in a body."""
    lines = escape(text, quote=False).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "<br>\n".join(_SPACE_THAT_COLLAPSES.sub("&nbsp;", line) for line in lines)


def _line_end(edges: re.Match[str]) -> str:
    return "\n\n" if "\n" in edges[0] else "\n"
