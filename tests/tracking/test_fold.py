"""Folding: hits become events and counts, once each, and lists follow (rules T8, T9)."""

from __future__ import annotations

import logging
import uuid
from datetime import timedelta

import pytest

from shared.messages.rows import MESSAGE_KEY, TABLE
from shared.model import EventKind
from shared.organizations import Organization
from shared.storage.tables import Row
from shared.tracking.fold import MOST_NAMED, fold, fold_message
from shared.tracking.origins import NetworkKeys
from shared.tracking.segments import PARTITION
from tests.running_storage import MovableClock
from tests.tracking.conftest import TakeIn, WatchedOrganization
from tests.tracking.followed_messages import (
    PROGRAM,
    at,
    exact,
    fold_all,
    followed_message,
    hit,
    read_followed,
)
from tests.tracking.watched import Meanwhile


async def waiting(organization: Organization) -> list[Row]:
    """The segments that are not folded yet."""
    return [read.row async for read in organization.tables.rows("ingest", PARTITION)]


async def test_opens_and_clicks_are_counted_and_told_t9(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await followed_message(contoso, clock())
    await take_in(
        contoso,
        hit(message, at(clock, 60)),
        hit(message, at(clock, 90), "click", index=0),
        hit(message, at(clock, 3600)),
        hit(message, at(clock, 40), agent=PROGRAM),
        hit(message, at(clock, 50), "click", method="HEAD"),
    )
    assert await fold_all(contoso, clock)
    followed = await exact(contoso, message)
    assert (followed.kpis.opens, followed.kpis.human_opens) == (3, 2)
    assert (followed.kpis.link_clicks, followed.kpis.human_link_clicks) == (2, 1)
    assert followed.kpis.first_opened_at == at(clock, 40)
    assert followed.kpis.first_human_opened_at == at(clock, 60)
    assert followed.kpis.last_human_opened_at == at(clock, 3600)
    assert followed.kpis.human_openers == 1
    assert [told[:2] for told in followed.told] == [
        ("open", at(clock, 3600)),
        ("click", at(clock, 90)),
        ("open", at(clock, 60)),
        ("click", at(clock, 50)),
        ("open", at(clock, 40)),
    ]
    assert await waiting(contoso) == []


async def test_an_event_says_which_link_what_client_and_why_it_is_a_machines_t8(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await followed_message(contoso, clock())
    await take_in(
        contoso,
        hit(message, at(clock, 90), "click", index=7, id="a" * 32),
        hit(message, at(clock, 60), agent=PROGRAM, method="HEAD", id="b" * 32),
    )
    await fold_all(contoso, clock)
    followed = await exact(contoso, message)
    events = {event.id: event for event in followed.events}
    click, scan = events["a" * 32], events["b" * 32]
    assert (click.link, click.client, click.device) == (7, "Thunderbird", "desktop")
    assert not click.automated
    assert scan.automated and set(scan.reasons) == {"headRequest", "program"}


@pytest.mark.parametrize(("after_s", "said"), [(299, False), (301, True)])
async def test_hits_that_waited_for_minutes_are_told_of(
    contoso: Organization,
    take_in: TakeIn,
    clock: MovableClock,
    caplog: pytest.LogCaptureFixture,
    after_s: int,
    said: bool,
) -> None:
    """An alert is on that line; the hits are counted all the same."""
    message = await followed_message(contoso, clock())
    await take_in(contoso, hit(message, at(clock, 60)), hit(message, at(clock, 90)))
    clock.move(seconds=60 + after_s)
    await fold_all(contoso, clock)
    waited = f"hits of contoso waited to be counted, one for {after_s} s"
    assert (waited in caplog.text) is said
    assert (await exact(contoso, message)).kpis.opens == 2


async def test_every_message_that_has_new_events_is_named_in_the_log(
    contoso: Organization,
    take_in: TakeIn,
    clock: MovableClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whoever looks for a message's id finds when its events came."""
    caplog.set_level(logging.INFO, "shared.tracking.fold")
    messages = [await followed_message(contoso, clock()) for _ in range(MOST_NAMED + 1)]
    await take_in(contoso, *(hit(message, at(clock, 60)) for message in messages))
    await fold_all(contoso, clock)
    lines = [line for line in caplog.messages if "hits of" in line]
    assert [line.split(": ")[0] for line in lines] == [
        f"{MOST_NAMED} hits of {MOST_NAMED} messages of contoso",
        "1 hits of 1 messages of contoso",
    ]
    named = [id_ for line in lines for id_ in line.partition(": ")[2].split(", ")]
    assert sorted(named) == sorted(messages)


async def test_nothing_is_written_where_nothing_came_in(
    contoso: Organization, clock: MovableClock
) -> None:
    message = await followed_message(contoso, clock())
    assert await fold_all(contoso, clock)
    assert (await exact(contoso, message)).message.version == 1


async def test_a_hit_that_came_in_twice_is_one_event_t9(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    """As a segment and from a journal: in one fold, and in a later one."""
    message = await followed_message(contoso, clock())
    opened, clicked = hit(message, at(clock, 60)), hit(message, at(clock, 90), "click")
    await take_in(contoso, opened, clicked, opened)
    await take_in(contoso, opened)
    await fold_all(contoso, clock)
    first = await exact(contoso, message)
    assert (first.kpis.opens, first.kpis.link_clicks) == (1, 1)

    await take_in(contoso, opened, clicked)
    await fold_all(contoso, clock)
    assert await exact(contoso, message) == first
    assert await waiting(contoso) == []


async def test_new_hits_beside_known_ones_are_counted_once_t9(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await followed_message(contoso, clock())
    known = [hit(message, at(clock, 60 * number)) for number in range(1, 6)]
    await take_in(contoso, *known[1::2])
    await fold_all(contoso, clock)
    await take_in(contoso, *known)
    await fold_all(contoso, clock)
    assert (await exact(contoso, message)).kpis.opens == 5


async def test_more_events_than_a_transaction_holds_are_all_counted_t9(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await followed_message(
        contoso, clock(), copies=[f"{n}@example.com" for n in range(3)]
    )
    some = [hit(message, at(clock, 60 + n), copy=n % 3) for n in range(200)]
    await take_in(contoso, *some)
    await fold_all(contoso, clock)
    followed = await exact(contoso, message)
    assert (followed.kpis.opens, followed.kpis.human_openers) == (200, 3)
    await take_in(contoso, *some[50:150], hit(message, at(clock, 900)))
    await fold_all(contoso, clock)
    assert (await exact(contoso, message)).kpis.opens == 201


async def test_opens_and_clicks_of_many_copies_fit_into_transactions_s6(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    """Each copy brings its own row and an inferred open beside the events themselves."""
    copies = [f"{n}@example.com" for n in range(60)]
    message = await followed_message(contoso, clock(), copies=copies)
    await take_in(
        contoso, *(hit(message, at(clock, 60 + n), "click", copy=n) for n in range(len(copies)))
    )
    await fold_all(contoso, clock)
    kpis = (await exact(contoso, message)).kpis
    assert (kpis.human_link_clicks, kpis.human_opens, kpis.human_openers) == (60, 60, 60)


async def test_an_open_that_only_a_click_proves_goes_when_the_open_itself_is_seen_t8(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await followed_message(contoso, clock())
    await take_in(contoso, hit(message, at(clock, 90), "click"))
    await fold_all(contoso, clock)
    followed = await exact(contoso, message)
    (inferred,) = [event for event in followed.events if event.inferred]
    assert (inferred.kind, inferred.at) == (EventKind.OPEN, at(clock, 90))
    assert followed.kpis.human_opens == 1

    await take_in(contoso, hit(message, at(clock, 60)))
    await fold_all(contoso, clock)
    followed = await exact(contoso, message)
    assert not any(event.inferred for event in followed.events)
    assert followed.kpis.human_opens == 1
    assert followed.kpis.first_human_opened_at == at(clock, 60)


async def test_every_message_gets_its_own_hits(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    messages = [await followed_message(contoso, clock()) for _ in range(12)]
    await take_in(
        contoso,
        *(
            hit(message, at(clock, 60 + repeat))
            for number, message in enumerate(messages)
            for repeat in range(number)
        ),
    )
    await fold_all(contoso, clock)
    for number, message in enumerate(messages):
        assert (await exact(contoso, message)).kpis.opens == number


async def test_hits_of_a_message_or_copy_that_is_not_there_are_passed_over(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await followed_message(contoso, clock())
    await take_in(
        contoso,
        hit(uuid.uuid4().hex, at(clock, 60)),
        hit(message, at(clock, 60), copy=1),
        hit(message, at(clock, 61)),
    )
    assert await fold_all(contoso, clock)
    assert (await exact(contoso, message)).kpis.opens == 1
    assert await waiting(contoso) == []


async def test_what_one_message_stumbles_over_is_set_aside_and_the_others_are_folded(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    sound = await followed_message(contoso, clock())
    broken = await followed_message(contoso, clock())
    read = await contoso.tables.get(TABLE, broken, MESSAGE_KEY)
    assert read
    await contoso.tables.replace(TABLE, read.row | {"kpis": "{"}, read.etag)
    lost = hit(broken, at(clock, 60))
    await take_in(contoso, lost, hit(sound, at(clock, 61)))

    assert await fold_all(contoso, clock)
    assert (await exact(contoso, sound)).kpis.opens == 1
    assert await waiting(contoso) == []
    (aside,) = await contoso.tables.page("ingest", "aside", limit=10)
    assert aside.row["hit"] == lost.packed()


async def test_lists_follow_when_a_crash_left_something_to_do_t9(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    """Whoever folds the message next does it, whether or not something new came in."""
    for new in (False, True):
        message = await followed_message(contoso, clock())
        known = hit(message, at(clock, 60))
        await take_in(contoso, known)
        await fold_all(contoso, clock)
        left = {"PartitionKey": message, "RowKey": "todo~000000000001", "schema": 1, "events": "[]"}
        await contoso.tables.insert(TABLE, left)
        await take_in(contoso, known, *([hit(message, at(clock, 90))] if new else []))
        await fold_all(contoso, clock)
        assert (await exact(contoso, message)).todo == []


async def test_a_fold_that_runs_out_of_time_says_that_there_is_more(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await followed_message(contoso, clock())
    for number in range(3):
        await take_in(contoso, hit(message, at(clock, 60 + number)))
    assert not await fold(contoso, "first", clock, until=clock())
    assert await fold(contoso, "second", clock, until=clock() + timedelta(minutes=1))
    assert (await exact(contoso, message)).kpis.opens == 3


async def test_copies_and_message_are_read_as_they_belong_together_s6(
    contoso: Organization, watched: WatchedOrganization, take_in: TakeIn, clock: MovableClock
) -> None:
    """Another folder may write between reading one row of a message and the next."""
    for nth in (1, 2, 3):
        message = await followed_message(
            contoso, clock(), copies=["a@example.com", "b@example.com"]
        )
        await take_in(contoso, hit(message, at(clock, 60), copy=0))

        async def other_folder(message: str = message) -> None:
            # One whose lease has lapsed, with hits that it had read before.
            settings = await contoso.settings()
            late = hit(message, at(clock, 90), copy=1)
            await fold_message(contoso, settings, message, [late], NetworkKeys())

        watcher = Meanwhile(other_folder, lambda name: name.endswith(" messages"), nth)
        await fold_all(watched(watcher), clock)
        assert watcher.happened
        assert (await exact(contoso, message)).kpis.opens == 2


@pytest.mark.parametrize("turned_off", [False, True])
async def test_settings_do_not_change_what_is_there_already_f6(
    contoso: Organization, take_in: TakeIn, clock: MovableClock, turned_off: bool
) -> None:
    message = await followed_message(contoso, clock())
    await take_in(contoso, hit(message, at(clock, 60)))
    await fold_all(contoso, clock)
    before = await read_followed(contoso, message)
    if turned_off:
        await contoso.change_settings(lambda old: old.with_engagement(False, at(clock, 120)))
    await take_in(contoso, hit(message, at(clock, 180)))
    await fold_all(contoso, clock)
    after = await exact(contoso, message)
    assert after.kpis.opens == (1 if turned_off else 2)
    assert set(before.events) <= set(after.events)
