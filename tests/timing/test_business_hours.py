"""Inside business hours it is now, outside it is their next beginning (rules D1, D3)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.timing.best_time import History
from shared.timing.business_hours import at, working_days
from shared.timing.delivery_time import recommended
from shared.timing.places import region_of
from shared.timing.zones import LocalZone, Source

LONDON = "Europe/London"


def when(zone: str, local: str, country: str | None = None, region: str | None = None) -> str:
    """The recommended time on the recipient's clock; both times without their offsets."""
    part = region_of(country, region) if country and region else None
    now = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    answer = recommended(LocalZone(zone, Source.RECORD, country, part), History(), now)
    assert answer.at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == answer.local
    return answer.local.isoformat(timespec="seconds")


@pytest.mark.parametrize(
    ("now", "recommended_at"),
    [
        ("2026-03-04T08:00:00", "2026-03-04T08:00:00"),
        ("2026-03-04T16:59:59", "2026-03-04T16:59:59"),
        ("2026-03-04T07:59:59", "2026-03-04T08:00:00"),
        ("2026-03-04T17:00:00", "2026-03-05T08:00:00"),
        ("2026-03-06T17:00:00", "2026-03-09T08:00:00"),
        ("2026-03-07T12:00:00", "2026-03-09T08:00:00"),
        ("2026-12-31T23:30:00", "2027-01-01T08:00:00"),
    ],
)
@pytest.mark.parametrize(
    "zone", ["Asia/Kathmandu", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia", "UTC"]
)
def test_business_hours_are_eight_to_seventeen_from_monday_to_friday_by_the_recipients_clock_d1(
    zone: str, now: str, recommended_at: str
) -> None:
    assert when(zone, now) == recommended_at


@pytest.mark.parametrize(
    ("zone", "country", "region", "now", "recommended_at"),
    [
        # Thursday evening, and Friday noon, where Friday and Saturday are the weekend.
        ("Asia/Riyadh", "SA", None, "2026-03-05T18:00:00", "2026-03-08T08:00:00"),
        ("Africa/Cairo", "EG", None, "2026-03-06T12:00:00", "2026-03-08T08:00:00"),
        ("Africa/Cairo", "EG", None, "2026-03-08T12:00:00", "2026-03-08T12:00:00"),
        # A holiday of São Paulo (9 July, a Thursday) is none in Rio.
        ("America/Sao_Paulo", "BR", "SP", "2026-07-09T12:00:00", "2026-07-10T08:00:00"),
        ("America/Sao_Paulo", "BR", "RJ", "2026-07-09T12:00:00", "2026-07-09T12:00:00"),
        ("Europe/Berlin", "DE", "Bayern", "2026-01-06T12:00:00", "2026-01-07T08:00:00"),
        ("Europe/Berlin", "DE", "Hamburg", "2026-01-06T12:00:00", "2026-01-06T12:00:00"),
        # From the last working day of a year into the next one.
        ("America/Sao_Paulo", "BR", "SP", "2026-12-31T17:00:00", "2027-01-04T08:00:00"),
        ("Africa/Casablanca", "MA", None, "2025-12-31T20:00:00", "2026-01-02T08:00:00"),
        # Saturday is free also where the law only speaks of Sunday.
        ("Asia/Hong_Kong", "HK", None, "2026-03-07T12:00:00", "2026-03-09T08:00:00"),
        # A Saturday that is worked in place of a holiday.
        ("Asia/Shanghai", "CN", None, "2025-09-28T12:00:00", "2025-09-28T12:00:00"),
        # Of a country nobody has the holidays of, the week is known.
        ("UTC", "XX", None, "2026-12-25T12:00:00", "2026-12-25T12:00:00"),
    ],
)
def test_weekends_and_public_holidays_are_those_of_the_recipients_country_and_region_d1(
    zone: str, country: str, region: str | None, now: str, recommended_at: str
) -> None:
    assert when(zone, now, country, region) == recommended_at


def test_a_day_that_was_left_out_of_the_calendar_is_no_working_day_d3() -> None:
    """Samoa went from Thursday, 29 December 2011, to Saturday."""
    assert at(date(2011, 12, 30), 8, ZoneInfo("Pacific/Apia")) is None
    assert when("Pacific/Apia", "2011-12-29T18:00:00") == "2012-01-02T08:00:00"


@pytest.mark.parametrize(
    ("day", "hour", "zone", "instant"),
    [
        ("2026-03-29", 1, LONDON, "2026-03-29T01:00:00+00:00"),  # does not exist: 2:00
        ("2026-10-25", 1, LONDON, "2026-10-25T00:00:00+00:00"),  # twice: the first
        ("2026-10-04", 2, "Australia/Lord_Howe", "2026-10-03T15:30:00+00:00"),
        ("2026-02-15", 2, "Africa/Casablanca", "2026-02-15T01:00:00+00:00"),
        ("2026-07-06", 8, "Asia/Kathmandu", "2026-07-06T02:15:00+00:00"),
    ],
)
def test_an_hour_that_does_not_exist_moves_forward_and_of_two_it_is_the_first_d3(
    day: str, hour: int, zone: str, instant: str
) -> None:
    found = at(date.fromisoformat(day), hour, ZoneInfo(zone))
    assert found and found.isoformat() == instant


@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "Australia/Lord_Howe", "Africa/Casablanca"])
@given(minutes=st.integers(0, 3 * 365 * 24 * 60))
@settings(max_examples=30, deadline=None)
def test_it_is_never_before_now_and_always_inside_business_hours_d1(
    zone: str, minutes: int
) -> None:
    now = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    answer = recommended(LocalZone(zone, Source.RECORD), History(), now)
    assert now <= answer.at <= now + timedelta(days=4)
    assert answer.local.weekday() < 5 and 8 <= answer.local.hour < 17
    assert answer.at == now or (answer.local.hour, answer.local.minute) == (8, 0)


def test_the_working_days_of_a_year_are_known_to_its_end() -> None:
    works = working_days("BR")
    assert not works(date(2026, 12, 25)) and works(date(2026, 12, 28))
    assert not works(date(2027, 1, 1))
