"""How events spread over a month: what the cost sheet and the simulation of partitions assume.

These are assumptions, not measurements: look here first where an organization differs.
"""

from __future__ import annotations

EVENTS_A_MESSAGE = 4.0
"""Opens, clicks and the rest that a followed message gets in its life."""

SCHEDULED = 0.2
"""The part of the messages that is sent later."""

PAGES_A_MESSAGE = 0.5
"""How often somebody looks at a list, and as often at a message."""

DAYS_A_MONTH = 30.4
_WEEK = (0.19, 0.19, 0.19, 0.18, 0.17, 0.04, 0.04)
"""Monday to Sunday."""
_DAY = (
    *(0.3, 0.2, 0.2, 0.2, 0.3, 0.6, 1.6, 4.0, 8.0, 11.0, 12.0, 11.0),
    *(8.0, 8.5, 10.0, 9.0, 6.5, 3.5, 2.0, 1.3, 0.9, 0.6, 0.4, 0.3),
)
"""By hour, in one time zone: an organization in several has lower peaks."""


def rate_at(events_a_month: float, day: int, hour: int) -> float:
    """Events a second in an hour of a day of the week."""
    a_day = events_a_month / DAYS_A_MONTH * 7 * _WEEK[day]
    return a_day * _DAY[hour] / sum(_DAY) / 3600


def peak(events_a_month: float) -> float:
    """Events a second in the busiest hour of the week."""
    return max(rate_at(events_a_month, day, hour) for day, hour in hours_of_a_week())


def hours_of_a_week() -> list[tuple[int, int]]:
    return [(day, hour) for day in range(7) for hour in range(24)]
