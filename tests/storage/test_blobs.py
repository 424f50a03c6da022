"""Blobs of an organization, on a real Azurite."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
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


NOW = datetime.now(UTC)
"""Azurite looks at the real clock to tell whether an address has expired."""


async def test_the_size_of_a_blob_is_told_and_its_bytes_are_read_in_parts(
    contoso: Organization,
) -> None:
    await contoso.blobs.put(CONTAINER, "file", b"0123456789")
    assert await contoso.blobs.size(CONTAINER, "file") == 10
    assert await contoso.blobs.part(CONTAINER, "file", 4, 3) == b"456"
    assert await contoso.blobs.part(CONTAINER, "file", 8, 100) == b"89"
    assert await contoso.blobs.size(CONTAINER, "nothing") is None


async def test_a_signed_address_writes_one_blob_and_nothing_else(contoso: Organization) -> None:
    address = await contoso.blobs.address(CONTAINER, "uploads/ü 1", NOW, timedelta(hours=1))
    block = {"x-ms-blob-type": "BlockBlob"}
    async with httpx.AsyncClient() as http:
        assert (await http.put(address, content=b"bytes", headers=block)).status_code == 201
        assert (await http.get(address)).status_code == 403
        elsewhere = address.replace("uploads/", "other/")
        assert (await http.put(elsewhere, content=b"x", headers=block)).status_code == 403
    assert await contoso.blobs.get(CONTAINER, "uploads/ü 1") == b"bytes"


async def test_a_signed_address_expires(contoso: Organization) -> None:
    yesterday = NOW - timedelta(days=1)
    address = await contoso.blobs.address(CONTAINER, "late", yesterday, timedelta(hours=1))
    async with httpx.AsyncClient() as http:
        answer = await http.put(address, content=b"x", headers={"x-ms-blob-type": "BlockBlob"})
    assert answer.status_code == 403
    assert await contoso.blobs.get(CONTAINER, "late") is None


async def test_a_copy_has_the_bytes_and_stays_when_the_source_changes(
    contoso: Organization,
) -> None:
    content = bytes(range(256)) * 8192
    await contoso.blobs.put(CONTAINER, "uploads/1", content)
    await contoso.blobs.copy(CONTAINER, "uploads/1", "messages/1/1", NOW)
    await contoso.blobs.put(CONTAINER, "uploads/1", b"other")
    assert await contoso.blobs.get(CONTAINER, "messages/1/1") == content
