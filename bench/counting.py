"""Storage that counts what it is asked, while the real thing answers: requests, and rows by
partition."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.organizations import Organization
from shared.storage.blobs import Blobs
from shared.storage.tables import Read, Row, Tables, Write


@dataclass
class Counts:
    """What was asked since the start, or since `forget`."""

    requests: Counter[str] = field(default_factory=Counter)
    """By what they are billed as: "table", "blob write", "blob read"."""
    entities: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Rows read, written and deleted, by table and partition. A read that finds none is one."""

    def note(self, table: str, partition: str, rows: int) -> None:
        self.requests["table"] += 1
        self.entities[table, partition] += max(rows, 1)

    def forget(self) -> None:
        self.requests.clear()
        self.entities.clear()


def counted(organization: Organization, counts: Counts) -> Organization:
    """The same organization over the same storage, each of its requests counted; close it."""
    entry, key = organization.entry, organization.tables._account_key
    return replace(
        organization,
        tables=_CountedTables(entry.tables, key, counts),
        blobs=_CountedBlobs(entry.blobs, key, counts),
    )


class _CountedTables(Tables):
    def __init__(self, endpoint: str, key: str | None, counts: Counts) -> None:
        super().__init__(endpoint, key)
        self._counts = counts

    async def get(self, table: str, partition: str, key: str) -> Read | None:
        self._counts.note(table, partition, 1)
        return await super().get(table, partition, key)

    async def insert(self, table: str, row: Row) -> str:
        self._counts.note(table, row["PartitionKey"], 1)
        return await super().insert(table, row)

    async def replace(self, table: str, row: Row, etag: str) -> str:
        self._counts.note(table, row["PartitionKey"], 1)
        return await super().replace(table, row, etag)

    async def upsert(self, table: str, row: Row) -> None:
        self._counts.note(table, row["PartitionKey"], 1)
        await super().upsert(table, row)

    async def delete(self, table: str, partition: str, key: str, etag: str | None = None) -> None:
        self._counts.note(table, partition, 1)
        await super().delete(table, partition, key, etag)

    async def transact(self, table: str, writes: Sequence[Write]) -> list[str | None]:
        self._counts.note(table, writes[0].row["PartitionKey"], len(writes))
        return await super().transact(table, writes)

    async def page(
        self, table: str, partition: str, *, after: str = "", below: str = "~~", limit: int
    ) -> list[Read]:
        found = await super().page(table, partition, after=after, below=below, limit=limit)
        self._counts.note(table, partition, len(found))
        return found


class _CountedBlobs(Blobs):
    def __init__(self, endpoint: str, key: str | None, counts: Counts) -> None:
        super().__init__(endpoint, key)
        self._counts = counts

    async def put(self, container: str, name: str, content: bytes) -> None:
        self._counts.requests["blob write"] += 1
        await super().put(container, name, content)

    async def get(self, container: str, name: str) -> bytes | None:
        self._counts.requests["blob read"] += 1
        return await super().get(container, name)

    async def part(self, container: str, name: str, offset: int, length: int) -> bytes:
        self._counts.requests["blob read"] += 1
        return await super().part(container, name, offset, length)

    async def copy(self, container: str, source: str, name: str, now: datetime) -> None:
        self._counts.requests["blob write"] += 1
        await super().copy(container, source, name, now)

    async def names(
        self, container: str, beginning: str = ""
    ) -> AsyncIterator[tuple[str, datetime]]:
        # Listing is billed as writing is.
        self._counts.requests["blob write"] += 1
        async for found in super().names(container, beginning):
            yield found
