"""By which clock a person reads times (rule D3): the zone they chose, else their mailbox's, else
their browser's, else UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo
from http.cookies import CookieError, SimpleCookie
from urllib.parse import unquote

import azure.functions as func

from shared.access.callers import Caller
from shared.replies.mailboxes import mailbox_zone
from shared.sellers.store import load_seller
from shared.timing.local_times import installed_rules
from shared.timing.places import present_name

COOKIE = "timeZone"
"""Where a page's script leaves the browser's zone (an IANA name) for the next request."""


@dataclass(frozen=True, slots=True)
class Clock:
    """A time zone: its IANA name and its rules. `chosen` is whether its person decided for it,
    here or in Outlook."""

    name: str = "UTC"
    rules: tzinfo = UTC
    chosen: bool = False


UTC_CLOCK = Clock()


async def clock_of(req: func.HttpRequest, visitor: Caller) -> Clock:
    """The clock of a visitor; one request to storage, or two where they chose none."""
    assert visitor.person is not None
    organization, address = visitor.organization, visitor.person.address
    own = _chosen((await load_seller(organization, address)).time_zone)
    if own is not None:
        return own
    theirs = _chosen(await mailbox_zone(organization, address))
    # UTC may be what a mailbox says that nobody set up; a browser knows better.
    if theirs is not None and theirs.rules is not UTC:
        return theirs
    return _clock(_browsers(req.headers.get("cookie", ""))) or UTC_CLOCK


def _chosen(name: str | None) -> Clock | None:
    return None if name is None else _clock(name, chosen=True)


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
