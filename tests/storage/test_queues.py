"""The work queues of the host, on a real Azurite."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from azure.storage.queue.aio import QueueClient

from shared.errors import StorageUnavailable
from shared.settings import Settings
from shared.storage.names import QUEUES
from shared.storage.queues import Queues


@pytest.fixture
async def queues(settings: Settings) -> AsyncIterator[Queues]:
    made = Queues(settings.host_queues)
    yield made
    await made.close()


async def received(settings: Settings, queue: str) -> list[str]:
    async with QueueClient.from_connection_string(settings.host_queues, queue) as client:
        return [message.content async for message in client.receive_messages()]


@pytest.mark.parametrize("queue", QUEUES)
async def test_a_message_arrives_as_plain_json(
    queues: Queues, settings: Settings, queue: str
) -> None:
    """`host.json` says `messageEncoding: none`: the host reads what is there."""
    await queues.send(queue, {"organization": "contoso"})
    (text,) = await received(settings, queue)
    assert json.loads(text) == {"organization": "contoso"}


async def test_a_delayed_message_is_not_there_yet(queues: Queues, settings: Settings) -> None:
    await queues.send("deliver", {"message": "later"}, delay=3600)
    await queues.send("deliver", {"message": "now"}, delay=0)
    (text,) = await received(settings, "deliver")
    assert json.loads(text) == {"message": "now"}


async def test_a_delay_longer_than_the_service_allows_is_cut_short(
    queues: Queues, settings: Settings
) -> None:
    await queues.send("deliver", {"message": "far"}, delay=30 * 24 * 3600)
    assert await received(settings, "deliver") == []


async def test_a_queue_that_refuses_connections_is_unavailable() -> None:
    queues = Queues(
        "DefaultEndpointsProtocol=http;AccountName=host;AccountKey=bm9ib2R5J3Mga2V5;"
        "QueueEndpoint=http://127.0.0.1:1/host;"
    )
    try:
        with pytest.raises(StorageUnavailable):
            await queues.send("fold", {"organization": "contoso"})
    finally:
        await queues.close()
