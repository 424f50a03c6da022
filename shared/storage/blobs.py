"""Blobs: what does not fit into a row.

Large ones never pass through a function whole: they come by an address that is signed for one blob
and a short time, are copied inside storage, and are read in parts.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

from shared.errors import Lost, StorageUnavailable
from shared.storage.retries import ONE_QUICK_RETRY

_LARGEST_BODY = 1024 * 1024
"""What is larger goes in several requests: the transport warns of more in one."""


LONGEST_COPY = timedelta(minutes=10)


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

    async def size(self, container: str, name: str) -> int | None:
        """How many bytes a blob has, or None where there is none."""
        from azure.core.exceptions import AzureError, ResourceNotFoundError

        blob = (await self._open()).get_blob_client(container, name)
        try:
            found: int = (await blob.get_blob_properties()).size
            return found
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise StorageUnavailable(f"blob storage: {type(error).__name__}") from error

    async def part(self, container: str, name: str, offset: int, length: int) -> bytes:
        """Bytes of a blob: as many as asked for, fewer at its end. `Lost` where there is none."""
        from azure.core.exceptions import AzureError, ResourceNotFoundError

        blob = (await self._open()).get_blob_client(container, name)
        try:
            content: bytes = await (await blob.download_blob(offset, length)).readall()
            return content
        except ResourceNotFoundError:
            raise Lost(f"there is no blob {name}") from None
        except AzureError as error:
            raise StorageUnavailable(f"blob storage: {type(error).__name__}") from error

    async def copy(self, container: str, source: str, name: str, now: datetime) -> None:
        """Copies a blob inside storage, whatever was at `name`; done when this returns.

        (Copy Blob From URL: up to 256 MiB, the source authorized by a signature of our own.)
        """
        from azure.core.exceptions import AzureError

        address = await self.address(container, source, now, LONGEST_COPY, read=True)
        blob = (await self._open()).get_blob_client(container, name)
        try:
            await blob.start_copy_from_url(address, requires_sync=True)
        except AzureError as error:
            raise StorageUnavailable(f"blob storage: {type(error).__name__}") from error

    async def address(
        self, container: str, name: str, now: datetime, life: timedelta, *, read: bool = False
    ) -> str:
        """An address signed for this one blob and so long: to write it, or to read it.

        In Azure the signature is of a user delegation key, since shared keys are off there.
        """
        from azure.core.exceptions import AzureError
        from azure.storage.blob import BlobSasPermissions, generate_blob_sas

        service = await self._open()
        # Clocks differ a little: one that is behind would not yet believe the signature.
        begins, ends = now - timedelta(minutes=5), now + life
        signed: dict[str, Any] = {"account_key": self._account_key}
        if self._account_key is None:
            try:
                key = await service.get_user_delegation_key(begins, ends)
            except AzureError as error:
                raise StorageUnavailable(f"blob storage: {type(error).__name__}") from error
            signed = {"user_delegation_key": key}
        query = generate_blob_sas(
            service.account_name,
            container,
            name,
            **signed,
            permission=BlobSasPermissions(read=read, create=not read, write=not read),
            start=begins,
            expiry=ends,
            protocol="https" if self._storage.startswith("https:") else "https,http",
        )
        return f"{service.get_blob_client(container, name).url}?{query}"

    async def names(
        self, container: str, beginning: str = ""
    ) -> AsyncIterator[tuple[str, datetime]]:
        """The names of a container that begin so, in their order, and when each was written."""
        from azure.core.exceptions import AzureError

        client = (await self._open()).get_container_client(container)
        try:
            async for blob in client.list_blobs(name_starts_with=beginning or None):
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
