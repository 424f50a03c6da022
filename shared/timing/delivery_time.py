"""When a message is best delivered to its one recipient (rules D1, D2)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from shared.model import Recipient
from shared.organizations import Organization
from shared.timing.best_time import BestHour, History, best_hour, business_hours
from shared.timing.business_hours import HOURS, Works, at, is_open, next_day, working_days
from shared.timing.history import read_history
from shared.timing.zones import LocalZone, Source, zone_of_recipient

NO_RECIPIENT = "noRecipient"
SEVERAL_RECIPIENTS = "severalRecipients"
NO_TIME_ZONE = "noTimeZone"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a recommendation rests on.

    `by_history` tells whether history chose the hour, or business hours alone did. `opens` are the
    first human opens in business hours that were looked at, `recipient_opens` those by the
    recipient, of messages sent since `since`. `best` is the best hour of that day, where history
    tells.
    """

    by_history: bool
    opens: int
    recipient_opens: int
    since: date | None
    best: BestHour | None


@dataclass(frozen=True, slots=True)
class Recommended:
    """An instant (UTC) and the same on the recipient's clock, the zone and what told it."""

    at: datetime
    local: datetime
    time_zone: str
    source: Source
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class DeliveryTime:
    """The recommendation, or the code of the reason why there is none."""

    recommended: Recommended | None = None
    reason: str | None = None


async def recommend(
    organization: Organization, recipients: Sequence[Recipient], now: datetime
) -> DeliveryTime:
    """The recommended delivery time for a message to these recipients (To, Cc and Bcc together)."""
    if len(recipients) != 1:
        return DeliveryTime(reason=SEVERAL_RECIPIENTS if recipients else NO_RECIPIENT)
    zone = await zone_of_recipient(organization, recipients[0], now)
    if zone is None:
        return DeliveryTime(reason=NO_TIME_ZONE)
    settings = await organization.settings()
    history = History()
    if settings.engagement:
        history = await read_history(organization, recipients[0].address, now)
    return DeliveryTime(await asyncio.to_thread(recommended, zone, history, now))


def recommended(zone: LocalZone, history: History, now: datetime) -> Recommended:
    """Now inside business hours; outside, the next day's first hour, or the one that history says.

    History chooses among the hours of that day only: it never puts a message off to another.
    """
    rules, works = zone.rules, working_days(zone.country, zone.region)
    open_now = is_open(now, rules, works)
    day = now.astimezone(rules).date() if open_now else next_day(now, rules, works)
    week = _week(day, works)
    best = best_hour(history, day.weekday(), week)
    instant = now if open_now else at(day, best.hour if best else HOURS[0], rules)
    assert instant is not None
    looked_at = business_hours(week)
    return Recommended(
        at=instant,
        local=instant.astimezone(rules).replace(tzinfo=None),
        time_zone=zone.name,
        source=zone.source,
        evidence=Evidence(
            by_history=best is not None and not open_now,
            opens=round(history.organization.opens_in(looked_at)),
            recipient_opens=round(history.recipient.opens_in(looked_at)),
            since=history.since,
            best=best,
        ),
    )


def _week(day: date, works: Works) -> list[int]:
    """The weekdays on which people work, as four weeks show."""
    days = (day + timedelta(days=ahead) for ahead in range(28))
    return sorted({one.weekday() for one in days if works(one)})
