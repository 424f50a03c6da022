"""The nouns of the product, as plain values: no I/O, nothing of ours imported.

The words are those of the product's vocabulary: a *message* is what a seller sends; a *copy* is
one sent email of it; a *hit* is one request a recipient's program made; an *event* is what a hit
(or a reply) became in the timeline; *KPIs* are the counts over a message's events.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Self

FOLLOWABLE_TYPES = frozenset({"account", "contact", "lead"})
"""The record types whose recipients can be followed (rule F1)."""


class Status(StrEnum):
    """Where a message is, as the API says it."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    ACCEPTED = "accepted"
    SENDING = "sending"
    SENT = "sent"
    PARTLY_SENT = "partlySent"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nobody works on its sending any more."""
        return self in (Status.SENT, Status.PARTLY_SENT, Status.FAILED, Status.CANCELLED)

    @property
    def is_waiting(self) -> bool:
        """Whether nothing of it is sent yet, whatever word says so."""
        return self in (Status.DRAFT, Status.SCHEDULED)


class Step(StrEnum):
    """How far the sending of one copy has come; each is recorded before the next begins."""

    ACCEPTED = "accepted"
    DRAFTED = "drafted"
    ATTACHED = "attached"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    NEEDS_REVIEW = "needsReview"

    @property
    def is_final(self) -> bool:
        return self in (Step.SENT, Step.FAILED, Step.NEEDS_REVIEW)


class FollowChoice(StrEnum):
    """What a caller wants to happen where a message cannot be followed (rule F1)."""

    REQUIRED = "required"
    PREFERRED = "preferred"
    OFF = "off"


class EventKind(StrEnum):
    OPEN = "open"
    CLICK = "click"
    ATTACHMENT_VIEW = "attachmentView"
    REPLY = "reply"
    AUTO_REPLY = "autoReply"
    BOUNCE = "bounce"
    IMAGE = "image"
    WITHDRAWN = "withdrawn"


class IpHandling(StrEnum):
    """What an organization keeps of the addresses of recipients' programs (rule T8)."""

    DROPPED = "dropped"
    TRUNCATED = "truncated"
    KEPT = "kept"


class CardKind(StrEnum):
    """What a card tells the seller (rule R2)."""

    OPENED = "opened"
    REMINDER_DUE = "reminderDue"
    FAILED = "failed"
    BOUNCED = "bounced"
    CLICKED = "clicked"
    ATTACHMENT_VIEWED = "attachmentViewed"
    REPLIED = "replied"
    OPENED_AGAIN = "openedAgain"


CHOSEN_KINDS = frozenset(
    {CardKind.CLICKED, CardKind.ATTACHMENT_VIEWED, CardKind.REPLIED, CardKind.OPENED_AGAIN}
)
"""Kinds of cards that a seller gets only who chose them; the others come unless switched off."""


@dataclass(frozen=True, slots=True)
class RecordRef:
    """A record of the CRM: its type (`contact`, `opportunity`, …) and its id there."""

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Record:
    """What we keep of a CRM record: how to reach it, and whether it may be followed (rule F5)."""

    ref: RecordRef
    name: str | None = None
    addresses: tuple[str, ...] = ()
    phone: str | None = None
    address: Mapping[str, str] | None = None
    time_zone: str | None = None
    follow_email: bool = True


@dataclass(frozen=True, slots=True)
class Seller:
    """What a seller decided for their own mail. `address` is in lower case.

    `language` is that of the words we add to their messages. `signature` is HTML, `signature_text`
    its form for messages in plain text; where one is absent it is made from the other. `cards` are
    the kinds of cards they chose or refused; of the others they get what everybody gets.
    """

    address: str
    name: str | None = None
    language: str | None = None
    time_zone: str | None = None
    signature: str | None = None
    signature_text: str | None = None
    cards: Mapping[CardKind, bool] = field(default_factory=dict)

    def wants(self, kind: CardKind) -> bool:
        return self.cards.get(kind, kind not in CHOSEN_KINDS)


@dataclass(frozen=True, slots=True)
class Recipient:
    """One address of a message. `field` is `to`, `cc` or `bcc`.

    `record` is what the caller named; what follows it was given with this message only: the
    preference, and where the recipient is (an IANA zone; country, region, city; a phone number).
    """

    field: str
    address: str
    name: str | None = None
    record: RecordRef | None = None
    follow_email: bool | None = None
    time_zone: str | None = None
    postal_address: Mapping[str, str] | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Reader:
    """The one person a copy went to, where their time zone (IANA) was known when it was sent."""

    address: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a message is not followed (rule F2): a stable code, who it is about where it names
    people, and the limit it is over where there is one."""

    code: str
    who: tuple[str, ...] = ()
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """One link of a message: its number among the followed ones, where it leads, what people read.

    A link that was left as the seller wrote it has no number; `not_followed` says why.
    """

    index: int | None
    url: str
    text: str
    not_followed: str | None = None


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image in the organization's blob storage, where its SHA-256 (64 hexadecimal digits) is its
    name; `name` is what people see of it."""

    sha256: str
    content_type: str
    name: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a message: one that is followed is linked, any other is attached (rule T5).

    `number` counts the files of a message from 1, in the order they were given. `size` is in bytes.
    `content_id` is what `cid:` in the body calls it where it is a part of the body.
    """

    number: int
    name: str
    content_type: str
    size: int
    follow: bool = False
    content_id: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a message was not sent: a stable code and the values its sentence needs."""

    code: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LocalTime:
    """A time that somebody's clock shows: `text` is ISO 8601 without an offset, `rules` the version
    of the zone rules that made an instant of it (rule D3)."""

    text: str
    time_zone: str
    rules: str


@dataclass(frozen=True, slots=True)
class SendTime:
    """When a message is to be sent, and the local time that was meant, where one was.

    `recommended` is what the time rested on where it was the recommended one (as the API shows it);
    `recipient_zone` the time zone (IANA) of the one recipient, where it was known then.
    """

    at: datetime
    local: LocalTime | None = None
    recommended: Mapping[str, Any] | None = None
    recipient_zone: str | None = None


class ReminderCondition(StrEnum):
    """When a reminder fires at its time (rule R1)."""

    NO_REPLY_BY = "noReplyBy"
    NOT_OPENED_BY = "notOpenedBy"
    ANYWAY = "anyway"


class ReminderState(StrEnum):
    NOT_SET = "notSet"
    SET = "set"
    EXPIRED = "expired"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Reminder:
    """What the seller wants to be reminded of, since `set_at`: `reason` is why an invalid one
    cannot fire, `fired_at` when an expired one did."""

    condition: ReminderCondition
    at: datetime
    set_at: datetime
    comment: str | None = None
    state: ReminderState = ReminderState.SET
    reason: str | None = None
    fired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """What was accepted to be sent, whole: kept as a blob, never changed once sending began.

    `signature` is the seller's as it was then, in the form of the body: HTML, or text.
    `in_reply_to` is the message it answers: an id of ours, or the `<Message-ID>` of a mail.
    """

    subject: str
    html: str | None
    text: str | None
    recipients: tuple[Recipient, ...]
    regarding: RecordRef | None = None
    attachments: tuple[Attachment, ...] = ()
    individual: bool = False
    """Whether each recipient gets a copy of their own (rule S6)."""
    signature: str | None = None
    in_reply_to: str | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """What a reply quotes of the mail it answers, as Exchange put it into the draft."""

    content: str
    is_html: bool


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a timeline (rule T8). `at` is when it happened, in UTC.

    `signs` are reasons that prove nothing by themselves and were not told. `agent` tells programs
    apart without saying what they are: a short hash of the user agent; `network` does the same for
    networks, for a day, within the message. `address` is what the organization keeps of the
    client's address.
    `replied_by` wrote a reply or an automatic answer, which may tell of a return (`returns_on`);
    `failed_address` is whom a bounce says that nothing reached.
    """

    id: str
    kind: EventKind
    at: datetime
    copy: int
    automated: bool
    reasons: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()
    inferred: bool = False
    link: int | None = None
    attachment: int | None = None
    image: int | None = None
    agent: str | None = None
    network: str | None = None
    address: str | None = None
    client: str | None = None
    device: str | None = None
    country: str | None = None
    replied_by: str | None = None
    returns_on: date | None = None
    failed_address: str | None = None


@dataclass(frozen=True, slots=True)
class Kpis:
    """The counts over a set of events (rule T9): as total and as human."""

    opens: int = 0
    human_opens: int = 0
    link_clicks: int = 0
    human_link_clicks: int = 0
    attachment_views: int = 0
    human_attachment_views: int = 0
    replies: int = 0
    first_opened_at: datetime | None = None
    last_opened_at: datetime | None = None
    first_human_opened_at: datetime | None = None
    last_human_opened_at: datetime | None = None
    human_openers: int | None = None
    """How many people opened it; None where events do not name a person."""

    def with_event(self, event: Event) -> Self:
        """The counts with one more event; an event must be added once only."""
        human = 0 if event.automated else 1
        match event.kind:
            case EventKind.OPEN:
                first, last = self.first_human_opened_at, self.last_human_opened_at
                return replace(
                    self,
                    opens=self.opens + 1,
                    human_opens=self.human_opens + human,
                    first_opened_at=_earlier(self.first_opened_at, event.at),
                    last_opened_at=_later(self.last_opened_at, event.at),
                    first_human_opened_at=_earlier(first, event.at) if human else first,
                    last_human_opened_at=_later(last, event.at) if human else last,
                )
            case EventKind.CLICK:
                return replace(
                    self,
                    link_clicks=self.link_clicks + 1,
                    human_link_clicks=self.human_link_clicks + human,
                )
            case EventKind.ATTACHMENT_VIEW:
                return replace(
                    self,
                    attachment_views=self.attachment_views + 1,
                    human_attachment_views=self.human_attachment_views + human,
                )
            case EventKind.REPLY:
                return replace(self, replies=self.replies + human)
            case _:
                return self


def _earlier(known: datetime | None, other: datetime) -> datetime:
    return other if known is None else min(known, other)


def _later(known: datetime | None, other: datetime) -> datetime:
    return other if known is None else max(known, other)


JsonObject = dict[str, Any]
"""A JSON object as the standard library parses it."""
