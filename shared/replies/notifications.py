"""What Graph posts to us: believed only where it proves that it answers a subscription of ours.

A subscription is given a *client state*, which Graph repeats with everything it tells. Ours names
the organization, the mailbox (by a key) and a signing key of the deployment, and carries a MAC over
them, so that nothing has to be stored or looked up to believe it or not. It holds as long as the
signing key is among the deployment's; subscriptions of older keys are made anew within a day.

    organization . mailbox key . key id . MAC        (HMAC-SHA256, base64url; ASCII, ≤ 128)
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.errors import Refusal

PATH = "api/graph/notifications"
"""Where Graph tells us, below the public address."""

MOST_BYTES = 1024 * 1024
"""Graph puts many notifications into one request; each has about 1 KiB."""
MOST_MESSAGES = 25
"""More news than that of one mailbox in one request are one word: ask what came since."""
LIFECYCLE_EVENTS = ("reauthorizationRequired", "subscriptionRemoved", "missed")

_PURPOSE = b"graph client state\0"
_CLIENT_STATE = re.compile(r"([a-z0-9]{2,24})\.([0-9a-f]{32})\.([a-z0-9]{1,8})\.([\w-]{43})", re.A)
# Graph's own token; what has other characters or is longer is a stranger's.
_TOKEN = re.compile(r"[\x20-\x3b\x3d\x3f-\x7e]{1,2048}")
_ID = re.compile(r"[A-Za-z0-9_=+/-]{1,512}")


@dataclass(frozen=True, slots=True)
class News:
    """One thing that Graph told of a mailbox: a `message` that is there, or a lifecycle `event`
    of a `subscription` (rule T7)."""

    organization: str
    mailbox: str
    message: str = ""
    event: str = ""
    subscription: str = ""

    def word(self) -> dict[str, str]:
        """As a word on the queue."""
        named = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in named.items() if value}

    @classmethod
    def from_word(cls, word: Mapping[str, str]) -> News:
        return cls(**word)


class ClientStates:
    """Makes and believes client states; `keys` maps key ids to secrets, the signing one first, an
    empty secret marks a withdrawn key."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = dict(keys)
        self.signed_by = next(key_id for key_id, secret in keys.items() if secret)
        """The id of the key that new client states name."""

    def of(self, organization: str, mailbox: str) -> str:
        """The client state for a mailbox, which is named by its `mailbox_key`."""
        mac = self._mac(self.signed_by, organization, mailbox)
        return f"{organization}.{mailbox}.{self.signed_by}.{mac}"

    def believed(self, text: object) -> tuple[str, str] | None:
        """Organization and mailbox key, or None for what is not ours. Takes the same time for
        every wrong MAC."""
        match = _CLIENT_STATE.fullmatch(text) if isinstance(text, str) else None
        if match is None or not self._keys.get(match[3]):
            return None
        organization, mailbox, key_id, mac = match.groups()
        if not hmac.compare_digest(mac, self._mac(key_id, organization, mailbox)):
            return None
        return organization, mailbox

    def _mac(self, key_id: str, organization: str, mailbox: str) -> str:
        # A secret of the organization's, derived and not stored, signs its mailboxes. The purpose
        # keeps it apart from the tokens of links, which the same keys sign.
        secret = hmac.digest(self._keys[key_id], _PURPOSE + organization.encode(), "sha256")
        mac = hmac.digest(secret, mailbox.encode(), "sha256")
        return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def mailbox_key(address: str) -> str:
    """What stands for a mailbox where its address should not: 32 hexadecimal digits."""
    return hashlib.sha256(address.lower().encode()).hexdigest()[:32]


def handshake(token: str) -> str:
    """What to answer to Graph's validation request, as plain text: the token itself.

    Raises `Refusal` (400) for what is no token, so that nobody has us repeat a page of theirs.
    """
    if not _TOKEN.fullmatch(token):
        raise Refusal(400, "This is no validation token of Microsoft Graph's.")
    return token


def read_news(body: Mapping[str, Any], states: ClientStates) -> tuple[list[News], int]:
    """What a posted collection tells, each thing once, and how many items were not believed.

    Raises `Refusal` (400) for what is no collection of notifications. An item that is not ours, or
    that we did not ask for, is no reason to refuse the others.
    """
    items = body.get("value")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Refusal(400, "The request must have a list of notifications, value.")
    told: dict[News, None] = {}
    ignored = 0
    for item in items:
        news = _news(item, states)
        if news is None:
            ignored += 1
        else:
            told[news] = None
    return _gathered(list(told)), ignored


def _news(item: Mapping[str, Any], states: ClientStates) -> News | None:
    believed = states.believed(item.get("clientState"))
    if believed is None:
        return None
    event, data = item.get("lifecycleEvent"), item.get("resourceData")
    if event is not None:
        subscription = item.get("subscriptionId")
        if event not in LIFECYCLE_EVENTS or not _is_id(subscription):
            return None
        return News(*believed, event=str(event), subscription=str(subscription))
    message = data.get("id") if isinstance(data, dict) else None
    if item.get("changeType") != "created" or not _is_id(message):
        return None
    return News(*believed, message=str(message))


def _is_id(value: object) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _gathered(told: list[News]) -> list[News]:
    """Many messages of one mailbox as one word that some were missed."""
    counts: dict[tuple[str, str], int] = {}
    for news in told:
        if news.message:
            box = news.organization, news.mailbox
            counts[box] = counts.get(box, 0) + 1
    many = [box for box, count in counts.items() if count > MOST_MESSAGES]
    kept = [
        news for news in told if not news.message or (news.organization, news.mailbox) not in many
    ]
    return kept + [News(*box, event="missed") for box in many]
