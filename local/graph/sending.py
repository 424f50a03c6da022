"""Sending: what Exchange checks when a draft is submitted, and what it does some time later.

A draft that was submitted stays where it is, still a draft to everyone who looks, until
``move_to_sent`` has run: Graph's ``202`` promises no more.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from typing import Any

from . import mime
from .errors import GraphRefusal
from .mailboxes import SELLERS, find_draft, graph_time, new_id, remove
from .store import Store

RECIPIENT_PROPERTIES = ("toRecipients", "ccRecipients", "bccRecipients")


def submit(
    store: Store, mailbox: str, item: str, due: float, *, new_immutable_id: bool = False
) -> None:
    """Accept a draft for sending; it leaves at ``due`` (seconds since the epoch).

    Raises:
        GraphRefusal: 404 where it is no draft any more, 400 or 403 where Exchange would not
            submit it.
    """
    row = find_draft(store, mailbox, item)
    resource = json.loads(row["resource"])
    _check_sender(mailbox, resource)
    _check_recipients(resource)
    _check_size(store, row["key"], resource)
    with store.transaction():
        store.run(
            "UPDATE messages SET send_due = ?, new_id_on_send = ? WHERE key = ?",
            due,
            int(new_immutable_id),
            row["key"],
        )


def due(store: Store, now: float) -> list[sqlite3.Row]:
    return store.rows("SELECT * FROM messages WHERE send_due <= ? ORDER BY send_due", now)


def submitted(store: Store, key: int) -> sqlite3.Row | None:
    """The message, if it is still waiting to leave."""
    return store.row("SELECT * FROM messages WHERE key = ? AND send_due IS NOT NULL", key)


def next_due(store: Store) -> float | None:
    row = store.row("SELECT min(send_due) AS next FROM messages")
    return row["next"] if row else None


def move_to_sent(
    store: Store, row: sqlite3.Row, mail: EmailMessage, text: str, now: datetime, *, smtp: bool
) -> None:
    """Deliver: a copy to every recipient, the original to Sent Items, once and all together."""
    resource = with_sender(row["mailbox"], json.loads(row["resource"]))
    headers = json.dumps([[name, str(value)] for name, value in mail.items()])
    recipients = list(
        dict.fromkeys(a.lower() for a in mime.addresses(resource, *RECIPIENT_PROPERTIES))
    )
    with store.transaction():
        for address in recipients:
            _deliver_copy(store, row, address, resource, headers, text, graph_time(now))
        if smtp:
            store.insert(
                "smtp_queue",
                sender=row["mailbox"],
                recipients=json.dumps(recipients),
                mime=mail.as_bytes(),
            )
        if row["folder"] == "deleted":
            remove(store, row["key"])
            return
        store.run(
            "UPDATE messages SET folder = 'sentitems', is_draft = 0, send_due = NULL, id = ?,"
            " immutable_id = ?, change_key = ?, sent_at = ?, received_at = ?, modified_at = ?,"
            " resource = ?, headers = ?, plain_text = ? WHERE key = ?",
            new_id("AAMk", 110),
            new_id("AAkA", 50) if row["new_id_on_send"] else row["immutable_id"],
            new_id("CQAA", 14),
            *[graph_time(now)] * 3,
            json.dumps(resource),
            headers,
            text,
            row["key"],
        )


def parts(store: Store, key: int) -> list[mime.Part]:
    return [
        mime.Part(
            row["name"],
            row["content_type"],
            row["content_id"],
            bool(row["is_inline"]),
            row["bytes"],
        )
        for row in store.rows(
            "SELECT attachments.*, contents.bytes FROM attachments JOIN contents"
            " ON contents.key = attachments.content WHERE message = ? ORDER BY attachments.key",
            key,
        )
    ]


def references(store: Store, key: int) -> list[str]:
    """The ids of the thread that the message answers in; none where it begins one."""
    row = store.row("SELECT references_ FROM threads WHERE message = ?", key)
    return list(json.loads(row["references_"])) if row is not None else []


def conversation(store: Store, address: str, references: Sequence[str]) -> str:
    """The conversation of a mailbox that a message with these references belongs to."""
    for reference in reversed(references):
        known = store.row(
            "SELECT conversation_id FROM messages WHERE mailbox = ? AND internet_message_id = ?",
            address,
            reference,
        )
        if known is not None:
            return str(known["conversation_id"])
    return new_id("AAQk", 50)


def _deliver_copy(
    store: Store,
    row: sqlite3.Row,
    address: str,
    resource: dict[str, Any],
    headers: str,
    text: str,
    at: str,
) -> None:
    copy = resource | {"bccRecipients": [], "isRead": False}
    key = store.insert(
        "messages",
        mailbox=address,
        folder="inbox",
        id=new_id("AAMk", 110),
        immutable_id=new_id("AAkA", 50),
        internet_message_id=row["internet_message_id"],
        conversation_id=conversation(store, address, references(store, row["key"])),
        change_key=new_id("CQAA", 14),
        created_at=at,
        modified_at=at,
        received_at=at,
        sent_at=at,
        is_draft=0,
        resource=json.dumps(copy),
        headers=headers,
        plain_text=text,
    )
    for attachment in store.rows("SELECT * FROM attachments WHERE message = ?", row["key"]):
        columns = dict(attachment) | {"message": key, "id": new_id("AAMk", 110)}
        del columns["key"]
        store.insert("attachments", **columns)


def with_sender(mailbox: str, resource: dict[str, Any]) -> dict[str, Any]:
    itself = {"emailAddress": {"name": SELLERS.get(mailbox, ""), "address": mailbox}}
    sender = resource.get("from") or resource.get("sender") or itself
    return resource | {"from": sender, "sender": resource.get("sender") or sender}


def _check_sender(mailbox: str, resource: dict[str, Any]) -> None:
    named = [resource[name] for name in ("from", "sender") if resource.get(name)]
    for address in mime.addresses({"named": named}, "named"):
        if address.lower() != mailbox:
            raise GraphRefusal(
                403,
                "ErrorSendAsDenied",
                "The user account which was used to submit this request does not have the right "
                "to send mail on behalf of the specified sending account., Cannot submit message.",
            )


def _check_recipients(resource: dict[str, Any]) -> None:
    recipients = mime.addresses(resource, *RECIPIENT_PROPERTIES)
    if not recipients:
        raise GraphRefusal(
            400,
            "ErrorInvalidRecipients",
            "At least one recipient is not valid., A message can't be sent because it contains "
            "no recipients.",
        )
    for address in recipients + mime.addresses(resource, "replyTo"):
        if not mime.is_address(address):
            raise GraphRefusal(
                400,
                "ErrorInvalidRecipients",
                f"At least one recipient is not valid., Recipient '{address}' is not resolved. "
                "All recipients must be resolved before a message can be submitted.",
            )


def _check_size(store: Store, key: int, resource: dict[str, Any]) -> None:
    row = store.row("SELECT coalesce(sum(size), 0) AS size FROM attachments WHERE message = ?", key)
    assert row is not None
    body = len(((resource.get("body") or {}).get("content") or "").encode())
    if row["size"] * 4 // 3 + body > mime.LARGEST_MESSAGE_BYTES:
        raise GraphRefusal(
            413, "ErrorMessageSizeExceeded", "The message exceeds the maximum supported size."
        )
