"""Which cards a message should have, from what is known of it now (rule R2): pure, so that whoever
asks, and however often, the same cards come out.

A fact that turns out otherwise (a verdict that is corrected, an open that was earlier than the
first one known) makes another set of cards; what differs is then made, moved or withdrawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.messages.rows import CopyRow, MessageRow
from shared.model import CardKind, Failure, ReminderState, Status
from shared.tracking.counting import counted

SOON_AFTER_DELIVERY = timedelta(seconds=60)
HELD = timedelta(seconds=10)
"""What comes so soon after delivery waits so long: a scanner's burst shows itself meanwhile."""

COLLECTED = frozenset(
    {CardKind.OPENED, CardKind.CLICKED, CardKind.ATTACHMENT_VIEWED, CardKind.OPENED_AGAIN}
    | {CardKind.REPLIED}
)
"""Kinds that show what was collected: while engagement is off nobody sees them (rule F6)."""

URGENT = frozenset({CardKind.REMINDER_DUE})

HAPPENS_AGAIN = frozenset(
    {CardKind.BOUNCED, CardKind.FAILED, CardKind.OPENED_AGAIN, CardKind.REMINDER_DUE}
)
"""Kinds that are not only of a first time: one that was put away comes back when it happens to
somebody else, or anew."""

MAILBOX_GONE = "mailboxGone"
"""The name of the card that tells the managers of a scheduled message whose mailbox is gone: its
seller may be gone, too."""


@dataclass(frozen=True, slots=True)
class Card:
    """One thing to tell a seller. `at` is when it happened; nobody sees it before `visible_from`.

    `recipient` is who did it and `country` where (two letters), as far as that is known;
    `failure` is why a message was not sent.
    """

    kind: CardKind
    at: datetime
    visible_from: datetime
    recipient: str | None = None
    failure: Failure | None = None
    comment: str | None = None
    country: str | None = None


def cards_of(message: MessageRow, copies: Iterable[CopyRow]) -> dict[str, Card]:
    """The cards of a message by their names: the kind, and the number of the copy where each person
    has one of their own."""
    copies = list(copies)
    found: dict[str, Card] = {}
    for copy in copies:
        for card in _of_copy(copy):
            found[_name(card.kind, copy, message)] = card
    if message.failure is not None and message.status in (Status.FAILED, Status.PARTLY_SENT):
        at = max((one.step_at for one in copies if one.failure and one.step_at), default=None)
        at = at or message.accepted_at
        found[CardKind.FAILED] = Card(CardKind.FAILED, at, at, failure=message.failure)
        if message.send_time is not None and _is_gone(message.from_, message.failure):
            found[MAILBOX_GONE] = found[CardKind.FAILED]
    reminder = message.reminder
    if reminder is not None and reminder.fired_at and reminder.state is ReminderState.EXPIRED:
        at, kind = reminder.fired_at, CardKind.REMINDER_DUE
        found[kind] = Card(kind, at, at, comment=reminder.comment)
    return found


def differing(before: Mapping[str, Card], after: Mapping[str, Card]) -> dict[str, Card | None]:
    """The cards that are others than before, None for those that should not be any more."""
    names = {name for name in (*before, *after) if before.get(name) != after.get(name)}
    return {name: after.get(name) for name in sorted(names)}


def _of_copy(copy: CopyRow) -> Iterator[Card]:
    opened_at, places = counted(copy).first_human_opened_at, copy.places
    opened_in = None
    if opened_at == copy.first_human_open_at:
        opened_in = places.get("open")
    elif opened_at == copy.first_human_click_at:
        opened_in = places.get("click")
    happened = (
        (CardKind.OPENED, opened_at, opened_in),
        (CardKind.CLICKED, copy.first_human_click_at, places.get("click")),
        (CardKind.ATTACHMENT_VIEWED, copy.first_human_view_at, places.get("view")),
        (CardKind.OPENED_AGAIN, copy.quiet[1] if copy.quiet else None, places.get("again")),
        (CardKind.REPLIED, copy.first_reply_at, None),
    )
    for kind, at, country in happened:
        if at is not None:
            yield Card(kind, at, _visible_from(copy, at), copy.recipient, country=country)
    if copy.first_bounce_at is not None:
        at, who = copy.first_bounce_at, ", ".join(copy.bounced) or copy.recipient
        yield Card(CardKind.BOUNCED, at, at, who)


def _is_gone(mailbox: str, failure: Failure) -> bool:
    """Whether it failed for want of that mailbox; not once it was given to another."""
    return failure.code == "mailboxUnknown" and failure.values.get("address") == mailbox


def _visible_from(copy: CopyRow, at: datetime) -> datetime:
    delivered_at = copy.sent_at or copy.sending_began_at
    soon = delivered_at is not None and at < delivered_at + SOON_AFTER_DELIVERY
    return at + HELD if soon else at


def _name(kind: CardKind, copy: CopyRow, message: MessageRow) -> str:
    return kind.value if message.copies == 1 else f"{kind.value}-{copy.number}"
