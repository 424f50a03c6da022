"""Chains of image hits are counted alike in whatever order and groups hits become known (T2)."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.messages.chains import Chain, chains_from_text, chains_to_text
from shared.messages.rows import CopyRow, copy_to_row
from shared.model import Event, EventKind
from shared.storage.tables import PROPERTY_LIMIT
from shared.tracking.chains import GAP, KEPT, Run, Unclear, chains_of, gets_of
from shared.tracking.counting import count, counted, to_look_up
from shared.tracking.counting import recounted as recounted_copy
from tests.tracking.followed_messages import recounted

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

happenings = st.builds(
    lambda number, kind, seconds, agent, verdict: Event(
        f"{number:032x}",
        kind,
        NINE + timedelta(seconds=seconds),
        0,
        automated=verdict != "human",
        reasons=("headRequest",) if verdict == "head" else (),
        agent=agent,
    ),
    number=st.integers(0, 2**100),
    kind=st.sampled_from([EventKind.IMAGE, EventKind.IMAGE, EventKind.OPEN, EventKind.CLICK]),
    # Often just a minute apart, and a little more.
    seconds=st.integers(0, 24).map(lambda n: n * 30) | st.integers(0, 40).map(lambda n: n * 61),
    agent=st.sampled_from(["a", "a", "b", "c"]),
    verdict=st.sampled_from(["human", "human", "human", "automated", "head"]),
)


@st.composite
def histories(draw: st.DrawFn) -> list[list[Event]]:
    """What happened, in the groups in which it becomes known."""
    happened = draw(st.lists(happenings, min_size=1, max_size=25, unique_by=lambda one: one.id))
    order = draw(st.permutations(happened))
    cuts = sorted(draw(st.sets(st.integers(1, len(order)), max_size=12)) | {0, len(order)})
    return [list(order[a:b]) for a, b in itertools.pairwise(cuts)]


def looked_up(runs: Sequence[Run], stored: Sequence[Event]) -> list[Chain]:
    """The chains among stored events that touch what must be looked up."""
    return [
        chain
        for chain in chains_of(gets_of(stored))
        if any(
            chain.agent == run.agent
            and chain.first_at - GAP <= run.last_at
            and run.first_at - GAP <= chain.last_at
            for run in runs
        )
    ]


def folded(groups: Sequence[Sequence[Event]], kept: int) -> tuple[CopyRow, int]:
    """The copy after each group became known, and how often all events had to be read."""
    copy, stored, whole = CopyRow(0, "li@example.com"), list[Event](), 0
    for group in groups:
        try:
            found = looked_up(to_look_up(copy, group), stored)
            copy = count(copy, group, found, kept)
        except Unclear:
            whole += 1
            copy = recounted_copy(copy, [*stored, *group])
        stored += group
        assert len(copy.chains.kept) <= max(kept, KEPT if whole else 0)
        copy = replace(copy, chains=chains_from_text(chains_to_text(copy.chains)))
    return copy, whole


@pytest.mark.parametrize("kept", [0, 1, 3, KEPT])
@settings(max_examples=150, deadline=None)
@given(groups=histories())
def test_any_order_and_grouping_gives_what_all_events_at_once_give_t2(
    kept: int, groups: list[list[Event]]
) -> None:
    copy, _ = folded(groups, kept)
    happened = [event for group in groups for event in group]
    at_once = recounted_copy(CopyRow(0, "li@example.com"), happened)
    assert counted(copy) == counted(at_once)
    assert copy.inferred_open_at == at_once.inferred_open_at
    inferred = [
        Event("inferred", EventKind.OPEN, at, 0, automated=False, inferred=True)
        for at in [copy.inferred_open_at]
        if at is not None
    ]
    assert counted(copy) == replace(
        recounted([*happened, *inferred], {0: copy}), human_openers=None
    )


def history(chance: random.Random) -> list[list[Event]]:
    """The same where much depends on few: one step between times, few programs, mostly images."""
    agents = "abcd"[: chance.randint(1, 4)]
    step, span = chance.choice([20, 30, 45, 60, 61]), chance.choice([8, 20, 40])
    pixels, people = chance.choice([0.1, 0.3, 0.6, 0.9]), chance.choice([0.5, 0.8, 1])
    happened = [
        Event(
            f"{number:032x}",
            EventKind.OPEN if chance.random() < pixels else EventKind.IMAGE,
            NINE + timedelta(seconds=step * chance.randint(0, span)),
            0,
            automated=chance.random() > people,
            agent=chance.choice(agents),
        )
        for number in range(chance.randint(2, 14))
    ]
    groups = []
    while happened:
        size = chance.choice([1, 1, 1, 2, 4])
        groups.append(happened[:size])
        happened = happened[size:]
    return groups


@pytest.mark.thorough
def test_thousands_of_tangled_histories_are_counted_as_at_once_t2() -> None:
    """Hypothesis alone does not find what is wrong in one of ten thousand of them."""
    read_whole = 0
    for seed in range(2_000):
        chance = random.Random(seed)
        groups = history(chance)
        copy, whole = folded(groups, chance.choice([0, 1, 2, 3, KEPT]))
        read_whole += whole
        happened = [event for group in groups for event in group]
        expected = replace(recounted(happened, {0: copy}), human_openers=None)
        assert replace(counted(copy), human_openers=None) == expected, f"seed {seed}"
    assert read_whole > 0


@settings(max_examples=200, deadline=None)
@given(groups=histories())
def test_where_all_chains_are_kept_nothing_else_has_to_be_read_t2(
    groups: list[list[Event]],
) -> None:
    """But what was there before the first image."""
    groups = [[image(0, "d")], *groups]
    copy, stored = CopyRow(0, None), list[Event]()
    for group in groups:
        assert to_look_up(copy, group) == []
        copy = count(copy, group, kept=100)
        stored += group


def image(seconds: float, agent: str, *, kind: EventKind = EventKind.IMAGE) -> Event:
    at = NINE + timedelta(seconds=seconds)
    return Event(f"{kind}{seconds}{agent}", kind, at, 0, automated=False, agent=agent)


def test_a_pixel_far_from_every_image_asks_nothing_of_storage_t9() -> None:
    many = [image(n / 4, f"agent {n}") for n in range(KEPT + 5)]
    copy = count(CopyRow(0, None), many)
    later = [image(500 + n, f"other {n}", kind=EventKind.OPEN) for n in range(100)]
    for one in later:
        assert to_look_up(copy, [one]) == []
        copy = count(copy, [one])
    assert len(copy.chains.kept) == 100, "those of the last minutes"
    assert counted(copy).opens == KEPT + 5 + 100


def test_many_who_read_one_copy_at_the_same_time_ask_nothing_of_storage_t9() -> None:
    copy = CopyRow(0, None)
    for n in range(1000):
        one = image(n, f"agent {n * 7 % 150}")
        assert to_look_up(copy, [one]) == []
        copy = count(copy, [one])
    assert counted(copy).opens == 1000, "each is away for more than a minute before it comes again"


def test_pixels_alone_leave_nothing_to_remember_t9() -> None:
    copy = count(CopyRow(0, None), [image(n, "a", kind=EventKind.OPEN) for n in range(100)])
    assert chains_to_text(copy.chains) is None


def test_what_a_copy_remembers_has_a_limit_t9() -> None:
    many = [image(n * 61, f"{n:012x}") for n in range(1000)]
    copy = count(CopyRow(0, None), many)
    assert len(chains_to_text(copy.chains) or "") < 2_000
    assert counted(copy).opens == 1000


def test_what_a_copy_remembers_of_a_crowd_fits_into_a_property_t9() -> None:
    many = [image(n / 100, f"{n:012x}") for n in range(1000)]
    copy = count(CopyRow(0, None), many)
    assert len(copy.chains.kept) == KEPT
    row = copy_to_row("a" * 32, replace(copy, settled=copy))
    assert all(len(str(value)) < PROPERTY_LIMIT / 2 for value in row.values())
    assert counted(copy).opens == 1000


def test_a_late_hit_asks_for_a_minute_around_it_and_no_more_t9() -> None:
    copy = count(CopyRow(0, None), [image(n * 61, f"{n:012x}") for n in range(1000)])
    at = NINE + timedelta(seconds=305)
    assert to_look_up(copy, [image(305, "late")]) == [Run("late", at, at)]
