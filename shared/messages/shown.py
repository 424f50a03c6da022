"""Messages and events as the API's JSON (the contract's names)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared.messages.files import FileRow, Place
from shared.messages.rows import CopyRow, MessageRow, instant_text, kpis_to_json
from shared.messages.stored import Stored
from shared.messages.timeline import Entry
from shared.model import Attachment, Content, Kpis, Link, RecordRef, SendTime, Step


def kpis_shown(kpis: Kpis, *, engagement: bool) -> dict[str, Any] | None:
    """The KPIs; null while engagement is off (rule F6)."""
    return kpis_to_json(kpis) if engagement else None


def listed(
    message: MessageRow, *, engagement: bool, sentences: Mapping[str, Any]
) -> dict[str, Any]:
    """A message as a list shows it; `sentences` are its failure and reasons in words."""
    return {
        "id": message.id,
        "status": message.status.value,
        "followed": message.followed,
        "seller": message.seller,
        "from": message.from_,
        "subject": message.subject,
        "recipientSummary": message.to_text,
        "recipientCount": message.recipient_count,
        "acceptedAt": instant_text(message.accepted_at),
        **_send_time(message.send_time),
        "sentAt": instant_text(message.sent_at) if message.sent_at else None,
        "failure": sentences["failure"],
        "kpis": kpis_shown(message.kpis, engagement=engagement),
    }


def whole(
    stored: Stored,
    content: Content,
    links: Sequence[Link],
    files: Sequence[FileRow],
    *,
    people: Sequence[Kpis],
    reminder: Mapping[str, Any],
    engagement: bool,
    sentences: Mapping[str, Any],
) -> dict[str, Any]:
    """One message with everything that is known of it, but its timeline and its body.

    `people` are the KPIs of its copies, in their order.
    """
    message = stored.message
    copies = [stored.copies[number] for number in sorted(stored.copies)]
    by_number = {file.number: file for file in files if message.followed}
    bounced = {address for copy in copies for address in copy.bounced} if engagement else set()
    return {
        **listed(message, engagement=engagement, sentences=sentences),
        "kpis": _with_people(message, copies, people, engagement=engagement),
        "step": _step(next((one for one in copies if not one.step.is_final), copies[0]), files),
        "follow": message.follow_choice.value,
        "notFollowedReasons": sentences["reasons"],
        "regarding": _ref(content.regarding),
        "inReplyTo": content.in_reply_to,
        "recipients": [
            {
                "field": one.field,
                "address": one.address,
                "name": one.name,
                "record": _ref(one.record),
                "bounced": one.address.lower() in bounced,
            }
            for one in content.recipients
        ],
        "copies": [_copy(copy, sentences["copies"].get(copy.number)) for copy in copies],
        "attachments": [
            _attachment(
                one,
                by_number.get(one.number) if one.follow else None,
                known=engagement,
                followed=message.followed and one.follow,
            )
            for one in content.attachments
        ],
        "links": [
            {
                "index": link.index,
                "url": link.url,
                "text": link.text,
                "notFollowed": link.not_followed,
            }
            for link in links
        ],
        "reminder": reminder,
    }


def body_shown(content: Content) -> dict[str, Any]:
    """What it says, as it was given: without the signature, and as nobody followed it."""
    return {"body": {"html": content.html, "text": content.text}}


def entry_shown(entry: Entry) -> dict[str, Any]:
    """An event of the timeline."""
    event, link = entry.event, entry.link
    return {
        "id": event.id,
        "kind": event.kind.value,
        "at": instant_text(event.at),
        "automated": event.automated,
        "reasons": list(event.reasons),
        "inferred": event.inferred,
        "recipient": entry.recipient,
        "link": {"index": link.index, "url": link.url, "text": link.text} if link else None,
        "attachment": {"id": str(entry.file.number), "name": entry.file.name}
        if entry.file
        else None,
        "image": None if event.image is None else {"id": str(event.image)},
        "client": {"name": event.client, "device": event.device},
        "country": event.country,
        "address": event.address,
        "repliedBy": event.replied_by,
        "returnsOn": event.returns_on.isoformat() if event.returns_on else None,
        "failedAddress": event.failed_address,
    }


def _step(copy: CopyRow, files: Sequence[FileRow]) -> str:
    """How far the sending is; before the first step, followed files may still be on their way."""
    if copy.step is Step.ACCEPTED and any(file.place is Place.WAITING for file in files):
        return "uploading"
    return copy.step.value


def _attachment(
    attachment: Attachment, file: FileRow | None, *, known: bool, followed: bool
) -> dict[str, Any]:
    """A file of the message; what is null belongs to followed ones only. While engagement is off
    it is not told which those are (rule F6)."""
    file = file if known else None
    return {
        "id": str(attachment.number),
        "name": attachment.name,
        "contentType": attachment.content_type,
        "size": attachment.size,
        "contentId": attachment.content_id,
        "followed": followed if known else None,
        "place": file.place.value if file else None,
        "expiresAt": instant_text(file.expires_at) if file and file.expires_at else None,
        "withdrawnAt": instant_text(file.withdrawn_at) if file and file.withdrawn_at else None,
    }


def _with_people(
    message: MessageRow, copies: Sequence[CopyRow], people: Sequence[Kpis], *, engagement: bool
) -> dict[str, Any] | None:
    """The KPIs, and each person's where each got a copy (rule S6)."""
    kpis = kpis_shown(message.kpis, engagement=engagement)
    if kpis is None or len(copies) == 1:
        return kpis
    shown = [
        {"address": copy.recipient, **kpis_to_json(one)}
        for copy, one in zip(copies, people, strict=True)
    ]
    return {**kpis, "people": shown}


def _copy(copy: CopyRow, failure: Mapping[str, str] | None) -> dict[str, Any]:
    return {
        "number": copy.number,
        "recipient": copy.recipient,
        "step": copy.step.value,
        "failure": failure,
        "sentAt": instant_text(copy.sent_at) if copy.sent_at else None,
        "internetMessageId": copy.internet_message_id,
        "conversationId": copy.conversation_id,
    }


def _send_time(time: SendTime | None) -> dict[str, Any]:
    """When it is to be sent, as an instant, as the local time that was meant, and what the
    recommended time rested on where it was that."""
    local = time.local if time else None
    return {
        "sendAt": instant_text(time.at) if time else None,
        "sendAtLocal": {"local": local.text, "timeZone": local.time_zone} if local else None,
        "sendAtRecommended": dict(time.recommended) if time and time.recommended else None,
    }


def _ref(ref: RecordRef | None) -> dict[str, str] | None:
    return {"type": ref.type, "id": ref.id} if ref else None
