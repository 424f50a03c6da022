"""The timeline of a message: newest first, whole, a page at a time (rules K2, T8)."""

from __future__ import annotations

import pytest

from shared.messages.timeline import read_timeline
from shared.model import Event, EventKind
from shared.organizations import Organization
from tests.running_storage import MovableClock
from tests.tracking.conftest import TakeIn
from tests.tracking.followed_messages import PERSON, PROGRAM, at, fold_all, followed_message, hit


async def whole(
    organization: Organization, message: str, *, limit: int, automated: str = "include"
) -> list[Event]:
    """All pages, one after the other."""
    events: list[Event] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await read_timeline(
            organization, message, automated=automated, cursor=cursor, limit=limit
        )
        assert len(page.events) <= limit
        events += page.events
        cursor = page.cursor
    return events


@pytest.fixture
async def message(contoso: Organization, take_in: TakeIn, clock: MovableClock) -> str:
    """One with 120 opens, every third of them a program's, and a click in the same instant."""
    message = await followed_message(contoso, clock())
    await take_in(
        contoso,
        *(
            hit(message, at(clock, 60 + n), agent=PROGRAM if n % 3 == 0 else PERSON)
            for n in range(120)
        ),
        hit(message, at(clock, 60), "click"),
    )
    await fold_all(contoso, clock)
    return message


@pytest.mark.parametrize("limit", [1, 7, 50, 121, 200])
async def test_all_pages_together_are_the_whole_story_newest_first_k2(
    contoso: Organization, message: str, limit: int
) -> None:
    events = await whole(contoso, message, limit=limit)
    assert len({event.id for event in events}) == len(events) == 121
    instants = [event.at for event in events]
    assert instants == sorted(instants, reverse=True)


@pytest.mark.parametrize("limit", [7, 200])
async def test_machines_can_be_left_out_or_shown_alone_k2(
    contoso: Organization, message: str, limit: int
) -> None:
    people = await whole(contoso, message, limit=limit, automated="exclude")
    machines = await whole(contoso, message, limit=limit, automated="only")
    assert (len(people), len(machines)) == (81, 40)
    assert not any(event.automated for event in people)
    assert all(event.automated for event in machines)


async def test_a_message_nobody_touched_has_an_empty_timeline(
    contoso: Organization, clock: MovableClock
) -> None:
    """Its copies, its links and what has to be done are rows of the same partition."""
    message = await followed_message(contoso, clock(), copies=["a@example.com", "b@example.com"])
    page = await read_timeline(contoso, message)
    assert page.events == [] and page.cursor is None


async def test_a_cursor_that_was_tampered_with_shows_nothing_but_events(
    contoso: Organization, message: str
) -> None:
    for cursor in ("a", "copy~0000", "event~~~", "message", "zzz", "' or RowKey ne '"):
        page = await read_timeline(contoso, message, cursor=cursor, limit=200)
        assert len(page.events) in (0, 121)


async def test_an_open_that_a_click_proves_stands_in_the_timeline_as_such_t8(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await followed_message(contoso, clock())
    await take_in(contoso, hit(message, at(clock, 60), "click", index=0))
    await fold_all(contoso, clock)
    page = await read_timeline(contoso, message, automated="exclude")
    assert {(event.kind, event.inferred) for event in page.events} == {
        (EventKind.CLICK, False),
        (EventKind.OPEN, True),
    }


async def test_one_organization_has_no_timeline_of_anothers_message_a1(
    fabrikam: Organization, message: str
) -> None:
    assert (await read_timeline(fabrikam, message)).events == []
