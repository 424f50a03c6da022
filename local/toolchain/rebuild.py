"""`dev.py rebuild`: asks a running service to recompute its KPIs and lists, page by page."""

from __future__ import annotations

import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from email.message import Message
from http.client import HTTPException
from typing import Any

from local.toolchain.steps import Stop, say

KEY_VARIABLE = "ENGAGEMENT_KEY"
_PATIENCE_S = 240
"""A page may hold messages with very many events; Azure ends a request after 230 s itself."""


def rebuild(address: str, organization: str) -> int:
    """Rebuilds an organization and says what differed; returns how many differences there were."""
    key = os.environ.get(KEY_VARIABLE) or f"local-{organization}"
    looked_at, found, cursor = 0, 0, ""
    while True:
        page = _page(address, organization, key, cursor)
        looked_at += page["messages"]
        for one in page["differences"]:
            found += 1
            say(f"  {one['message']}  {one['what']}: was {one['was']}, is now {one['now']}")
        if page["cursor"] is None:
            break
        cursor = page["cursor"]
        say(f"  {looked_at} messages looked at …")
    if found:
        say(f"{looked_at} messages of {organization}: {found} differences, put right.")
    else:
        say(f"{looked_at} messages of {organization}: everything is as the events say.")
    return found


def _page(address: str, organization: str, key: str, cursor: str) -> dict[str, Any]:
    query = "?" + urllib.parse.urlencode({"cursor": cursor}) if cursor else ""
    path = f"/api/orgs/{organization}/rebuild{query}"
    try:
        page, _ = ask(address, path, key, method="POST", patience=_PATIENCE_S, has="messages")
        return page
    except urllib.error.HTTPError as error:
        raise refusal(error) from None
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise Stop(f"Nothing answers at {address} ({reason}). Start it: dev.py run.") from None


def ask(
    address: str, path: str, key: str, *, method: str, patience: float, has: str
) -> tuple[dict[str, Any], Message]:
    """What a service answers, which must have the field `has`, and the headers of its answer.

    Raises `Stop` for what is no address or no key, and where something else answers; what the
    service refuses, and silence, as urllib does. A key is never shown.
    """
    if not re.fullmatch(r"https?://[^/\s]+/?", address):
        raise Stop(f"{address!r} is no address; one is https://<app>.azurewebsites.net.")
    if not re.fullmatch(r"[!-~]+", key):
        raise Stop(f"The key ({KEY_VARIABLE}) has a blank or a letter that keys do not have.")
    said: Any = None
    headers = Message()
    try:
        request = urllib.request.Request(
            f"{address.rstrip('/')}{path}", method=method, headers={"x-api-key": key}
        )
        with urllib.request.urlopen(request, timeout=patience) as answer:
            said, headers = json.load(answer), answer.headers
    except (ValueError, HTTPException):
        said = None
    if not isinstance(said, dict) or has not in said:
        raise Stop(f"What answers at {address} is not this service: is the address right?")
    return said, headers


def refusal(error: urllib.error.HTTPError) -> Stop:
    """The service's own words for why it did not do it."""
    return Stop(f"The service refused ({error.code}): {_detail(error)}")


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["detail"])
    except (ValueError, KeyError, TypeError):
        return str(error.reason)
