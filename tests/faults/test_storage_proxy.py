"""The proxy fails as it is told, and only then; asked by the libraries that the product uses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import (
    HttpResponseError,
    IncompleteReadError,
    ResourceExistsError,
    ResourceModifiedError,
    ServiceRequestError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)
from azure.data.tables import TableTransactionError
from azure.data.tables.aio import TableClient
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient

from tests.faults.conftest import ThroughProxy
from tests.faults.http_messages import read_answer
from tests.faults.storage_faults import (
    Request,
    answer,
    cut,
    delay,
    done_but_lost,
    hang,
    refuse,
)
from tests.faults.storage_proxy import StorageProxy
from tests.running_storage import Deployment

QUICK = {
    "retry_total": 0,
    "connection_timeout": 2,
    "read_timeout": 1,
    "use_env_settings": False,
}

BROKEN = (ServiceRequestError, ServiceResponseError)
"""A broken connection is either to the library: it cannot tell whether the request was done."""


@pytest.fixture
async def rows(behind_proxy: Deployment) -> AsyncIterator[TableClient]:
    """Contoso's table `records`, through the proxy, with little patience and no second try."""
    settings = behind_proxy.settings
    entry = settings.organizations["contoso"]
    account = entry.tables.rsplit("/", 1)[-1]
    credential = AzureNamedKeyCredential(account, settings.local_storage_keys["contoso"])
    options: dict[str, Any] = QUICK
    async with TableClient(entry.tables, "records", credential=credential, **options) as client:
        yield client


def row(key: str, **values: Any) -> dict[str, Any]:
    return {"PartitionKey": "p", "RowKey": key, **values}


async def keys(rows: TableClient) -> set[str]:
    return {str(entity["RowKey"]) async for entity in rows.list_entities()}


async def test_without_a_fault_everything_works_as_without_the_proxy(rows: TableClient) -> None:
    await rows.create_entity(row("a", text="é" * 20_000, bytes=bytes(40_000)))
    read = await rows.get_entity("p", "a")
    assert (len(read["text"]), len(read["bytes"])) == (20_000, 40_000)
    etag = read.metadata["etag"]
    await rows.update_entity(row("a"), etag=etag, match_condition=MatchConditions.IfNotModified)
    with pytest.raises(ResourceModifiedError):
        await rows.update_entity(row("a"), etag=etag, match_condition=MatchConditions.IfNotModified)
    with pytest.raises(ResourceExistsError):
        await rows.create_entity(row("a"))
    many = [("create", row(f"many {n:03}")) for n in range(100)]
    assert len(await rows.submit_transaction(many)) == 100
    pages = rows.list_entities(results_per_page=30).by_page()
    assert [len([entity async for entity in page]) async for page in pages] == [30, 30, 30, 11]
    await rows.delete_entity("p", "a")
    assert "a" not in await keys(rows)


async def test_blobs_and_queues_go_through_as_well(
    behind_proxy: Deployment, proxy: StorageProxy
) -> None:
    settings = behind_proxy.settings
    options: dict[str, Any] = QUICK
    entry = settings.organizations["contoso"]
    account = entry.blobs.rsplit("/", 1)[-1]
    key = {"account_name": account, "account_key": settings.local_storage_keys["contoso"]}
    async with BlobServiceClient(entry.blobs, credential=key, **options) as blobs:
        blob = blobs.get_blob_client("content", "a file")
        await blob.upload_blob(bytes(100_000))
        assert len(await (await blob.download_blob()).readall()) == 100_000
    async with QueueServiceClient.from_connection_string(settings.host_queues, **options) as queues:
        queue = queues.get_queue_client("fold")
        await queue.send_message("hello")
        assert [m.content async for m in queue.receive_messages()] == ["hello"]
    host = account.replace("contoso", "host")
    counts = proxy.counts()
    assert counts[account, "blob", "PUT", "content"] == 1
    assert counts[host, "queue", "POST", "fold"] == 1


async def test_requests_are_counted_by_account_service_method_and_table(
    rows: TableClient, proxy: StorageProxy, through_proxy: ThroughProxy
) -> None:
    await rows.create_entity(row("b'c"))
    await rows.get_entity("p", "b'c")
    await rows.submit_transaction([("delete", row("b'c")), ("create", row("b"))])
    account = through_proxy.account
    assert proxy.counts() == {
        (account, "table", "POST", "records"): 2,
        (account, "table", "GET", "records"): 1,
    }
    assert [request.is_batch for request in proxy.requests] == [False, False, True]
    proxy.forget()
    assert proxy.requests == []


async def test_a_delayed_request_is_answered_late(rows: TableClient, proxy: StorageProxy) -> None:
    with proxy.fail(delay(0.3)):
        started = time.monotonic()
        await rows.create_entity(row("a"))
        assert time.monotonic() - started >= 0.3


async def test_a_delayed_request_is_done_although_nobody_waits_any_more(
    rows: TableClient, proxy: StorageProxy
) -> None:
    with proxy.fail(delay(1.2), where=lambda request: request.method == "POST"):
        with pytest.raises(BROKEN):
            await rows.create_entity(row("a"))
        async with asyncio.timeout(10):
            while not await keys(rows):
                await asyncio.sleep(0.05)


async def test_a_hanging_request_is_not_done(rows: TableClient, proxy: StorageProxy) -> None:
    with proxy.fail(hang()) as rule:
        with pytest.raises(BROKEN):
            await rows.create_entity(row("a"))
        assert rule.struck == 1
    assert await keys(rows) == set()


async def test_a_hanging_connection_breaks_when_the_fault_is_lifted(
    rows: TableClient, proxy: StorageProxy
) -> None:
    rule = proxy.fail(hang())
    waiting = asyncio.ensure_future(rows.create_entity(row("a")))
    assert await asyncio.to_thread(rule.has_struck.wait, 5)
    rule.lift()
    with pytest.raises(BROKEN) as broken:
        await waiting
    assert not isinstance(broken.value, ServiceResponseTimeoutError)


async def test_a_refused_request_is_not_done(rows: TableClient, proxy: StorageProxy) -> None:
    with proxy.fail(refuse()), pytest.raises(BROKEN):
        await rows.create_entity(row("a"))
    assert await keys(rows) == set()


async def test_nobody_listens_until_it_listens_again(
    rows: TableClient, proxy: StorageProxy
) -> None:
    await rows.create_entity(row("a"))
    proxy.stop_listening("table")
    # Whichever is noticed first: that the old connection is closed, or that there is no new one.
    with pytest.raises(BROKEN):
        await rows.create_entity(row("b"))
    with pytest.raises(ServiceRequestError):
        await rows.create_entity(row("b"))
    proxy.listen("table")
    assert await keys(rows) == {"a"}


async def test_an_answer_is_cut_in_the_middle(rows: TableClient, proxy: StorageProxy) -> None:
    with proxy.fail(cut()):
        with pytest.raises(IncompleteReadError):
            await rows.submit_transaction([("create", row("a"))])
        # The library breaks its own rule here: this is not one of its errors.
        with pytest.raises(AttributeError):
            await rows.create_entity(row("b", text="x" * 1000))
    assert await keys(rows) == {"a", "b"}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (500, HttpResponseError),
        (503, HttpResponseError),
        (409, ResourceExistsError),
        (412, HttpResponseError),
    ],
)
async def test_a_status_is_answered_and_nothing_done(
    rows: TableClient, proxy: StorageProxy, status: int, error: type[Exception]
) -> None:
    with proxy.fail(answer(status)), pytest.raises(error) as raised:
        await rows.create_entity(row("a"))
    assert isinstance(raised.value, HttpResponseError)
    assert raised.value.status_code == status
    assert await keys(rows) == set()


@pytest.mark.parametrize("status", [409, 412])
async def test_a_transaction_says_a_conflict_as_storage_does(
    rows: TableClient, proxy: StorageProxy, status: int
) -> None:
    with proxy.fail(answer(status)), pytest.raises(TableTransactionError) as raised:
        await rows.submit_transaction([("create", row("a"))])
    assert raised.value.status_code == status


@pytest.mark.parametrize("status", [None, 500, 503])
async def test_what_is_done_but_lost_is_done(
    rows: TableClient, proxy: StorageProxy, status: int | None
) -> None:
    with proxy.fail(done_but_lost(status)):
        with pytest.raises((*BROKEN, HttpResponseError)):
            await rows.create_entity(row("a"))
        with pytest.raises((*BROKEN, HttpResponseError)):
            await rows.submit_transaction([("create", row("b"))])
    assert await keys(rows) == {"a", "b"}


async def test_a_fault_meets_only_the_requests_it_was_made_for(
    rows: TableClient, proxy: StorageProxy, through_proxy: ThroughProxy
) -> None:
    def batches(request: Request) -> bool:
        return request.is_batch and request.resource == "records"

    with (
        proxy.fail(refuse(), account="another"),
        proxy.fail(refuse(), service="blob"),
        proxy.fail(refuse(), account=through_proxy.account, where=batches) as rule,
    ):
        await rows.create_entity(row("a"))
        assert rule.struck == 0
        with pytest.raises(BROKEN):
            await rows.submit_transaction([("create", row("b"))])
        assert rule.struck == 1


async def test_a_fault_lets_some_pass_and_strikes_so_often(
    rows: TableClient, proxy: StorageProxy
) -> None:
    proxy.fail(answer(503), after=1, times=2)
    seen = []
    for n in range(4):
        try:
            await rows.create_entity(row(f"{n}"))
            seen.append(True)
        except HttpResponseError:
            seen.append(False)
    assert seen == [True, False, False, True]


async def test_it_is_no_bottleneck(proxy: StorageProxy) -> None:
    """A thousand requests a second were asked for; how many it is today is printed, not judged."""

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.ports.table)
        for _ in range(100):
            writer.write(b"GET /anybody/records() HTTP/1.1\r\nHost: here\r\n\r\n")
            assert (await read_answer(reader, "GET")).status == 503
        writer.close()
        await writer.wait_closed()

    with proxy.fail(answer(503)) as rule:
        started = time.monotonic()
        await asyncio.gather(*(ask() for _ in range(16)))
        print(f"{rule.struck / (time.monotonic() - started):.0f} requests a second")
        assert rule.struck == 1600
