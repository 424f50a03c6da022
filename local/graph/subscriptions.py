"""``/v1.0/subscriptions``: who wants to be told of new messages, and the handshake that proves it.

Served are subscriptions to what is created in a mailbox (``users/{user}/messages``, all folders).
Graph calls both addresses while it is asked, and makes the subscription only if both repeat the
validation token within ten seconds.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import mailboxes
from .errors import GraphRefusal
from .preferences import prefers_immutable_ids
from .resources import Subscription, read_body
from .store import Store, store_of

LONGEST_LIFE = timedelta(minutes=4230)
SHORTEST_LIFE = timedelta(minutes=45)
LONGEST_CLIENT_STATE = 128
HANDSHAKE_SECONDS = 10.0
_RESOURCE = re.compile(r"^/?users/([^/?]+)/messages$", re.IGNORECASE)


def routes() -> list[Route]:
    return [
        Route("/v1.0/subscriptions", subscribe, methods=["POST"]),
        Route("/v1.0/subscriptions", list_subscriptions, methods=["GET"]),
        Route("/v1.0/subscriptions/{id}", get_subscription, methods=["GET"]),
        Route("/v1.0/subscriptions/{id}", renew, methods=["PATCH"]),
        Route("/v1.0/subscriptions/{id}", unsubscribe, methods=["DELETE"]),
    ]


async def subscribe(request: Request) -> Response:
    """Check, shake hands with both addresses, and begin to tell."""
    asked = read_body(Subscription, request.headers.get("content-type", ""), await request.body())
    mailbox, resource = _mailbox_of(asked)
    expires_at = _expiry(asked, datetime.now(UTC))
    told = [_address("notificationUrl", asked.notification_url)]
    if asked.lifecycle_notification_url is not None:
        told.append(_address("lifecycleNotificationUrl", asked.lifecycle_notification_url))
    if len(asked.client_state or "") > LONGEST_CLIENT_STATE:
        raise _invalid("The clientState can have at most 128 characters.")
    await asyncio.gather(*(_shake_hands(address) for address in told))
    store, new = store_of(request), str(uuid.uuid4())
    with store.transaction():
        store.insert(
            "subscriptions",
            id=new,
            mailbox=mailbox,
            resource=resource,
            notification_url=told[0],
            lifecycle_url=told[1] if len(told) > 1 else None,
            client_state=asked.client_state,
            immutable_ids=int(prefers_immutable_ids(request)),
            expires_at=mailboxes.graph_time(expires_at),
        )
    return JSONResponse(_context(request) | _shown(find(store, new)), 201)


async def list_subscriptions(request: Request) -> Response:
    rows = store_of(request).rows("SELECT * FROM subscriptions ORDER BY rowid")
    live = [_shown(row) for row in rows if is_live(row, datetime.now(UTC))]
    return JSONResponse(_context(request) | {"value": live})


async def get_subscription(request: Request) -> Response:
    row = find(store_of(request), request.path_params["id"])
    return JSONResponse(_context(request) | _shown(row))


async def renew(request: Request) -> Response:
    asked = read_body(Subscription, request.headers.get("content-type", ""), await request.body())
    store, now = store_of(request), datetime.now(UTC)
    row = find(store, request.path_params["id"])
    if asked.model_fields_set - {"odata_type"} != {"expiration_date_time"}:
        raise _invalid("Only expirationDateTime of a subscription is changed here.")
    expires_at = mailboxes.graph_time(_expiry(asked, now))
    with store.transaction():
        store.run("UPDATE subscriptions SET expires_at = ? WHERE id = ?", expires_at, row["id"])
    return JSONResponse(_context(request) | _shown(find(store, row["id"])))


async def unsubscribe(request: Request) -> Response:
    store = store_of(request)
    row = find(store, request.path_params["id"])
    with store.transaction():
        store.run("DELETE FROM subscriptions WHERE id = ?", row["id"])
    return Response(status_code=204)


def find(store: Store, id: str) -> sqlite3.Row:
    """The subscription with that id.

    Raises:
        GraphRefusal: 404 for one that is unknown, removed or expired.
    """
    row = store.row("SELECT * FROM subscriptions WHERE id = ?", id)
    if row is None or not is_live(row, datetime.now(UTC)):
        raise GraphRefusal(404, "ResourceNotFound", "The object was not found.")
    return row


def is_live(row: sqlite3.Row, now: datetime) -> bool:
    return datetime.fromisoformat(row["expires_at"]) > now


def _mailbox_of(asked: Subscription) -> tuple[str, str]:
    if asked.change_type is None or asked.resource is None:
        missing = "changeType" if asked.change_type is None else "resource"
        raise _invalid(f"{missing} is a required property for subscription creation.")
    if asked.change_type.lower() != "created":
        raise _invalid(f"The local Graph tells of what is created, not '{asked.change_type}'.")
    match = _RESOURCE.match(asked.resource)
    if match is None:
        raise _invalid(f"The local Graph has no subscriptions to '{asked.resource}'.")
    return mailboxes.seller(match[1]), asked.resource.lstrip("/")


def _expiry(asked: Subscription, now: datetime) -> datetime:
    expires_at = asked.expiration_date_time
    if expires_at is None:
        raise _invalid("expirationDateTime is a required property for subscription creation.")
    if expires_at <= now:
        raise _invalid("Subscription expiration must be in the future.")
    if expires_at > now + LONGEST_LIFE:
        raise _invalid("Subscription expiration can only be 4230 minutes in the future.")
    return max(expires_at, now + SHORTEST_LIFE)


def _address(name: str, url: str | None) -> str:
    if url is None:
        raise _invalid(f"{name} is a required property for subscription creation.")
    parts = urlsplit(url)
    here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    # Graph wants HTTPS; on one machine the service has no certificate, and needs none.
    if parts.scheme != "https" and not (parts.scheme == "http" and here):
        raise _invalid(f"The {name} must be an HTTPS address, or one of this machine.")
    return url


async def _shake_hands(address: str) -> None:
    # Graph's tokens hold characters that a query escapes: who does not decode them, fails.
    token = f"Validation: Testing client application reachability, Request-Id: {uuid.uuid4()}+&="
    joint = "&" if urlsplit(address).query else "?"
    failed = "Subscription validation request failed. "
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=HANDSHAKE_SECONDS) as http:
            answer = await http.post(
                f"{address}{joint}validationToken={quote(token, safe='')}",
                headers={"Content-Type": "text/plain; charset=utf-8"},
            )
    except httpx.TimeoutException:
        raise _unproven("Subscription validation request timed out.") from None
    except httpx.HTTPError:
        raise _unproven(failed + "The notification endpoint cannot be reached.") from None
    if answer.status_code != 200:
        raise _unproven(
            failed + "Notification endpoint must respond with 200 OK to validation request."
        )
    if not answer.headers.get("content-type", "").startswith("text/plain") or answer.text != token:
        raise _unproven(
            failed + "Notification endpoint must repeat the validation token as plain text."
        )


def _invalid(message: str) -> GraphRefusal:
    return GraphRefusal(400, "InvalidRequest", message)


def _unproven(message: str) -> GraphRefusal:
    return GraphRefusal(400, "ValidationError", message)


def _shown(row: sqlite3.Row) -> dict[str, Any]:
    # Graph keeps what an app said as its secret to itself.
    return {
        "id": row["id"],
        "resource": row["resource"],
        "changeType": "created",
        "clientState": None,
        "notificationUrl": row["notification_url"],
        "lifecycleNotificationUrl": row["lifecycle_url"],
        "expirationDateTime": row["expires_at"],
        "latestSupportedTlsVersion": "v1_2",
        "includeResourceData": None,
        "notificationQueryOptions": None,
        "encryptionCertificate": None,
        "encryptionCertificateId": None,
        "notificationUrlAppId": None,
        "applicationId": "00000000-0000-0000-0000-000000000000",
        "creatorId": "00000000-0000-0000-0000-000000000000",
    }


def _context(request: Request) -> dict[str, str]:
    return {"@odata.context": f"{request.base_url}v1.0/$metadata#subscriptions/$entity"}
