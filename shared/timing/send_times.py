"""When a message is to be sent, as callers say it (`sendAt` of the contract; rules S3, S4, D3)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import JsonValue, StringConstraints

from shared.errors import Problem, Refusal
from shared.model import SendTime
from shared.timing.local_times import ZoneRules, installed_rules
from shared.web.fields import RequestModel, TimeZoneName
from shared.web.requests import parse

RECOMMENDED = "recommended"
"""What is said where the recommended time is to be taken (`timing.recommended` finds it)."""

PAST_COUNTS_AS_NOW = timedelta(seconds=60)
YEARS_AHEAD = 5

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
"""RFC 3339 §5.6."""

_LOCAL = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?$"
_HOW = (
    "Use a time with its offset, like 2026-11-25T09:00:00-03:00, or {local, timeZone}, "
    'or "recommended".'
)


class LocalTimeRequest(RequestModel):
    """What somebody's clock shows, and where."""

    local: Annotated[str, StringConstraints(pattern=_LOCAL)]
    time_zone: TimeZoneName


def read_send_time(
    value: JsonValue, now: datetime, rules: ZoneRules | None = None
) -> SendTime | None:
    """When to send; None is at once, or the time that is to be recommended. Raises `Refusal` 422
    with pointers below `/sendAt`."""
    if value is None or value == RECOMMENDED:
        return None
    time = _local(value, rules or installed_rules()) if isinstance(value, dict) else _instant(value)
    refuse_out_of_range(time, now)
    return time


def refuse_out_of_range(time: SendTime, now: datetime) -> None:
    """422 for what has passed a while ago, and what is years ahead."""
    if time.at < now - PAST_COUNTS_AS_NOW:
        raise _refusal("This time has passed.")
    if time.at > _years_after(now):
        raise _refusal(f"This is more than {YEARS_AHEAD} years ahead.")


def _instant(value: JsonValue) -> SendTime:
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise _refusal(_HOW)
    try:
        return SendTime(_whole(datetime.fromisoformat(value.upper()).astimezone(UTC)))
    except (ValueError, OverflowError):
        raise _refusal("There is no such time.") from None


def _local(value: dict[str, JsonValue], rules: ZoneRules) -> SendTime:
    try:
        request = parse(LocalTimeRequest, value)
    except Refusal as refusal:
        below = (Problem(f"/sendAt{one.pointer}", one.detail) for one in refusal.problems)
        raise Refusal(422, refusal.detail, tuple(below)) from None
    try:
        return rules.send_time(request.local, request.time_zone)
    except LookupError:
        raise _refusal("There is no such time zone.", "/timeZone") from None
    except (ValueError, OverflowError):
        raise _refusal("There is no such time.", "/local") from None


def _whole(at: datetime) -> datetime:
    """Rows keep milliseconds; the next whole one is not before what was asked for."""
    rest = at.microsecond % 1000
    return at + timedelta(microseconds=1000 - rest) if rest else at


def _years_after(now: datetime) -> datetime:
    try:
        return now.replace(year=now.year + YEARS_AHEAD)
    except ValueError:  # 29 February
        return now.replace(year=now.year + YEARS_AHEAD, month=3, day=1)


def _refusal(detail: str, below: str = "") -> Refusal:
    return Refusal(422, f"sendAt: {detail}", (Problem(f"/sendAt{below}", detail),))
