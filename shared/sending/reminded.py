"""Setting the reminder of a message whose sending has begun: until it fires, and anew afterwards
(rule S3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from pydantic import JsonValue

from shared.assistant.facts import cards_of, differing
from shared.messages.rows import MessageRow
from shared.messages.stored import Stored, write_message
from shared.messages.todo import drain, with_todo
from shared.organizations import Organization
from shared.sending.due import put_look, remove_look
from shared.timing.reminder_requests import read_reminder
from shared.timing.reminders import with_reminder
from shared.timing.reminding import put_reminder


async def set_reminder(
    organization: Organization, stored: Stored, value: JsonValue, now: datetime
) -> MessageRow:
    """The message with this reminder, or without one (None). The card of the one before goes.

    Raises `Refusal` 422 for what cannot be, `Changed` where the message is not as it was read.
    """
    message, copies = stored.message, stored.copies.values()
    reminder = read_reminder(value, message.follow_choice, message.sent_at or now, now)
    changed = with_reminder(replace(message, reminder=reminder), copies)
    cards = differing(cards_of(message, copies), cards_of(changed, copies))
    changed, todo = with_todo(changed, cards=cards)
    await put_reminder(organization, changed)
    await put_look(organization, message.id, changed.version, now)
    await write_message(organization, stored, changed, (), [todo])
    await drain(organization, changed, [todo.row["RowKey"]], history=(), cards=cards)
    await remove_look(organization, message.id, changed.version, now)
    return changed
