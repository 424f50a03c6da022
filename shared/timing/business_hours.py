"""When people work: from 8 to 17 on working days, by their own clocks (rule D1).

Weekends and public holidays are those of `holidays`, by country and region; where it knows neither,
the week is Monday to Friday. Where it knows one free day of the week only, Sunday, Saturday is free
as well: it tells what the law says, and D1 speaks of Monday to Friday.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared.timing.places import Region

OPENS, CLOSES = 8, 17
"""The window, in hours of the recipient's day: from the first on, until before the second."""

HOURS = range(OPENS, CLOSES)
_SATURDAY, _SUNDAY = 5, 6

Works = Callable[[date], bool]
"""Whether a day is a working day."""


def working_days(country: str | None, region: Region | None = None) -> Works:
    """The working days of a country and, where it has holidays of its own, a region."""
    import holidays

    if country is None or country not in holidays.list_supported_countries():
        return _monday_to_friday
    calendar = holidays.country_holidays(country)
    part = _subdivision(calendar, region) if region else None
    if part is not None:
        calendar = holidays.country_holidays(country, subdiv=part)
    free_on_saturday = calendar.weekend == {_SUNDAY}

    def works(day: date) -> bool:
        if free_on_saturday and day.weekday() == _SATURDAY:
            return False
        return bool(calendar.is_working_day(day))

    return works


def is_open(now: datetime, zone: ZoneInfo, works: Works) -> bool:
    """Whether an instant is inside the window of a working day."""
    local = now.astimezone(zone)
    return OPENS <= local.hour < CLOSES and works(local.date())


def next_day(now: datetime, zone: ZoneInfo, works: Works) -> date:
    """The day, in that zone, whose window is the next to open after `now`."""
    day = now.astimezone(zone).date()
    while not works(day) or (opens := at(day, OPENS, zone)) is None or opens <= now:
        day += timedelta(days=1)
    return day


def at(day: date, hour: int, zone: ZoneInfo) -> datetime | None:
    """The instant of an hour of a day (UTC); None where that day was left out of the calendar.

    An hour that does not exist is the one that much later, of one that comes twice it is the first
    (rule D3; `fold` of PEP 495).
    """
    instant = datetime.combine(day, time(hour), zone).astimezone(UTC)
    return instant if instant.astimezone(zone).date() == day else None


def _subdivision(calendar: object, region: Region) -> str | None:
    """What the calendar calls a region, where it knows it."""
    known = getattr(calendar, "subdivisions", ())
    aliases = getattr(calendar, "subdivisions_aliases", {})
    names = (region.code, *region.names)
    return next((found for name in names if (found := aliases.get(name, name)) in known), None)


def _monday_to_friday(day: date) -> bool:
    return day.weekday() < _SATURDAY
