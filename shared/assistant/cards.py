"""Cards as they are stored, read and put away: one partition for each seller, and one for what is
told to all managers.

    card~{inverted time}~{id}   a card, newest first
    done~{inverted time}~{id}   the same, put away
    id~{id}                     where the card is, and which version of its message says so
    changed                     written with every change: its ETag tells whether there was one

The id of a card is its message, its kind and its person, so that there are never two of a kind. The
version keeps an older state of the message from taking the place of a newer one; a card that was
withdrawn leaves its id behind, without a place, for the same reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.assistant.facts import COLLECTED, MAILBOX_GONE, URGENT
from shared.errors import Changed, Conflict, Refusal
from shared.messages.rows import (
    failure_from_text,
    failure_to_text,
    filled_row,
    instant_or_none,
    milliseconds,
    text_or_none,
)
from shared.model import CardKind, Failure
from shared.organizations import Organization
from shared.storage.tables import Read, Row, Write, inverted, key_text

TABLE = "cards"
CHANGED_KEY = "changed"
_LISTED, _DONE = "card~", "done~"

MANAGERS = "managers"
"""Under this name, in place of a seller's address, are the cards of all managers: whoever puts one
away has seen to it."""

SNOOZED = timedelta(hours=24)
SNOOZED_IF_URGENT = timedelta(hours=1)

_MOST_LOOKED_AT = 1000
"""A page with many snoozed cards is short rather than slow."""

Change = Callable[["StoredCard"], "StoredCard"]


@dataclass(frozen=True, slots=True)
class StoredCard:
    """A card of a seller, and what they did with it. It is seen from `visible_from` on, unless it
    was snoozed until later or dismissed."""

    id: str
    message: str
    kind: CardKind
    at: datetime
    visible_from: datetime
    subject: str
    to_text: str
    recipient: str | None = None
    failure: Failure | None = None
    comment: str | None = None
    country: str | None = None
    snoozed_until: datetime | None = None
    dismissed_at: datetime | None = None

    @property
    def is_urgent(self) -> bool:
        return self.kind in URGENT

    @property
    def is_managers(self) -> bool:
        return is_managers(self.id)

    @property
    def shown_from(self) -> datetime:
        """From when it is seen, if it was not dismissed."""
        return max(self.visible_from, self.snoozed_until or self.visible_from)

    @property
    def place(self) -> str:
        prefix = _LISTED if self.dismissed_at is None else _DONE
        return f"{prefix}{inverted(milliseconds(self.at))}~{self.id}"

    def snoozed(self, now: datetime, until: datetime | None) -> StoredCard:
        """The card until later: until then, or as long as one of its priority sleeps (rule R3)."""
        until = until or now + (SNOOZED_IF_URGENT if self.is_urgent else SNOOZED)
        return replace(self, snoozed_until=until, dismissed_at=None)

    def dismissed(self, now: datetime) -> StoredCard:
        return replace(self, dismissed_at=self.dismissed_at or now)

    def undone(self) -> StoredCard:
        """As if nobody had put it away."""
        return replace(self, snoozed_until=None, dismissed_at=None)


@dataclass(frozen=True, slots=True)
class CardPage:
    """Cards of a seller, newest first, and where the next page begins; None at the end.

    `same_until` is when one that waits on this page will be seen.
    """

    cards: list[StoredCard]
    cursor: str | None
    same_until: datetime | None


def lists_of(address: str, *, manages: bool) -> tuple[str, ...]:
    """Whose cards somebody is shown: their own, and where they manage the managers'."""
    return (address, MANAGERS) if manages else (address,)


async def read_cards(
    organization: Organization,
    sellers: tuple[str, ...],
    now: datetime,
    *,
    engagement: bool,
    after: str = "",
    limit: int,
) -> CardPage:
    """What these see now, together; while engagement is off nothing that shows what was collected.

    Who is told of a message as its seller is not told once more as a manager.
    """
    found: list[StoredCard] = []
    waiting: list[datetime] = []
    looked_at = 0
    last, told = "", ""
    async for read in _newest_first(organization, sellers, after, min(limit + 1, 1000)):
        if len(found) == limit or looked_at == _MOST_LOOKED_AT:
            return CardPage(found, last, min(waiting, default=None))
        card, looked_at = from_row(read.row), looked_at + 1
        last = read.row["RowKey"].removeprefix(_LISTED)
        before, told = told, card.id
        if card.is_managers and before == card_id(card.message, CardKind.FAILED):
            continue
        if card.kind in COLLECTED and not engagement:
            continue
        if card.shown_from > now:
            waiting.append(card.shown_from)
        else:
            found.append(card)
    return CardPage(found, None, min(waiting, default=None))


async def _newest_first(
    organization: Organization, sellers: tuple[str, ...], after: str, a_time: int
) -> AsyncIterator[Read]:
    """The rows of several lists as one: their keys are in the order of time in each."""
    lists = [
        organization.tables.rows(
            TABLE, partition_of(one), after=_LISTED + after, below=_LISTED + "~", a_time=a_time
        )
        for one in sellers
    ]
    heads = [await anext(one, None) for one in lists]
    while waiting := [(head.row["RowKey"], at) for at, head in enumerate(heads) if head]:
        _, at = min(waiting)
        head = heads[at]
        assert head is not None
        yield head
        heads[at] = await anext(lists[at], None)


async def change_card(
    organization: Organization, seller: str, card: str, change: Change, now: datetime
) -> StoredCard:
    """Changes what the seller did with a card; `Refusal` 404 where there is none."""
    partition = partition_of(seller)
    while True:
        pointer = await organization.tables.get(TABLE, partition, pointer_key(card))
        place = pointer.row["place"] if pointer else ""
        if pointer is None or not place:
            raise Refusal(404, "There is no such card.")
        read = await organization.tables.get(TABLE, partition, place)
        if read is None:
            continue  # It was put elsewhere between the two.
        before = from_row(read.row)
        after = change(before)
        if after == before:
            return before
        version = pointer.row["version"]
        writes = placed(partition, card, after, pointer=pointer, old=read, version=version)
        mark = changed_mark(partition, f"{card}~{milliseconds(now)}")
        try:
            await organization.tables.transact(TABLE, [*writes, mark])
        except (Changed, Conflict):
            continue
        return after


async def last_change(organization: Organization, sellers: tuple[str, ...]) -> str:
    """A word that is another after every change of these lists; one small read of each."""
    reads = await asyncio.gather(
        *(organization.tables.get(TABLE, partition_of(one), CHANGED_KEY) for one in sellers)
    )
    return " ".join(read.etag if read else "" for read in reads).strip()


def placed(
    partition: str,
    id_: str,
    card: StoredCard | None,
    *,
    pointer: Read | None,
    old: Read | None,
    version: int,
) -> list[Write]:
    """The writes that put a card where it belongs now, or take it away (None): `pointer` and `old`
    are what is there of it."""
    row = filled_row(partition, pointer_key(id_), place=card.place if card else "", version=version)
    writes = [Write("replace", row, pointer.etag) if pointer else Write("insert", row)]
    stays = old is not None and card is not None and old.row["RowKey"] == card.place
    if old is not None and not stays:
        key = {"PartitionKey": partition, "RowKey": old.row["RowKey"]}
        writes.append(Write("delete", key, old.etag))
    if card is not None:
        new = to_row(partition, card)
        writes.append(Write("replace", new, old.etag) if old and stays else Write("insert", new))
    return writes


def changed_mark(partition: str, what: str) -> Write:
    """The write that tells of a change; `what` never comes twice, so the ETag is another."""
    return Write("upsert", filled_row(partition, CHANGED_KEY, what=what))


def partition_of(seller: str) -> str:
    return f"seller:{key_text(seller.lower())}"


def pointer_key(card: str) -> str:
    return f"id~{card}"


def is_managers(card: str) -> bool:
    """Whether the card with this id is the managers'."""
    return card.endswith(f"-{MAILBOX_GONE}")


def card_id(message: str, name: str) -> str:
    return f"{message}-{name}"


def to_row(partition: str, card: StoredCard) -> Row:
    return filled_row(
        partition,
        card.place,
        id=card.id,
        message=card.message,
        kind=card.kind,
        at=text_or_none(card.at),
        visibleFrom=text_or_none(card.visible_from),
        subject=card.subject,
        toText=card.to_text,
        recipient=card.recipient,
        failure=failure_to_text(card.failure),
        comment=card.comment,
        country=card.country,
        snoozedUntil=text_or_none(card.snoozed_until),
        dismissedAt=text_or_none(card.dismissed_at),
    )


def from_row(row: Row) -> StoredCard:
    return StoredCard(
        id=row["id"],
        message=row["message"],
        kind=CardKind(row["kind"]),
        at=datetime.fromisoformat(row["at"]),
        visible_from=datetime.fromisoformat(row["visibleFrom"]),
        subject=row["subject"],
        to_text=row["toText"],
        recipient=row.get("recipient"),
        failure=failure_from_text(row.get("failure")),
        comment=row.get("comment"),
        country=row.get("country"),
        snoozed_until=instant_or_none(row.get("snoozedUntil")),
        dismissed_at=instant_or_none(row.get("dismissedAt")),
    )
