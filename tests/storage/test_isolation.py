"""Nothing of one organization can be read or written with another's storage (rule A1)."""

from __future__ import annotations

import pytest

from shared.errors import StorageUnavailable
from shared.organizations import Organization
from shared.settings import Settings
from shared.storage.blobs import Blobs
from shared.storage.names import CONTAINERS, TABLES
from shared.storage.tables import Tables


@pytest.mark.parametrize("table", TABLES)
async def test_a_row_of_one_organization_is_not_in_the_other_a1(
    contoso: Organization, fabrikam: Organization, table: str
) -> None:
    await contoso.tables.insert(table, {"PartitionKey": "p", "RowKey": "r", "v": 1})
    assert await fabrikam.tables.get(table, "p", "r") is None
    assert await fabrikam.tables.page(table, "p", limit=10) == []
    assert await contoso.tables.get(table, "p", "r")


@pytest.mark.parametrize("container", CONTAINERS)
async def test_a_blob_of_one_organization_is_not_in_the_other_a1(
    contoso: Organization, fabrikam: Organization, container: str
) -> None:
    await contoso.blobs.put(container, "m/content.json", b"ours")
    assert await fabrikam.blobs.get(container, "m/content.json") is None
    assert await contoso.blobs.get(container, "m/content.json") == b"ours"


# The library asks an XML answer whether it is true, which Python is going to answer differently.
@pytest.mark.filterwarnings("ignore:Testing an element's truth value:DeprecationWarning")
async def test_the_key_of_one_account_opens_no_other_a1(
    contoso: Organization, fabrikam: Organization, settings: Settings
) -> None:
    await fabrikam.tables.insert("messages", {"PartitionKey": "p", "RowKey": "r"})
    await fabrikam.blobs.put("content", "name", b"theirs")
    key = settings.local_storage_keys[contoso.id]
    tables, blobs = Tables(fabrikam.entry.tables, key), Blobs(fabrikam.entry.blobs, key)
    try:
        with pytest.raises(StorageUnavailable):
            await tables.get("messages", "p", "r")
        with pytest.raises(StorageUnavailable):
            await blobs.get("content", "name")
    finally:
        await tables.close()
        await blobs.close()
