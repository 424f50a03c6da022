"""Blobs: what does not fit into a row."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from shared.errors import StorageUnavailable
from shared.storage.retries import ONE_QUICK_RETRY

_LARGEST_BODY = 1024 * 1024
"""What is larger goes in several requests: the transport warns of more in one."""


class Blobs:
    """The blob containers of one storage account; the library is loaded at the first call.

    `storage` is the account's blob endpoint (with `account_key`, else the identity is used), or a
    connection string.
    """

    def __init__(self, storage: str, account_key: str | None = None) -> None:
        self._storage = storage
        self._account_key = account_key
        self._service: Any = None
        self._opening = asyncio.Lock()

    async def put(self, container: str, name: str, content: bytes) -> None:
        """Writes a blob whatever was there."""
        from azure.core.exceptions import AzureError

        blob = (await self._open()).get_blob_client(container, name)
        try:
            await blob.upload_blob(content, overwrite=True)
        except AzureError as error:
            raise StorageUnavailable(f"blob storage: {type(error).__name__}") from error

    async def get(self, container: str, name: str) -> bytes | None:
        """A blob's bytes, or None where there is none."""
        from azure.core.exceptions import AzureError, ResourceNotFoundError

        blob = (await self._open()).get_blob_client(container, name)
        try:
            content: bytes = await (await blob.download_blob()).readall()
            return content
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise StorageUnavailable(f"blob storage: {type(error).__name__}") from error

    async def delete(self, container: str, name: str) -> None:
        """Deletes a blob; one that is gone already is fine."""
        from azure.core.exceptions import AzureError, ResourceNotFoundError

        try:
            await (await self._open()).get_blob_client(container, name).delete_blob()
        except ResourceNotFoundError:
            return
        except AzureError as error:
            raise StorageUnavailable(f"blob storage: {type(error).__name__}") from error

    async def names(self, container: str) -> AsyncIterator[tuple[str, datetime]]:
        """All names of a container in their order, and when each was written."""
        from azure.core.exceptions import AzureError

        client = (await self._open()).get_container_client(container)
        try:
            async for blob in client.list_blobs():
                yield blob.name, blob.last_modified
        except AzureError as error:
            raise StorageUnavailable(f"blob storage: {type(error).__name__}") from error

    async def close(self) -> None:
        if self._service is not None:
            await self._service.close()
        self._service = None

    async def _open(self) -> Any:
        async with self._opening:
            if self._service is None:
                module = await asyncio.to_thread(importlib.import_module, "azure.storage.blob.aio")
                options = {
                    **ONE_QUICK_RETRY,
                    "max_single_put_size": _LARGEST_BODY,
                    "max_block_size": _LARGEST_BODY,
                    "connection_timeout": 5,
                    "read_timeout": 20,
                    "use_env_settings": False,
                }
                service = module.BlobServiceClient
                if "://" not in self._storage.split(";", 1)[0]:
                    self._service = service.from_connection_string(self._storage, **options)
                else:
                    self._service = service(self._storage, await self._credential(), **options)
            return self._service

    async def _credential(self) -> Any:
        if self._account_key is not None:
            account = self._storage.rsplit("/", 1)[-1]
            return {"account_name": account, "account_key": self._account_key}
        from shared.storage.identity import credential as identity

        return await identity()
