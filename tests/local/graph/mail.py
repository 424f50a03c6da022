"""Requests that the tests of the local Graph repeat."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx

ANA = "/v1.0/users/ana@contoso.com/messages"
SEND_KEY_ID = "String {00000000-1111-2222-3333-444444444444} Name SendKey"
IMMUTABLE = {"Prefer": 'IdType="ImmutableId"'}


def person(address: str, name: str | None = None) -> dict[str, Any]:
    return {"emailAddress": {"address": address} | ({"name": name} if name else {})}


def draft(**changes: Any) -> dict[str, Any]:
    """A small but whole draft; ``changes`` replace its properties."""
    return {
        "subject": "Offer",
        "body": {
            "contentType": "html",
            "content": "<p>See <a href='https://a.example/'>it</a></p>",
        },
        "toRecipients": [person("li@example.com", "Li Wei")],
    } | changes


def created(http: httpx.Client, **changes: Any) -> dict[str, Any]:
    answer = http.post(ANA, json=draft(**changes), headers=IMMUTABLE)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def sent(http: httpx.Client, **changes: Any) -> dict[str, Any]:
    """A draft that was sent and has reached Sent Items; answers it as it was created."""
    message = created(http, **changes)
    answer = http.post(f"{ANA}/{message['id']}/send")
    assert answer.status_code == 202, answer.text
    until(lambda: not shown(http, message["id"])["isDraft"])
    return message


def shown(http: httpx.Client, item: str, **options: str) -> dict[str, Any]:
    found: dict[str, Any] = http.get(f"{ANA}/{item}", params=options, headers=IMMUTABLE).json()
    return found


def received(http: httpx.Client, address: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = http.get(f"/_local/mailboxes/{address}/messages").json()["items"]
    return items


def refused(answer: httpx.Response, status: int, code: str) -> str:
    """Assert Graph's error shape; answers its message."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["code"] == code
    assert set(error) == {"code", "message", "innerError"}
    assert set(error["innerError"]) == {"date", "request-id", "client-request-id"}
    message: str = error["message"]
    return message


def until(happened: Callable[[], bool], seconds: float = 10) -> None:
    """Ask again until it is so; Graph has no event for what it does later."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "It did not happen in time."
        time.sleep(0.02)
