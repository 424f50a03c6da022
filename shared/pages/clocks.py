"""By which clock a person reads times: their own zone, else their browser's, else UTC (rule D3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo
from http.cookies import CookieError, SimpleCookie
from urllib.parse import unquote

import azure.functions as func

from shared.access.callers import Caller
from shared.sellers.store import load_seller
from shared.timing.local_times import installed_rules
from shared.timing.places import present_name

COOKIE = "timeZone"
"""Where a page's script leaves the browser's zone (an IANA name) for the next request."""


@dataclass(frozen=True, slots=True)
class Clock:
    """A time zone: its IANA name and its rules. `chosen` is whether its person decided for it."""

    name: str = "UTC"
    rules: tzinfo = UTC
    chosen: bool = False


UTC_CLOCK = Clock()


async def clock_of(req: func.HttpRequest, visitor: Caller) -> Clock:
    """The clock of a visitor; one request to storage."""
    assert visitor.person is not None
    seller = await load_seller(visitor.organization, visitor.person.address)
    if seller.time_zone is not None:
        own = _clock(seller.time_zone, chosen=True)
        if own is not None:
            return own
    return _clock(_browsers(req.headers.get("cookie", ""))) or UTC_CLOCK


def _clock(name: str, *, chosen: bool = False) -> Clock | None:
    if name.removeprefix("Etc/") == "UTC":
        return Clock(chosen=chosen)
    try:
        return Clock(present_name(name), installed_rules().zone(name), chosen)
    except (LookupError, ValueError, OSError):
        # Anybody may write a cookie; and a zone may be none by the rules of another version.
        return None


def _browsers(cookies: str) -> str:
    try:
        found = SimpleCookie(cookies).get(COOKIE)
    except CookieError:
        return ""
    return unquote(found.value) if found else ""
