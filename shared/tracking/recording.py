"""Writing events down with all that changes of a message with them, as one transaction: the events,
the counts of copies and message, its reminder, and a todo row for what follows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.assistant.facts import cards_of, differing
from shared.messages.rows import (
    CopyRow,
    event_key,
    event_to_row,
    verdict_to_row,
)
from shared.messages.stored import Stored, write_message
from shared.messages.todo import drain, with_todo
from shared.model import Event
from shared.organizations import Organization, OrganizationSettings
from shared.storage.tables import Write
from shared.timing.history import known_of
from shared.timing.reminders import taken_back, with_reminder
from shared.timing.reminding import put_reminder
from shared.tracking.counting import inferred_open, total
from shared.tracking.neighbours import count_in


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is stored after events were written, the key of the todo row, and the names of the cards
    that are others since."""

    stored: Stored
    todo: str
    cards: frozenset[str]


async def record(
    organization: Organization,
    stored: Stored,
    events: Sequence[Event],
    *,
    corrected: Sequence[Event] = (),
    writes: Sequence[Write] = (),
    after: Recorded | None = None,
) -> Recorded:
    """Writes new events, the new verdicts of stored ones (`corrected`), and further rows of the
    message with them.

    `after` is what the same writer recorded just before: its todo row gives way to the new one.
    Raises `Changed` where the message is not as it was read, `Conflict` where an event is there.
    """
    copies, with_counts = await _counted(organization, stored, events, corrected)
    all_copies = {**stored.copies, **copies}.values()
    message = replace(stored.message, kpis=total(list(all_copies)))
    if corrected:
        message = taken_back(message)
        if message.reminder != stored.message.reminder:
            # Whoever would have looked at it may have found it invalid, and have gone.
            await put_reminder(organization, message)
    message = with_reminder(message, all_copies)
    was = cards_of(stored.message, stored.copies.values())
    cards = frozenset(differing(was, cards_of(message, all_copies)))
    if after is not None:
        cards |= after.cards
    ids = [event.id for event in events]
    message, todo = with_todo(message, ids, instead_of=after.todo if after else None, cards=cards)
    now = await write_message(
        organization, stored, message, copies.values(), [*writes, *with_counts, todo]
    )
    return Recorded(now, todo.row["RowKey"], cards)


async def follow_up(
    organization: Organization,
    before: Stored,
    recorded: Recorded,
    settings: OrganizationSettings | None = None,
) -> None:
    """Does what follows from what was recorded; `before` is the message as it was at first."""
    message, copies = recorded.stored.message, recorded.stored.copies
    cards = cards_of(message, copies.values())
    await drain(
        organization,
        message,
        [recorded.todo],
        history=[
            copy
            for number, copy in copies.items()
            if known_of(copy) != known_of(before.copies[number])
        ],
        cards={name: cards.get(name) for name in recorded.cards},
        settings=settings,
    )


async def _counted(
    organization: Organization,
    stored: Stored,
    events: Sequence[Event],
    corrected: Sequence[Event],
) -> tuple[dict[int, CopyRow], list[Write]]:
    """The copies with new events and verdicts counted, and the writes of the events themselves."""
    by_copy: defaultdict[int, tuple[list[Event], list[Event]]] = defaultdict(lambda: ([], []))
    for event in events:
        by_copy[event.copy][0].append(event)
    for event in corrected:
        by_copy[event.copy][1].append(event)
    copies = {
        number: await count_in(organization, stored.message.id, stored.copies[number], *both)
        for number, both in by_copy.items()
    }
    writes = [Write("insert", event_to_row(stored.message.id, event)) for event in events]
    writes += [Write("merge", verdict_to_row(stored.message.id, event)) for event in corrected]
    for copy in copies.values():
        writes.extend(_inferred(stored.message.id, stored.copies[copy.number], copy))
    return copies, writes


def _inferred(message: str, before: CopyRow, after: CopyRow) -> list[Write]:
    """Moves a copy's inferred open to where it belongs now."""
    if before.inferred_open_at == after.inferred_open_at:
        return []
    writes = []
    if before.inferred_open_at is not None:
        gone = inferred_open(before, before.inferred_open_at)
        key = event_key(gone.at, gone.id)
        writes.append(Write("delete", {"PartitionKey": message, "RowKey": key}))
    if after.inferred_open_at is not None:
        event = inferred_open(after, after.inferred_open_at)
        writes.append(Write("insert", event_to_row(message, event)))
    return writes
