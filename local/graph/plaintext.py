"""The text part that Exchange derives from an HTML body.

Exchange writes a link as its text followed by its address in angle brackets, an image as its
alternative text (or, without one, its address) in square brackets, and the cells of layout tables
one below the other. inscriptis does the rest: blocks, lists, white space, entities.
"""

from __future__ import annotations

from inscriptis import get_text  # type: ignore[import-untyped]
from inscriptis.css_profiles import CSS_PROFILES  # type: ignore[import-untyped]
from inscriptis.html_properties import Display  # type: ignore[import-untyped]
from inscriptis.model.config import ParserConfig  # type: ignore[import-untyped]
from inscriptis.model.html_document_state import HtmlDocumentState  # type: ignore[import-untyped]
from inscriptis.model.html_element import HtmlElement  # type: ignore[import-untyped]
from inscriptis.model.tag import CustomHtmlTagHandlerMapping  # type: ignore[import-untyped]

TABLE_TAGS = ("table", "tr", "td", "th")


def plain_text(html: str) -> str:
    """``html`` as a reader of the text part sees it."""
    if not html.strip():
        return ""
    text: str = get_text(html, _EXCHANGE)
    return text.strip("\n").rstrip() + "\n"


def _open_link(state: HtmlDocumentState, attributes: dict[str, str]) -> None:
    state.link_target = attributes.get("href", "").strip()


def _close_link(state: HtmlDocumentState) -> None:
    target = state.link_target
    if target and not target.startswith("#"):
        state.tags[-1].write(f"<{target}>")


def _image(state: HtmlDocumentState, attributes: dict[str, str]) -> None:
    shown = attributes.get("alt", "") or attributes.get("src", "").strip()
    if shown:
        state.tags[-1].write(f"[{shown.strip()}]")


def _nothing(state: HtmlDocumentState, attributes: dict[str, str] | None = None) -> None:
    """Leaves an element to its display style, in place of inscriptis' column layout."""


_EXCHANGE = ParserConfig(
    css=dict(CSS_PROFILES["strict"])
    | {tag: HtmlElement(tag=tag, display=Display.block) for tag in TABLE_TAGS},
    custom_html_tag_handler_mapping=CustomHtmlTagHandlerMapping(
        start_tag_mapping={"a": _open_link, "img": _image} | dict.fromkeys(TABLE_TAGS, _nothing),
        end_tag_mapping={"a": _close_link} | dict.fromkeys(TABLE_TAGS, _nothing),
    ),
)
