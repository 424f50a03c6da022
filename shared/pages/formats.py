"""Instants, numbers and countries as a reader of a language writes them (Babel).

Instants are shown by the reader's clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from babel import Locale
from babel.dates import format_date, format_datetime, format_time, get_timezone_name
from babel.numbers import format_decimal

from shared.languages.sizes import size_text
from shared.pages.clocks import Clock
from shared.timing.local_times import installed_rules
from shared.timing.places import present_name


def formats(language: str, reader: Clock) -> Mapping[str, Callable[..., Any]]:
    """What a template calls to write values, by name."""
    locale = Locale.parse(language, sep="-")
    rules = reader.rules

    def day(at: datetime) -> str:
        return format_date(at.astimezone(rules), "medium", locale)

    def date_(of: date) -> str:
        return format_date(of, "long", locale)

    def clock(at: datetime) -> str:
        return format_time(at, "short", rules, locale)

    def exact(at: datetime) -> str:
        return format_datetime(at, "full", rules, locale)

    def wall_clock(text: str) -> str:
        """A time without an offset, as somebody's clock shows it (ISO 8601)."""
        shown = datetime.fromisoformat(text)
        return (
            f"{format_date(shown, 'medium', locale)} {format_time(shown, 'short', locale=locale)}"
        )

    def elsewhere(at: datetime, zone: str) -> str:
        """An instant as a clock in that time zone shows it."""
        there = at.astimezone(installed_rules().zone(zone))
        return wall_clock(there.replace(tzinfo=None).isoformat())

    def is_readers(zone: str) -> bool:
        """Whether a time zone is the reader's own, under whatever name."""
        return present_name(zone) == reader.name

    def zone_name() -> str:
        """What the reader's time zone is called."""
        return get_timezone_name(rules, locale=locale)

    def number(value: int) -> str:
        return format_decimal(value, locale=locale)

    def country(code: str) -> str:
        return str(locale.territories.get(code.upper(), code))

    def size(count: int) -> str:
        return size_text(language, count)

    return {
        "size": size,
        "day": day,
        "date": date_,
        "clock": clock,
        "exact": exact,
        "wall_clock": wall_clock,
        "elsewhere": elsewhere,
        "is_readers": is_readers,
        "zone_name": zone_name,
        "number": number,
        "country": country,
    }
