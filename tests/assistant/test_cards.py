"""Cards follow what is known of a message: made once, moved, withdrawn, put away (R2, R3)."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.assistant.cards import (
    MANAGERS,
    TABLE,
    StoredCard,
    change_card,
    last_change,
    read_cards,
)
from shared.assistant.facts import Card
from shared.assistant.making import make_cards
from shared.assistant.shown import card_shown
from shared.errors import Refusal
from shared.messages.feeds import seller_feed
from shared.messages.rows import MessageRow
from shared.messages.stored import read_message
from shared.messages.todo import drain, drain_left_behind
from shared.model import CardKind, Seller
from shared.organizations import Organization
from shared.sellers.store import store_seller
from tests.running_storage import MovableClock
from tests.sending.mortality import Killed, Trouble, troubled
from tests.tracking.conftest import TakeIn
from tests.tracking.followed_messages import PROGRAM, SELLER, fold_all, followed_message, hit

OPENED, CLICKED = CardKind.OPENED, CardKind.CLICKED


class Assistant:
    """Contoso's, with hits that come in and are folded."""

    def __init__(self, contoso: Organization, take_in: TakeIn, clock: MovableClock) -> None:
        self.contoso, self.clock, self._take_in = contoso, clock, take_in

    async def message(self, **changes: Any) -> str:
        """Sent an hour ago."""
        return await followed_message(self.contoso, self.clock() - timedelta(hours=1), **changes)

    async def happens(self, message: str, kind: str = "open", **more: Any) -> None:
        at = more.pop("at", self.clock())
        await self._take_in(self.contoso, hit(message, at, kind, **more))
        await fold_all(self.contoso, self.clock)

    async def cards(self, limit: int = 50, *, engagement: bool = True) -> list[StoredCard]:
        page = await read_cards(
            self.contoso, (SELLER,), self.clock(), engagement=engagement, limit=limit
        )
        return page.cards

    async def stored(self, message: str) -> MessageRow:
        found = await read_message(self.contoso, message)
        assert found
        return found.message

    async def tell(self, message: MessageRow, **cards: Card | None) -> None:
        await make_cards(self.contoso, message, cards)

    async def change(self, card: str, change: Any) -> StoredCard:
        return await change_card(self.contoso, SELLER, card, change, self.clock())


@pytest.fixture
def assistant(contoso: Organization, take_in: TakeIn, clock: MovableClock) -> Assistant:
    return Assistant(contoso, take_in, clock)


async def test_the_first_human_open_makes_a_card_once_and_an_automated_one_none(
    assistant: Assistant,
) -> None:
    message = await assistant.message()
    await assistant.happens(message, agent=PROGRAM)
    assert await assistant.cards() == []
    opened_at = assistant.clock.move(minutes=1)
    for _ in range(2):
        await assistant.happens(message)
        assistant.clock.move(minutes=5)
    (card,) = await assistant.cards()
    assert (card.id, card.message, card.kind) == (f"{message}-opened", message, OPENED)
    assert (card.at, card.recipient, card.subject) == (opened_at, "li@example.com", "Offer")


async def test_an_open_that_is_learned_of_late_and_was_earlier_moves_the_card(
    assistant: Assistant,
) -> None:
    message, other = await assistant.message(), await assistant.message()
    await assistant.happens(message)
    earlier = assistant.clock() - timedelta(minutes=30)
    await assistant.happens(other, at=earlier + timedelta(minutes=1))
    await assistant.change(f"{message}-opened", lambda card: card.snoozed(assistant.clock(), None))
    await assistant.happens(message, at=earlier)
    assistant.clock.move(hours=25)
    assert [(card.message, card.at) for card in await assistant.cards()] == [
        (other, earlier + timedelta(minutes=1)),
        (message, earlier),
    ]


async def test_a_card_soon_after_delivery_is_seen_ten_seconds_later_and_not_if_withdrawn(
    assistant: Assistant,
) -> None:
    message = await assistant.message()
    row, now = await assistant.stored(message), assistant.clock()
    held = Card(OPENED, now, now + timedelta(seconds=10))
    await assistant.tell(replace(row, version=7), opened=held)
    page = await read_cards(assistant.contoso, (SELLER,), now, engagement=True, limit=50)
    assert (page.cards, page.same_until) == ([], held.visible_from)
    await assistant.tell(replace(row, version=8), opened=None)
    assistant.clock.move(seconds=10)
    assert await assistant.cards() == []
    await assistant.tell(replace(row, version=9), opened=held)
    assert [card.id for card in await assistant.cards()] == [f"{message}-opened"]


async def test_an_older_state_of_the_message_neither_makes_nor_brings_back_a_card(
    assistant: Assistant,
) -> None:
    message = await assistant.message()
    row, now = await assistant.stored(message), assistant.clock()
    await assistant.tell(replace(row, version=8), opened=None)
    await assistant.tell(replace(row, version=7), opened=Card(OPENED, now, now))
    assert await assistant.cards() == []
    await assistant.tell(replace(row, version=10), opened=Card(OPENED, now, now))
    await assistant.tell(replace(row, version=9), opened=None)
    assert len(await assistant.cards()) == 1


async def test_snoozed_dismissed_and_undone(assistant: Assistant) -> None:
    message, clock = await assistant.message(), assistant.clock
    await assistant.happens(message)
    card = f"{message}-opened"

    await assistant.change(card, lambda card: card.snoozed(clock(), None))
    clock.move(hours=23, minutes=59)
    assert await assistant.cards() == []
    clock.move(minutes=1)
    assert len(await assistant.cards()) == 1

    await assistant.change(card, lambda card: card.snoozed(clock(), clock() + timedelta(hours=3)))
    clock.move(hours=2)
    assert await assistant.cards() == []
    await assistant.change(card, lambda card: card.undone())
    assert len(await assistant.cards()) == 1

    await assistant.change(card, lambda card: card.dismissed(clock()))
    # It comes no second time, whatever happens to the message.
    await assistant.happens(message, at=clock() - timedelta(days=1, hours=1))
    assert await assistant.cards() == []
    await assistant.change(card, lambda card: card.undone())
    assert [one.id for one in await assistant.cards()] == [card]
    with pytest.raises(Refusal, match="no such card"):
        await assistant.change(f"{message}-failed", lambda card: card.dismissed(clock()))


def test_a_card_that_slept_long_enough_is_shown_as_any_other() -> None:
    now = datetime(2026, 11, 25, 9, tzinfo=UTC)
    card = StoredCard("x", "m", OPENED, now, now, "Offer", "Li Wei").snoozed(now, None)
    shown = [card_shown("contoso", card, "en", now + timedelta(hours=hours)) for hours in (23, 24)]
    assert [one["state"] for one in shown] == ["snoozed", "shown"]
    assert [one["snoozedUntil"] for one in shown] == ["2026-11-26T09:00:00.000Z", None]


async def test_a_bounce_that_was_put_away_comes_back_for_somebody_else_only(
    assistant: Assistant,
) -> None:
    row, now = await assistant.stored(await assistant.message()), assistant.clock()
    for version, names in enumerate(("bo@x.example", "bo@x.example", "bo@x.example, li@x.example")):
        bounced = Card(CardKind.BOUNCED, now, now, names)
        await assistant.tell(replace(row, version=20 + version), bounced=bounced)
        told = [card.recipient for card in await assistant.cards()]
        assert told == ([] if version == 1 else [names])
        await assistant.change(f"{row.id}-bounced", lambda card: card.dismissed(now))


async def test_a_reminders_card_sleeps_for_an_hour(assistant: Assistant) -> None:
    now = assistant.clock()
    due = StoredCard("x", "m", CardKind.REMINDER_DUE, now, now, "Offer", "Li Wei")
    assert due.snoozed(now, None).shown_from == now + timedelta(hours=1)


async def test_nobody_gets_what_the_organization_or_the_seller_does_not_want(
    assistant: Assistant,
) -> None:
    contoso, message = assistant.contoso, await assistant.message()
    await assistant.happens(message, "click")
    assert [card.kind for card in await assistant.cards()] == [OPENED]

    await store_seller(contoso, Seller(SELLER, cards={OPENED: False, CLICKED: True}))
    await assistant.happens(await assistant.message(), "click")
    kinds = [card.kind for card in await assistant.cards()]
    assert sorted(kinds) == [CLICKED, OPENED]

    for switched in ({"cards": {CLICKED: False}}, {"cards": {}, "assistant": False}):
        await contoso.change_settings(lambda before, to=switched: replace(before, **to))  # type: ignore[misc]
        await assistant.happens(last := await assistant.message(), "click")
        assert len(await assistant.cards()) == 2
        assert (await assistant.stored(last)).kpis.human_link_clicks == 1


async def test_while_engagement_is_off_cards_of_what_was_collected_are_not_seen_f6(
    assistant: Assistant,
) -> None:
    message = await assistant.message()
    await assistant.happens(message)
    now = assistant.clock()
    await assistant.tell(
        replace(await assistant.stored(message), version=9), failed=Card(CardKind.FAILED, now, now)
    )
    assert len(await assistant.cards()) == 2
    seen = await assistant.cards(engagement=False)
    assert [card.kind for card in seen] == [CardKind.FAILED]


async def test_with_individual_copies_each_persons_first_open_is_told_once_s6(
    assistant: Assistant,
) -> None:
    people = tuple(f"p{n}@example.com" for n in range(3))
    message = await assistant.message(copies=people)
    for copy in (0, 2, 0):
        assistant.clock.move(minutes=2)
        await assistant.happens(message, copy=copy)
    assert [card.recipient for card in await assistant.cards()] == [people[2], people[0]]


async def test_a_fold_that_is_killed_after_any_write_leaves_one_card_once_it_is_made_up_for(
    assistant: Assistant, take_in: TakeIn
) -> None:
    contoso, clock = assistant.contoso, assistant.clock
    for number in range(1, 9):
        message = await assistant.message()
        await take_in(contoso, hit(message, clock()))
        trouble = Trouble(number, after=True)
        mortal = troubled(contoso, trouble)
        with contextlib.suppress(Killed):
            await fold_all(mortal, clock)
        await mortal.tables.close()
        assert trouble.came
        clock.move(minutes=10)
        await fold_all(contoso, clock)
        await drain_left_behind(contoso, message)
        cards = [card.id for card in await assistant.cards()]
        assert cards[0] == f"{message}-opened", trouble.calls
        assert len(cards) == number
        assert (await assistant.stored(message)).kpis.opens == 1


async def test_pages_go_on_where_the_one_before_ended_and_newest_is_first(
    assistant: Assistant,
) -> None:
    messages = []
    for _ in range(5):
        messages.append(await assistant.message())
        assistant.clock.move(minutes=1)
        await assistant.happens(messages[-1])
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        page = await read_cards(
            assistant.contoso, (SELLER,), assistant.clock(), engagement=True, after=after, limit=2
        )
        found += [card.message for card in page.cards]
        after = page.cursor
    assert found == messages[::-1]


async def test_every_change_of_a_sellers_cards_is_told_and_of_nobody_elses(
    assistant: Assistant,
) -> None:
    contoso, clock = assistant.contoso, assistant.clock
    said = [await last_change(contoso, (SELLER,))]
    message = await assistant.message()
    await assistant.happens(message)
    said.append(await last_change(contoso, (SELLER,)))
    card = f"{message}-opened"
    for change in (
        lambda card: card.snoozed(clock(), None),
        lambda card: card.dismissed(clock()),
        lambda card: card.undone(),
    ):
        clock.move(seconds=1)
        await assistant.change(card, change)
        said.append(await last_change(contoso, (SELLER,)))
    assert len(set(said)) == len(said)
    assert await last_change(contoso, ("bruno@contoso.com",)) == ""
    partitions = await contoso.tables.partitions_with(TABLE, "changed", limit=10)
    assert partitions == [f"seller:{SELLER}"]


async def test_the_managers_cards_come_among_ones_own_in_the_order_of_time(
    assistant: Assistant,
) -> None:
    own, gone = [await assistant.message() for _ in range(2)], await assistant.message()
    row, now = await assistant.stored(gone), assistant.clock()
    for n, (message, name) in enumerate(
        [(own[0], "opened"), (gone, "mailboxGone"), (own[1], "opened")]
    ):
        at = now + timedelta(seconds=n)
        card = Card(CardKind.FAILED if name == "mailboxGone" else CardKind.OPENED, at, at)
        await assistant.tell(replace(row, id=message, seller="bruno@contoso.com"), **{name: card})
    found, after = [], ""
    while True:
        page = await read_cards(
            assistant.contoso,
            ("bruno@contoso.com", MANAGERS),
            now + timedelta(minutes=1),
            engagement=True,
            after=after,
            limit=1,
        )
        found += [card.message for card in page.cards]
        if page.cursor is None:
            break
        after = page.cursor
    assert found == [own[1], gone, own[0]]


async def test_a_message_that_is_given_to_another_seller_takes_its_cards_along(
    assistant: Assistant,
) -> None:
    message = await assistant.message()
    await assistant.happens(message)
    given = replace(await assistant.stored(message), seller="bruno@contoso.com", version=9)
    await drain(assistant.contoso, given, [], history=(), left=[seller_feed(SELLER)])
    assert await assistant.cards() == []
    page = await read_cards(
        assistant.contoso, (given.seller,), assistant.clock(), engagement=True, limit=5
    )
    assert [card.id for card in page.cards] == [f"{message}-opened"]
