"""Instants, numbers and countries as a reader of a language writes them (Babel).

Times are shown in UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from babel import Locale
from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_decimal

from shared.languages.sizes import size_text


def formats(language: str) -> Mapping[str, Callable[..., Any]]:
    """What a template calls to write values, by name."""
    locale = Locale.parse(language, sep="-")

    def day(at: datetime) -> str:
        return format_date(at.astimezone(UTC), "medium", locale)

    def date_(of: date) -> str:
        return format_date(of, "long", locale)

    def clock(at: datetime) -> str:
        return format_time(at, "short", UTC, locale)

    def exact(at: datetime) -> str:
        return format_datetime(at, "full", UTC, locale)

    def wall_clock(text: str) -> str:
        """A time without an offset, as somebody's clock shows it (ISO 8601)."""
        shown = datetime.fromisoformat(text)
        return (
            f"{format_date(shown, 'medium', locale)} {format_time(shown, 'short', locale=locale)}"
        )

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
        "number": number,
        "country": country,
    }
