"""The timeline of a message: its events, newest first, a page at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.messages.files import FileRow
from shared.messages.rows import TABLE, CopyRow, event_from_row, event_key
from shared.model import Event, EventKind, Link
from shared.organizations import Organization

BY_SELLERS = (EventKind.WITHDRAWN,)
"""What is nobody's doing among the recipients."""

AUTOMATED = ("include", "exclude", "only")
_MOST_LOOKED_AT = 2_000
"""A page without what was asked for is short rather than slow."""


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """Events, and the position after which the next page begins; None at the end."""

    events: Sequence[Event]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """An event with who and what it was about, where that is known (rule T6)."""

    event: Event
    recipient: str | None
    link: Link | None
    file: FileRow | None


def entries(
    events: Sequence[Event],
    copies: Mapping[int, CopyRow],
    links: Sequence[Link],
    files: Sequence[FileRow],
) -> list[Entry]:
    """The events of a message as its timeline tells them."""
    by_index = {link.index: link for link in links if link.index is not None}
    by_number = {file.number: file for file in files}
    return [
        Entry(
            event,
            None
            if event.kind in BY_SELLERS or event.copy not in copies
            else copies[event.copy].recipient,
            by_index.get(event.link) if event.link is not None else None,
            by_number.get(event.attachment) if event.attachment is not None else None,
        )
        for event in events
    ]


async def events_of(
    organization: Organization,
    message: str,
    since: datetime | None = None,
    until: datetime | None = None,
    a_time: int = 1000,
) -> AsyncIterator[Event]:
    """The events between two instants, both included, or all; newest first, so many with each
    request."""
    after = event_key(until, "") if until else "event~"
    below = event_key(since, "~") if since else "event~~"
    rows = organization.tables.rows(TABLE, message, after=after, below=below, a_time=a_time)
    async for read in rows:
        yield event_from_row(read.row)


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
