"""The lists of messages: each list is one partition, newest first, that carries what a list shows.

A list row is derived from the message row and carries its version, so that an older state never
overwrites a newer one, whoever writes last. Rows are placed by the time the message was accepted
and never move.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import datetime

from shared.errors import Changed, Conflict
from shared.messages.rows import (
    MessageRow,
    message_from_row,
    message_to_row,
    milliseconds,
)
from shared.organizations import Organization
from shared.storage.tables import Row, inverted, key_text

TABLE = "feeds"
EVERYBODY = "all"


def seller_feed(seller: str) -> str:
    return f"seller:{key_text(seller)}"


def feeds_of(message: MessageRow) -> tuple[str, ...]:
    """The lists a message stands in."""
    return (EVERYBODY, seller_feed(message.seller))


@dataclass(frozen=True, slots=True)
class Listed:
    """A message as its list row tells it, and its place in the list."""

    position: str
    message: MessageRow


async def list_message(organization: Organization, message: MessageRow) -> None:
    """Brings a message's list rows up to this state of it; older than what is there changes
    nothing."""
    for feed in feeds_of(message):
        await _write(organization, feed, message)


async def unlist(organization: Organization, feeds: Iterable[str], position: str) -> None:
    """Takes what stands at this position out of these lists; may be done twice."""
    for feed in feeds:
        await organization.tables.delete(TABLE, feed, position)


async def listed_as(
    organization: Organization, message: MessageRow
) -> list[tuple[str, MessageRow | None]]:
    """What each of a message's lists says of it now; None where it is missing."""
    said = []
    for feed in feeds_of(message):
        read = await organization.tables.get(TABLE, feed, position(message))
        said.append((feed, _from_row(read.row) if read else None))
    return said


async def read_feed(
    organization: Organization,
    feed: str,
    *,
    after: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    a_time: int = 200,
) -> AsyncIterator[Listed]:
    """The messages of a list, newest first, after the position `after`; since ≤ accepted < until.

    Each request to storage brings `a_time` of them.
    """
    if until is not None:
        # An inverted key of `until` itself is the first that is *not* newer than it.
        after = max(after, inverted(milliseconds(until)) + "~~")
    below = inverted(milliseconds(since) - 1) if since is not None else "~~"
    async for read in organization.tables.rows(
        TABLE, feed, after=after, below=below, a_time=a_time
    ):
        yield Listed(read.row["RowKey"], _from_row(read.row))


async def _write(organization: Organization, feed: str, message: MessageRow) -> None:
    row = _to_row(feed, message)
    while True:
        read = await organization.tables.get(TABLE, feed, row["RowKey"])
        if read is not None and read.row["version"] >= message.version:
            return
        try:
            if read is None:
                await organization.tables.insert(TABLE, row)
            else:
                await organization.tables.replace(TABLE, row, read.etag)
        except (Changed, Conflict):
            continue
        return


def position(message: MessageRow) -> str:
    return f"{inverted(milliseconds(message.accepted_at))}~{message.id}"


def _to_row(feed: str, message: MessageRow) -> Row:
    return {
        **message_to_row(message),
        "PartitionKey": feed,
        "RowKey": position(message),
        "message": message.id,
    }


def _from_row(row: Row) -> MessageRow:
    return message_from_row({**row, "PartitionKey": row["message"]})
