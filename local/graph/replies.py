"""``createReply``: a draft in the thread of a message, with that message quoted as Outlook does."""

from __future__ import annotations

import html
import json
import re
import sqlite3
from datetime import datetime
from typing import Any

from . import mailboxes
from .errors import GraphRefusal
from .resources import CreateReply, Message
from .store import Store

_ANSWERED = re.compile(r"^\s*re:\s*", re.IGNORECASE)
_BODY = re.compile(r"<body[^>]*>", re.IGNORECASE)
_RULE = "_" * 32


def create_reply(
    store: Store, mailbox: str, item: str, asked: CreateReply, now: datetime
) -> sqlite3.Row:
    """A draft that answers the message; what ``asked`` names stands in place of the usual.

    Raises:
        GraphRefusal: 400 for an answer to a draft.
    """
    original = mailboxes.find(store, mailbox, item)
    if original["is_draft"]:
        raise GraphRefusal(
            400,
            "ErrorInvalidReferenceItem",
            "The reference item does not support the requested operation.",
        )
    given: dict[str, Any] = {}
    if asked.message is not None:
        given = asked.message.model_dump(by_alias=True, exclude_unset=True)
    if asked.comment is not None or given.get("body") is not None:
        raise GraphRefusal(
            501, "NotImplemented", "The local Graph quotes only; change the draft's body after."
        )
    message = Message.model_validate(_usual(original) | given)
    with store.transaction():
        row = mailboxes.insert_draft(
            store, mailbox, message, now, conversation=original["conversation_id"]
        )
        store.insert("threads", message=row["key"], references_=json.dumps(_references(original)))
    return row


def _usual(original: sqlite3.Row) -> dict[str, Any]:
    stored = json.loads(original["resource"])
    subject = _ANSWERED.sub("", stored.get("subject") or "")
    return {
        "subject": f"RE: {subject}",
        "toRecipients": stored.get("replyTo") or [stored["from"]],
        "body": _quoted(stored, original["sent_at"]),
    }


def _references(original: sqlite3.Row) -> list[str]:
    """What the answer's ``References`` name (RFC 5322, 3.6.4): the line before, and its parent."""
    headers = {name.lower(): value for name, value in json.loads(original["headers"] or "[]")}
    before = headers.get("references") or headers.get("in-reply-to") or ""
    return [*before.split(), original["internet_message_id"]]


def _quoted(stored: dict[str, Any], sent_at: str) -> dict[str, str]:
    body = stored.get("body") or {"contentType": "text", "content": ""}
    lines = {
        "From": _people([stored["from"]]),
        "Sent": sent_at,
        "To": _people(stored.get("toRecipients") or []),
        "Subject": stored.get("subject") or "",
    }
    if body["contentType"] != "html":
        head = "\n".join(f"{name}: {value}" for name, value in lines.items())
        return {"contentType": "text", "content": f"\n\n{_RULE}\n{head}\n\n{body['content']}"}
    shown = "<br>".join(f"<b>{name}:</b> {html.escape(value)}" for name, value in lines.items())
    head = f'<br><hr tabindex="-1"><div id="divRplyFwdMsg" dir="ltr">{shown}</div><br>'
    content: str = body["content"]
    start = _BODY.search(content)
    at = start.end() if start else 0
    return {"contentType": "html", "content": content[:at] + head + content[at:]}


def _people(recipients: list[dict[str, Any]]) -> str:
    people = [recipient.get("emailAddress") or {} for recipient in recipients]
    return "; ".join(f"{p.get('name') or ''} <{p.get('address') or ''}>".strip() for p in people)
