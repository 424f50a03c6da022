"""Cards as the API's JSON, and the tag that tells whether there is anything new."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta
from typing import Any

from shared.assistant.cards import StoredCard
from shared.messages.rows import instant_of, instant_text, milliseconds
from shared.sending.wording import failure_shown

SAME_AT_MOST = timedelta(seconds=60)
"""Switches of the organization are seen this much later at most by who asks with a tag."""

_TAG = re.compile(r'"([0-9a-f]{32})-([0-9]{1,15})"')


def card_shown(organization: str, card: StoredCard, language: str, now: datetime) -> dict[str, Any]:
    """A card as the API shows it."""
    sleeps = card.snoozed_until is not None and now < card.snoozed_until
    return {
        "id": card.id,
        "kind": card.kind.value,
        "priority": "high" if card.is_urgent else "normal",
        "at": instant_text(card.at),
        "state": "dismissed" if card.dismissed_at else "snoozed" if sleeps else "shown",
        "snoozedUntil": instant_text(card.snoozed_until) if card.snoozed_until and sleeps else None,
        "message": {"id": card.message, "subject": card.subject, "to": card.to_text},
        "recipient": card.recipient,
        "place": card.country,
        "comment": card.comment,
        "failure": failure_shown(card.failure, language),
        "links": {
            "message": f"/api/orgs/{organization}/messages/{card.message}",
            "page": f"/orgs/{organization}/messages/{card.message}",
        },
    }


def tag_of(change: str, asked: tuple[str, ...], now: datetime, same_until: datetime | None) -> str:
    """The ETag of an answer: what was asked, the last change of the seller's cards, and until when
    time alone changes nothing."""
    until = min(same_until or now + SAME_AT_MOST, now + SAME_AT_MOST)
    return f'"{_digest(change, asked)}-{milliseconds(until)}"'


def same_tag(tags: str, change: str, asked: tuple[str, ...], now: datetime) -> str | None:
    """The one of these tags whose answer would be given again now (`If-None-Match`, RFC 9110
    §13.1.2)."""
    for tag in _TAG.finditer(tags):
        if tag[1] == _digest(change, asked) and now < instant_of(int(tag[2])):
            return tag[0]
    return None


def _digest(change: str, asked: tuple[str, ...]) -> str:
    text = "\n".join((change, *asked))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
