"""What follows from a change of a message, and is done after it: rows written with the change
itself.

A change and its `todo` row are one transaction; the row is deleted when everything that follows has
been done. So a crash in between leaves the row, and whoever works on the message next does it
again: everything here may be done twice. Today that is the message's list rows; cards and
webhooks, which hook in here, find the ids of the new events in the row.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

from shared.messages.feeds import list_message
from shared.messages.rows import MESSAGE_KEY, TABLE, MessageRow, message_from_row, todo_key
from shared.organizations import Organization
from shared.storage.tables import Row, Write


def with_todo(message: MessageRow, events: Sequence[str] = ()) -> tuple[MessageRow, Write]:
    """The message with its next version, and the write of the todo row that belongs to it."""
    sequence = message.todo_sequence + 1
    row: Row = {
        "PartitionKey": message.id,
        "RowKey": todo_key(sequence),
        "schema": 1,
        "events": json.dumps(list(events)),
    }
    changed = replace(message, todo_sequence=sequence, version=message.version + 1)
    return changed, Write("insert", row)


async def drain(organization: Organization, message: MessageRow, keys: Iterable[str]) -> None:
    """Does what follows from the changes whose todo rows have these keys, then deletes the rows."""
    await list_message(organization, message)
    await organization.tables.delete_all(TABLE, message.id, list(keys))


async def drain_left_behind(organization: Organization, message: str) -> None:
    """Does what a crash left undone for a message, if anything."""
    left = await organization.tables.page(TABLE, message, after="todo~", below="todo~~", limit=1000)
    if not left:
        return
    read = await organization.tables.get(TABLE, message, MESSAGE_KEY)
    if read is not None:
        await drain(organization, message_from_row(read.row), [r.row["RowKey"] for r in left])
