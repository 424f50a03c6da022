"""`dev.py rebuild`: asks a running service to recompute its KPIs and lists, page by page."""

from __future__ import annotations

import os
import urllib.error
import urllib.parse
from typing import Any

from local.toolchain.asking import KEY_VARIABLE, ask, refusal
from local.toolchain.steps import Stop, say

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
