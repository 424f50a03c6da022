"""Storage inside this process, for simulations of more than Azurite can hold in the time.

Rows have ETags and an order, a transaction is all or nothing, and between any two calls others have
their turn. With `reads`, calls that only look are told to whoever is around them, too.
"""

from __future__ import annotations

import asyncio
import bisect
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from shared.errors import Changed, Conflict, Lost
from shared.storage.blobs import Blobs
from shared.storage.tables import Read, Row, Tables, Write


class Around(Protocol):
    """Somebody who is there at every request: to count it, or to be its trouble."""

    async def around(self, what: str, call: Callable[[], Awaitable[Any]], /) -> Any: ...


@dataclass
class Partition:
    """Rows with their ETags, and their keys in order."""

    rows: dict[str, Read] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)

    def put(self, key: str, read: Read) -> None:
        if key not in self.rows:
            bisect.insort(self.keys, key)
        self.rows[key] = read

    def remove(self, key: str) -> None:
        del self.rows[key]
        del self.keys[bisect.bisect_left(self.keys, key)]


@dataclass
class Memory:
    """What is stored, by table and partition."""

    partitions: dict[tuple[str, str], Partition] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    etags: itertools.count[int] = field(default_factory=itertools.count)

    def partition(self, table: str, partition: str) -> Partition:
        return self.partitions.setdefault((table, partition), Partition())

    def write(self, table: str, write: Write) -> str:
        partition, key = self.partition(table, write.row["PartitionKey"]), write.row["RowKey"]
        there = partition.rows.get(key)
        if write.action == "insert" and there is not None:
            raise Conflict(key)
        if write.action in ("replace", "merge", "delete") and there is None:
            raise Changed(key)
        if write.etag is not None and there is not None and there.etag != write.etag:
            raise Changed(key)
        if write.action == "delete":
            partition.remove(key)
            return ""
        etag = f"etag {next(self.etags)}"
        before = there.row if there is not None and write.action == "merge" else {}
        partition.put(key, Read({**before, **write.row}, etag))
        return etag


class MemoryTables(Tables):
    """The tables as one process sees them, which meets its own troubles."""

    def __init__(self, memory: Memory, trouble: Around, *, reads: bool = False) -> None:
        super().__init__("memory", None)
        self._memory = memory
        self._trouble = trouble
        self._reads = reads

    async def get(self, table: str, partition: str, key: str) -> Read | None:
        async def got() -> Read | None:
            await asyncio.sleep(0)
            read = self._memory.partition(table, partition).rows.get(key)
            return read and Read(dict(read.row), read.etag)

        if not self._reads:
            return await got()
        read: Read | None = await self._trouble.around(f"get {table}", got)
        return read

    async def page(
        self, table: str, partition: str, *, after: str = "", below: str = "~~", limit: int
    ) -> list[Read]:
        async def found() -> list[Read]:
            await asyncio.sleep(0)
            there = self._memory.partition(table, partition)
            start = bisect.bisect_right(there.keys, after)
            end = bisect.bisect_left(there.keys, below)
            reads = [there.rows[key] for key in there.keys[start : min(end, start + limit)]]
            return [Read(dict(read.row), read.etag) for read in reads]

        if not self._reads:
            return await found()
        reads: list[Read] = await self._trouble.around(f"page {table}", found)
        return reads

    async def insert(self, table: str, row: Row) -> str:
        return await self._one(table, Write("insert", row))

    async def replace(self, table: str, row: Row, etag: str) -> str:
        return await self._one(table, Write("replace", row, etag))

    async def upsert(self, table: str, row: Row) -> None:
        await self._one(table, Write("upsert", row))

    async def delete(self, table: str, partition: str, key: str, etag: str | None = None) -> None:
        if key in self._memory.partition(table, partition).rows:
            await self._one(
                table, Write("delete", {"PartitionKey": partition, "RowKey": key}, etag)
            )

    async def transact(self, table: str, writes: Sequence[Write]) -> list[str | None]:
        async def all_or_none() -> list[str | None]:
            await asyncio.sleep(0)
            (partition,) = {write.row["PartitionKey"] for write in writes}
            there = self._memory.partition(table, partition)
            before = Partition(dict(there.rows), list(there.keys))
            try:
                return [self._memory.write(table, write) for write in writes]
            except (Changed, Conflict):
                self._memory.partitions[table, partition] = before
                raise

        etags: list[str | None] = await self._trouble.around(f"transact {table}", all_or_none)
        return etags

    async def _one(self, table: str, write: Write) -> str:
        async def written() -> str:
            await asyncio.sleep(0)
            return self._memory.write(table, write)

        etag: str = await self._trouble.around(f"{write.action} {table}", written)
        return etag


class MemoryBlobs(Blobs):
    def __init__(self, memory: Memory, trouble: Around, *, reads: bool = False) -> None:
        super().__init__("memory")
        self._memory = memory
        self._trouble = trouble
        self._reads = reads

    async def put(self, container: str, name: str, content: bytes) -> None:
        async def put() -> None:
            self._memory.blobs[f"{container}/{name}"] = content

        await self._trouble.around(f"put {container}", put)

    async def get(self, container: str, name: str) -> bytes | None:
        async def got() -> bytes | None:
            await asyncio.sleep(0)
            return self._memory.blobs.get(f"{container}/{name}")

        if not self._reads:
            return await got()
        blob: bytes | None = await self._trouble.around(f"read {container}", got)
        return blob

    async def size(self, container: str, name: str) -> int | None:
        await asyncio.sleep(0)
        blob = self._memory.blobs.get(f"{container}/{name}")
        return None if blob is None else len(blob)

    async def part(self, container: str, name: str, offset: int, length: int) -> bytes:
        async def read() -> bytes:
            await asyncio.sleep(0)
            blob = self._memory.blobs.get(f"{container}/{name}")
            if blob is None:
                raise Lost(f"there is no blob {name}")
            return blob[offset : offset + length]

        if not self._reads:
            return await read()
        piece: bytes = await self._trouble.around(f"read {container}", read)
        return piece

    async def copy(self, container: str, source: str, name: str, now: datetime) -> None:
        async def copied() -> None:
            blobs = self._memory.blobs
            blobs[f"{container}/{name}"] = blobs[f"{container}/{source}"]

        await self._trouble.around(f"copy {container}", copied)

    async def delete(self, container: str, name: str) -> None:
        async def delete() -> None:
            self._memory.blobs.pop(f"{container}/{name}", None)

        await self._trouble.around(f"delete {container}", delete)
