"""The content of a message: a blob, because a body and many recipients do not fit into a row."""

from __future__ import annotations

import json
from dataclasses import asdict

from shared.errors import StorageUnavailable
from shared.messages.rows import recipients_from_json, recipients_to_json
from shared.model import Attachment, Content, Quote, RecordRef
from shared.organizations import Organization

CONTAINER = "content"


async def store_content(organization: Organization, message: str, content: Content) -> None:
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
    await organization.blobs.put(CONTAINER, _name(message), json.dumps(value).encode())


async def load_content(organization: Organization, message: str) -> Content:
    """The content of a message that was accepted."""
    blob = await organization.blobs.get(CONTAINER, _name(message))
    if blob is None:
        raise StorageUnavailable(f"the content of message {message} is not there")
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
    return f"messages/{message}/quote-{copy}.json"


def _name(message: str) -> str:
    return f"messages/{message}/content.json"
