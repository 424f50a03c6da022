"""What a recipient sees where a link does not lead on: a few kind words, and the way out."""

from __future__ import annotations

import azure.functions as func

from shared.pages.rendering import render


def altered_link_page(language: str, stored: tuple[str, str] | None) -> func.HttpResponse:
    """400: the link was altered. `stored` is the address the seller wrote and a sound way to it."""
    address, way = stored or (None, None)
    return render("altered_link.html", language, 400, address=address, way=way)


def withdrawn_link_page(language: str) -> func.HttpResponse:
    """410: the key that signed the link was withdrawn."""
    return _notice(language, 410, "withdrawn-link")


def unknown_link_page(language: str) -> func.HttpResponse:
    """404: this is no link of ours."""
    return _notice(language, 404, "unknown-link")


def gone_file_page(language: str) -> func.HttpResponse:
    """410: the file's link expired, or its sender took it back."""
    return _notice(language, 410, "gone-file")


def unavailable_file_page(language: str) -> func.HttpResponse:
    """503: it cannot be shown now; soon it can."""
    return _notice(language, 503, "unavailable-file", {"Retry-After": "30"})


def _notice(
    language: str, status: int, topic: str, headers: dict[str, str] | None = None
) -> func.HttpResponse:
    return render("notice.html", language, status, headers, topic=topic)
