"""The timer brings back what got stuck, forgets what is done, and looks at nothing else (S4)."""

from __future__ import annotations

import asyncio

import pytest

from shared.errors import StorageUnavailable
from shared.model import Status
from shared.organizations import Organization
from shared.sending import due
from shared.sending.deliver import Later
from shared.sending.due import fire_due, put_due
from tests.running_storage import MovableClock
from tests.sending.mortality import Trouble, troubled
from tests.sending.post_office import PostOffice

# The SDK warns about itself while it is imported.
pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning")


async def test_nothing_fires_before_its_time(new_office: PostOffice) -> None:
    await new_office.accepted()
    assert await new_office.fire() == []
    new_office.clock.move(seconds=119.999)
    assert await new_office.fire() == []
    new_office.clock.move(seconds=0.001)
    assert len(await new_office.fire()) == 1


async def test_a_message_whose_word_was_lost_comes_up_again_and_again(
    new_office: PostOffice,
) -> None:
    message = await new_office.accepted()
    for _ in range(3):
        new_office.clock.move(minutes=2)
        assert await new_office.fire() == [message]
        assert await new_office.fire() == []
    assert len(await new_office.due()) == 1


@pytest.mark.parametrize("microseconds", [1, 499, 500, 501, 999])
async def test_a_message_comes_up_again_at_whatever_part_of_a_millisecond_it_was_accepted(
    new_office: PostOffice, microseconds: int
) -> None:
    """Real clocks have microseconds, rows and their keys milliseconds."""
    new_office.clock.move(microseconds=microseconds)
    message = await new_office.accepted()
    for _ in range(3):
        new_office.clock.move(minutes=2, milliseconds=1)
        assert await new_office.fire() == [message]
    new_office.faults({"kind": "throttle", "retryAfter": 60, "method": "POST"})
    await new_office.deliver(message)
    new_office.clock.move(minutes=3, milliseconds=1)
    assert await new_office.fire() == [message]
    await new_office.finish(message)
    assert await new_office.due() == []


async def test_a_finished_message_comes_up_no_more(new_office: PostOffice) -> None:
    await new_office.finish(await new_office.accepted())
    assert await new_office.due() == []
    new_office.clock.move(days=1)
    assert await new_office.fire() == []


async def test_a_message_that_waits_for_graph_comes_up_after_its_wait_not_before(
    new_office: PostOffice,
) -> None:
    new_office.faults({"kind": "throttle", "retryAfter": 3_600, "method": "POST"})
    message = await new_office.accepted()
    later = await new_office.deliver(message)
    assert later is not None
    new_office.clock.move(seconds=3_600)
    assert await new_office.fire() == []
    new_office.clock.move(minutes=2)
    assert await new_office.fire() == [message]


async def test_a_message_that_waits_for_graph_is_sent_by_the_timer_where_its_word_is_lost(
    new_office: PostOffice,
) -> None:
    """A second word came too early, and was passed over; the first one never comes."""
    new_office.faults({"kind": "throttle", "retryAfter": 300, "method": "POST"})
    message = await new_office.accepted()
    await new_office.deliver(message)
    assert await new_office.deliver(message) is None
    await new_office.finish_by_timer(minutes=5)
    assert (await new_office.stored(message)).message.status is Status.SENDING
    await new_office.finish_by_timer(minutes=5)
    assert (await new_office.stored(message)).message.status is Status.SENT
    assert len(new_office.received()) == 1
    assert await new_office.due() == []


async def test_after_an_outage_everything_missed_fires_once(new_office: PostOffice) -> None:
    messages = [await new_office.accepted() for _ in range(12)]
    new_office.clock.move(days=3)
    assert sorted(await new_office.fire()) == sorted(messages)
    assert await new_office.fire() == []
    for message in messages:
        assert (await new_office.finish(message)).status is Status.SENT
    assert len(new_office.received()) == 12


async def test_a_row_that_a_dead_request_left_goes_after_ten_minutes(
    new_office: PostOffice,
) -> None:
    await put_due(new_office.organization, "a" * 32, new_office.clock())
    new_office.clock.move(minutes=10)
    assert await new_office.fire() == []
    assert len(await new_office.due()) == 1
    new_office.clock.move(seconds=1)
    assert await new_office.fire() == []
    assert await new_office.due() == []


async def test_a_row_at_another_time_than_the_message_says_is_stale_and_goes(
    new_office: PostOffice,
) -> None:
    message = await new_office.accepted()
    await put_due(new_office.organization, message, new_office.clock())
    assert await new_office.fire() == []
    assert len(await new_office.due()) == 1
    new_office.clock.move(minutes=2)
    assert await new_office.fire() == [message]


async def test_a_word_that_cannot_be_said_now_is_said_at_the_next_look(
    new_office: PostOffice,
) -> None:
    message = await new_office.accepted()
    new_office.clock.move(minutes=2)

    async def nobody_listens(_: str) -> None:
        raise StorageUnavailable("queue deliver: no answer")

    with pytest.raises(StorageUnavailable):
        await fire_due(
            new_office.organization, new_office.clock(), nobody_listens, new_office.announce
        )
    new_office.clock.move(minutes=2)
    assert await new_office.fire() == [message]


async def test_a_message_that_breaks_us_keeps_nobody_behind_it_waiting(
    new_office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sound = await new_office.accepted(), await new_office.accepted()
    monkeypatch.setattr(due, "_A_TIME", 1)
    new_office.clock.move(minutes=2)
    handed: list[str] = []

    async def deliver(message: str) -> None:
        if message == broken:
            raise ValueError("a row that nobody can read")
        handed.append(message)

    await fire_due(new_office.organization, new_office.clock(), deliver, new_office.announce)
    assert handed == [sound]
    new_office.clock.move(minutes=2)
    assert broken in await new_office.fire()


async def test_a_message_that_comes_up_while_it_is_delivered_is_sent_once(
    new_office: PostOffice,
) -> None:
    """The timer writes the message's row while a delivery holds its lease."""
    new_office.faults({"kind": "delay", "seconds": 0.7, "method": "POST", "path": "/messages$"})
    message = await new_office.accepted()
    new_office.clock.move(seconds=110)
    slow = asyncio.create_task(new_office.deliver(message))
    while not new_office.requests():
        await asyncio.sleep(0.02)
    new_office.clock.move(seconds=10)
    assert await new_office.fire() == [message]
    assert await new_office.deliver(message) == Later(91)
    assert await slow is None
    assert len(new_office.received()) == 1
    new_office.clock.move(minutes=2)
    assert await new_office.fire() == []
    assert await new_office.due() == []


async def test_work_grows_with_what_is_due_not_with_what_waits_or_is_done(
    new_office: PostOffice,
) -> None:
    for _ in range(3):
        await new_office.accepted()
    few = await calls_of_a_round(new_office)
    for number in range(200):
        waits_until = new_office.clock().replace(year=2030)
        await put_due(new_office.organization, f"{number:032d}", waits_until)
    assert await calls_of_a_round(new_office) == few
    new_office.clock.move(minutes=2)
    assert await calls_of_a_round(new_office) > few


async def calls_of_a_round(office: PostOffice) -> int:
    """How many calls to storage one round of the timer makes."""
    trouble = Trouble(10_000, after=False)
    organization: Organization = troubled(office.organization, trouble, reads=True)
    clock: MovableClock = office.clock
    await fire_due(organization, clock(), office.enqueue, office.announce)
    await organization.tables.close()
    return len(trouble.calls)
