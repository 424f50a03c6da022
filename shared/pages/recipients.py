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
    return render("withdrawn_link.html", language, 410)
