"""The overflow: where segments go while an organization's own storage stays away.

A container in the host's storage account takes them, one blob a segment, and a timer gives them
back as they are, under the same keys, when the organization's storage answers again. Nothing of one
organization is ever read for another: the organization is the first part of a blob's name.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from shared.errors import StorageUnavailable
from shared.organizations import Organizations
from shared.storage.blobs import Blobs
from shared.tracking.segments import Segment, store_segment

log = logging.getLogger(__name__)

CONTAINER = "overflow"
KEPT = timedelta(days=7)
"""What could not be given back by then belongs to an organization that is gone."""


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
        """Moves what the organizations' storages take back to them; returns whose moved."""
        returned: set[str] = set()
        away: set[str] = set()
        async for name, written_at in self._blobs.names(CONTAINER):
            id_, _, key = name.partition("/")
            organization = organizations.get(id_)
            if organization is None and self._clock() - written_at > KEPT:
                log.warning("hits of %s, which is gone, are dropped after %s", id_, KEPT)
                await self._blobs.delete(CONTAINER, name)
            if organization is None or id_ in away:
                continue
            packed = await self._blobs.get(CONTAINER, name)
            if packed is None:
                continue
            try:
                await store_segment(organization, Segment(key, packed))
            except StorageUnavailable:
                away.add(id_)
                continue
            await self._blobs.delete(CONTAINER, name)
            returned.add(id_)
        return returned
