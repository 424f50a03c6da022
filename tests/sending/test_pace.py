"""A mailbox sends no faster than Exchange takes it, on all instances together (rule S2)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model import Status
from shared.sending import pace
from shared.sending.deliver import Later
from tests.sending.post_office import ANA, PostOffice

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def turns(waits: Sequence[float], a_minute: int) -> list[datetime]:
    """The turns of messages that ask after each other, so many seconds later each."""
    given: list[datetime] = []
    now = NOW
    for wait in waits:
        now += timedelta(seconds=wait)
        given.append(pace.next_turn(given[-a_minute:], now, a_minute))
    return given


@given(st.lists(st.floats(0, 50), max_size=60), st.integers(1, 8))
def test_no_minute_has_more_turns_than_allowed(waits: list[float], a_minute: int) -> None:
    given = turns(waits, a_minute)
    assert given == sorted(given)
    for place, turn in enumerate(given):
        within = [one for one in given[place:] if one - turn < MINUTE]
        assert len(within) <= a_minute


def test_who_comes_alone_never_waits() -> None:
    assert turns([3.0] * 50, 30) == [NOW + timedelta(seconds=3 * n) for n in range(1, 51)]


def test_many_at_once_go_in_minutes() -> None:
    given = turns([0.0] * 75, 30)
    assert [(turn - NOW) // MINUTE for turn in given] == [0] * 30 + [1] * 30 + [2] * 15


async def test_a_message_over_the_pace_comes_back_once_when_its_turn_is(
    new_office: PostOffice,
) -> None:
    office = new_office
    await office.organization.change_settings(lambda s: replace(s, sends_a_minute=2))
    began = office.clock()
    messages = [await office.accepted() for _ in range(5)]
    waits = [await office.deliver(message) for message in messages]
    assert waits == [None, None, Later(60.0), Later(60.0), Later(120.0)]
    for message in messages[2:]:
        stored = await office.stored(message)
        assert stored.message.status is Status.SENDING
        assert stored.message.failure is None and stored.message.troubles == 0
        assert stored.copies[0].draft_id is None, "no draft lies about while it waits"

    office.clock.move(seconds=60)
    again = [await office.deliver(message) for message in messages[2:]]
    assert again == [None, None, None], "the last one's time has not come: there is a word for it"
    assert len(office.received()) == 4
    office.clock.move(seconds=60)
    assert await office.deliver(messages[4]) is None
    assert len(office.received()) == 5
    assert office.clock() - began == 2 * MINUTE


async def test_two_instances_share_the_places_of_a_mailbox(new_office: PostOffice) -> None:
    office = new_office
    settings = await office.organization.settings()

    async def enter(message: str) -> pace.Entry:
        return await pace.enter(
            office.organization,
            ANA,
            message,
            settings=settings,
            now=office.clock(),
            until=office.clock() + MINUTE,
            turn=None,
        )

    entries = await asyncio.gather(*(enter(f"m{number}") for number in range(6)))
    assert sorted(entry.at_work for entry in entries) == [False, False, True, True, True, True]
    inside = [f"m{n}" for n, entry in enumerate(entries) if entry.at_work]
    assert not (await enter("one more")).at_work
    await pace.leave(office.organization, ANA, inside[0], office.clock())
    await pace.leave(office.organization, ANA, inside[0], office.clock())
    assert (await enter("one more")).at_work
    assert not (await enter("another")).at_work
    await pace.stay(
        office.organization, ANA, inside[1], office.clock(), office.clock() + 2 * MINUTE
    )
    office.clock.move(seconds=61)
    settings = replace(settings, sends_at_once=2)
    assert (await enter("after a crash")).at_work, "who died gave no place back, its time did"
    assert not (await enter("beside who stayed")).at_work


async def test_turns_missed_in_an_outage_are_not_all_taken_at_once(
    new_office: PostOffice,
) -> None:
    office = new_office
    await office.organization.change_settings(lambda s: replace(s, sends_a_minute=1))
    messages = [await office.accepted() for _ in range(3)]
    for message in messages:
        await office.deliver(message)
    office.clock.move(hours=3)
    assert [await office.deliver(message) for message in messages[1:]] == [None, Later(60.0)]


@pytest.mark.parametrize("waited", [25, 30])
async def test_who_waited_a_day_for_its_turn_has_not_been_tried_for_a_day(
    new_office: PostOffice, waited: int
) -> None:
    office = new_office
    await office.organization.change_settings(lambda s: replace(s, sends_a_minute=1))
    first, second = [await office.accepted() for _ in range(2)]
    row = (await office.stored(second)).message
    await office.deliver(first)
    await office.deliver(second)
    turn = (await office.stored(second)).message.turn
    assert turn == row.accepted_at + MINUTE
    office.clock.move(hours=waited)
    office.faults({"method": "POST", "path": "/messages$", "kind": "unavailable"})
    # Its turn is void by now and given anew; the trouble that follows is its first.
    later = await office.deliver(second)
    assert isinstance(later, Later)
    assert (await office.stored(second)).message.status is Status.SENDING
