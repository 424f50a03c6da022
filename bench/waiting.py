"""What of an organization's hits is written and not folded yet."""

from __future__ import annotations

import asyncio
import time

from shared.organizations import Organization
from shared.service import now_ms
from shared.storage.tables import Read
from shared.tracking.segments import PARTITION, TABLE

_LEASE = ("lease", "fold")


async def until_folded(organization: Organization, patience_s: float) -> float:
    """Seconds until no segment is left and nobody folds; raises TimeoutError."""
    start = time.perf_counter()
    async with asyncio.timeout(patience_s):
        while not await _is_folded(organization):
            await asyncio.sleep(0.05)
    return time.perf_counter() - start


async def writes_so_far(organization: Organization, looking_back_ms: int = 3_000) -> int:
    """How many segments were written, by one process: its keys number them."""
    after = f"{now_ms() - looking_back_ms:013d}"
    page = await organization.tables.page(TABLE, PARTITION, after=after, limit=1000)
    return max((_number(read) + 1 for read in page), default=0)


async def oldest_age_s(organization: Organization) -> float:
    """How long ago the oldest segment that is not folded was written; 0 where none is left."""
    page = await organization.tables.page(TABLE, PARTITION, limit=1)
    return (now_ms() - int(page[0].row["RowKey"].partition("-")[0])) / 1000 if page else 0.0


def _number(read: Read) -> int:
    return int(read.row["RowKey"].rpartition("-")[2])


async def _is_folded(organization: Organization) -> bool:
    if await organization.tables.page(TABLE, PARTITION, limit=1):
        return False
    lease = await organization.tables.get(TABLE, *_LEASE)
    return lease is None or not lease.row["owner"]
