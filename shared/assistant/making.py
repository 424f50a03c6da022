"""Making cards, moving and withdrawing them, as the facts about a message say (rules R2, R3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from shared.assistant.cards import (
    MANAGERS,
    TABLE,
    StoredCard,
    card_id,
    changed_mark,
    from_row,
    partition_of,
    placed,
    pointer_key,
)
from shared.assistant.facts import HAPPENS_AGAIN, MAILBOX_GONE, Card
from shared.errors import Changed, Conflict
from shared.messages.rows import MessageRow
from shared.organizations import Organization, OrganizationSettings
from shared.sellers.store import load_seller
from shared.storage.tables import Read


async def make_cards(
    organization: Organization,
    message: MessageRow,
    cards: Mapping[str, Card | None],
    settings: OrganizationSettings | None = None,
) -> None:
    """Brings these cards of a message up to this state of it; None withdraws one.

    A new card costs one request, and one for what its seller chose. What nobody wants is not made;
    one that is there stays while its fact does, whatever was switched since. May be done twice, and
    an older state of the message changes nothing.
    """
    settings = settings or await organization.settings()
    seller = await load_seller(organization, message.seller) if any(cards.values()) else None
    for name, card in cards.items():
        is_managers = name == MAILBOX_GONE
        wanted = card is not None and settings.makes_cards(card.kind)
        if card and seller and not is_managers:
            wanted = wanted and seller.wants(card.kind)
        partition = partition_of(MANAGERS if is_managers else message.seller)
        await _bring(organization, message, partition, name, card, wanted=wanted)


async def take_away(
    organization: Organization, message: MessageRow, partitions: Iterable[str]
) -> None:
    """Withdraws every card of a message from sellers whose it is no more."""
    for partition in partitions:
        after = pointer_key(card_id(message.id, ""))
        rows = organization.tables.rows(TABLE, partition, after=after, below=after + "~")
        names = [read.row["RowKey"].removeprefix(after) async for read in rows]
        for name in names:
            await _bring(organization, message, partition, name, None, wanted=False)


async def _bring(
    organization: Organization,
    message: MessageRow,
    partition: str,
    name: str,
    card: Card | None,
    *,
    wanted: bool,
) -> None:
    id_ = card_id(message.id, name)
    # Mostly it is new, and its insertion tells; only where it is not, what is there is looked up.
    look = not wanted
    while True:
        pointer: Read | None = None
        old: Read | None = None
        if look:
            pointer = await organization.tables.get(TABLE, partition, pointer_key(id_))
            if pointer is not None and pointer.row["version"] >= message.version:
                return
            if pointer is not None and pointer.row["place"]:
                old = await organization.tables.get(TABLE, partition, pointer.row["place"])
                if old is None:
                    continue  # It was put elsewhere between the two.
        look = True
        if card is not None and old is None and not wanted:
            return
        # One that is not there leaves its id all the same: whoever is about to make it of an older
        # state of the message finds that it should not be.
        new = _stored(message, id_, card, old) if card else None
        version = message.version
        writes = placed(partition, id_, new, pointer=pointer, old=old, version=version)
        mark = changed_mark(partition, f"{id_}~{message.version}")
        try:
            await organization.tables.transact(TABLE, [*writes, mark])
        except (Changed, Conflict):
            continue
        return


def _stored(message: MessageRow, id_: str, card: Card, old: Read | None) -> StoredCard:
    """The card as it is now, with what the seller did with it, unless it happened again since."""
    new = StoredCard(
        id=id_,
        message=message.id,
        kind=card.kind,
        at=card.at,
        visible_from=card.visible_from,
        subject=message.subject,
        to_text=message.to_text,
        recipient=card.recipient,
        failure=card.failure,
        comment=card.comment,
        country=card.country,
    )
    if old is None:
        return new
    before = from_row(old.row)
    later_or_other = new.at > before.at or new.recipient != before.recipient
    if new.kind in HAPPENS_AGAIN and later_or_other:
        return new
    return replace(new, snoozed_until=before.snoozed_until, dismissed_at=before.dismissed_at)
