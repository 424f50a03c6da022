"""How followed files look in a message: a line each, that reads well without images and as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import PurePath

from shared.languages.sizes import size_text

_LONGEST_TYPE = 4


@dataclass(frozen=True, slots=True)
class Linked:
    """A file in the message, and the address that leads to it."""

    name: str
    size: int
    address: str


def block(language: str, files: Sequence[Linked]) -> str:
    """The files as HTML for the end of a body; empty where there are none.

    One table row each, styled inline: what mail programs agree on. The icon is text, the kind of
    file in a coloured box, so nothing has to be loaded and the text part (rule S5) has it, too.
    """
    if not files:
        return ""
    rows = "".join(_row(language, file) for file in files)
    return (
        '<table role="presentation" cellpadding="0" cellspacing="0" border="0" '
        'style="margin:16px 0 0 0;border-collapse:separate">' + rows + "</table>"
    )


def _row(language: str, file: Linked) -> str:
    address = escape(file.address)
    return (
        '<tr><td style="padding:0 0 8px 0">'
        '<table role="presentation" cellpadding="0" cellspacing="0" border="0"><tr>'
        f'<td style="padding:8px 10px;background-color:{_colour(file.name)};color:#ffffff;'
        'font:bold 11px/16px Arial,Helvetica,sans-serif;text-align:center">'
        f"{escape(kind_of(file.name))}</td>"
        '<td style="padding:8px 12px;border:1px solid #d0d7de;'
        'font:14px/20px Arial,Helvetica,sans-serif">'
        f'<a href="{address}" style="color:#0b57d0"><bdi>{escape(file.name)}</bdi></a> '
        f'<span style="color:#57606a;white-space:nowrap">({size_text(language, file.size)})</span>'
        "</td></tr></table></td></tr>"
    )


def kind_of(name: str) -> str:
    """What the icon says: the ending of the name, or FILE."""
    ending = PurePath(name).suffix.removeprefix(".")
    return ending.upper() if 0 < len(ending) <= _LONGEST_TYPE and ending.isalnum() else "FILE"


def _colour(name: str) -> str:
    """White on any of these can be read (WCAG 2.2, contrast above 4.5)."""
    colours = {
        "PDF": "#b3261e",
        "DOC": "#185abd",
        "DOCX": "#185abd",
        "XLS": "#107c41",
        "XLSX": "#107c41",
        "CSV": "#107c41",
        "PPT": "#b7472a",
        "PPTX": "#b7472a",
        "ZIP": "#7a4f01",
    }
    return colours.get(kind_of(name), "#57606a")
