"""Queue functions are fed as by the real host: again after a failure, and at last set aside."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.storage.queue.aio import QueueClient

from local.host import queues
from local.host.functions import Function, QueueSettings, QueueTrigger
from tests.local.host.conftest import StartHost, sample_settings
from tests.local.host.running_host import RunningHost
from tests.running_azurite import RunningAzurite, running_azurite

pytestmark = pytest.mark.processes


@pytest.fixture
def queue_name() -> str:
    return f"work-{uuid.uuid4().hex[:12]}"


@pytest.fixture
async def queue(azurite: RunningAzurite, queue_name: str) -> AsyncIterator[QueueClient]:
    async with open_queue(azurite, queue_name) as client:
        yield client


def open_queue(azurite: RunningAzurite, name: str) -> QueueClient:
    return QueueClient.from_connection_string(
        azurite.connection_string("host"), name, use_env_settings=False
    )


async def put(queue: QueueClient, **content: Any) -> str:
    """Put a message into a queue that the host may not have made yet; its id."""
    for _ in range(100):
        try:
            return str((await queue.send_message(json.dumps(content))).id)
        except Exception:
            await asyncio.sleep(0.1)
    raise AssertionError("the host has made no queue")


async def is_empty(queue: QueueClient) -> bool:
    properties = await queue.get_queue_properties()
    return properties.approximate_message_count == 0


async def noted(host: RunningHost, of: str, count: int) -> list[dict[str, Any]]:
    return await asyncio.to_thread(host.noted, of, count)


async def test_a_message_reaches_its_function_within_three_seconds_and_is_deleted(
    start_host: StartHost, queue: QueueClient
) -> None:
    host = start_host(QUEUE=queue.queue_name)
    await put(queue, name="first")
    await noted(host, "first", 1)
    # The queue has been empty for a while, the pauses have grown.
    await asyncio.sleep(1.5)
    began = asyncio.get_running_loop().time()
    message = await put(queue, name="second")
    [told] = await noted(host, "second", 1)
    assert asyncio.get_running_loop().time() - began < 3
    assert (told["id"], told["attempt"], told["has_receipt"]) == (message, 1, True)
    inserted = datetime.fromisoformat(told["inserted"])
    assert abs(inserted - datetime.now(UTC)) < timedelta(seconds=60)
    await noted(host, "second done", 1)
    await until_empty(queue)


async def until_empty(queue: QueueClient) -> None:
    async with asyncio.timeout(10):
        while not await is_empty(queue):
            await asyncio.sleep(0.05)


async def test_a_message_that_fails_is_tried_again_and_then_done(
    start_host: StartHost, queue: QueueClient
) -> None:
    host = start_host(QUEUE=queue.queue_name)
    await put(queue, name="hard", fails=2)
    await noted(host, "hard done", 1)
    assert [told["attempt"] for told in await noted(host, "hard", 3)] == [1, 2, 3]
    assert "attempt 2 of 3" in host.log


async def test_a_message_that_always_fails_ends_in_the_poison_queue(
    start_host: StartHost, azurite: RunningAzurite, queue: QueueClient
) -> None:
    host = start_host(QUEUE=queue.queue_name)
    await put(queue, name="hopeless", fails=99)
    assert len(await noted(host, "hopeless", 3)) == 3
    await until_empty(queue)
    async with open_queue(azurite, f"{queue.queue_name}-poison") as poison:
        message = await poison.receive_message()
        assert message is not None
        assert json.loads(message.content)["name"] == "hopeless"


async def test_many_messages_are_worked_on_at_once_but_not_more_than_host_json_says(
    start_host: StartHost, queue: QueueClient
) -> None:
    host = start_host(QUEUE=queue.queue_name)
    for _ in range(14):
        await put(queue, name="many", seconds=0.3)
    await noted(host, "many done", 14)
    notes = (await asyncio.to_thread(host.client.get, "/everything")).json()
    running = most = 0
    for each in notes:
        running += {"many": 1, "many done": -1}.get(each["of"], 0)
        most = max(most, running)
    assert 2 <= most <= 4 + 2  # batchSize + newBatchThreshold


async def test_a_host_that_is_killed_leaves_its_message_in_the_queue(
    start_host: StartHost, queue: QueueClient
) -> None:
    first = start_host(QUEUE=queue.queue_name)
    await put(queue, name="long", seconds=60)
    await noted(first, "long", 1)
    first.process.kill()
    assert await queue.peek_messages() == []
    assert not await is_empty(queue)


async def test_storage_that_goes_away_is_said_once_and_waited_for(
    tmp_path_factory: pytest.TempPathFactory, queue_name: str
) -> None:
    directory = tmp_path_factory.mktemp("outage")
    with running_azurite(["host"], tmp_path_factory.mktemp("data")) as azurite:
        settings = sample_settings(azurite, directory) | {"QUEUE": queue_name}
        host = RunningHost(directory, settings)
        try:
            async with open_queue(azurite, queue_name) as queue:
                await put(queue, name="before")
                await noted(host, "before done", 1)
            azurite.stop()
            async with asyncio.timeout(20):
                while "is away" not in host.log:
                    await asyncio.sleep(0.1)
            await asyncio.sleep(1)
            assert host.client.get("/people/me").status_code == 200
            azurite.start()
            async with open_queue(azurite, queue_name) as queue:
                await put(queue, name="after")
            await noted(host, "after done", 1)
            assert host.log.count("is away") == 1
            assert host.log.count("is back") == 1
        finally:
            host.end()


async def test_a_message_stays_hidden_for_as_long_as_its_function_runs(
    azurite: RunningAzurite, queue: QueueClient
) -> None:
    calls: list[Any] = []

    async def invoke(message: Any) -> None:
        calls.append(message)
        await asyncio.sleep(5)

    function = Function("long", invoke, "message", None, False, trigger_of(azurite, queue))
    listener = queues.QueueListener(
        function,
        trigger_of(azurite, queue),
        invoke,
        QueueSettings(base64=False),
        hidden_seconds=2,
    )
    running = asyncio.create_task(listener.run())
    await put(queue, name="long")
    async with asyncio.timeout(10):
        while not calls:
            await asyncio.sleep(0.1)
    async with asyncio.timeout(10):
        while not await is_empty(queue):
            await asyncio.sleep(0.2)
    listener.stop()
    await running
    assert len(calls) == 1


def trigger_of(azurite: RunningAzurite, queue: QueueClient) -> QueueTrigger:
    return QueueTrigger(queue.queue_name, azurite.connection_string("host"))


def test_messages_are_base64_where_host_json_does_not_say_otherwise() -> None:
    assert queues.read_body("b2zDoQ==", True) == "olá"
    assert queues.read_body("b2zDoQ==", False) == "b2zDoQ=="
    with pytest.raises(ValueError):
        queues.read_body("{plain}", True)
