"""Blobs of an organization, on a real Azurite."""

from __future__ import annotations

import pytest

from shared.errors import StorageUnavailable
from shared.organizations import Organization
from shared.storage.blobs import Blobs

CONTAINER = "content"


async def test_a_blob_is_read_as_it_was_written(contoso: Organization) -> None:
    content = bytes(range(256)) * 8192
    await contoso.blobs.put(CONTAINER, "messages/1/content.json", content)
    assert await contoso.blobs.get(CONTAINER, "messages/1/content.json") == content


async def test_writing_a_blob_again_replaces_it(contoso: Organization) -> None:
    await contoso.blobs.put(CONTAINER, "name", b"first, and longer")
    await contoso.blobs.put(CONTAINER, "name", b"second")
    assert await contoso.blobs.get(CONTAINER, "name") == b"second"


async def test_a_missing_blob_is_none(contoso: Organization) -> None:
    assert await contoso.blobs.get(CONTAINER, "nothing") is None


async def test_an_empty_blob_is_not_a_missing_one(contoso: Organization) -> None:
    await contoso.blobs.put(CONTAINER, "empty", b"")
    assert await contoso.blobs.get(CONTAINER, "empty") == b""


async def test_blob_storage_that_refuses_connections_is_unavailable() -> None:
    blobs = Blobs("http://127.0.0.1:1/contoso", "bm9ib2R5J3Mga2V5")
    try:
        with pytest.raises(StorageUnavailable):
            await blobs.get(CONTAINER, "name")
        with pytest.raises(StorageUnavailable):
            await blobs.put(CONTAINER, "name", b"")
    finally:
        await blobs.close()
