"""Writing events down with their counts: what of a message changes, as one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from shared.messages.rows import CopyRow, event_key, event_to_row
from shared.messages.stored import Stored
from shared.model import Event
from shared.organizations import Organization
from shared.storage.tables import Write
from shared.tracking.counting import inferred_open
from shared.tracking.neighbours import count_in


async def counted(
    organization: Organization, stored: Stored, events: Sequence[Event]
) -> tuple[dict[int, CopyRow], list[Write]]:
    """The copies with new events counted, and the writes of the events themselves."""
    by_copy: defaultdict[int, list[Event]] = defaultdict(list)
    for event in events:
        by_copy[event.copy].append(event)
    copies = {
        number: await count_in(organization, stored.message.id, stored.copies[number], new)
        for number, new in by_copy.items()
    }
    writes = [Write("insert", event_to_row(stored.message.id, event)) for event in events]
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
