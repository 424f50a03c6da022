"""KPIs are counted from the set of events, whatever order they become known in (rule T9)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.messages.rows import CopyRow
from shared.model import Event, EventKind
from shared.tracking.chains import Unclear
from shared.tracking.counting import SAME_READING, count, counted, inferred_open, total
from shared.tracking.counting import recounted as recounted_copy
from tests.tracking.followed_messages import recounted

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

events = st.builds(
    Event,
    id=st.uuids().map(lambda value: value.hex),
    kind=st.sampled_from(
        [EventKind.OPEN, EventKind.CLICK, EventKind.IMAGE, EventKind.ATTACHMENT_VIEW]
    ),
    # Seconds around the minute in which an open and a click belong together.
    at=st.integers(0, 400).map(lambda seconds: NINE + timedelta(seconds=seconds)),
    copy=st.integers(0, 2),
    automated=st.booleans(),
    agent=st.sampled_from(["a", "b"]),
    country=st.sampled_from(["BR", "PT", None]),
)


def after(*happened: Event, recipient: str | None = "li@example.com") -> dict[int, CopyRow]:
    copies = {number: CopyRow(number, recipient) for number in range(3)}
    for number, copy in copies.items():
        copies[number] = recounted_copy(copy, [one for one in happened if one.copy == number])
    return copies


def event(kind: EventKind, seconds: float, *, copy: int = 0, automated: bool = False) -> Event:
    at = NINE + timedelta(seconds=seconds)
    return Event(f"{kind}-{seconds}-{copy}-{automated}", kind, at, copy, automated)


def opened(seconds: float, *, copy: int = 0, automated: bool = False) -> Event:
    return event(EventKind.OPEN, seconds, copy=copy, automated=automated)


def clicked(seconds: float, *, copy: int = 0, automated: bool = False) -> Event:
    return event(EventKind.CLICK, seconds, copy=copy, automated=automated)


@given(
    st.lists(
        st.builds(
            Event,
            id=st.uuids().map(lambda value: value.hex),
            # Images, whose chains have to be looked up, are in test_chains.
            kind=st.sampled_from(
                [
                    *(EventKind.OPEN, EventKind.CLICK, EventKind.ATTACHMENT_VIEW),
                    *(EventKind.REPLY, EventKind.BOUNCE),
                ]
            ),
            at=st.one_of(
                st.integers(0, 100).map(lambda seconds: NINE + timedelta(seconds=seconds)),
                st.integers(0, 30).map(lambda days: NINE + timedelta(days=days)),
            ),
            copy=st.just(0),
            automated=st.booleans(),
            country=st.sampled_from(["BR", "PT", None]),
            failed_address=st.sampled_from(["li@example.com", "bo@example.com", None]),
        ),
        unique_by=lambda one: one.id,
    )
)
def test_the_order_in_which_events_become_known_does_not_matter_t9(happened: list[Event]) -> None:
    copy = CopyRow(0, "li@example.com")
    for number, one in enumerate(happened, 1):
        try:
            copy = count(copy, [one])
        except Unclear:
            copy = recounted_copy(copy, happened[:number])
    assert copy == after(*happened)[0]


@given(st.lists(events, unique_by=lambda one: one.id), st.sampled_from(["li@example.com", None]))
def test_kpis_are_what_the_events_say_when_they_are_counted_again_t9(
    happened: list[Event], recipient: str | None
) -> None:
    copies = after(*happened, recipient=recipient)
    inferred = [
        inferred_open(copy, copy.inferred_open_at)
        for copy in copies.values()
        if copy.inferred_open_at is not None
    ]
    again = recounted([*happened, *inferred], copies)
    views = [one for one in happened if one.kind is EventKind.ATTACHMENT_VIEW]
    assert total(list(copies.values())) == replace(
        again,
        attachment_views=len(views),
        human_attachment_views=sum(not view.automated for view in views),
    )


def test_a_click_without_an_open_proves_one_t8() -> None:
    copy = after(clicked(30))[0]
    assert counted(copy).human_opens == 1
    assert counted(copy).first_human_opened_at == NINE + timedelta(seconds=30)
    assert inferred_open(copy, NINE).inferred


@pytest.mark.parametrize("seconds", [0, 29, 30, 30 + SAME_READING.total_seconds()])
def test_a_click_proves_no_open_where_one_was_seen_before_it_or_with_it_t8(
    seconds: float,
) -> None:
    """Images may load a moment after the click that they belong to."""
    for happened in ([opened(seconds), clicked(30)], [clicked(30), opened(seconds)]):
        copy = after(*happened)[0]
        assert copy.inferred_open_at is None
        assert counted(copy).human_opens == 1


def test_an_open_long_after_a_click_does_not_explain_it_t8() -> None:
    copy = after(clicked(30), opened(31 + SAME_READING.total_seconds()))[0]
    assert copy.inferred_open_at == NINE + timedelta(seconds=30)
    assert counted(copy).human_opens == 2


def test_a_machines_click_proves_no_open_and_a_machines_open_explains_no_click_t8() -> None:
    assert after(clicked(30, automated=True))[0].inferred_open_at is None
    copy = after(opened(0, automated=True), clicked(30))[0]
    assert counted(copy).opens == 2
    assert counted(copy).human_opens == 1


def test_an_earlier_click_moves_the_open_that_it_proves_t8() -> None:
    copy = after(clicked(90), clicked(30))[0]
    assert copy.inferred_open_at == NINE + timedelta(seconds=30)
    assert counted(copy).human_opens == 1


def test_every_copy_is_counted_by_itself_and_the_message_is_their_sum_s6() -> None:
    copies = after(opened(0), opened(5), clicked(9, copy=1), opened(7, copy=2, automated=True))
    assert [counted(copy).human_opens for copy in copies.values()] == [2, 1, 0]
    kpis = total(list(copies.values()))
    assert (kpis.opens, kpis.human_opens, kpis.human_openers) == (4, 3, 2)
    assert kpis.first_opened_at == NINE
    assert kpis.last_opened_at == kpis.last_human_opened_at == NINE + timedelta(seconds=9)


def test_how_many_people_opened_is_unknown_where_a_copy_went_to_several_t9() -> None:
    assert total(list(after(opened(0), recipient=None).values())).human_openers is None


def loaded(seconds: float, *, automated: bool = False) -> Event:
    return event(EventKind.IMAGE, seconds, automated=automated)


@pytest.mark.parametrize(
    ("happened", "opens", "human"),
    [
        ([loaded(3)], 1, 1),
        ([loaded(3, automated=True)], 1, 0),
        ([loaded(3, automated=True), loaded(9)], 1, 1),
        ([loaded(3), loaded(4), loaded(63), loaded(123)], 1, 1),
        ([loaded(3), loaded(64)], 2, 2),
        ([loaded(3), opened(5), loaded(64), loaded(124)], 1, 1),
        ([opened(3), opened(5), loaded(6)], 2, 2),
        ([opened(3), loaded(64)], 2, 2),
        ([opened(3, automated=True), loaded(6)], 1, 0),
    ],
)
def test_a_chain_of_images_is_one_open_unless_it_has_the_pixel_t2(
    happened: list[Event], opens: int, human: int
) -> None:
    kpis = counted(after(*happened)[0])
    assert (kpis.opens, kpis.human_opens) == (opens, human)


def test_the_programs_of_two_people_make_two_chains_t2() -> None:
    other = replace(loaded(4), id="other", agent="x")
    assert counted(after(loaded(3), other)[0]).opens == 2
    assert counted(after(opened(3), other)[0]).opens == 2


def test_a_head_request_joins_no_chain_t2() -> None:
    head = replace(opened(3, automated=True), reasons=("headRequest",))
    assert counted(after(head, loaded(4))[0]).opens == 2
    assert counted(after(replace(head, kind=EventKind.IMAGE))[0]).opens == 0


def test_an_open_by_images_is_at_the_first_that_a_person_loaded_t2() -> None:
    kpis = counted(after(loaded(3, automated=True), loaded(9), loaded(20))[0])
    at = NINE + timedelta(seconds=9)
    assert (kpis.first_opened_at, kpis.last_opened_at) == (at, at)
    assert (kpis.first_human_opened_at, kpis.last_human_opened_at) == (at, at)


def test_images_that_a_person_loaded_explain_a_click_t8() -> None:
    copy = after(clicked(30), loaded(31))[0]
    assert copy.inferred_open_at is None
    assert counted(copy).human_opens == 1
