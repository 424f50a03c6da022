"""Nothing of one organization can be read in another's storage (rule A1)."""

import pytest

from shared.organizations import Organization


@pytest.mark.parametrize("n", range(6))
async def test_a_row_of_one_organization_is_not_in_the_other(
    contoso: Organization, fabrikam: Organization, n
) -> None:
    await contoso.tables.insert("messages", {"PartitionKey": "m", "RowKey": "r", "v": 1})
    assert await fabrikam.tables.get("messages", "m", "r") is None
    assert await contoso.tables.get("messages", "m", "r")
