"""The backlog of segments: as much of it is folded at a time as memory has room for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from shared.organizations import Organization
from shared.storage.tables import Write
from shared.tracking.segments import (
    BACKLOG_BYTES,
    BACKLOG_SEGMENTS,
    PARTITION,
    SEGMENT_BYTES,
    TABLE,
    delete_segments,
    read_backlog,
)


async def store(organization: Organization, sizes: Sequence[int]) -> list[str]:
    """Segments of so many bytes; their keys, oldest first."""
    keys = [f"{number:013d}-test-000000" for number in range(len(sizes))]
    writes = [
        Write(
            "insert", {"PartitionKey": PARTITION, "RowKey": key, "schema": 1, "hits": b"x" * size}
        )
        for key, size in zip(keys, sizes, strict=True)
    ]
    a_transaction = 10 if max(sizes) > 10_000 else 100
    for start in range(0, len(writes), a_transaction):
        await organization.tables.transact(TABLE, writes[start : start + a_transaction])
    return keys


async def test_small_segments_are_read_together_up_to_a_number(contoso: Organization) -> None:
    keys = await store(contoso, [200] * (BACKLOG_SEGMENTS + 30))
    first = await read_backlog(contoso)
    assert [segment.key for segment in first] == keys[:BACKLOG_SEGMENTS]
    await delete_segments(contoso, first)
    assert [segment.key for segment in await read_backlog(contoso)] == keys[BACKLOG_SEGMENTS:]


@pytest.mark.parametrize("size", [SEGMENT_BYTES, 20_000])
async def test_large_segments_are_read_up_to_what_memory_has_room_for(
    contoso: Organization, size: int
) -> None:
    keys = await store(contoso, [size] * (BACKLOG_BYTES // size + 20))
    read = await read_backlog(contoso)
    assert BACKLOG_BYTES * 9 // 10 <= len(read) * size <= BACKLOG_BYTES
    assert [segment.key for segment in read] == keys[: len(read)]


async def test_large_segments_behind_small_ones_do_not_take_more_room(
    contoso: Organization,
) -> None:
    await store(contoso, [200] * 150 + [SEGMENT_BYTES] * 120)
    assert sum(len(segment.packed) for segment in await read_backlog(contoso)) <= BACKLOG_BYTES
