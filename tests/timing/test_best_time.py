"""The best hour is found where there is one, and not made up where there is none (rule D2).

Every simulation says its seed when it fails.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared.timing.best_time import (
    WATCHED,
    WEEK,
    Habits,
    History,
    Reading,
    best_hour,
    business_hours,
    observed,
)
from shared.timing.business_hours import HOURS
from shared.timing.delivery_time import recommended
from shared.timing.zones import LocalZone, Source

ZONE = ZoneInfo("America/Sao_Paulo")
OFFICE = [0, 1, 2, 3, 4]
TUESDAY = 1
HOUR = timedelta(hours=1)

Send = Callable[[random.Random], float]


def at_nine(_: random.Random) -> float:
    return 9.0


def all_day(chance: random.Random) -> float:
    return 8 + 9 * chance.random()


def people(
    chance: random.Random, messages: int, *, send: Send, peak: int | None = None, times: float = 3
) -> list[Reading]:
    """Messages sent on working days; four of ten people never open. Whoever opens is as likely to
    in any business hour, `times` as likely in the hour `peak`, four times with a fresh message, and
    seldom outside business hours."""
    found = []
    for _ in range(messages):
        day = datetime(2026, 1, 5, tzinfo=ZONE) + timedelta(
            weeks=chance.randrange(20), days=chance.randrange(5)
        )
        sent = instant = (day + send(chance) * HOUR).astimezone(UTC)
        opened = None
        while chance.random() < 0.6 if instant == sent else instant < sent + WATCHED:
            local = instant.astimezone(ZONE)
            business = local.weekday() < 5 and 8 <= local.hour < 17
            rate = 0.03 if business else 0.005
            rate *= times if local.hour == peak else 1
            rate *= 4 if instant < sent + HOUR else 1
            full = local.replace(minute=0, second=0, microsecond=0) + HOUR
            rest = full.astimezone(UTC) - instant
            if chance.random() < rate * (rest / HOUR):
                opened = instant + rest * chance.random()
                break
            instant += rest
        found.append(Reading(sent, opened, ZONE))
    return found


def history_of(habits: Habits, recipient: Habits | None = None) -> History:
    return History(habits, recipient or Habits())


def hour_on(history: History, weekday: int = TUESDAY) -> int | None:
    best = best_hour(history, weekday, OFFICE)
    return best.hour if best else None


@pytest.mark.parametrize(("peak", "send"), [(10, at_nine), (15, all_day)])
def test_the_hour_at_which_people_open_is_found_whenever_messages_were_sent_d2(
    peak: int, send: Send
) -> None:
    for seed in range(4):
        habits = observed(people(random.Random(seed), 800, send=send, peak=peak))
        assert hour_on(history_of(habits)) == peak, f"seed {seed}"


@pytest.mark.parametrize("send", [at_nine, all_day])
def test_when_messages_were_sent_is_not_taken_for_when_people_read_d2(send: Send) -> None:
    """Most opens are in the hours after nine, because that is when the messages came."""
    for seed in range(4):
        habits = observed(people(random.Random(seed), 800, send=send))
        assert hour_on(history_of(habits)) is None, f"seed {seed}"


def test_the_habits_of_a_few_people_are_not_taken_for_everybodys_d2() -> None:
    for seed in range(2):
        chance = random.Random(seed)
        habits = observed(
            reading
            for _ in range(20)
            for reading in people(chance, 40, send=all_day, peak=chance.randrange(8, 17))
        )
        assert hour_on(history_of(habits)) is None, f"seed {seed}"


def counted(chance: random.Random, opens: float, peak: int | None = None) -> Habits:
    """Habits where messages lay there alike in all business hours: about so many opens an hour of
    the week (nearly a Poisson number each), three times as many in the hour `peak`."""
    seen, lay = [0.0] * len(Habits().opens), [0.0] * len(Habits().lay)
    for cell in business_hours(OFFICE):
        mean = opens * (3 if cell % 24 == peak else 1)
        seen[cell + WEEK] = sum(chance.random() < mean / 200 for _ in range(200))
        lay[cell + WEEK] = 100.0
    return Habits(seen, lay)


@pytest.mark.parametrize("opens", [2, 20])
def test_without_a_signal_business_hours_stay_in_95_of_100_cases_d2(opens: float) -> None:
    tries = 60
    made_up = [
        seed
        for seed in range(tries)
        if hour_on(history_of(counted(random.Random(seed), opens))) is not None
    ]
    assert len(made_up) <= 0.05 * tries, f"seeds with an hour made up: {made_up}"


@pytest.mark.parametrize("peak", HOURS)
def test_with_little_history_there_is_no_hour_or_the_right_one_and_with_enough_always_d2(
    peak: int,
) -> None:
    """Any hour, any weekday: what is found grows with the history, and is never another hour."""
    found = {
        opens: [
            hour_on(history_of(counted(random.Random(seed), opens, peak)), seed % 5)
            for seed in range(10)
        ]
        for opens in (1, 4, 20)
    }
    assert all(set(hours) <= {None, peak} for hours in found.values()), found
    assert found[20] == [peak] * 10, "a hundred opens an hour, three hundred in the best one"
    numbers = [hours.count(peak) for hours in found.values()]
    assert numbers == sorted(numbers)


def test_three_lucky_opens_decide_nothing_d2() -> None:
    """Neither alone, nor on top of an organization that shows no difference."""
    lucky = Habits()
    lucky = replace(lucky, opens=[3.0 if n == 34 else 0.0 for n in range(len(lucky.opens))])
    lucky = replace(lucky, lay=[3.0] * len(lucky.lay))
    assert hour_on(history_of(lucky, lucky)) is None
    for seed in range(10):
        everybody = counted(random.Random(seed), 10)
        assert hour_on(history_of(everybody + lucky, lucky)) is None, f"seed {seed}"


def test_a_recipients_own_habit_counts_more_than_the_others_d2() -> None:
    others = counted(random.Random(1), 10, peak=10)
    own = counted(random.Random(2), 12, peak=15)
    assert hour_on(history_of(others)) == 10
    assert hour_on(history_of(others + own, own)) == 15


def test_what_holds_on_one_weekday_is_found_for_that_day_d2() -> None:
    everyday = counted(random.Random(3), 30)
    opens = list(everyday.opens)
    opens[TUESDAY * 24 + 14 + WEEK] *= 4
    hours = Counter(
        {day: hour_on(history_of(replace(everyday, opens=opens)), day) for day in OFFICE}
    )
    assert hours == {**dict.fromkeys(OFFICE), TUESDAY: 14}


def test_a_message_lies_there_in_each_hour_of_the_week_once_where_nobody_opens_it() -> None:
    sent = datetime(2026, 3, 4, 12, 20, tzinfo=UTC)
    habits = observed([Reading(sent, None, ZONE), Reading(sent, sent + 2 * WATCHED, ZONE)])
    assert sum(habits.opens) == 0
    for hour in range(WEEK):
        assert habits.expected_in([hour], [1] * 6) == pytest.approx(2)


def test_an_open_is_counted_in_the_hour_of_the_recipients_week_d2() -> None:
    sent = datetime(2026, 3, 4, 12, 20, tzinfo=UTC)
    tuesday = datetime(2026, 3, 10, 2, 15, tzinfo=UTC)  # 8:00 in Kathmandu
    habits = observed([Reading(sent, tuesday, ZoneInfo("Asia/Kathmandu"))])
    assert habits.opens_in([24 + 7, 24 + 8]) == 1
    assert sum(habits.lay) == pytest.approx((tuesday - sent) / HOUR)


def test_hours_are_those_of_the_recipients_clock_when_it_changes_d3() -> None:
    """From Friday to Sunday, when clocks in London go forward by an hour at one."""
    sent = datetime(2026, 3, 27, 12, tzinfo=UTC)
    opened = datetime(2026, 3, 29, 9, 30, tzinfo=UTC)
    habits = observed([Reading(sent, opened, ZoneInfo("Europe/London"))])
    sunday = 6 * 24
    lay = [habits.expected_in([sunday + hour], [1] * 6) for hour in range(12)]
    assert lay == [1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0.5, 0]
    assert habits.opens_in([sunday + 10]) == 1


@pytest.mark.parametrize(
    ("now", "at", "by_history"),
    [
        ("2026-03-09T20:00:00-03:00", "2026-03-10T10:00", True),
        ("2026-03-10T06:00:00-03:00", "2026-03-10T10:00", True),
        ("2026-03-10T08:30:00-03:00", "2026-03-10T08:30", False),
        ("2026-03-07T12:00:00-03:00", "2026-03-09T10:00", True),
    ],
)
def test_history_chooses_among_the_hours_of_the_next_working_day_and_now_stays_now_d2(
    now: str, at: str, by_history: bool
) -> None:
    habits = counted(random.Random(5), 30, peak=10)
    zone = LocalZone("America/Sao_Paulo", Source.RECORD)
    answer = recommended(zone, history_of(habits), datetime.fromisoformat(now))
    assert answer.local.isoformat(timespec="minutes") == at
    assert answer.evidence.by_history is by_history
    assert answer.evidence.opens == sum(habits.opens)
    assert answer.evidence.best and answer.evidence.best.hour == 10
    assert answer.evidence.best.times_average > 1.5
