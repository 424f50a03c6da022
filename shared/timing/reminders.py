"""Reminders: what becomes of one, from what is known of its message (rule R1). Pure.

A reminder is `set` until its time; then it is `expired` (it fired), unless it could not fire any
more. Whoever changes a message asks `with_reminder`, so that what is learned makes it invalid in
the same write; invalid stays so. What the organization switched is in its settings, with the times:
nobody has to visit every message then, and switching back changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.messages.rows import CopyRow, MessageRow, instant_text
from shared.messages.stored import Stored
from shared.model import Reminder, ReminderCondition, ReminderState, Status
from shared.organizations import OrganizationSettings

SETTLED = timedelta(seconds=5)
"""A condition is decided so much after its time: hits of its last second are written by then."""

ANYWAY = ReminderCondition.ANYWAY


def look_at(reminder: Reminder) -> datetime:
    """When to decide it: at its time, or shortly after where it depends on what happened."""
    return reminder.at if reminder.condition is ANYWAY else reminder.at + SETTLED


def with_reminder(message: MessageRow, copies: Iterable[CopyRow] = ()) -> MessageRow:
    """The message with what it and its copies say themselves of its reminder; what nobody has begun
    to send has nothing to say by its copies."""
    reminder = message.reminder
    if reminder is None or reminder.state is ReminderState.INVALID:
        return message
    reason = _reason(message, copies, reminder)
    if reason is None:
        return message
    return replace(message, reminder=_invalid(reminder, reason))


def taken_back(message: MessageRow) -> MessageRow:
    """The message with its reminder as it was, where an open had made it invalid that turned out to
    be a machine's: that was no fact that could have done so."""
    reminder = message.reminder
    if reminder is None or reminder.state is not ReminderState.INVALID:
        return message
    opened_at = message.kpis.first_human_opened_at
    if reminder.reason != "opened" or (opened_at is not None and opened_at <= reminder.at):
        return message
    state = ReminderState.EXPIRED if reminder.fired_at else ReminderState.SET
    return replace(message, reminder=replace(reminder, state=state, reason=None))


def decided(stored: Stored, settings: OrganizationSettings, now: datetime) -> MessageRow:
    """The message with its reminder decided, whose time has come: it fires, or it cannot."""
    message, reminder = stored.message, as_of(stored, settings, now)
    if reminder is not None and reminder.state is ReminderState.SET:
        reminder = replace(reminder, state=ReminderState.EXPIRED, fired_at=now)
    return replace(message, reminder=reminder)


def as_of(stored: Stored, settings: OrganizationSettings, now: datetime) -> Reminder | None:
    """The reminder as it is now, what the organization has switched off since it was set
    included."""
    reminder = with_reminder(stored.message, stored.copies.values()).reminder
    if reminder is None or reminder.state is not ReminderState.SET:
        return reminder
    until = min(now, reminder.at)
    if reminder.condition is not ANYWAY and not settings.collected_from(reminder.set_at, until):
        # While it was off nothing was kept, and nobody can tell any more what happened then.
        return _invalid(reminder, "notCollected" if settings.engagement else "engagementOff")
    if not settings.assisted_from(reminder.set_at, until):
        return _invalid(reminder, "assistantOff")
    return reminder


def reminder_shown(reminder: Reminder | None) -> dict[str, Any]:
    """A message's reminder as the API shows it."""
    if reminder is None:
        nothing = dict.fromkeys(("condition", "at", "comment"))
        return {**nothing, "state": ReminderState.NOT_SET.value, "reason": None}
    return {
        "condition": reminder.condition.value,
        "at": instant_text(reminder.at),
        "comment": reminder.comment,
        "state": reminder.state.value,
        "reason": reminder.reason,
    }


def _reason(message: MessageRow, copies: Iterable[CopyRow], reminder: Reminder) -> str | None:
    """Why it cannot fire, or should not have; of one that fired only facts from before its time
    count, learned since."""
    if reminder.condition is ReminderCondition.NOT_OPENED_BY:
        opened_at = message.kpis.first_human_opened_at
        if opened_at is not None and opened_at <= reminder.at:
            return "opened"
    if reminder.condition is ReminderCondition.NO_REPLY_BY:
        replies = (one.first_reply_at for one in copies)
        if any(at is not None and at <= reminder.at for at in replies):
            return "replied"
    if reminder.state is ReminderState.EXPIRED:
        return None
    if message.status is Status.CANCELLED:
        return "cancelled"
    if message.status is Status.FAILED:
        return "failed"
    # A draft may become one that is followed.
    unfollowed = not message.followed and message.status is not Status.DRAFT
    return "notFollowed" if unfollowed and reminder.condition is not ANYWAY else None


def _invalid(reminder: Reminder, reason: str) -> Reminder:
    return replace(reminder, state=ReminderState.INVALID, reason=reason)
