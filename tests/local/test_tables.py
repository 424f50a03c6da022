"""Tables of an organization saved into a file and put back: into the same account, or another."""

from __future__ import annotations

import gzip
import json
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import AzureError
from azure.data.tables.aio import TableServiceClient

from local import tables
from local.tables import Unusable, check, restore, save
from shared.organizations import Organization
from shared.storage.names import TABLES
from tests.running_storage import Deployment

pytestmark = pytest.mark.processes


@asynccontextmanager
async def account(deployment: Deployment, organization: str) -> AsyncIterator[TableServiceClient]:
    endpoint = deployment.settings.organizations[organization].tables
    key = deployment.settings.local_storage_keys[organization]
    credential = AzureNamedKeyCredential(endpoint.rsplit("/", 1)[-1], key)
    async with TableServiceClient(endpoint, credential=credential) as service:
        yield service


async def everything(service: TableServiceClient) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for table in TABLES:
        entities = service.get_table_client(table).list_entities()
        found[table] = [dict(each) async for each in entities]
    return found


async def fill(organization: Organization) -> None:
    """Rows of every kind of value, more of a partition than go at once, and large ones."""
    for number in range(230):
        row = {"PartitionKey": "all", "RowKey": f"{number:04d}", "schema": 1, "n": number * 1.5}
        await organization.tables.insert("feeds", row)
    for number in range(9):
        large = {f"p{n}": bytes([number]) * 60_000 for n in range(10)}
        await organization.tables.insert(
            "messages", {"PartitionKey": "m", "RowKey": f"{number}", "schema": 1, **large}
        )
    odd = {
        "PartitionKey": "k'ey é",
        "RowKey": "🔑",
        "on": True,
        "at": datetime(2026, 3, 2, tzinfo=UTC),
    }
    await organization.tables.insert("records", odd | {"text": "\n\u2028 \x01"})


async def test_what_is_saved_comes_back_into_the_same_account_and_another(
    deployment: Deployment, contoso: Organization, tmp_path: Path
) -> None:
    await fill(contoso)
    file = tmp_path / "contoso.tables"
    async with account(deployment, "contoso") as own, account(deployment, "fabrikam") as other:
        before = await everything(own)
        assert await save(own, file) == sum(map(len, before.values()))
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        await own.delete_table("feeds")
        await contoso.tables.delete("messages", "m", "3")
        changed = {"PartitionKey": "m", "RowKey": "4", "schema": 1, "p0": "changed"}
        await contoso.tables.upsert("messages", changed)
        later = {"PartitionKey": "m", "RowKey": "later", "schema": 1}
        await contoso.tables.insert("messages", later)
        for _ in range(2):  # interrupted, it is done again
            await restore(own, file)
        after = await everything(own)
        assert [row for row in after["messages"] if row["RowKey"] != "later"] == before["messages"]
        assert len(after["messages"]) == len(before["messages"]) + 1
        assert {**after, "messages": []} == {**before, "messages": []}
        for table in TABLES:
            await other.delete_table(table)
        await restore(other, file)
        assert await everything(other) == before


def spoiled(file: Path) -> Iterator[tuple[str, bytes]]:
    whole = gzip.decompress(file.read_bytes())
    first, *rows, last = whole.splitlines(keepends=True)
    strange = json.dumps({"table": "accounts", "row": {"PartitionKey": "p", "RowKey": "r"}})
    odd = json.dumps({"table": "keys", "row": {"PartitionKey": "p", "RowKey": None}})
    yield "cannot be read", file.read_bytes()[:-20]
    yield "cannot be read", b"no gzip at all"
    yield "cannot be read", gzip.compress(first + b"{\n" + last)
    yield "cannot be read", gzip.compress(first + odd.encode() + b"\n" + last)
    yield "is not whole", gzip.compress(first + b"".join(rows))
    yield "is not whole", gzip.compress(first + b"".join(rows[1:]) + last)
    yield "a table accounts", gzip.compress(first + strange.encode() + b"\n" + last)
    yield "was not saved by this command", gzip.compress(b"{}\n" + b"".join(rows) + last)


async def test_a_file_that_is_not_whole_is_refused_and_nothing_is_written(
    deployment: Deployment, contoso: Organization, tmp_path: Path
) -> None:
    await contoso.tables.insert("records", {"PartitionKey": "p", "RowKey": "r", "schema": 1})
    good, bad = tmp_path / "good", tmp_path / "bad"
    async with account(deployment, "contoso") as own:
        await save(own, good)
        await contoso.tables.delete("records", "p", "r")
        before = await everything(own)
        for said, content in spoiled(good):
            bad.write_bytes(content)
            with pytest.raises(Unusable, match=said):
                await restore(own, bad)
        assert await everything(own) == before
    assert check(good) == sum(map(len, before.values())) + 1


async def test_where_storage_refuses_a_row_it_ends_with_what_storage_said(
    deployment: Deployment, contoso: Organization, tmp_path: Path
) -> None:
    await fill(contoso)
    file = tmp_path / "contoso.tables"
    async with account(deployment, "contoso") as own:
        await save(own, file)
        text = gzip.decompress(file.read_bytes())
        file.write_bytes(gzip.compress(text.replace(b'"RowKey": "0007"', b'"RowKey": "00/7"')))
        with pytest.raises(AzureError, match="InvalidInput"):
            await restore(own, file)


async def test_an_end_in_between_leaves_the_older_file(
    deployment: Deployment, contoso: Organization, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "contoso.tables"
    async with account(deployment, "contoso") as own:
        rows = await save(own, file)
        monkeypatch.setattr(tables, "TABLES", (*TABLES, "nobodyhasthis"))
        with pytest.raises(Exception, match=r"TableNotFound|does not exist"):
            await save(own, file)
    monkeypatch.undo()
    assert check(file) == rows
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_is_not_there_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "missing"
    assert tables.main(["restore", "https://x.table.core.windows.net", str(missing)]) == 1
    assert "cannot be read: " in capsys.readouterr().err


@pytest.mark.parametrize("endpoint", ["contoso", "http://x.table.core.windows.net"])
def test_what_is_no_endpoint_in_azure_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], endpoint: str
) -> None:
    with pytest.raises(SystemExit):
        tables.main(["save", endpoint, str(tmp_path / "file")])
    assert "like https://<account>.table.core.windows.net" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
