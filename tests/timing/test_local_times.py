"""What instant a local time means: gaps, repeated hours, odd offsets, changed rules (D3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.timing.local_times import ZoneRules, installed_rules

ZONES = (
    "Africa/Casablanca", "America/Havana", "America/New_York", "America/Santiago",
    "America/Sao_Paulo", "America/St_Johns", "Asia/Gaza", "Asia/Kathmandu", "Asia/Kolkata",
    "Asia/Tehran", "Australia/Adelaide", "Australia/Lord_Howe", "Europe/Dublin", "Europe/Lisbon",
    "Pacific/Apia", "Pacific/Auckland", "Pacific/Chatham", "Pacific/Kiritimati", "Pacific/Norfolk",
    "UTC",
)  # fmt: skip


def at(text: str, zone: str) -> str:
    return installed_rules().send_time(text, zone).at.strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("text", "zone", "instant"),
    [
        ("2026-11-25T09:00", "America/Sao_Paulo", "2026-11-25 12:00"),
        ("2026-11-25T09:00", "Asia/Kathmandu", "2026-11-25 03:15"),
        ("2026-11-25T09:00", "Asia/Kolkata", "2026-11-25 03:30"),
        ("2026-11-25T09:00", "Pacific/Chatham", "2026-11-24 19:15"),
        ("2026-11-25T09:00:30", "UTC", "2026-11-25 09:00"),
    ],
)
def test_a_local_time_is_an_instant(text: str, zone: str, instant: str) -> None:
    assert at(text, zone) == instant


@pytest.mark.parametrize(
    ("text", "zone", "instant", "shown"),
    [
        ("2026-03-08T02:30", "America/New_York", "2026-03-08 07:30", "03:30"),
        ("2026-03-29T01:15", "Europe/Lisbon", "2026-03-29 01:15", "02:15"),
        ("2026-10-04T02:10", "Australia/Lord_Howe", "2026-10-03 15:40", "02:40"),
        ("2018-11-04T00:00", "America/Sao_Paulo", "2018-11-04 03:00", "01:00"),
        ("2011-12-30T09:00", "Pacific/Apia", "2011-12-30 19:00", "09:00"),
    ],
)
def test_an_hour_that_does_not_exist_moves_forward(
    text: str, zone: str, instant: str, shown: str
) -> None:
    """In Apia it was a whole day: 30 December 2011."""
    assert at(text, zone) == instant
    time = installed_rules().send_time(text, zone).at
    assert time.astimezone(installed_rules().zone(zone)).strftime("%H:%M") == shown


@pytest.mark.parametrize(
    ("text", "zone", "instant"),
    [
        ("2026-11-01T01:30", "America/New_York", "2026-11-01 05:30"),
        ("2026-10-25T01:30", "Europe/Lisbon", "2026-10-25 00:30"),
        ("2026-04-05T01:45", "Australia/Lord_Howe", "2026-04-04 14:45"),
    ],
)
def test_of_an_hour_that_happens_twice_it_is_the_first(text: str, zone: str, instant: str) -> None:
    assert at(text, zone) == instant


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2036, 1, 1)),  # noqa: DTZ001
    st.sampled_from(ZONES),
)
def test_a_clock_shows_the_time_that_was_meant_or_one_that_is_later_by_the_gap(
    local: datetime, zone: str
) -> None:
    local = local.replace(microsecond=0)
    time = installed_rules().send_time(local.isoformat(), zone)
    shown = time.at.astimezone(installed_rules().zone(zone)).replace(tzinfo=None)
    assert timedelta(0) <= shown - local <= timedelta(days=1)
    if shown == local:
        before = time.at - timedelta(hours=1)
        assert before.astimezone(installed_rules().zone(zone)).replace(tzinfo=None) < local
    else:
        # Nothing shows what was meant: a moment before the gap is earlier, after it is later.
        earlier = (time.at - (shown - local) - timedelta(seconds=1)).astimezone(
            installed_rules().zone(zone)
        )
        assert earlier.replace(tzinfo=None) < local


@pytest.mark.parametrize("zone", ["Mars/Olympus", "America", "../../etc/passwd", "", "/etc/passwd"])
def test_a_zone_that_is_not_there_is_said(zone: str) -> None:
    with pytest.raises(LookupError):
        at("2026-11-25T09:00", zone)


def test_an_instant_stays_what_it_is_whatever_the_rules() -> None:
    rules = installed_rules()
    given = rules.send_time("2026-11-25T09:00", "Pacific/Apia")
    assert rules.renewed(given) == given
    assert given.local and given.local.rules == rules.version
    assert given.at == datetime(2026, 11, 24, 20, tzinfo=UTC)


def test_the_time_of_a_zone_that_is_gone_stays_the_instant_it_was() -> None:
    given = installed_rules().send_time("2026-11-25T09:00", "Pacific/Apia")

    def gone(name: str) -> tzinfo:
        raise LookupError(name)

    assert ZoneRules("2999a", gone).renewed(given) == given
