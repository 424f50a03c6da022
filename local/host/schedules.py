"""NCRONTAB: the schedules of timer triggers, read as .NET's NCrontab reads them.

Cron libraries of PyPI differ where it hurts: they join a restricted day and a restricted weekday
by "or" (NCrontab by "and"), and accept what Azure refuses (`7` for Sunday, `L`, `#`, `?`), so a
schedule would work here and fail there.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

_MONTHS = "January February March April May June July August September October November December"
_WEEKDAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday"
_LAST_YEAR = 9999


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


_SECOND = _Field("second", 0, 59)
_MINUTE = _Field("minute", 0, 59)
_HOUR = _Field("hour", 0, 23)
_DAY = _Field("day", 1, 31)
_MONTH = _Field("month", 1, 12, tuple(_MONTHS.lower().split()))
_WEEKDAY = _Field("day of week", 0, 6, tuple(_WEEKDAYS.lower().split()))


@dataclass(frozen=True)
class Schedule:
    """When a timer is due. `next_after` is the only question it answers."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    def next_after(self, moment: datetime) -> datetime | None:
        """The first due instant after `moment`, in its time zone; None when there is none."""
        start = (moment + timedelta(seconds=1)).replace(microsecond=0)
        later_today = self._first_time(start.hour, start.minute, start.second)
        if later_today and self._has_day(start.date()):
            hour, minute, second = later_today
            return start.replace(hour=hour, minute=minute, second=second)
        day = self._next_day(start.date())
        if day is None:
            return None
        first = time(self.hours[0], self.minutes[0], self.seconds[0])
        return datetime.combine(day, first, start.tzinfo)

    def _has_day(self, day: date) -> bool:
        return (
            day.month in self.months
            and day.day in self.days
            and day.isoweekday() % 7 in self.weekdays
        )

    def _next_day(self, day: date) -> date | None:
        # The Gregorian calendar repeats after 400 years, weekdays included: what has not come by
        # then never comes (30 February, or a Monday that has to be a Tuesday).
        for days in range(1, 400 * 366):
            if day.year == _LAST_YEAR and (day.month, day.day) == (12, 31):
                return None
            day += timedelta(days=1)
            if day.month not in self.months:
                continue
            if self._has_day(day):
                return day
            if days > 8 * 366 and self.weekdays == frozenset(range(7)):
                return None
        return None

    def _first_time(self, hour: int, minute: int, second: int) -> tuple[int, int, int] | None:
        for due_hour in self.hours:
            if due_hour < hour:
                continue
            for due_minute in self.minutes:
                if (due_hour, due_minute) < (hour, minute):
                    continue
                for due_second in self.seconds:
                    if (due_hour, due_minute, due_second) >= (hour, minute, second):
                        return due_hour, due_minute, due_second
        return None


def read_schedule(text: str) -> Schedule:
    """Read five (without seconds) or six fields; raises ValueError with a sentence."""
    fields = text.split()
    if len(fields) == 5:
        fields.insert(0, "0")
    if len(fields) != 6:
        raise ValueError(f"the schedule {text!r} has {len(fields)} fields instead of 5 or 6")
    kinds = (_SECOND, _MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY)
    try:
        second, minute, hour, day, month, weekday = (
            _read_field(kind, field) for kind, field in zip(kinds, fields, strict=True)
        )
    except ValueError as error:
        raise ValueError(f"the schedule {text!r} cannot be read: {error}") from None
    return Schedule(
        seconds=tuple(sorted(second)),
        minutes=tuple(sorted(minute)),
        hours=tuple(sorted(hour)),
        days=frozenset(day),
        months=frozenset(month),
        weekdays=frozenset(weekday),
    )


def _read_field(kind: _Field, text: str) -> set[int]:
    return set[int]().union(*(_read_element(kind, element) for element in text.split(",")))


def _read_element(kind: _Field, text: str) -> Sequence[int]:
    wanted, slash, step_text = text.partition("/")
    step = _read_step(kind, text, step_text) if slash else 1
    if wanted == "*":
        return range(kind.low, kind.high + 1, step)
    first_text, dash, last_text = wanted.partition("-")
    first = _read_value(kind, first_text)
    if dash:
        # NCrontab swaps a range that is written the wrong way round: `5-1` is `1-5`.
        first, last = sorted((first, _read_value(kind, last_text)))
        return range(first, last + 1, step)
    # `5/15` means every 15th from 5 on; without a step it is the value alone.
    return range(first, kind.high + 1, step) if slash else (first,)


def _read_step(kind: _Field, text: str, step: str) -> int:
    if not re.fullmatch(r"\d+", step, re.ASCII):
        raise ValueError(f"{text!r} is no {kind.name}")
    return max(int(step), 1)


def _read_value(kind: _Field, text: str) -> int:
    if re.fullmatch(r"\d+", text, re.ASCII):
        value = int(text)
        if not kind.low <= value <= kind.high:
            raise ValueError(f"{value} is no {kind.name} ({kind.low} to {kind.high})")
        return value
    for index, name in enumerate(kind.names):
        if text and name.startswith(text.lower()):
            return kind.low + index
    raise ValueError(f"{text!r} is no {kind.name}")
