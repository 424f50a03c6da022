"""Timers come by the clock, one run at a time, and make up for what was missed."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from local.host.functions import Function, TimerTrigger
from local.host.schedules import read_schedule
from local.host.timers import Status, StatusStore, TimerListener, is_monitored, is_past_due
from tests.local.host.conftest import StartHost
from tests.running_azurite import RunningAzurite

pytestmark = pytest.mark.processes

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_a_timer_comes_by_its_schedule(start_host: StartHost) -> None:
    host = start_host(TICKS="* * * * * *")
    ticks = host.noted("tick", 3)
    apart = [later["began"] - earlier["began"] for earlier, later in pairwise(ticks)]
    assert all(0.2 < seconds < 3 for seconds in apart)
    assert not any(tick["past_due"] for tick in ticks)


def test_a_timer_never_runs_twice_at_once(start_host: StartHost) -> None:
    host = start_host(TICKS="* * * * * *", TICK_SECONDS="1.1")
    ticks = host.noted("tick", 3)
    for earlier, later in pairwise(ticks):
        assert later["began"] >= earlier["ended"]
        # What was missed meanwhile is made up for by one run, at once.
        assert later["began"] - earlier["ended"] < 0.8


def test_a_timer_may_run_at_start(start_host: StartHost) -> None:
    assert start_host().noted("start", 1) == [{"of": "start", "past_due": False}]


class Clock:
    """A clock that tests move."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


async def runs(trigger: TimerTrigger, storage: str, name: str, clock: Clock) -> list[Any]:
    """What the function is called with when the host starts at that moment."""
    calls: list[Any] = []

    async def invoke(request: Any) -> None:
        calls.append(request)

    function = Function(name, invoke, "timer", None, False, trigger)
    listener = TimerListener(function, trigger, invoke, storage, clock)
    listener.stop()
    await listener.run()
    return calls


async def test_an_occurrence_missed_while_the_host_was_down_runs_at_start_as_past_due(
    azurite: RunningAzurite,
) -> None:
    trigger = TimerTrigger("0 0 * * * *", run_on_startup=False, use_monitor=True)
    storage, name, clock = azurite.connection_string("host"), uuid.uuid4().hex, Clock(NOON)
    assert await runs(trigger, storage, name, clock) == []
    clock.now = NOON + timedelta(minutes=50)
    assert await runs(trigger, storage, name, clock) == []
    clock.now = NOON + timedelta(hours=3, minutes=5)
    [request] = await runs(trigger, storage, name, clock)
    assert request.past_due
    assert request.schedule_status["Next"] == "2026-11-23T16:00:00+00:00"
    assert await runs(trigger, storage, name, clock) == []


async def test_where_the_storage_is_away_a_timer_runs_without_its_status() -> None:
    away = (
        "DefaultEndpointsProtocol=http;AccountName=host;AccountKey=aG9zdA==;"
        "BlobEndpoint=http://127.0.0.1:1/host;"
    )
    trigger = TimerTrigger("0 0 * * * *", run_on_startup=True, use_monitor=True)
    assert len(await runs(trigger, away, "away", Clock(NOON))) == 1


async def test_a_function_that_fails_does_not_stop_its_timer() -> None:
    called = asyncio.Event()
    calls = 0

    async def invoke(request: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            called.set()
        raise RuntimeError("as it should")

    trigger = TimerTrigger("* * * * * *", run_on_startup=True, use_monitor=False)
    function = Function("failing", invoke, "timer", None, False, trigger)
    listener = TimerListener(function, trigger, invoke, None)
    running = asyncio.create_task(listener.run())
    await asyncio.wait_for(called.wait(), 10)
    listener.stop()
    await running


async def test_a_status_is_stored_and_read_again(azurite: RunningAzurite) -> None:
    store = StatusStore(uuid.uuid4().hex, azurite.connection_string("host"))
    assert await store.read() is None
    for status in (Status(None, NOON), Status(NOON, NOON + timedelta(hours=1))):
        await store.write(status, NOON)
        assert await store.read() == status


@pytest.mark.parametrize(
    ("text", "monitored"),
    [
        ("*/15 * * * * *", False),
        ("0 * * * * *", True),
        ("0 0 0 1 1 *", True),
        ("0 0 0 31 2 *", False),
    ],
)
def test_only_timers_of_a_minute_and_more_keep_a_status(text: str, monitored: bool) -> None:
    trigger = TimerTrigger(text, run_on_startup=False, use_monitor=True)
    assert is_monitored(read_schedule(text), trigger, NOON) is monitored


def test_a_schedule_that_was_changed_has_missed_nothing() -> None:
    schedule = read_schedule("0 30 * * * *")
    stored = Status(NOON - timedelta(hours=2), NOON - timedelta(hours=1))
    assert not is_past_due(stored, schedule, NOON)
    assert is_past_due(stored, read_schedule("0 0 * * * *"), NOON)
