"""The timeline of a message: its events, newest first, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.messages.rows import TABLE, event_from_row
from shared.model import Event
from shared.organizations import Organization

AUTOMATED = ("include", "exclude", "only")
_MOST_LOOKED_AT = 2_000
"""A page without what was asked for is short rather than slow."""


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """Events, and the position after which the next page begins; None at the end."""

    events: Sequence[Event]
    cursor: str | None


async def read_timeline(
    organization: Organization,
    message: str,
    *,
    automated: str = "include",
    cursor: str = "",
    limit: int = 50,
) -> TimelinePage:
    """A page of the events of a message; `automated` is one of `AUTOMATED`."""
    found: list[Event] = []
    looked_at = 0
    async for read in organization.tables.rows(
        TABLE, message, after=max(cursor, "event~"), below="event~~", a_time=max(limit, 50)
    ):
        looked_at += 1
        event = event_from_row(read.row)
        if _wanted(event, automated):
            found.append(event)
        if len(found) == limit or looked_at == _MOST_LOOKED_AT:
            return TimelinePage(found, read.row["RowKey"])
    return TimelinePage(found, None)


def _wanted(event: Event, automated: str) -> bool:
    return automated == "include" or event.automated == (automated == "only")
