"""The hour at which people open their mail, as far as history tells (rule D2): pure.

**What is counted.** Of each message to one person: how long it lay there unopened in each hour of
the person's week, and in which hour it was opened first. Opens alone would say when messages were
sent: whoever always sends at nine sees most opens at nine. So the opens of an hour are compared
with those expected from the messages that lay there then, given how long they had been lying (a
fresh message is opened sooner, at any hour): indirect standardization. A reply proves that its
message was read, and counts as its open where none was seen.

**What is decided.** The ratio of opens to expected opens of an hour has a Gamma distribution
(Poisson counts), which shrinks in steps: the hour on other weekdays to no difference at all, the
hour of this weekday to that, and this recipient's to the others'. Each step trusts the one before
as much as a fixed number of expected opens, so that a few lucky opens decide nothing. The best hour
counts only if even the low end of what it may be, at 5 % shared among the hours compared, is above
the average hour. Otherwise nothing is known, and business hours decide.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import NormalDist
from zoneinfo import ZoneInfo

from shared.timing.business_hours import HOURS

WATCHED = timedelta(days=7)
"""How long a message is looked at after it was sent: each hour of the week once."""

WEEK = 7 * 24
ENOUGH = 50
"""Opens in business hours below which there is no history to speak of."""

_MS = timedelta(milliseconds=1)
_HOUR = 3_600_000
_AGES = (_HOUR, 3 * _HOUR, 12 * _HOUR, 24 * _HOUR, 72 * _HOUR)
"""Ages, in milliseconds, that part messages into fresh and less fresh ones."""

_BANDS = len(_AGES) + 1
_NO_DIFFERENCE = 20.0
_OTHER_WEEKDAYS = 50.0
_OTHERS = 30.0
"""How many expected opens of an hour each step's starting point is worth."""

_LOW_END = NormalDist().inv_cdf(0.05 / len(HOURS))


@dataclass(frozen=True, slots=True)
class Reading:
    """A message to one person: when it was sent, when a person first opened it, their zone."""

    sent_at: datetime
    opened_at: datetime | None
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Habits:
    """Opens, and hours that messages lay unopened, by age and hour of the week.

    The hours of a week come one age after the other, each from Monday 0:00 on.
    """

    opens: Sequence[float] = (0.0,) * (_BANDS * WEEK)
    lay: Sequence[float] = (0.0,) * (_BANDS * WEEK)

    def __add__(self, other: Habits) -> Habits:
        return Habits(
            [one + more for one, more in zip(self.opens, other.opens, strict=True)],
            [one + more for one, more in zip(self.lay, other.lay, strict=True)],
        )

    def __sub__(self, part: Habits) -> Habits:
        """Without a part of it."""
        return Habits(
            [max(0.0, one - less) for one, less in zip(self.opens, part.opens, strict=True)],
            [max(0.0, one - less) for one, less in zip(self.lay, part.lay, strict=True)],
        )

    def rates(self, cells: Collection[int]) -> list[float]:
        """Opens an hour in these hours of the week, at each age."""
        return [
            sum(self.opens[start + cell] for cell in cells)
            / (sum(self.lay[start + cell] for cell in cells) or 1.0)
            for start in range(0, _BANDS * WEEK, WEEK)
        ]

    def opens_in(self, cells: Iterable[int]) -> float:
        """Opens in these hours of the week, at any age."""
        return sum(self.opens[cell + age * WEEK] for cell in cells for age in range(_BANDS))

    def expected_in(self, cells: Iterable[int], rates: Sequence[float]) -> float:
        """The opens there would be in these hours of the week were all hours the same."""
        return sum(
            self.lay[cell + age * WEEK] * rate for cell in cells for age, rate in enumerate(rates)
        )


NO_HABITS = Habits()


@dataclass(frozen=True, slots=True)
class History:
    """What is known of an organization's recipients, this recipient among them, and of this one.

    `since` is the day from which on messages were looked at; None where there are none.
    """

    organization: Habits = NO_HABITS
    recipient: Habits = NO_HABITS
    since: date | None = None


@dataclass(frozen=True, slots=True)
class BestHour:
    """An hour (0–23) of a weekday (0 is Monday), and how many times as likely an open is then as in
    an average business hour."""

    weekday: int
    hour: int
    times_average: float


def observed(readings: Iterable[Reading]) -> Habits:
    """The habits that these messages show."""
    opens, lay = [0.0] * (_BANDS * WEEK), [0.0] * (_BANDS * WEEK)
    for reading in readings:
        sent, zone, end = reading.sent_at, reading.zone, reading.sent_at + WATCHED
        opened = reading.opened_at is not None and reading.opened_at <= end
        if reading.opened_at is not None and opened:
            end = max(reading.opened_at, sent)
        begun = _clock(sent, zone)
        # Reading the clock each hour takes ten times as long, and it seldom changes.
        steady = _offset(sent, zone) == _offset(end, zone)
        age, whole = 0, (end - sent) // _MS
        cell = begun // _HOUR
        while age < whole:
            now = begun + age if steady else _clock(sent + age * _MS, zone)
            step = min(_HOUR - now % _HOUR, whole - age)
            cell = now // _HOUR % WEEK + bisect_right(_AGES, age) * WEEK
            lay[cell] += step / _HOUR
            age += step
        if opened:
            opens[cell] += 1
    return Habits(opens, lay)


def best_hour(history: History, weekday: int, week: Collection[int]) -> BestHour | None:
    """The best business hour of a weekday; None where history does not tell it from the others.

    `week` has the weekdays on which the recipient works.
    """
    open_hours = business_hours(week)
    if history.organization.opens_in(open_hours) < ENOUGH:
        return None
    # Of these hours alone: at night all ages are opened less, and some ages are mostly night.
    rates = history.organization.rates(open_hours)
    others = history.organization - history.recipient
    steps = (
        (others, [day for day in week if day != weekday], _NO_DIFFERENCE),
        (others, [weekday], _OTHER_WEEKDAYS),
        (history.recipient, list(week), _OTHERS),
    )
    ratios = [_Ratio(_NO_DIFFERENCE, _NO_DIFFERENCE) for _ in HOURS]
    for habits, days, worth in steps:
        ratios = _learned(ratios, habits, days, worth, rates)
    hour, best = max(zip(HOURS, ratios, strict=True), key=lambda one: one[1].mean)
    return BestHour(weekday, hour, best.mean) if best.low_end > 1 else None


def business_hours(week: Iterable[int]) -> list[int]:
    """The business hours of these weekdays, as hours of the week."""
    return [24 * day + hour for day in week for hour in HOURS]


@dataclass(frozen=True, slots=True)
class _Ratio:
    """What is known of an hour's ratio: a Gamma distribution by its shape and rate."""

    shape: float
    rate: float

    @property
    def mean(self) -> float:
        return self.shape / self.rate

    @property
    def low_end(self) -> float:
        """Wilson and Hilferty's approximation of the Gamma distribution's quantile."""
        part = 1 / (9 * self.shape)
        return float(self.mean * max(0.0, 1 - part + _LOW_END * part**0.5) ** 3)

    def worth(self, most: float) -> _Ratio:
        """The same, known no better than from that many expected opens."""
        rate = min(self.rate, most)
        return _Ratio(self.mean * rate, rate)


def _learned(
    before: Sequence[_Ratio],
    habits: Habits,
    days: Collection[int],
    worth: float,
    rates: Sequence[float],
) -> list[_Ratio]:
    """The ratio of each business hour after looking at these habits on these days.

    Only how the hours differ is learned: that all of these people open more than others, or less,
    is taken out.
    """
    start = [one.worth(worth) for one in before]
    opens = [habits.opens_in(_cells(days, hour)) for hour in HOURS]
    expected = [habits.expected_in(_cells(days, hour), rates) for hour in HOURS]
    alike = sum(one * ratio.mean for one, ratio in zip(expected, start, strict=True))
    level = sum(opens) / alike if alike else 0.0
    return [
        _Ratio(ratio.shape + seen, ratio.rate + level * due)
        for ratio, seen, due in zip(start, opens, expected, strict=True)
    ]


def _cells(days: Collection[int], hour: int) -> list[int]:
    return [24 * day + hour for day in days]


def _clock(instant: datetime, zone: ZoneInfo) -> int:
    """What a clock and a calendar show there: milliseconds since Monday, 0:00."""
    local = instant.astimezone(zone)
    seconds = ((local.weekday() * 24 + local.hour) * 60 + local.minute) * 60 + local.second
    return seconds * 1000 + local.microsecond // 1000


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta | None:
    return instant.astimezone(zone).utcoffset()
