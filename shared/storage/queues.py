"""The work queues in the host's storage account. Messages carry ids only.

An output binding cannot delay a message, hence the library; it is loaded in a thread at first use.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import math
from collections.abc import Mapping
from typing import Any

from shared.errors import StorageUnavailable
from shared.storage.retries import ONE_QUICK_RETRY

MAX_DELAY_S = 7 * 24 * 3600 - 60
"""The Queue service hides a message for at most seven days."""


class Queues:
    """Sends to the host's queues. `storage` is a connection string, or the queue endpoint."""

    def __init__(self, storage: str) -> None:
        self._storage = storage
        self._clients: dict[str, Any] = {}
        self._opening = asyncio.Lock()

    async def send(self, queue: str, message: Mapping[str, str | int], delay: float = 0) -> None:
        """Enqueues a JSON message that becomes visible after `delay` seconds.

        Raises `StorageUnavailable`; the message may have been enqueued all the same, so whoever
        receives must be able to do so twice.
        """
        from azure.core.exceptions import AzureError

        client = await self._client(queue)
        try:
            await client.send_message(
                json.dumps(message), visibility_timeout=min(math.ceil(max(delay, 0)), MAX_DELAY_S)
            )
        except AzureError as error:
            raise StorageUnavailable(f"queue {queue}: {type(error).__name__}") from error

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()
        self._clients.clear()

    async def _client(self, queue: str) -> Any:
        async with self._opening:
            if queue not in self._clients:
                module = await asyncio.to_thread(importlib.import_module, "azure.storage.queue.aio")
                options = {
                    **ONE_QUICK_RETRY,
                    "connection_timeout": 5,
                    "read_timeout": 10,
                    "use_env_settings": False,
                }
                if "://" in self._storage.split(";", 1)[0]:
                    from shared.storage.identity import credential as identity

                    client = module.QueueClient(
                        self._storage, queue, credential=await identity(), **options
                    )
                else:
                    client = module.QueueClient.from_connection_string(
                        self._storage, queue, **options
                    )
                self._clients[queue] = client
            return self._clients[queue]
