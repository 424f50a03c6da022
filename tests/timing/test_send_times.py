"""`sendAt` as callers say it (rules S3, S4, D3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.errors import Refusal
from shared.timing.places import present_name
from shared.timing.send_times import read_send_time

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def said(after: timedelta) -> str:
    return (NOW + after).isoformat()


@pytest.mark.parametrize(
    ("value", "instant"),
    [
        ("2026-03-02T10:00:00Z", "2026-03-02T10:00:00+00:00"),
        ("2026-03-02t10:00:00z", "2026-03-02T10:00:00+00:00"),
        ("2026-03-02T10:00:00-03:00", "2026-03-02T13:00:00+00:00"),
        ("2026-03-02T10:00:00+05:45", None),
        ("2026-03-02T09:00:00.0000001Z", "2026-03-02T09:00:00+00:00"),
        ("2026-03-02T10:00:00.123001+00:00", "2026-03-02T10:00:00.124000+00:00"),
        (said(timedelta(seconds=-60)), "2026-03-02T08:59:00+00:00"),
    ],
)
def test_an_instant_is_taken_whatever_its_offset(value: str, instant: str | None) -> None:
    """Rows keep milliseconds: what is finer is rounded up, so that nothing goes early."""
    if instant is None:
        with pytest.raises(Refusal, match="has passed"):
            read_send_time(value, NOW)
        return
    time = read_send_time(value, NOW)
    assert time and (time.at.isoformat(), time.local) == (instant, None)


@pytest.mark.parametrize("value", [None, "recommended"])
def test_nothing_said_is_at_once_and_the_recommended_time_is_found_elsewhere(value: Any) -> None:
    assert read_send_time(value, NOW) is None


def test_a_local_time_is_kept_as_it_was_said_with_the_rules_it_was_read_by() -> None:
    time = read_send_time({"local": "2026-11-25T09:00", "timeZone": "America/Sao_Paulo"}, NOW)
    assert time and time.local
    assert time.at == datetime(2026, 11, 25, 12, tzinfo=UTC)
    assert (time.local.text, time.local.time_zone) == ("2026-11-25T09:00", "America/Sao_Paulo")
    assert time.local.rules[:2] == "20"


@pytest.mark.parametrize(
    ("windows", "zone"),
    [
        ("E. South America Standard Time", "America/Sao_Paulo"),
        ("Nepal Standard Time", "Asia/Kathmandu"),
        ("Lord Howe Standard Time", "Australia/Lord_Howe"),
    ],
)
def test_a_zone_may_be_said_as_windows_and_mailboxes_call_it(windows: str, zone: str) -> None:
    time = read_send_time({"local": "2026-11-25T09:00", "timeZone": windows}, NOW)
    as_iana = read_send_time({"local": "2026-11-25T09:00", "timeZone": zone}, NOW)
    assert time and time.local and as_iana
    assert (time.at, present_name(time.local.time_zone)) == (as_iana.at, zone)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (said(timedelta(seconds=-61)), "has passed"),
        ("2031-03-02T09:00:01Z", "5 years"),
        ("Recommended", "offset"),
        ("2026-03-02 10:00:00Z", "offset"),
        ("2026-W10-1T10:00:00Z", "offset"),
        ("2026-03-02T24:61:00Z", "no such time"),
        ("2026-03-02T23:59:60Z", "no such time"),
        ("٢٠٢٦-03-02T10:00:00Z", "offset"),
        ([], "offset"),
    ],
)
def test_what_cannot_be_is_said_with_its_place(value: Any, says: str) -> None:
    with pytest.raises(Refusal, match=says) as refusal:
        read_send_time(value, NOW)
    assert refusal.value.status == 422
    assert [one.pointer for one in refusal.value.problems] == ["/sendAt"]


def test_five_years_are_those_of_the_calendar() -> None:
    leap_day = datetime(2028, 2, 29, 12, tzinfo=UTC)
    assert read_send_time("2033-03-01T12:00:00Z", leap_day)
    with pytest.raises(Refusal):
        read_send_time("2033-03-01T12:00:01Z", leap_day)
