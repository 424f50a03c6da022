"""The overflow: where segments go while an organization's own storage stays away.

A container in the host's storage account takes them, one blob a segment, and a timer gives them
back as they are, under the same keys, when the organization's storage answers again. Nothing of one
organization is ever read for another: the organization is the first part of a blob's name.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from shared.errors import StorageUnavailable
from shared.organizations import Organization, Organizations
from shared.storage.blobs import Blobs
from shared.tracking.segments import Segment, store_segment

log = logging.getLogger(__name__)

CONTAINER = "overflow"
KEPT = timedelta(days=7)
"""What could not be given back by then belongs to an organization that is gone."""

MOVED_AT_ONCE = 8
"""At some milliseconds each, this stays below what one partition takes (docs/limits.md)."""

LISTED_AT_ONCE = 5_000
"""Names that are in memory at a time."""


class Overflow:
    """The overflow container of this deployment."""

    def __init__(self, blobs: Blobs, clock: Callable[[], datetime]) -> None:
        self._blobs = blobs
        self._clock = clock

    async def keep(self, organization: str, segment: Segment) -> None:
        """Returns once the segment is safe there; raises `StorageUnavailable`. Recipients'
        addresses stay behind: this storage is not the organization's own."""
        packed = segment.without_addresses().packed
        await self._blobs.put(CONTAINER, f"{organization}/{segment.key}", packed)

    async def give_back(self, organizations: Organizations) -> set[str]:
        """Moves what the organizations' storages take back to them; returns whose moved.

        An outage of an hour leaves thousands of blobs: several are moved at a time, and no
        organization waits for another's.
        """
        returned: set[str] = set()
        waiting: defaultdict[str, list[tuple[str, datetime]]] = defaultdict(list)
        number = 0
        async for name, written_at in self._blobs.names(CONTAINER):
            waiting[name.partition("/")[0]].append((name, written_at))
            number += 1
            if number % LISTED_AT_ONCE == 0:
                returned |= await self._return(organizations, waiting)
                waiting.clear()
        return returned | await self._return(organizations, waiting)

    async def _return(
        self, organizations: Organizations, waiting: Mapping[str, Sequence[tuple[str, datetime]]]
    ) -> set[str]:
        there = {id_: one for id_ in waiting if (one := organizations.get(id_)) is not None}
        for id_ in waiting.keys() - there.keys():
            await self._drop(id_, waiting[id_])
        moved = await asyncio.gather(
            *(self._move_all(one, [name for name, _ in waiting[id_]]) for id_, one in there.items())
        )
        return {id_ for id_, any_moved in zip(there, moved, strict=True) if any_moved}

    async def _drop(self, id_: str, blobs: Sequence[tuple[str, datetime]]) -> None:
        for name, written_at in blobs:
            if self._clock() - written_at > KEPT:
                log.warning("hits of %s, which is gone, are dropped after %s", id_, KEPT)
                await self._blobs.delete(CONTAINER, name)

    async def _move_all(self, organization: Organization, names: Sequence[str]) -> bool:
        """Moves blobs until one does not go; whether any did."""
        left, moved = iter(names), False

        async def mover() -> None:
            nonlocal moved
            for name in left:
                await self._move(organization, name)
                moved = True

        try:
            # One alone: a storage that is still away is asked once.
            await self._move(organization, next(left))
            moved = True
            async with asyncio.TaskGroup() as movers:
                for _ in range(MOVED_AT_ONCE):
                    movers.create_task(mover())
        except* StorageUnavailable as errors:
            log.info("hits of %s stay in the overflow: %s", organization.id, errors.exceptions[0])
        return moved

    async def _move(self, organization: Organization, name: str) -> None:
        packed = await self._blobs.get(CONTAINER, name)
        if packed is not None:
            await store_segment(organization, Segment(name.partition("/")[2], packed))
            await self._blobs.delete(CONTAINER, name)
