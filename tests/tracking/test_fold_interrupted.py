"""Counts stay exact whatever ends a fold, and wherever, and whoever folds beside it (rule T9)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from shared.errors import StorageUnavailable
from shared.messages.todo import drain_left_behind
from shared.organizations import Organization
from shared.tracking.fold import fold
from shared.tracking.folder_lease import LEASE
from shared.tracking.hits import Hit
from shared.tracking.segments import PARTITION
from tests.running_storage import MovableClock
from tests.sampling import steps
from tests.tracking.conftest import TakeIn, WatchedOrganization
from tests.tracking.followed_messages import (
    PROGRAM,
    Followed,
    at,
    exact,
    fold_all,
    followed_message,
    hit,
)
from tests.tracking.watched import Died, DiesAt, LosesAnswer, Meanwhile, Request, Watched

MORE_THAN_A_TRANSACTION = 95
TWO_TRANSACTIONS = 190


class Story:
    """What recipients of a message with two copies do: in two parts, with opens that move."""

    def __init__(self, message: str, clock: MovableClock, scans: int) -> None:
        self.message = message
        many = [hit(message, at(clock, 300 + n), agent=PROGRAM) for n in range(scans)]
        self.first: list[Hit] = [
            hit(message, at(clock, 200), "click"),
            hit(message, at(clock, 200), "click", copy=1),
        ]
        self.then: list[Hit] = [
            hit(message, at(clock, 150)),  # explains the first click
            hit(message, at(clock, 100), "click", copy=1),  # moves the open that it proves
            *many,
        ]

    def assert_all_counted(self, followed: Followed) -> None:
        # One open was seen, one is proven by a click, and the others are a program's.
        assert (followed.kpis.opens, followed.kpis.human_opens) == (len(self.then), 2)
        assert (followed.kpis.link_clicks, followed.kpis.human_openers) == (3, 2)


async def begin(
    contoso: Organization, take_in: TakeIn, clock: MovableClock, scans: int = 1
) -> Story:
    """The first part of a story is folded, the second has come in."""
    message = await followed_message(contoso, clock(), copies=["a@example.com", "b@example.com"])
    story = Story(message, clock, scans)
    await take_in(contoso, *story.first)
    await fold_all(contoso, clock)
    await take_in(contoso, *story.then, story.first[0])
    return story


async def end(contoso: Organization, story: Story) -> None:
    """Everything was counted once, is listed, and nothing is left to be folded."""
    story.assert_all_counted(await exact(contoso, story.message))
    assert await contoso.tables.page("ingest", PARTITION, limit=1) == []


@pytest.mark.thorough
@pytest.mark.parametrize("done", [False, True], ids=["before it is done", "after it is done"])
async def test_a_process_that_dies_at_any_request_loses_nothing_and_counts_nothing_twice_t9(
    contoso: Organization,
    watched: WatchedOrganization,
    take_in: TakeIn,
    clock: MovableClock,
    done: bool,
) -> None:
    # Several transactions are needed only where they may be cut off from each other.
    scans = MORE_THAN_A_TRANSACTION if done else 1
    for number in steps(1_000):
        story = await begin(contoso, take_in, clock, scans)
        dying = DiesAt(number, done=done)
        with contextlib.suppress(Died):
            await fold_all(watched(dying), clock)
        if not dying.died:
            break
        clock.move(seconds=LEASE.total_seconds())
        assert await fold_all(contoso, clock)
        await end(contoso, story)
    assert number > 15


@pytest.mark.thorough
@pytest.mark.parametrize("done", [False, True], ids=["refused", "answer lost"])
async def test_storage_that_is_away_for_any_one_request_loses_nothing_and_doubles_nothing_t9(
    contoso: Organization,
    watched: WatchedOrganization,
    take_in: TakeIn,
    clock: MovableClock,
    done: bool,
) -> None:
    for number in steps(1_000):
        story = await begin(contoso, take_in, clock)
        storage = LosesAnswer(number, done=done)
        with contextlib.suppress(StorageUnavailable):
            await fold_all(watched(storage), clock)
        if not storage.lost:
            break
        # The queue gives the word to fold once more; the lease may have been lost with an answer.
        await fold_all(contoso, clock)
        clock.move(seconds=LEASE.total_seconds())
        await fold_all(contoso, clock)
        await end(contoso, story)
    assert number > 15


async def test_two_folders_at_once_count_everything_once_t9(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    story = await begin(contoso, take_in, clock, MORE_THAN_A_TRANSACTION)
    assert all(await asyncio.gather(*(fold_all(contoso, clock) for _ in range(3))))
    await end(contoso, story)


async def test_a_folder_whose_lease_lapsed_meets_the_one_that_took_over_t9(
    contoso: Organization, watched: WatchedOrganization, take_in: TakeIn, clock: MovableClock
) -> None:
    """Whichever request it hangs at while the other folds everything."""
    for nth in count(1):
        story = await begin(contoso, take_in, clock)

        async def another_takes_over() -> None:
            clock.move(seconds=LEASE.total_seconds())
            await fold_all(contoso, clock)

        hanging = Meanwhile(another_takes_over, lambda name: True, nth)
        await fold_all(watched(hanging), clock)
        if not hanging.happened:
            break
        clock.move(seconds=LEASE.total_seconds())
        await fold_all(contoso, clock)
        await end(contoso, story)
    assert nth > 15


class DiesAfterTransactions(Watched):
    """The process ends after so many transactions; something else happens after the first one."""

    def __init__(self, number: int, happens: Callable[[], Awaitable[object]]) -> None:
        super().__init__()
        self._left = number
        self._happens: Callable[[], Awaitable[object]] | None = happens

    async def around(self, name: str, request: Request) -> Any:
        if self._left == 0:
            raise Died
        answer = await request()
        if name == "transact messages":
            self._left -= 1
            if self._happens is not None:
                happens, self._happens = self._happens, None
                await happens()
        return answer


class StopsBeforeDeleting(Watched):
    """It has done all that follows and is about to delete what told it to, until let go."""

    def __init__(self) -> None:
        super().__init__()
        self.stopped = asyncio.Event()
        self.go_on = asyncio.Event()

    async def around(self, name: str, request: Request) -> Any:
        if name in ("delete messages", "transact messages"):
            self.stopped.set()
            await self.go_on.wait()
        return await super().around(name, request)


async def test_who_does_what_a_folder_left_behind_takes_nothing_from_one_that_is_still_at_work_t9(
    contoso: Organization, watched: WatchedOrganization, take_in: TakeIn, clock: MovableClock
) -> None:
    """A fold's transactions share a todo row: done for the first, it may not go for the second."""
    message = await followed_message(contoso, clock())
    await take_in(contoso, *(hit(message, at(clock, 60 + n)) for n in range(TWO_TRANSACTIONS)))
    other = StopsBeforeDeleting()
    others: list[asyncio.Task[None]] = []

    async def another_comes() -> None:
        others.append(asyncio.create_task(drain_left_behind(watched(other), message)))
        await other.stopped.wait()

    with pytest.raises(Died):
        await fold_all(watched(DiesAfterTransactions(2, another_comes)), clock)
    other.go_on.set()
    await asyncio.gather(*others)
    clock.move(seconds=LEASE.total_seconds())
    assert await fold_all(contoso, clock)
    followed = await exact(contoso, message)
    assert followed.kpis.opens == TWO_TRANSACTIONS
    assert followed.message.version == 3, "all was in before the folder died"


async def test_word_that_is_left_while_somebody_folds_is_heard_before_they_leave(
    contoso: Organization, watched: WatchedOrganization, take_in: TakeIn, clock: MovableClock
) -> None:
    """Nothing waits for a timer: not at whichever request the other comes."""
    for nth in count(1):
        message = await followed_message(contoso, clock())
        await take_in(contoso, hit(message, at(clock, 60)))

        async def another_comes(message: str = message) -> None:
            await take_in(contoso, hit(message, at(clock, 90)))
            assert await fold_all(contoso, clock)

        watcher = Meanwhile(another_comes, lambda name: True, nth)
        assert await fold_all(watched(watcher), clock)
        if not watcher.happened:
            break
        assert (await exact(contoso, message)).kpis.opens == 2, watcher.requests[nth - 1]
    assert nth > 8


async def test_a_folder_that_somebody_else_is_before_leaves_at_once(
    contoso: Organization, watched: WatchedOrganization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await followed_message(contoso, clock())
    await take_in(contoso, hit(message, at(clock, 60)))
    dying = DiesAt(3, done=True)
    with pytest.raises(Died):
        await fold_all(watched(dying), clock)
    assert await fold_all(contoso, clock)
    assert (await exact(contoso, message)).kpis.opens == 0

    clock.move(seconds=LEASE.total_seconds())
    assert await fold_all(contoso, clock)
    assert (await exact(contoso, message)).kpis.opens == 1


async def test_a_failed_fold_gives_its_lease_up_so_that_the_next_need_not_wait(
    contoso: Organization, watched: WatchedOrganization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await followed_message(contoso, clock())
    await take_in(contoso, hit(message, at(clock, 60)))
    with pytest.raises(StorageUnavailable):
        await fold_all(watched(LosesAnswer(4, done=False)), clock)
    assert await fold_all(contoso, clock)
    assert (await exact(contoso, message)).kpis.opens == 1


async def test_a_fold_that_ran_out_of_time_gives_its_lease_up(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await followed_message(contoso, clock())
    await take_in(contoso, hit(message, at(clock, 60)))
    assert not await fold(contoso, "slow", clock, until=clock())
    await take_in(contoso, hit(message, at(clock, 90)))
    assert await fold(contoso, "next", clock, until=clock() + timedelta(minutes=1))
    assert (await exact(contoso, message)).kpis.opens == 2
