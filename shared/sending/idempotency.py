"""The same idempotency key is the same message (rule S1), whatever crashed or came twice in
between.

A reservation is written before the message and names the message's id: who comes again with the key
finds that id, so that there is never a second message. The message row is the proof that it was
accepted; a reservation without one is an attempt under way, or one that died and may be taken over.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from shared.errors import Busy, Changed, Conflict, Refusal
from shared.messages.rows import MESSAGE_KEY
from shared.messages.rows import TABLE as MESSAGES
from shared.organizations import Organization
from shared.storage.tables import Read, Row

TABLE = "lookups"
PARTITION = "idempotency"
LONGEST_KEY = 128
KEPT = timedelta(days=30)
UNDER_WAY = timedelta(seconds=10)
"""How long an attempt without a message is taken to be alive."""

TWIN_WAITS_S = 2.0
_LOOKS_EVERY_S = 0.1


def check_key(key: str | None) -> str | None:
    if key is not None and not 1 <= len(key) <= LONGEST_KEY:
        raise Refusal(422, f"Idempotency-Key must have 1 to {LONGEST_KEY} characters.")
    return key


def fingerprint(body: dict[str, Any]) -> str:
    """What two bodies have in common that are the same JSON, however they are written."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


async def known_answer(
    organization: Organization, key: str, body: str, clock: Callable[[], datetime]
) -> dict[str, Any] | None:
    """The answer given to this key before; None where the key is new or its attempt died.

    Raises `Refusal` 409 where the key stood for another body, `Busy` while a twin is under way.
    """
    for _ in range(round(TWIN_WAITS_S / _LOOKS_EVERY_S)):
        read = await _read(organization, key, clock())
        if read is None:
            return None
        if read.row["body"] != body:
            raise Refusal(
                409,
                "This Idempotency-Key was used for another message. "
                "Use a new key for a new message.",
                code="idempotencyKeyReused",
            )
        message = await organization.tables.get(MESSAGES, read.row["message"], MESSAGE_KEY)
        if message is not None:
            answer: dict[str, Any] = json.loads(read.row["answer"])
            return answer
        if _died(read.row, clock()):
            return None
        await asyncio.sleep(_LOOKS_EVERY_S)
    raise Refusal(
        409,
        "The same request is being worked on right now. Try again shortly with the same key.",
        code="underWay",
        retry_after=Busy.retry_after,
    )


async def reserve(
    organization: Organization,
    key: str,
    body: str,
    message: str,
    answer: Callable[[str], dict[str, Any]],
    now: datetime,
) -> str | None:
    """Takes the key for this attempt and returns the id its message has; None where a twin did.

    An attempt that died before its message was stored leaves its id to the next one.
    """
    read = await _read(organization, key, now)
    if read is not None:
        if read.row["body"] != body or not _died(read.row, now):
            return None
        message = read.row["message"]
    row = {
        "PartitionKey": PARTITION,
        "RowKey": _digest(key),
        "schema": 1,
        "body": body,
        "message": message,
        "answer": json.dumps(answer(message)),
        "at": now.isoformat(),
    }
    try:
        if read is None:
            await _insert(organization, row, now)
        else:
            await organization.tables.replace(TABLE, row, read.etag)
    except (Changed, Conflict):
        return None
    return message


async def _insert(organization: Organization, row: Row, now: datetime) -> None:
    try:
        await organization.tables.insert(TABLE, row)
    except Conflict:
        # An expired reservation may still stand there; a key is free again after 30 days.
        old = await organization.tables.get(TABLE, PARTITION, row["RowKey"])
        if old is None or not _expired(old.row, now):
            raise
        await organization.tables.replace(TABLE, row, old.etag)


async def _read(organization: Organization, key: str, now: datetime) -> Read | None:
    read = await organization.tables.get(TABLE, PARTITION, _digest(key))
    return None if read is None or _expired(read.row, now) else read


def _died(row: Row, now: datetime) -> bool:
    """Whether an attempt without a message is taken to be dead."""
    return now - datetime.fromisoformat(row["at"]) >= UNDER_WAY


def _expired(row: Row, now: datetime) -> bool:
    return now - datetime.fromisoformat(row["at"]) > KEPT


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
