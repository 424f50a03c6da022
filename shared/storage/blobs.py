"""Blobs of one organization: what does not fit into a row."""

from __future__ import annotations

import asyncio
import importlib
from typing import Any

from shared.errors import StorageUnavailable
from shared.storage.retries import ONE_QUICK_RETRY

_LARGEST_BODY = 1024 * 1024
"""What is larger goes in several requests: the transport warns of more in one."""


class Blobs:
    """The blob containers of one storage account; the library is loaded at the first call."""

    def __init__(self, endpoint: str, account_key: str | None) -> None:
        self._endpoint = endpoint
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

    async def close(self) -> None:
        if self._service is not None:
            await self._service.close()
        self._service = None

    async def _open(self) -> Any:
        async with self._opening:
            if self._service is None:
                module = await asyncio.to_thread(importlib.import_module, "azure.storage.blob.aio")
                credential: Any
                if self._account_key is not None:
                    credential = {
                        "account_name": self._endpoint.rsplit("/", 1)[-1],
                        "account_key": self._account_key,
                    }
                else:
                    from shared.storage.identity import credential as identity

                    credential = await identity()
                self._service = module.BlobServiceClient(
                    self._endpoint,
                    credential=credential,
                    **ONE_QUICK_RETRY,
                    max_single_put_size=_LARGEST_BODY,
                    max_block_size=_LARGEST_BODY,
                    connection_timeout=5,
                    read_timeout=20,
                    use_env_settings=False,
                )
            return self._service
