"""The content of a message: a blob, because a body and many recipients do not fit into a row.

A changed content is a new blob under a new name, which the message row then points to: so whoever
reads a message meets it whole, as it was before or as it is now.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from shared.errors import Lost
from shared.messages.rows import (
    FIRST_CONTENT,
    MESSAGE_KEY,
    TABLE,
    MessageRow,
    is_erased,
    message_from_row,
    recipients_from_json,
    recipients_to_json,
)
from shared.model import Attachment, Content, Quote, RecordRef
from shared.organizations import Organization

CONTAINER = "content"


async def store_content(
    organization: Organization, message: str, content: Content, name: str = FIRST_CONTENT
) -> None:
    value = {
        "schema": 1,
        "subject": content.subject,
        "html": content.html,
        "text": content.text,
        "recipients": recipients_to_json(content.recipients),
        "regarding": asdict(content.regarding) if content.regarding else None,
        "attachments": [asdict(attachment) for attachment in content.attachments],
        "individual": content.individual,
        "signature": content.signature,
        "inReplyTo": content.in_reply_to,
    }
    await organization.blobs.put(CONTAINER, _name(message, name), json.dumps(value).encode())


async def load_content(organization: Organization, message: MessageRow) -> Content:
    """The content of a message that was accepted; `Lost` where somebody deleted it."""
    blob = await organization.blobs.get(CONTAINER, _name(message.id, message.content))
    if blob is None:
        return await _load_changed(organization, message)
    return _from_blob(blob)


async def content_to_show(organization: Organization, message: MessageRow) -> Content:
    """The same for who only tells of it: what the row knows, where the rest is gone."""
    try:
        return await load_content(organization, message)
    except Lost:
        return Content(message.subject, None, None, ())


async def delete_content(organization: Organization, message: str, name: str) -> None:
    await organization.blobs.delete(CONTAINER, _name(message, name))


async def delete_blobs(organization: Organization, message: str) -> None:
    """Deletes everything that blob storage has of a message alone: every content, every file."""
    for folder in (_folder(message), f"files/{message}/"):
        names = [name async for name, _ in organization.blobs.names(CONTAINER, folder)]
        for name in names:
            await organization.blobs.delete(CONTAINER, name)


async def _load_changed(organization: Organization, message: MessageRow) -> Content:
    """The content of a message that somebody changed since its row was read."""
    read = await organization.tables.get(TABLE, message.id, MESSAGE_KEY)
    if read is not None and not is_erased(read.row):
        now = message_from_row(read.row)
        if now.content != message.content:
            return await load_content(organization, now)
    raise Lost(f"the content of message {message.id} is gone")


def _from_blob(blob: bytes) -> Content:
    value = json.loads(blob)
    return Content(
        subject=value["subject"],
        html=value["html"],
        text=value["text"],
        recipients=recipients_from_json(value["recipients"]),
        regarding=RecordRef(**value["regarding"]) if value["regarding"] else None,
        attachments=tuple(Attachment(**one) for one in value.get("attachments", ())),
        individual=value.get("individual", False),
        signature=value.get("signature"),
        in_reply_to=value.get("inReplyTo"),
    )


async def store_quote(organization: Organization, message: str, copy: int, quote: Quote) -> None:
    """Keeps what a copy quotes, so that every attempt to send it quotes the same."""
    value = json.dumps(asdict(quote)).encode()
    await organization.blobs.put(CONTAINER, _quote_name(message, copy), value)


async def load_quote(organization: Organization, message: str, copy: int) -> Quote | None:
    blob = await organization.blobs.get(CONTAINER, _quote_name(message, copy))
    return None if blob is None else Quote(**json.loads(blob))


def file_name(message: str, number: int) -> str:
    """The blob that holds an attachment of a message until nobody needs it any more."""
    return f"files/{message}/{number}"


def _quote_name(message: str, copy: int) -> str:
    return _name(message, f"quote-{copy}")


def _folder(message: str) -> str:
    return f"messages/{message}/"


def _name(message: str, name: str) -> str:
    return f"{_folder(message)}{name}.json"
