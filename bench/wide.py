"""What folding a burst costs that is wider than Azurite can hold, whose time grows with the square
of its messages: the same fold over storage in this process, its requests counted."""

from __future__ import annotations

import asyncio
import json

from bench.figures import say
from bench.folding import Folding, store_and_fold, tell
from shared.messages.rows import MESSAGE_KEY, TABLE
from shared.organizations import Organization
from shared.settings import OrganizationEntry
from shared.storage.tables import Read
from tests.sending.memory_storage import Around, Memory, MemoryBlobs, MemoryTables

MESSAGES = 100_000


def measure(messages: int = MESSAGES) -> None:
    """requests for folding 100,000 messages opened once each, over storage in this process"""
    run, memory = Folding(), Memory()
    entry = OrganizationEntry("contoso", "Contoso", "memory", "memory", "tenant", (), "")
    contoso = Organization(entry, CountedTables(memory, run), MemoryBlobs(memory, run))
    asyncio.run(store_and_fold(contoso, run, messages, 1))
    tell(f"Folding {messages} messages, each opened once, in this process", run, messages, 1)
    opens = sum(
        json.loads(partition.rows[MESSAGE_KEY].row["kpis"])["humanOpens"]
        for (table, _), partition in memory.partitions.items()
        if table == TABLE
    )
    say(f"  {opens:10}  opens are counted in the messages at the end\n")


class CountedTables(MemoryTables):
    """Tables in this process whose reads are counted too."""

    def __init__(self, memory: Memory, run: Around) -> None:
        super().__init__(memory, run)
        self._run = run

    async def get(self, table: str, partition: str, key: str) -> Read | None:
        read = super().get
        answer: Read | None = await self._run.around(
            f"get {table}", lambda: read(table, partition, key)
        )
        return answer

    async def page(
        self, table: str, partition: str, *, after: str = "", below: str = "~~", limit: int
    ) -> list[Read]:
        read = super().page
        answer: list[Read] = await self._run.around(
            f"page {table}", lambda: read(table, partition, after=after, below=below, limit=limit)
        )
        return answer
