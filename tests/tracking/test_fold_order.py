"""The order and grouping in which hits are folded does not matter (rules T2, T8, T9)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.organizations import Organization
from shared.tracking.counting import counted
from shared.tracking.hits import Hit
from shared.tracking.rebuild import rebuild_message
from tests.running_storage import MovableClock
from tests.tracking.conftest import TakeIn
from tests.tracking.followed_messages import (
    PERSON,
    PROGRAM,
    at,
    exact,
    fold_all,
    followed_message,
    hit,
)

PEOPLE = ("li@example.com", "joana@example.com")


@dataclass(frozen=True)
class Happened:
    """One hit, before it is known of which message."""

    kind: str
    seconds: int
    copy: int
    agent: str
    method: str

    def on(self, message: str, number: int, clock: MovableClock) -> Hit:
        made = hit(message, at(clock, self.seconds), self.kind, copy=self.copy, agent=self.agent)
        return replace(made, id=f"{number:032x}", method=self.method)


happenings = st.builds(
    Happened,
    kind=st.sampled_from(["open", "click", "image", "image"]),
    # Around the minute in which a click and an open belong together, and often at the same time.
    seconds=st.sampled_from([0, 30, 60, 89, 90, 91, 120, 151, 200, 260, 320]),
    copy=st.integers(0, 1),
    agent=st.sampled_from([PERSON, PERSON, PROGRAM]),
    method=st.sampled_from(["GET", "GET", "HEAD"]),
)


@st.composite
def groupings(draw: st.DrawFn) -> tuple[list[Happened], list[list[int]]]:
    """What happened, and in which groups it is folded: each hit at least once, some again."""
    happened = draw(st.lists(happenings, min_size=1, max_size=8))
    numbers = list(range(len(happened)))
    again = draw(st.lists(st.sampled_from(numbers), max_size=3))
    order = draw(st.permutations(numbers + again))
    cuts = sorted(draw(st.sets(st.integers(1, len(order)), max_size=3)) | {0, len(order)})
    return happened, [list(order[a:b]) for a, b in itertools.pairwise(cuts)]


@pytest.mark.thorough
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(grouped=groupings())
async def test_any_order_and_grouping_gives_the_same_counts_and_timeline_t9(
    contoso: Organization,
    take_in: TakeIn,
    clock: MovableClock,
    grouped: tuple[list[Happened], list[list[int]]],
) -> None:
    happened, groups = grouped
    at_once = await followed_message(contoso, clock(), copies=PEOPLE)
    hits = [each.on(at_once, number, clock) for number, each in enumerate(happened)]
    await take_in(contoso, *hits)
    await fold_all(contoso, clock)

    in_groups = await followed_message(contoso, clock(), copies=PEOPLE)
    for group in groups:
        await take_in(contoso, *(happened[n].on(in_groups, n, clock) for n in group))
        await fold_all(contoso, clock)

    expected, found = await exact(contoso, at_once), await exact(contoso, in_groups)
    assert found.kpis == expected.kpis
    # What a copy remembers of its chains may differ, its counts may not.
    for number, copy in found.copies.items():
        assert counted(copy) == counted(expected.copies[number])
        assert copy.inferred_open_at == expected.copies[number].inferred_open_at
    assert await rebuild_message(contoso, in_groups) == []
    assert found.told == expected.told
    assert sorted(event.id for event in found.events) == sorted(
        event.id for event in expected.events
    )
