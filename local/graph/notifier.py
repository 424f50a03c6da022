"""Telling subscribers: what was created, and what becomes of their subscription.

What is to be told is in the store and survives a kill. A receiver that does not answer 2xx within
three seconds is asked again, after longer and longer pauses, for four hours.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
import uuid
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import httpx

from local.deployment import ORGANIZATIONS

from . import mailboxes
from .faults import next_notification_fault
from .store import Store
from .subscriptions import is_live

RECEIVER_SECONDS = 3.0
LONGEST_PAUSE_SECONDS = 300.0
GIVE_UP_AFTER_ATTEMPTS = 54
"""With these pauses: about four hours."""
LifecycleEvent = Literal["reauthorizationRequired", "subscriptionRemoved", "missed"]
LIFECYCLE_EVENTS: tuple[LifecycleEvent, ...] = get_args(LifecycleEvent)
_TENANTS = {one.domain: one.tenant for one in ORGANIZATIONS}


class Notifier:
    """The loop that posts what is due. ``wake`` says that there may be something new."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._news = asyncio.Event()
        self._http = httpx.AsyncClient(trust_env=False, timeout=RECEIVER_SECONDS)

    def wake(self) -> None:
        self._news.set()

    async def run(self) -> None:
        """Post what is due; never ends."""
        async with self._http:
            while True:
                self._news.clear()
                address_notifications(self._store, datetime.now(UTC), time.time())
                due = self._store.rows(
                    "SELECT * FROM posts WHERE due <= ? ORDER BY key LIMIT 16", time.time()
                )
                await asyncio.gather(*(self._post(row) for row in due))
                await self._until_next_due()

    async def _until_next_due(self) -> None:
        row = self._store.row("SELECT min(due) AS next FROM posts")
        next_due = row["next"] if row else None
        try:
            pause = None if next_due is None else max(0.0, next_due - time.time())
            await asyncio.wait_for(self._news.wait(), pause)
        except TimeoutError:
            pass

    async def _post(self, row: sqlite3.Row) -> None:
        try:
            answer = await self._http.post(
                row["url"],
                content=row["body"].encode(),
                headers={"Content-Type": "application/json; charset=utf-8"},
            )
            taken = answer.is_success
        except httpx.HTTPError:
            taken = False
        with self._store.transaction():
            if taken or row["attempts"] + 1 >= GIVE_UP_AFTER_ATTEMPTS:
                self._store.run("DELETE FROM posts WHERE key = ?", row["key"])
            else:
                pause = min(2.0 ** row["attempts"], LONGEST_PAUSE_SECONDS)
                self._store.run(
                    "UPDATE posts SET attempts = attempts + 1, due = ? WHERE key = ?",
                    time.time() + pause,
                    row["key"],
                )


def address_notifications(store: Store, now: datetime, due: float) -> None:
    """Turn what was created into posts to live subscriptions; some get lost or doubled on
    demand."""
    waiting = store.rows(
        "SELECT notifications.key AS notification, subscriptions.*, messages.id AS ordinary_id,"
        " messages.immutable_id, messages.change_key FROM notifications"
        " JOIN subscriptions ON subscriptions.id = notifications.subscription"
        " JOIN messages ON messages.key = notifications.message ORDER BY notifications.key"
    )
    for row in waiting:
        fault = next_notification_fault(store, row["resource"]) if is_live(row, now) else None
        with store.transaction():
            store.run("DELETE FROM notifications WHERE key = ?", row["notification"])
            if not is_live(row, now) or (fault is not None and fault.kind == "loseNotification"):
                continue
            for _ in range(2 if fault is not None and fault.kind == "doubleNotification" else 1):
                _put(store, row["notification_url"], _created(row), due)


def tell_lifecycle(store: Store, mailbox: str, event: LifecycleEvent, now: datetime) -> int:
    """Tell every subscription to the mailbox of the event; answers how many there were.

    One that is told that it is removed is removed.
    """
    rows = store.rows("SELECT * FROM subscriptions WHERE mailbox = ?", mailbox)
    live = [row for row in rows if is_live(row, now) and row["lifecycle_url"]]
    with store.transaction():
        for row in live:
            told = _common(row) | {"lifecycleEvent": event, "resource": row["resource"]}
            _put(store, row["lifecycle_url"], told, time.time())
            if event == "subscriptionRemoved":
                store.run("DELETE FROM subscriptions WHERE id = ?", row["id"])
    return len(live)


def _put(store: Store, url: str, notification: dict[str, Any], due: float) -> None:
    store.insert("posts", url=url, body=json.dumps({"value": [notification]}), due=due)


def _created(row: sqlite3.Row) -> dict[str, Any]:
    item = row["immutable_id"] if row["immutable_ids"] else row["ordinary_id"]
    # Graph names the user by id, whatever the subscription said.
    user = uuid.uuid5(uuid.NAMESPACE_URL, row["mailbox"])
    resource = f"Users/{user}/Messages/{item}"
    return _common(row) | {
        "id": str(uuid.uuid4()),
        "changeType": "created",
        "resource": resource,
        "resourceData": {
            "@odata.type": "#Microsoft.Graph.Message",
            "@odata.id": resource,
            "@odata.etag": f'W/"{row["change_key"]}"',
            "id": item,
        },
    }


def _common(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "subscriptionId": row["id"],
        "subscriptionExpirationDateTime": row["expires_at"],
        "clientState": row["client_state"],
        "tenantId": _TENANTS[mailboxes.domain(row["mailbox"])],
    }
