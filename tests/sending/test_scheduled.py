"""A scheduled message is handed to delivery at its time: never early, once, whatever comes between
(S3, S4, D3)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta, timezone, tzinfo
from typing import Any

import pytest

from shared.attachments.staging import GivenFiles
from shared.messages.rows import milliseconds
from shared.model import Attachment, SendTime, Status
from shared.sending.changes import cancel, change, send_now
from shared.sending.due import SOON, fire_announced, fire_due
from shared.sending.zone_changes import renew_local_times
from shared.timing.local_times import ZoneRules, installed_rules
from tests.sending.mortality import Killed, Trouble, trouble_in, troubled
from tests.sending.post_office import PostOffice

# The SDK warns about itself while it is imported.
pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning")


async def scheduled(office: PostOffice, after: timedelta, **changes: Any) -> str:
    return await office.accepted(
        office.order(send_time=SendTime(office.clock() + after), **changes)
    )


async def announced(office: PostOffice) -> list[str]:
    """What those words bring about that are heard now."""
    fired: list[str] = []

    async def deliver(message: str) -> None:
        fired.append(message)

    for message, due_at in office.announced:
        await fire_announced(office.organization, message, due_at, office.clock(), deliver)
    return fired


async def test_a_scheduled_message_is_listed_as_such_and_waits(new_office: PostOffice) -> None:
    at = new_office.clock() + timedelta(days=1)
    answer = await new_office.send(new_office.order(send_time=SendTime(at)))
    assert answer["status"] == "scheduled"
    (listed,) = await new_office.listed()
    assert (listed.status, listed.send_time, listed.due_at) == (
        Status.SCHEDULED,
        SendTime(at),
        at,
    )
    assert (new_office.words, new_office.announced) == ([], [])
    assert await new_office.due() == [f"{milliseconds(at):013d}~{answer['id']}"]


async def test_no_word_and_no_timer_sends_it_before_its_time(new_office: PostOffice) -> None:
    message = await scheduled(new_office, timedelta(days=1))
    new_office.clock.move(days=1, milliseconds=-1)
    assert await new_office.fire() == []
    assert new_office.announced == [(message, new_office.clock() + timedelta(milliseconds=1))]
    assert await announced(new_office) == []
    assert await new_office.deliver(message) is None
    assert (await new_office.stored(message)).message.status is Status.SCHEDULED
    new_office.clock.move(milliseconds=1)
    assert await new_office.fire() == [message]
    assert (await new_office.finish(message)).status is Status.SENT
    assert len(new_office.received()) == 1


async def test_what_is_near_is_announced_once_and_fires_at_its_second(
    new_office: PostOffice,
) -> None:
    message = await scheduled(new_office, SOON + timedelta(seconds=15))
    for _ in range(3):
        await new_office.fire()
        new_office.clock.move(seconds=15)
    ((one, due_at),) = new_office.announced
    assert (one, due_at) == (message, (await new_office.stored(message)).message.due_at)
    new_office.clock.now = due_at
    assert await announced(new_office) == [message]
    assert await announced(new_office) == []
    assert await new_office.fire() == []


async def test_what_is_near_when_it_is_accepted_is_announced_at_once(
    new_office: PostOffice,
) -> None:
    message = await scheduled(new_office, timedelta(seconds=30))
    assert [one for one, _ in new_office.announced] == [message]
    await new_office.fire()
    assert len(new_office.announced) == 1
    new_office.clock.move(seconds=30)
    assert await announced(new_office) == [message]


async def test_a_time_that_has_just_passed_is_now(new_office: PostOffice) -> None:
    answer = await new_office.send(
        new_office.order(send_time=SendTime(new_office.clock() - timedelta(seconds=59)))
    )
    assert (answer["status"], new_office.words) == ("accepted", [answer["id"]])


async def test_a_clock_that_steps_back_sends_nothing_again(new_office: PostOffice) -> None:
    message = await scheduled(new_office, timedelta(minutes=30))
    new_office.clock.move(minutes=30)
    assert await new_office.fire() == [message]
    new_office.clock.move(hours=-1)
    assert await new_office.fire() == []
    new_office.clock.move(minutes=30)
    assert await announced(new_office) == []
    await new_office.finish(message)
    new_office.clock.move(hours=1)
    assert await new_office.fire() == []
    assert len(new_office.received()) == 1


async def test_two_timers_and_a_word_at_once_hand_it_over_once(new_office: PostOffice) -> None:
    message = await scheduled(new_office, timedelta(seconds=60))
    new_office.clock.move(seconds=60)
    fired = await asyncio.gather(new_office.fire(), new_office.fire(), announced(new_office))
    assert [*fired[0], *fired[1], *fired[2]] == [message]
    new_office.clock.move(seconds=39)
    assert await new_office.fire() == []
    # And it is not forgotten: the one that lost has not taken away what the other put there.
    new_office.clock.move(seconds=1)
    assert await new_office.fire() == [message]


async def test_after_an_outage_it_goes_once_and_has_a_whole_day_for_graph(
    new_office: PostOffice,
) -> None:
    message = await scheduled(new_office, timedelta(hours=1))
    new_office.clock.move(days=3)
    assert await new_office.fire() == [message]
    new_office.faults({"kind": "throttle", "retryAfter": 3_600, "method": "POST"})
    assert (await new_office.finish(message)).status is Status.SENT
    assert len(new_office.received()) == 1


@pytest.mark.parametrize("kind", ["moved", "moved to the same time", "cancelled", "sent"])
async def test_a_change_and_the_timer_at_once_agree(new_office: PostOffice, kind: str) -> None:
    """Several at their time, each changed at that moment: what the row says is what happens."""
    messages = [await scheduled(new_office, timedelta(minutes=5)) for _ in range(4)]
    new_office.clock.move(minutes=5)
    later = new_office.clock() + timedelta(hours=1)
    time = later if kind == "moved" else new_office.clock() + timedelta(milliseconds=1)

    async def changed(message: str) -> Any:
        changer = new_office.changer()
        if kind == "cancelled":
            return await cancel(changer, message)
        if kind == "sent":
            return await send_now(changer, message)
        return await change(changer, message, {"sendAt": time.isoformat()})

    new_office.words.clear()
    await asyncio.gather(new_office.fire(), *map(changed, messages))
    rows = [(await new_office.stored(message)).message for message in messages]
    wanted = {"cancelled": Status.CANCELLED, "sent": Status.ACCEPTED}.get(kind, Status.SCHEDULED)
    assert {row.status for row in rows} == {wanted}
    new_office.clock.now = later
    again = await new_office.fire()
    if kind == "cancelled":
        assert again == []
    else:
        assert sorted(again) == sorted(messages)


async def test_a_scheduled_message_whose_firing_is_killed_anywhere_is_handed_over(
    new_office: PostOffice,
) -> None:
    for number in range(1, 12):
        message = await scheduled(new_office, timedelta(hours=1))
        new_office.clock.move(hours=1)
        trouble = Trouble(number, True, Killed)
        async with trouble_in(new_office, trouble) as theirs:
            await theirs.fire()
        fired = []
        for _ in range(2):
            new_office.clock.move(minutes=2)
            fired += await new_office.fire()
        assert message in fired
        await new_office.finish(message)
        if not trouble.came:
            assert await new_office.due() == []
            return
    raise AssertionError("it makes more calls than any test expects")


def rules(version: str, **zones: tzinfo) -> ZoneRules:
    """The rules of the world, with other ones for some zones (by the last part of their names)."""
    return ZoneRules(
        version, lambda name: zones.get(name.rpartition("/")[2]) or installed_rules().zone(name)
    )


SAMOA_EAST = rules("2010a", Apia=timezone(timedelta(hours=-10)))
LORD_HOWE_WITHOUT_SUMMER = rules("2010a", Lord_Howe=timezone(timedelta(hours=10, minutes=30)))


@pytest.mark.parametrize(
    ("before", "zone", "text", "moves"),
    [
        (SAMOA_EAST, "Pacific/Apia", "2026-06-01T09:00", timedelta(hours=-23)),
        (LORD_HOWE_WITHOUT_SUMMER, "Australia/Lord_Howe", "2026-11-02T09:00",
         timedelta(minutes=-30)),
        (LORD_HOWE_WITHOUT_SUMMER, "Australia/Lord_Howe", "2026-06-01T09:00", timedelta()),
    ],
)  # fmt: skip
async def test_a_local_time_stays_what_clocks_show_when_zone_rules_change(
    new_office: PostOffice, before: ZoneRules, zone: str, text: str, moves: timedelta
) -> None:
    """As Samoa did, which went over the date line at the end of 2011."""
    was = before.send_time(text, zone)
    message = await new_office.accepted(new_office.order(send_time=was))
    instant = await scheduled(new_office, timedelta(days=30))
    now = installed_rules()
    assert await renew_local_times(new_office.organization, new_office.clock()) == bool(moves)
    row = (await new_office.stored(message)).message
    assert row.send_time == now.send_time(text, zone)
    assert row.due_at == was.at + moves
    assert row in await new_office.listed()
    assert (await new_office.stored(instant)).message.version == 2, "an instant stays"
    # An older version elsewhere does not undo it, and the same one finds nothing to do.
    for version in (before, now):
        assert await renew_local_times(new_office.organization, new_office.clock(), version) == 0
    assert (await new_office.stored(message)).message == row
    new_office.clock.now = min(was.at, was.at + moves) - timedelta(seconds=1)
    assert message not in await new_office.fire()
    new_office.clock.now = was.at + moves
    assert message in await new_office.fire()
    assert (await new_office.finish(message)).status is Status.SENT
    new_office.clock.now = max(was.at, was.at + moves) + timedelta(days=1)
    assert message not in await new_office.fire()
    assert len(new_office.received()) == 1


async def test_a_local_time_that_cannot_be_renewed_keeps_no_other_from_it(
    new_office: PostOffice,
) -> None:
    before, now = replace(installed_rules(), version="1999a"), installed_rules()
    zones = ("Asia/Kathmandu", "Pacific/Apia")
    times = [before.send_time("2027-02-01T09:00", zone) for zone in zones]
    _, sound = [await new_office.accepted(new_office.order(send_time=one)) for one in times]

    def zone(name: str) -> tzinfo:
        if name == zones[0]:
            raise ValueError("rules that nobody can read")
        return now.zone(name)

    broken = replace(now, zone=zone)
    await renew_local_times(new_office.organization, new_office.clock(), broken)
    time = (await new_office.stored(sound)).message.send_time
    assert time and time.local and time.local.rules == now.version


async def test_files_of_a_scheduled_message_are_uploaded_at_once_and_wait(
    new_office: PostOffice,
) -> None:
    file = Attachment(1, "offer.pdf", "application/pdf", 5, follow=True)
    order = new_office.order(
        attachments=(file,), send_time=SendTime(new_office.clock() + timedelta(days=1))
    )
    message = await new_office.accepted(replace(order, files=GivenFiles((file,), {1: b"offer"})))
    await new_office.settle_files()
    assert new_office.words == [message], "the last file says so"
    assert await new_office.deliver(message) is None
    assert new_office.received() == []


async def test_the_timers_requests_grow_with_what_is_due_not_with_what_waits(
    new_office: PostOffice,
) -> None:
    async def requests() -> int:
        trouble = Trouble(10_000, after=False)
        organization = troubled(new_office.organization, trouble, reads=True)
        now = new_office.clock()
        await renew_local_times(organization, now)
        await fire_due(organization, now, new_office.enqueue, new_office.announce)
        await organization.tables.close()
        return len(trouble.calls)

    await requests()
    nothing = await requests()
    template = {"PartitionKey": "due", "schema": 1, "announce": True, "local": True}
    far = milliseconds(new_office.clock() + timedelta(days=30))
    for part in range(20):
        ids = [f"{part * 100 + n:032x}" for n in range(100)]
        writes = [template | {"RowKey": f"{far:013d}~{one}", "message": one} for one in ids]
        await new_office.insert("schedule", writes)
    waiting = await requests()
    for _ in range(5):
        await scheduled(new_office, timedelta(minutes=5))
    new_office.clock.move(minutes=5)
    due = await requests()
    print(f"nothing: {nothing}; 2,000 waiting: {waiting}; 5 of them due: {due} requests")
    assert waiting == nothing == 2
    assert due <= nothing + 5 * 6
    new_office.clock.move(seconds=1)
    assert await requests() == nothing
