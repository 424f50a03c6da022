"""Which of our messages a mail answers, or returns (rule T7).

What a mail names decides, in the order of how sure it is: In-Reply-To, then References from the
last to the first (RFC 5322, 3.6.4), then the conversation that Exchange put it in. Neither subject
nor sender is asked: replies come with changed subjects, from other addresses and from delegates.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.replies.kinds import Kind, Recognized
from shared.replies.mail import IncomingMail


class By(StrEnum):
    """What tied a mail to a message of ours."""

    ORIGINAL = "original"
    IN_REPLY_TO = "inReplyTo"
    REFERENCES = "references"
    CONVERSATION = "conversation"


@dataclass(frozen=True, slots=True)
class Sent:
    """One email of ours: the message, which copy of it, when it went and to whom (lower case)."""

    message: str
    copy: int
    at: datetime
    recipients: frozenset[str]


@dataclass(frozen=True, slots=True)
class Answered:
    """The email of ours that a mail is about, and how that is known.

    `recipients` are those of its recipients whom the mail concerns: whose addresses failed, or who
    wrote; empty where somebody else did.
    """

    sent: Sent
    by: By
    recipients: frozenset[str]


@dataclass(frozen=True, slots=True)
class Key:
    """A Message-ID, in its angle brackets, by which an email of ours may be found."""

    internet_message_id: str
    by: By


MOST_KEYS = 30
"""How many Message-IDs of one mail are looked up: a long thread names hundreds."""

_ID = re.compile(r"<\s?([^<>\s]{1,998})\s?>")
_BARE = re.compile(r"[^<>\s,;\"]{1,500}@[^<>\s,;\"]{1,498}")


def is_own(mail: IncomingMail, own_addresses: Collection[str]) -> bool:
    """Whether the mailbox's own people wrote it: drafts, sent items, the seller in the thread."""
    own = {address.lower() for address in own_addresses}
    return mail.is_draft or mail.author in own or (mail.author is None and mail.sender in own)


def keys(mail: IncomingMail, recognized: Recognized) -> tuple[Key, ...]:
    """The Message-IDs to look up, the surest first, each once, at most `MOST_KEYS`."""
    found = [Key(one, By.ORIGINAL) for one in recognized.originals]
    found += [Key(one, By.IN_REPLY_TO) for one in _ids(mail.all("in-reply-to"))]
    found += [Key(one, By.REFERENCES) for one in reversed(_ids(mail.all("references")))]
    first = {key.internet_message_id: key for key in reversed(found)}
    unique = [key for key in found if first[key.internet_message_id] is key]
    if len(unique) <= MOST_KEYS:
        return tuple(unique)
    return (*unique[: MOST_KEYS - 1], unique[-1])  # The thread's first may be the only one of ours.


def answered(
    mail: IncomingMail,
    recognized: Recognized,
    by_id: Mapping[str, Sent],
    in_conversation: Sequence[Sent] = (),
) -> Answered | None:
    """The email of ours that a mail is about, None where it is about none.

    `by_id` holds what was found for `keys`; `in_conversation` what we sent in the mail's
    conversation, in any order.
    """
    if recognized.kind is Kind.OTHER:
        return None
    concerned = _concerned(recognized)
    for key in keys(mail, recognized):
        if sent := by_id.get(key.internet_message_id):
            return Answered(sent, key.by, concerned & sent.recipients)
    earlier = [sent for sent in in_conversation if _before(sent, mail)]
    if not earlier:
        return None
    # Of individual copies in one conversation, the one that went to this person.
    to_them = [sent for sent in earlier if concerned & sent.recipients]
    last = max(to_them or earlier, key=lambda sent: sent.at)
    return Answered(last, By.CONVERSATION, concerned & last.recipients)


def _concerned(recognized: Recognized) -> frozenset[str]:
    if recognized.kind is Kind.BOUNCE:
        return frozenset(failure.address for failure in recognized.failures)
    return frozenset({recognized.author} if recognized.author else ())


def _before(sent: Sent, mail: IncomingMail) -> bool:
    return mail.received_at is None or sent.at <= mail.received_at


def _ids(values: Sequence[str]) -> list[str]:
    """Message-IDs as they are stored; some programs leave the angle brackets out (RFC 5322)."""
    text = " ".join(values)[-16_000:]
    found = _ID.findall(text) or _BARE.findall(text)
    return [f"<{one}>" for one in found]
