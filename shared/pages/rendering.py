"""Rendering pages: one place where templates are escaped and headers are strict.

Templates get text, never HTML; everything is escaped. Pages load nothing from anywhere else and run
no script (Content-Security-Policy) but our own: one tells us the time zone of a browser whose
person chose none, one keeps a page of cards as it is now. No other site may frame them.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import azure.functions as func
import jinja2

from shared.languages import say, sentence_id
from shared.pages import addresses
from shared.pages.clocks import UTC_CLOCK, Clock
from shared.pages.formats import formats

_FOLDER = Path(__file__).parent

# A filter that is used after a session ended leads to the sign-in page, and Chromium holds the
# redirects that follow a form against this directive, too.
_ENTRA = "https://login.microsoftonline.com"


def render(
    template: str,
    language: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    reader: Clock | None = None,
    script: str | None = None,
    **values: Any,
) -> func.HttpResponse:
    """A page in the reader's language. Templates have `say`, and what `formats` offers.

    `reader` is by which clock the page shows times; one without has none to show. `script` is the
    name of a script that the page runs, which may ask this site.
    """
    finds_zone = zone_script() if reader and not reader.chosen else ""
    own = page_script(script) if script else ""
    reader = reader or UTC_CLOCK
    text = (
        _environment()
        .get_template(template)
        .render(
            language=language,
            say=lambda sentence, **given: say(language, sentence, **given),
            style=style(),
            zone_script=finds_zone,
            page_script=own,
            reader=reader,
            **formats(language, reader),
            **values,
        )
    )
    return func.HttpResponse(
        text,
        status_code=status,
        mimetype="text/html",
        headers={**_headers(finds_zone, own), **(headers or {})},
    )


def icon() -> func.HttpResponse:
    """The little picture that a browser shows beside a page's title."""
    return func.HttpResponse(
        (_FOLDER / "static" / "favicon.svg").read_bytes(),
        mimetype="image/svg+xml",
        headers={
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "public, max-age=86400",
            "X-Content-Type-Options": "nosniff",
        },
    )


@cache
def style() -> str:
    """The one style sheet. It stands inside the page, so that a page is one request."""
    return (_FOLDER / "static" / "style.css").read_text("utf-8")


@cache
def zone_script() -> str:
    """What leaves the browser's time zone in a cookie (`clocks`)."""
    return (_FOLDER / "static" / "zone.js").read_text("utf-8")


@cache
def page_script(name: str) -> str:
    """A page's own script; like the style sheet it stands inside."""
    return (_FOLDER / "static" / name).read_text("utf-8")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"addresses": addresses, "sentence_id": sentence_id}
    return environment


@cache
def _headers(finds_zone: str, own: str) -> dict[str, str]:
    digests = " ".join(_digest(one) for one in (finds_zone, own) if one)
    scripts = f"script-src {digests}; " if digests else ""
    scripts += "connect-src 'self'; " if own else ""
    policy = (
        f"default-src 'none'; style-src {_digest(style())}; {scripts}img-src 'self'; "
        "base-uri 'none'; "
        f"form-action 'self' {_ENTRA}; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
    }


def _digest(text: str) -> str:
    """The one text inside a page that a policy allows (CSP Level 3, hash sources)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
