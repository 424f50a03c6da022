"""Which cards a message should have, from what is known of it (R2)."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.assistant.facts import Card, cards_of, differing
from shared.messages.rows import CopyRow, MessageRow
from shared.model import CardKind, Event, EventKind, Failure, FollowChoice, Status, Step
from shared.tracking.chains import Unclear
from shared.tracking.counting import count, recounted

SENT = datetime(2026, 3, 2, 9, tzinfo=UTC)
LATER = SENT + timedelta(hours=2)


def message(**changes: Any) -> MessageRow:
    row = MessageRow(
        id="a" * 32,
        status=Status.SENT,
        seller="ana@contoso.com",
        from_="ana@contoso.com",
        subject="Offer",
        to_text="Li Wei",
        recipient_count=1,
        followed=True,
        follow_choice=FollowChoice.PREFERRED,
        reasons=(),
        language="en",
        accepted_at=SENT,
        sent_at=SENT,
    )
    return replace(row, **changes)


def copy(*events: Event, number: int = 0, **changes: Any) -> CopyRow:
    """A copy that learned of these events one after the other."""
    row = CopyRow(number, f"person{number}@example.com", Step.SENT, SENT, SENT, SENT)
    row = replace(row, **changes)
    try:
        return count(row, events)
    except Unclear:
        return recounted(row, events)


def event(kind: EventKind, at: datetime, *, automated: bool = False) -> Event:
    return Event(f"{kind}{at}{automated}", kind, at, 0, automated)


def test_a_message_of_which_nothing_is_known_has_no_card() -> None:
    assert cards_of(message(), [copy()]) == {}


def test_the_first_human_open_is_a_card_and_no_further_one_nor_an_automated_one() -> None:
    automated = event(EventKind.OPEN, LATER - timedelta(hours=1), automated=True)
    first = event(EventKind.OPEN, LATER)
    further = event(EventKind.OPEN, LATER + timedelta(days=1))
    assert cards_of(message(), [copy(automated)]) == {}
    expected = {"opened": Card(CardKind.OPENED, LATER, LATER, "person0@example.com")}
    assert cards_of(message(), [copy(further, automated, first)]) == expected


def test_the_open_that_a_click_proves_is_an_open_and_the_click_a_card_of_its_own() -> None:
    cards = cards_of(message(), [copy(event(EventKind.CLICK, LATER))])
    assert {name: card.at for name, card in cards.items()} == {"opened": LATER, "clicked": LATER}


def test_a_view_of_an_attachment_is_a_card() -> None:
    cards = cards_of(message(), [copy(event(EventKind.ATTACHMENT_VIEW, LATER))])
    assert [(name, card.kind) for name, card in cards.items()] == [
        ("attachmentViewed", CardKind.ATTACHMENT_VIEWED)
    ]


@pytest.mark.parametrize(
    ("seconds", "waits"), [(0, 10), (59.999, 10), (60, 0), (3600, 0), (-1, 10)]
)
def test_what_comes_within_a_minute_after_delivery_waits_ten_seconds_for_a_burst(
    seconds: float, waits: int
) -> None:
    at = SENT + timedelta(seconds=seconds)
    (card,) = cards_of(message(), [copy(event(EventKind.OPEN, at))]).values()
    assert (card.at, card.visible_from) == (at, at + timedelta(seconds=waits))


def test_an_open_before_we_know_that_it_was_sent_waits_too() -> None:
    opened = event(EventKind.OPEN, SENT + timedelta(seconds=1))
    (card,) = cards_of(message(), [copy(opened, sent_at=None, step=Step.SENDING)]).values()
    assert card.visible_from == opened.at + timedelta(seconds=10)


def test_a_reply_is_a_card_with_the_open_it_proves_and_an_automatic_answer_none() -> None:
    answered = event(EventKind.AUTO_REPLY, SENT, automated=True)
    cards = cards_of(message(), [copy(event(EventKind.REPLY, LATER), answered)])
    assert {name: card.at for name, card in cards.items()} == {"opened": LATER, "replied": LATER}


def test_a_bounce_is_one_card_that_names_whom_nothing_reached() -> None:
    bounces = [
        replace(
            event(EventKind.BOUNCE, LATER + timedelta(minutes=n), automated=True),
            failed_address=f"{name}@example.com",
        )
        for n, name in enumerate(("li", "bo"))
    ]
    (card,) = cards_of(message(), [copy(*bounces, recipient=None)]).values()
    told = (card.kind, card.at, card.recipient)
    assert told == (CardKind.BOUNCED, LATER, "bo@example.com, li@example.com")


@given(st.lists(st.integers(0, 40), min_size=1, max_size=7, unique=True))
def test_an_open_after_seven_quiet_days_is_a_card_and_the_last_such_counts(days: list[int]) -> None:
    opens = [event(EventKind.OPEN, LATER + timedelta(days=day)) for day in sorted(days)]
    again = [b.at for a, b in pairwise(opens) if b.at - a.at >= timedelta(days=7)]
    card = cards_of(message(), [copy(*opens)]).get("openedAgain")
    assert (card.at if card else None) == (again[-1] if again else None)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=7, unique=True))
@example([0, 8, 20, 14])
def test_a_card_tells_the_country_of_what_it_tells_where_it_is_known_r2(days: list[int]) -> None:
    opens = [
        replace(
            event(EventKind.OPEN, LATER + timedelta(days=day)),
            country=f"C{day}" if day % 3 else None,
        )
        for day in days
    ]
    known = {one.at: one.country for one in opens}
    cards = cards_of(message(), [copy(*opens)])
    for card in cards.values():
        assert card.country == known[card.at]
    in_order = sorted(opens, key=lambda one: one.at)
    assert cards == cards_of(message(), [copy(*in_order)])


def test_an_open_that_only_a_click_proves_was_where_the_click_was() -> None:
    click = replace(event(EventKind.CLICK, LATER), country="PT")
    late = replace(event(EventKind.OPEN, LATER + timedelta(hours=1)), country="BR")
    cards = cards_of(message(), [copy(click, late)])
    assert {name: card.country for name, card in cards.items()} == {"opened": "PT", "clicked": "PT"}


def test_an_open_that_is_learned_of_late_breaks_the_quiet() -> None:
    days = [event(EventKind.OPEN, LATER + timedelta(days=day)) for day in (0, 9, 5)]
    assert "openedAgain" in cards_of(message(), [copy(*days[:2])])
    assert "openedAgain" not in cards_of(message(), [copy(*days)])
    assert "openedAgain" in cards_of(message(), [copy(days[1], days[0])])


def test_an_open_that_is_learned_of_late_breaks_the_last_quiet_and_not_the_one_before() -> None:
    opens = [event(EventKind.OPEN, LATER + timedelta(days=day)) for day in (0, 8, 20, 14)]
    assert cards_of(message(), [copy(*opens[:3])])["openedAgain"].at == opens[2].at
    assert cards_of(message(), [copy(*opens)])["openedAgain"].at == opens[1].at


def test_of_several_who_come_back_in_one_instant_the_order_does_not_matter() -> None:
    first = event(EventKind.OPEN, LATER)
    back = [
        replace(event(EventKind.OPEN, LATER + timedelta(days=8)), id=f"{country}", country=country)
        for country in ("PT", None, "BR")
    ]
    for order in itertools.permutations(back):
        assert cards_of(message(), [copy(first, *order)])["openedAgain"].country == "BR"


def test_with_individual_copies_each_person_has_a_card_s6() -> None:
    copies = [copy(event(EventKind.OPEN, LATER), number=n) for n in range(3)] + [copy(number=3)]
    cards = cards_of(message(copies=4), copies)
    assert {name: card.recipient for name, card in cards.items()} == {
        f"opened-{n}": f"person{n}@example.com" for n in range(3)
    }


def test_a_message_that_was_not_sent_is_one_card_with_its_reason_until_it_is_tried_again() -> None:
    failure = Failure("someNotSent", {"count": "2"})
    copies = [
        copy(number=n, step=Step.FAILED, step_at=LATER + timedelta(minutes=n), failure=failure)
        for n in range(2)
    ]
    partly = message(status=Status.PARTLY_SENT, failure=failure, copies=3)
    at = LATER + timedelta(minutes=1)
    expected = {"failed": Card(CardKind.FAILED, at, at, failure=failure)}
    assert cards_of(partly, [*copies, copy(number=2)]) == expected
    assert cards_of(replace(partly, status=Status.ACCEPTED, failure=None), copies) == {}


def test_what_differs_is_what_is_new_or_moved_and_what_should_not_be_any_more() -> None:
    stays, old = Card(CardKind.FAILED, SENT, SENT), Card(CardKind.OPENED, LATER, LATER)
    moved = replace(old, at=SENT)
    before = {"failed": stays, "opened-0": old, "opened-1": old}
    after = {"failed": stays, "opened-0": moved, "opened-2": old}
    assert differing(before, after) == {"opened-0": moved, "opened-1": None, "opened-2": old}
    assert differing(after, after) == {}
