"""What follows from a change of a message, and is done after it: rows written with the change
itself.

A change and its `todo` row are one transaction; the row is deleted when everything that follows has
been done. So a crash in between leaves the row, and whoever works on the message next does it
again: everything here may be done twice. Today that is the message's list rows, what it says of
its readers' habits, and the cards that are others since; webhooks, which hook in here, find the ids
of the new events in the row.

Who changes a message several times in a row may leave one row for all of it, so that its end costs
one deletion however many there were: the row of a later change takes the place of the former, once
all that follows from the former's events alone was done (nothing today), and names the cards of all
of them. What follows for the message as a whole is done at the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from shared.assistant.facts import MAILBOX_GONE, Card, cards_of
from shared.assistant.making import make_cards, take_away
from shared.messages.feeds import feeds_of, list_message, position, unlist
from shared.messages.rows import (
    TABLE,
    CopyRow,
    MessageRow,
    todo_key,
)
from shared.messages.stored import read_message
from shared.organizations import Organization, OrganizationSettings
from shared.storage.tables import Row, Write
from shared.timing.history import note


def with_todo(
    message: MessageRow,
    events: Sequence[str] = (),
    instead_of: str | None = None,
    left: Sequence[str] = (),
    cards: Iterable[str] = (),
) -> tuple[MessageRow, Write]:
    """The message with its next version, and the write of the todo row that belongs to it.

    `instead_of` is the key of a row of one's own, that has not been drained, to take its place;
    `left` are lists that the message stands in no more, `cards` the names of the cards that are
    others since.
    """
    sequence = message.todo_sequence + (instead_of is None)
    row: Row = {
        "PartitionKey": message.id,
        "RowKey": instead_of or todo_key(sequence),
        "schema": 1,
        "events": json.dumps(list(events)),
        "left": json.dumps(list(left)),
        "cards": json.dumps(sorted(cards)),
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
    history: Iterable[CopyRow],
    left: Iterable[str] = (),
    cards: Mapping[str, Card | None] | None = None,
    settings: OrganizationSettings | None = None,
) -> None:
    """Does what follows from the changes whose todo rows have these keys, then deletes the rows,
    those with an ETag only where they have not changed since.

    `history` are the copies of which the changes may have changed what they say of their readers;
    `left` are the lists that the message left with these changes; `cards` are those that are
    others since, None for one that should not be any more. `settings` are the organization's, where
    somebody has just read them.
    """
    left = set(left) - set(feeds_of(message))
    if left:
        # Cards of a seller are under the same name as their list.
        await take_away(organization, message, left)
        stored = await read_message(organization, message.id)
        if stored:
            cards = {MAILBOX_GONE: None, **cards_of(message, stored.copies.values())}
    if cards:
        await make_cards(organization, message, cards, settings)
    await note(organization, message, history)
    await list_message(organization, message)
    await unlist(organization, left, position(message))
    await organization.tables.delete_all(TABLE, message.id, list(keys), etags)


async def drain_left_behind(organization: Organization, message: str) -> None:
    """Does what a crash left undone for a message, if anything."""
    left = await organization.tables.page(TABLE, message, after="todo~", below="todo~~", limit=1000)
    if not left:
        return
    stored = await read_message(organization, message)
    if stored is None:
        return
    # Only as they are: whoever is at work here may have put a row for a later change in place.
    etags = {todo.row["RowKey"]: todo.etag for todo in left}
    lists = [feed for todo in left for feed in json.loads(todo.row.get("left", "[]"))]
    names = {name for todo in left for name in json.loads(todo.row.get("cards", "[]"))}
    copies = stored.copies.values()
    now = cards_of(stored.message, copies)
    cards = {name: now.get(name) for name in sorted(names)}
    await drain(organization, stored.message, etags, etags, history=copies, left=lists, cards=cards)
