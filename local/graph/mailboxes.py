"""Mailboxes: whose they are, and the life of a message in them.

Each message has two ids, as in Exchange: the ordinary one changes when the message moves to
another folder, the immutable one does not. A request may use either.
"""

from __future__ import annotations

import base64
import json
import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from .errors import GraphRefusal, fixed_property, unknown_item, unknown_mailbox
from .query import Query
from .resources import ExtendedProperty, InternetMessageHeader, Message, normal_property_id
from .store import Store

# The people who can send. Every other address belongs to somebody else's tenant.
SELLERS: Mapping[str, str] = {
    f"{name}@{domain}": name.capitalize()
    for domain in ("contoso.com", "fabrikam.com")
    for name in ("ana", "bruno", "carla")
}
# What they chose in Outlook, which has Windows' names unless an administrator wants IANA's.
_TIME_ZONES: Mapping[str, str] = {
    "ana": "E. South America Standard Time",
    "bruno": "Pacific Standard Time",
    "carla": "Europe/Madrid",
}
MOST_CUSTOM_HEADERS = 5
# What may change once a message is no draft any more.
_ALWAYS_CHANGEABLE = frozenset({"isRead", "categories", "singleValueExtendedProperties"})
_FOLDER_IDS = {"drafts": "AQMkADrafts", "sentitems": "AQMkASentItems", "inbox": "AQMkAInbox"}


def graph_time(at: datetime) -> str:
    """Graph's own form: UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seller(user: str) -> str:
    """The mailbox of ``user``, who must be able to send.

    Raises:
        GraphRefusal: 404 ``ErrorInvalidUser``.
    """
    address = user.lower()
    if address not in SELLERS:
        raise unknown_mailbox(user)
    return address


def settings(mailbox: str) -> dict[str, str]:
    """The mailbox's settings in Graph's form, as far as the local Graph has them."""
    return {"timeZone": _TIME_ZONES[mailbox.partition("@")[0]]}


def domain(address: str) -> str:
    return address.rpartition("@")[2]


def create_draft(store: Store, mailbox: str, message: Message, now: datetime) -> sqlite3.Row:
    """Put a new draft into ``mailbox``; answers its row."""
    with store.transaction():
        return insert_draft(store, mailbox, message, now)


def insert_draft(
    store: Store, mailbox: str, message: Message, now: datetime, *, conversation: str | None = None
) -> sqlite3.Row:
    """The same in a transaction of the caller's, and in a ``conversation`` if there is one."""
    _check_headers(message.internet_message_headers)
    at = graph_time(now)
    key = store.insert(
        "messages",
        mailbox=mailbox,
        folder="drafts",
        id=new_id("AAMk", 110),
        immutable_id=new_id("AAkA", 50),
        internet_message_id=f"<{secrets.token_hex(16).upper()}@{mailbox.partition('@')[2]}>",
        conversation_id=conversation or new_id("AAQk", 50),
        change_key=new_id("CQAA", 14),
        created_at=at,
        modified_at=at,
        received_at=at,
        sent_at=at,
        is_draft=1,
        resource=json.dumps({"subject": "", "isRead": True} | _settable(message)),
    )
    _set_properties(store, key, message.single_value_extended_properties)
    return by_key(store, key)


def change(store: Store, mailbox: str, item: str, message: Message, now: datetime) -> sqlite3.Row:
    """Set the properties ``message`` names; all of them on a draft, few on anything else."""
    row = find(store, mailbox, item)
    if message.internet_message_headers is not None:
        raise fixed_property("internetMessageHeaders")
    changes = _settable(message)
    if not row["is_draft"] or row["send_due"] is not None:
        for name in sorted(changes.keys() - _ALWAYS_CHANGEABLE):
            raise fixed_property(name)
    with store.transaction():
        store.run(
            "UPDATE messages SET resource = ?, modified_at = ?, change_key = ? WHERE key = ?",
            json.dumps(json.loads(row["resource"]) | changes),
            graph_time(now),
            new_id("CQAA", 14),
            row["key"],
        )
        _set_properties(store, row["key"], message.single_value_extended_properties)
    return by_key(store, row["key"])


def delete(store: Store, mailbox: str, item: str) -> None:
    """The message is gone. One that is on its way out is still delivered, as Exchange does."""
    row = find(store, mailbox, item)
    with store.transaction():
        if row["send_due"] is None:
            remove(store, row["key"])
        else:
            store.run("UPDATE messages SET folder = 'deleted' WHERE key = ?", row["key"])


def find(store: Store, mailbox: str, item: str) -> sqlite3.Row:
    """The message with that id, immutable or not.

    Raises:
        GraphRefusal: 404 ``ErrorItemNotFound``.
    """
    row = store.row(
        "SELECT * FROM shown_messages WHERE mailbox = ? AND folder != 'deleted'"
        " AND (id = ? OR immutable_id = ?)",
        mailbox,
        item,
        item,
    )
    if row is None:
        raise unknown_item()
    return row


def find_draft(store: Store, mailbox: str, item: str) -> sqlite3.Row:
    """Like ``find``, for what only a draft that is not under way can take."""
    row = find(store, mailbox, item)
    if not row["is_draft"] or row["send_due"] is not None:
        raise unknown_item()
    return row


def by_key(store: Store, key: int) -> sqlite3.Row:
    row = store.row("SELECT * FROM shown_messages WHERE key = ?", key)
    assert row is not None
    return row


def search(store: Store, mailbox: str, query: Query) -> tuple[list[sqlite3.Row], bool]:
    """One page of the mailbox, and whether there is more."""
    order = "received_at DESC, key DESC" if query.newest_first else "received_at, key"
    where, values = "mailbox = ? AND folder != 'deleted'", [mailbox]
    if query.by_property is not None:
        where += (
            " AND key IN (SELECT message FROM extended_properties WHERE id = ? COLLATE NOCASE"
            " AND value = ?)"
        )
        values += query.by_property
    if query.by_internet_message_id is not None:
        where += " AND internet_message_id = ?"
        values.append(query.by_internet_message_id)
    if query.received_since is not None:
        where += " AND received_at >= ?"
        values.append(query.received_since)
    rows = store.rows(
        f"SELECT * FROM shown_messages WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?",
        *values,
        query.top + 1,
        query.skip,
    )
    return rows[: query.top], len(rows) > query.top


def remove(store: Store, key: int) -> None:
    contents = [
        r["content"] for r in store.rows("SELECT * FROM attachments WHERE message = ?", key)
    ]
    store.run("DELETE FROM messages WHERE key = ?", key)
    for content in contents:
        if not store.rows("SELECT 1 FROM attachments WHERE content = ?", content):
            store.run("DELETE FROM contents WHERE key = ?", content)


def _settable(message: Message) -> dict[str, Any]:
    resource = message.model_dump(
        by_alias=True,
        exclude_unset=True,
        exclude={"odata_type", "single_value_extended_properties"},
    )
    body = resource.get("body")
    if body is not None:
        resource["body"] = {"contentType": "text", "content": ""} | {
            name: value for name, value in body.items() if value is not None
        }
    return resource


def _set_properties(store: Store, key: int, properties: Sequence[ExtendedProperty] | None) -> None:
    for entry in properties or ():
        store.run(
            "INSERT INTO extended_properties (message, id, value) VALUES (?, ?, ?)"
            " ON CONFLICT (message, id) DO UPDATE SET value = excluded.value",
            key,
            normal_property_id(entry.id or ""),
            entry.value or "",
        )


def _check_headers(headers: Sequence[InternetMessageHeader] | None) -> None:
    if headers is None:
        return
    if not 1 <= len(headers) <= MOST_CUSTOM_HEADERS:
        # An empty collection is refused too, with the same words.
        raise GraphRefusal(
            400,
            "InvalidInternetMessageHeaderCollection",
            "Maximum number of headers in one message should be less than or equal to 5.",
        )
    for header in headers:
        name, value = header.name or "", header.value or ""
        if not name.lower().startswith("x-"):
            raise GraphRefusal(
                400,
                "InvalidInternetMessageHeader",
                f"The internet message header name '{name}' should start with 'x-' or 'X-'.",
            )
        token = all("!" <= letter <= "~" and letter != ":" for letter in name)
        if not token or len(name) < 3 or not value.isprintable():
            raise GraphRefusal(
                400,
                "InvalidInternetMessageHeader",
                f"The internet message header '{name}' is not a header.",
            )


def new_id(prefix: str, size: int) -> str:
    """Looks and is as long as Exchange's own: letters, digits, ``-``, ``_`` and ``=``."""
    return prefix + base64.urlsafe_b64encode(secrets.token_bytes(size)).decode()


def folder_id(row: sqlite3.Row) -> str:
    return base64.urlsafe_b64encode(
        f"{_FOLDER_IDS[row['folder']]}:{row['mailbox']}".encode()
    ).decode()
