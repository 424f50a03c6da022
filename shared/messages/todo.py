"""What follows from a change of a message, and is done after it: rows written with the change
itself.

A change and its `todo` row are one transaction; the row is deleted when everything that follows has
been done. So a crash in between leaves the row, and whoever works on the message next does it
again: everything here may be done twice. Today that is the message's list rows and what it says
of its reader's habits; cards and webhooks, which hook in here, find the ids of the new events in
the row.

Who changes a message several times in a row may leave one row for all of it, so that its end costs
one deletion however many there were: the row of a later change takes the place of the former, once
all that follows from the former's events alone was done (nothing today). What follows for the
message as a whole is done at the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from shared.messages.feeds import feeds_of, list_message, position, unlist
from shared.messages.rows import (
    MESSAGE_KEY,
    TABLE,
    MessageRow,
    is_erased,
    message_from_row,
    todo_key,
)
from shared.organizations import Organization
from shared.storage.tables import Row, Write
from shared.timing.history import note


def with_todo(
    message: MessageRow,
    events: Sequence[str] = (),
    instead_of: str | None = None,
    left: Sequence[str] = (),
) -> tuple[MessageRow, Write]:
    """The message with its next version, and the write of the todo row that belongs to it.

    `instead_of` is the key of a row of one's own, that has not been drained, to take its place;
    `left` are lists that the message stands in no more.
    """
    sequence = message.todo_sequence + (instead_of is None)
    row: Row = {
        "PartitionKey": message.id,
        "RowKey": instead_of or todo_key(sequence),
        "schema": 1,
        "events": json.dumps(list(events)),
        "left": json.dumps(list(left)),
    }
    changed = replace(message, todo_sequence=sequence, version=message.version + 1)
    # Somebody who found the former left behind may have drained it meanwhile: hence no replace.
    return changed, Write("upsert" if instead_of else "insert", row)


async def drain(
    organization: Organization,
    message: MessageRow,
    keys: Iterable[str],
    etags: Mapping[str, str] | None = None,
    *,
    history: bool,
    left: Iterable[str] = (),
) -> None:
    """Does what follows from the changes whose todo rows have these keys, then deletes the rows,
    those with an ETag only where they have not changed since.

    `history` is whether the changes may have changed what the message says of its reader's habits;
    `left` are the lists that the message left with these changes.
    """
    if history:
        await note(organization, message)
    await list_message(organization, message)
    await unlist(organization, set(left) - set(feeds_of(message)), position(message))
    await organization.tables.delete_all(TABLE, message.id, list(keys), etags)


async def drain_left_behind(organization: Organization, message: str) -> None:
    """Does what a crash left undone for a message, if anything."""
    left = await organization.tables.page(TABLE, message, after="todo~", below="todo~~", limit=1000)
    if not left:
        return
    read = await organization.tables.get(TABLE, message, MESSAGE_KEY)
    if read is not None and not is_erased(read.row):
        # Only as they are: whoever is at work here may have put a row for a later change in place.
        etags = {todo.row["RowKey"]: todo.etag for todo in left}
        lists = [feed for todo in left for feed in json.loads(todo.row.get("left", "[]"))]
        changed = message_from_row(read.row)
        await drain(organization, changed, etags, etags, history=True, left=lists)
