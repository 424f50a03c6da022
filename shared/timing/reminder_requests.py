"""A reminder as callers ask for it (`reminder` of the contract; rule R1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated

from pydantic import Field, JsonValue, StringConstraints

from shared.errors import Problem, Refusal
from shared.model import FollowChoice, Reminder, ReminderCondition, ReminderState
from shared.timing.send_times import read_send_time
from shared.web.fields import RequestModel
from shared.web.requests import parse

LONGEST_COMMENT = 1250


class ReminderRequest(RequestModel):
    condition: Annotated[ReminderCondition, Field(strict=False)]
    at: JsonValue
    comment: Annotated[str, StringConstraints(max_length=LONGEST_COMMENT)] | None = None


def read_reminder(
    value: JsonValue, follow: FollowChoice, after: datetime, now: datetime
) -> Reminder | None:
    """The reminder that is asked for, of a message that is sent at `after`; `Refusal` 422 with
    pointers below `/reminder`."""
    if value is None:
        return None
    if not isinstance(value, dict):
        raise _refusal("", "This must be an object with condition, at and comment.")
    try:
        request = parse(ReminderRequest, value)
    except Refusal as refusal:
        raise _below("/reminder", refusal) from None
    at = _time(request.at, now)
    reminder = Reminder(request.condition, at, now, (request.comment or "").strip() or None)
    refuse_impossible(reminder, follow, max(after, now))
    return reminder


def refuse_impossible(reminder: Reminder | None, follow: FollowChoice, after: datetime) -> None:
    """422 for a time that is not after the sending, and for a condition on a message that shall not
    be followed. One that fired, or cannot any more, is none of the caller's mistakes."""
    if reminder is None or reminder.state is not ReminderState.SET:
        return
    if reminder.at <= after:
        raise _refusal("/at", "A reminder is at a time after the sending.")
    if reminder.condition is not ReminderCondition.ANYWAY and follow is FollowChoice.OFF:
        raise _refusal("/condition", "Only a followed message can have this condition; use anyway.")


def _time(value: JsonValue, now: datetime) -> datetime:
    if not isinstance(value, str | dict) or value == "recommended":
        raise _refusal("/at", "Use a time with its offset, or {local, timeZone}.")
    try:
        time = read_send_time(value, now)
    except Refusal as refusal:
        problems = tuple(
            replace(one, pointer=one.pointer.replace("/sendAt", "/at", 1))
            for one in refusal.problems
        )
        raise _below("/reminder", Refusal(422, refusal.detail, problems)) from None
    assert time is not None
    return time.at


def _below(where: str, refusal: Refusal) -> Refusal:
    problems = tuple(Problem(f"{where}{one.pointer}", one.detail) for one in refusal.problems)
    return Refusal(422, "The reminder has mistakes; see errors.", problems)


def _refusal(below: str, detail: str) -> Refusal:
    return Refusal(422, f"reminder: {detail}", (Problem(f"/reminder{below}", detail),))
