"""Segments: the hits that were written together, waiting in the `ingest` table to be folded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.errors import Conflict, StorageUnavailable
from shared.messages.rows import instant_of
from shared.organizations import Organization
from shared.tracking.hits import Hit, unpack

SEGMENT_BYTES = 45 * 1024
"""A segment stays below the limit of a property, 64 KiB, with room to spare."""

BACKLOG_BYTES = 100 * SEGMENT_BYTES
BACKLOG_SEGMENTS = 300
"""What is folded at a time: many small segments together, because the hits of one message cost
little more than one of them, and no more large ones than memory has room for. All of them are
deleted and as many read within about a second, of the 2,000 rows that a partition takes
(docs/limits.md)."""

_A_PAGE = 100

TABLE = "ingest"
PARTITION = "hits"
ASIDE_PARTITION = "aside"


@dataclass(frozen=True, slots=True)
class Segment:
    """Hits as packed lines under a key of their own; keys sort by the time of writing."""

    key: str
    packed: bytes

    def hits(self) -> list[Hit]:
        return list(unpack(self.packed.decode().splitlines()))

    def without_addresses(self) -> Segment:
        lines = (hit.without_address.packed() for hit in self.hits())
        return Segment(self.key, "\n".join(lines).encode())


async def store_segment(organization: Organization, segment: Segment) -> None:
    """Writes a segment. One that is there already is this one, whose answer was lost."""
    row = {
        "PartitionKey": PARTITION,
        "RowKey": segment.key,
        "schema": 1,
        "hits": segment.packed,
    }
    try:
        await organization.tables.insert(TABLE, row)
    except Conflict as error:
        if await organization.tables.get(TABLE, PARTITION, segment.key) is None:
            raise StorageUnavailable("a conflict about a segment that is not there") from error


async def read_segments(organization: Organization, limit: int) -> list[Segment]:
    """The oldest segments."""
    page = await organization.tables.page(TABLE, PARTITION, limit=limit)
    return [Segment(read.row["RowKey"], read.row["hits"]) for read in page]


async def written_since(organization: Organization) -> datetime | None:
    """Since when hits that were written wait to be folded; None where none do. (What is given back
    from aside is late already: nobody waits for it.)"""
    page = await organization.tables.page(TABLE, PARTITION, below=":", limit=1)
    if not page:
        return None
    return instant_of(int(page[0].row["RowKey"].partition("-")[0]))


async def read_backlog(organization: Organization) -> list[Segment]:
    """The oldest segments, as many as are folded at a time."""
    found: list[Segment] = []
    room = BACKLOG_BYTES
    while len(found) < BACKLOG_SEGMENTS:
        limit = min(_A_PAGE, BACKLOG_SEGMENTS - len(found), room // SEGMENT_BYTES)
        after = found[-1].key if found else ""
        page = await organization.tables.page(TABLE, PARTITION, after=after, limit=limit)
        found += [Segment(read.row["RowKey"], read.row["hits"]) for read in page]
        room -= sum(len(read.row["hits"]) for read in page)
        # Nearly full is full: the last few would be asked for one by one.
        if len(page) < limit or room < BACKLOG_BYTES // 10:
            break
    return found


async def delete_segments(organization: Organization, segments: Sequence[Segment]) -> None:
    await organization.tables.delete_all(TABLE, PARTITION, [segment.key for segment in segments])


async def put_back_aside(organization: Organization, limit: int = 1000) -> int:
    """Lets what was set aside be folded again, after what broke its fold was mended; how many."""
    page = await organization.tables.page(TABLE, ASIDE_PARTITION, limit=limit)
    for read in page:
        key = read.row["RowKey"]
        packed = read.row["hits"] if "hits" in read.row else read.row["hit"].encode()
        again = f"again-{key.removeprefix('segment~').removeprefix('again-')}"
        await store_segment(organization, Segment(again, packed))
        await organization.tables.delete(TABLE, ASIDE_PARTITION, key)
    return len(page)


async def set_segment_aside(organization: Organization, segment: Segment) -> None:
    """Keeps a segment that cannot be read, out of the way of the others."""
    row = {
        "PartitionKey": ASIDE_PARTITION,
        "RowKey": f"segment~{segment.key}",
        "schema": 1,
        "hits": segment.packed,
    }
    await organization.tables.upsert(TABLE, row)


async def set_aside(organization: Organization, message: str, hits: Sequence[Hit]) -> None:
    """Keeps hits that broke the fold of their message, so that they are neither lost nor in the
    way."""
    for hit in hits:
        row = {
            "PartitionKey": ASIDE_PARTITION,
            "RowKey": f"{message}~{hit.id}",
            "schema": 1,
            # It may lie here for long, until what broke the fold is mended.
            "hit": hit.without_address.packed(),
        }
        await organization.tables.upsert(TABLE, row)
