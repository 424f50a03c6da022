"""Asking a running service something, with an organization's key."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from email.message import Message
from http.client import HTTPException
from typing import Any

from local.toolchain.steps import Stop

KEY_VARIABLE = "ENGAGEMENT_KEY"


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
