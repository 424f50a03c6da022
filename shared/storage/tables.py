"""Rows of one organization's Table Storage.

A row is a plain dict with `PartitionKey` and `RowKey`. Foreign errors are translated here, once:
`Conflict` (409), `Changed` (412, or 404 on a conditional write), `Unacceptable` (400, 413: a
mistake of ours), `StorageUnavailable` (everything that says nothing about the row). The library's
own retries are off: it would repeat an insert whose answer was lost and report a conflict with
itself; callers here know how to repeat what they do.

Limits that Azurite does not enforce are asserted here: 64 KiB a property, 1 KiB a key, 1 MiB a row
(Table service documentation, "Understanding the Table service data model").
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableClient, TableServiceClient

from shared.errors import (
    Changed,
    Conflict,
    EngagementError,
    StorageUnavailable,
    Unacceptable,
)

Row = dict[str, Any]
T = TypeVar("T")

TRANSACTION_LIMIT = 100
"""Rows in one transaction (Entity Group Transactions: at most 100)."""

PROPERTY_LIMIT = 64 * 1024
_KEY_LIMIT = 1024
_ROW_LIMIT = 1024 * 1024
_TIMEOUT_S = 10

KEY_TEXT_LIMIT = 160
"""Characters that `key_text` makes at most: a key has room for three texts of strangers."""


@dataclass(frozen=True, slots=True)
class Write:
    """One write of a transaction. With `etag`, only where the row has not changed since."""

    action: Literal["insert", "replace", "merge", "upsert", "delete"]
    row: Row
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """A row as it was read, with the ETag that a conditional write needs."""

    row: Row
    etag: str


class Tables:
    """The tables of one storage account. One a process and account; made inside the running
    loop."""

    def __init__(self, endpoint: str, account_key: str | None) -> None:
        self._endpoint = endpoint
        self._account_key = account_key
        self._service: TableServiceClient | None = None
        self._clients: dict[str, TableClient] = {}
        self._opening = asyncio.Lock()

    async def get(self, table: str, partition: str, key: str) -> Read | None:
        """The row, or None where there is none."""
        client = await self._client(table)

        async def asked() -> Read | None:
            try:
                entity = await client.get_entity(partition, key)
            except ResourceNotFoundError:
                return None
            return Read(dict(entity), str(entity.metadata["etag"]))

        return await _read(asked)

    async def insert(self, table: str, row: Row) -> str:
        """Adds a row and returns its ETag; raises `Conflict` where its key is there already."""
        _assert_size(row)
        client = await self._client(table)
        with _translated(Conflict):
            answer = await client.create_entity(row)
            return str(answer["etag"])

    async def replace(self, table: str, row: Row, etag: str) -> str:
        """Replaces a row that has not changed since it was read; raises `Changed` otherwise."""
        _assert_size(row)
        client = await self._client(table)
        with _translated(Changed):
            answer = await client.update_entity(
                row, mode=UpdateMode.REPLACE, etag=etag, match_condition=_not_modified()
            )
            return str(answer["etag"])

    async def upsert(self, table: str, row: Row) -> None:
        """Writes a row whatever was there."""
        _assert_size(row)
        client = await self._client(table)
        with _translated():
            await client.upsert_entity(row, mode=UpdateMode.REPLACE)

    async def delete(self, table: str, partition: str, key: str, etag: str | None = None) -> None:
        """Deletes a row; one that is gone already is fine, one that changed raises `Changed`."""
        client = await self._client(table)
        condition = {"etag": etag, "match_condition": _not_modified()} if etag else {}
        with _translated(Changed), contextlib.suppress(ResourceNotFoundError):
            await client.delete_entity(partition, key, **condition)

    async def delete_all(
        self,
        table: str,
        partition: str,
        keys: Sequence[str],
        etags: Mapping[str, str] | None = None,
    ) -> None:
        """Deletes rows of a partition, a hundred with each request; those that are gone are fine,
        and those stay that are not as their ETag says.

        Not all or none: interrupted, it may have deleted some of them.
        """
        known = etags or {}
        for start in range(0, len(keys), TRANSACTION_LIMIT):
            part = keys[start : start + TRANSACTION_LIMIT]
            if len(part) > 1:
                rows = [{"PartitionKey": partition, "RowKey": key} for key in part]
                try:
                    await self.transact(
                        table, [Write("delete", row, known.get(row["RowKey"])) for row in rows]
                    )
                    continue
                except Changed:
                    # Somebody else is at them, too, and some are gone: the rest goes one by one.
                    pass
            for key in part:
                with contextlib.suppress(Changed):
                    await self.delete(table, partition, key, known.get(key))

    async def transact(self, table: str, writes: Sequence[Write]) -> list[str | None]:
        """Does all writes of one partition or none; returns each row's new ETag.

        Raises `Conflict` or `Changed` when one of the writes says so.
        """
        if len(writes) > TRANSACTION_LIMIT:
            raise ValueError(f"a transaction has {len(writes)} rows, more than {TRANSACTION_LIMIT}")
        for write in writes:
            _assert_size(write.row)
        client = await self._client(table)
        with _translated(Conflict, Changed):
            answers = await client.submit_transaction([_operation(write) for write in writes])
            return [answer.get("etag") for answer in answers]

    async def page(
        self, table: str, partition: str, *, after: str = "", below: str = "~~", limit: int
    ) -> list[Read]:
        """At most `limit` rows of a partition in key order, with `after` < RowKey < `below`."""
        client = await self._client(table)

        async def asked() -> list[Read]:
            found: list[Read] = []
            entities = client.query_entities(
                "PartitionKey eq @p and RowKey gt @a and RowKey lt @b",
                parameters={"p": partition, "a": after, "b": below},
                results_per_page=min(limit, 1000),
            )
            async for entity in entities:
                found.append(Read(dict(entity), str(entity.metadata["etag"])))
                if len(found) >= limit:
                    break
            return found

        return await _read(asked)

    async def rows(
        self, table: str, partition: str, *, after: str = "", below: str = "~~", a_time: int = 1000
    ) -> AsyncIterator[Read]:
        """All rows of a range of a partition in key order, `a_time` (≤ 1,000) with each request."""
        while True:
            page = await self.page(table, partition, after=after, below=below, limit=a_time)
            for read in page:
                yield read
            if len(page) < a_time:
                return
            after = page[-1].row["RowKey"]

    async def partitions_with(
        self, table: str, key: str, *, after: str = "", limit: int
    ) -> list[str]:
        """The next partitions, in their order, that have a row with this key.

        This looks at every row of the table on its way: for rare, whole jobs only.
        """
        client = await self._client(table)

        async def asked() -> list[str]:
            found: list[str] = []
            entities = client.query_entities(
                "PartitionKey gt @a and RowKey eq @k",
                parameters={"a": after, "k": key},
                select=["PartitionKey"],
            )
            async for entity in entities:
                found.append(str(entity["PartitionKey"]))
                if len(found) >= limit:
                    break
            return found

        return await _read(asked)

    async def close(self) -> None:
        if self._service is not None:
            await self._service.close()
        self._clients.clear()
        self._service = None

    async def _client(self, table: str) -> TableClient:
        client = self._clients.get(table)
        if client is None:
            service = await self._open()
            client = self._clients[table] = service.get_table_client(table)
        return client

    async def _open(self) -> TableServiceClient:
        async with self._opening:
            if self._service is None:
                credential: Any
                if self._account_key is not None:
                    account = self._endpoint.rsplit("/", 1)[-1]
                    credential = AzureNamedKeyCredential(account, self._account_key)
                else:
                    from shared.storage.identity import credential as identity

                    credential = await identity()
                # use_env_settings: see docs/decisions; the transport re-reads the environment
                # on every request otherwise, which doubles the CPU of a call.
                self._service = TableServiceClient(
                    self._endpoint,
                    credential=credential,
                    retry_total=0,
                    connection_timeout=5,
                    read_timeout=_TIMEOUT_S,
                    use_env_settings=False,
                )
            return self._service


def key_text(text: str) -> str:
    """A text as part of a row key: `/ \\ # ?`, control characters and our `~` are escaped.

    The Table service refuses those characters in keys; `!` stands for the percent sign, which some
    of its tools do not take either. The end of a long text is told by its hash (after `!!`, which
    no escape makes), so that different texts have different keys.
    """
    from urllib.parse import quote

    key = quote(text, safe=" @:,;=+$&'()*[]|").replace("~", "%7E").replace("%", "!")
    if len(key) <= KEY_TEXT_LIMIT:
        return key
    import hashlib

    end = f"!!{hashlib.sha256(key.encode('ascii')).hexdigest()}"
    return key[: KEY_TEXT_LIMIT - len(end)] + end


def inverted(milliseconds: int) -> str:
    """A sort key that puts the newest instant first: 13 digits for milliseconds since 1970.

    Whatever lies before 1970 counts as its beginning.
    """
    return f"{9_999_999_999_999 - max(milliseconds, 0):013d}"


def _not_modified() -> Any:
    from azure.core import MatchConditions

    return MatchConditions.IfNotModified


def _operation(write: Write) -> Any:
    if write.action == "insert":
        return ("create", write.row)
    options: dict[str, Any] = {}
    if write.action in ("replace", "merge"):
        options["mode"] = UpdateMode.REPLACE if write.action == "replace" else UpdateMode.MERGE
    if write.action == "upsert":
        options["mode"] = UpdateMode.REPLACE
    if write.etag is not None:
        options["etag"] = write.etag
        options["match_condition"] = _not_modified()
    verb = {"replace": "update", "merge": "update"}.get(write.action, write.action)
    return (verb, write.row, options)


async def _read(asked: Callable[[], Awaitable[T]]) -> T:
    """What a read answers; asked once more where there was no answer, or one that says "not
    now"."""
    try:
        with _translated():
            return await asked()
    except StorageUnavailable:
        with _translated():
            return await asked()


@contextlib.contextmanager
def _translated(*meant: type[Conflict | Changed]) -> Iterator[None]:
    """Turns the library's errors into ours. `meant` are those that this request can mean.

    A 409 or 412 that it cannot mean (a table that is being deleted, say) tells nothing about the
    row.
    """
    try:
        yield
    except AzureError as error:
        raise _meaning(error, meant) from error
    except AttributeError as error:
        # This is how the library meets an answer that was cut short.
        raise StorageUnavailable("table storage: an answer was cut short") from error


def _meaning(error: AzureError, meant: tuple[type[Conflict | Changed], ...]) -> EngagementError:
    status = error.status_code if isinstance(error, HttpResponseError) else None
    if status == 409 and Conflict in meant:
        return Conflict("a row with that key is there already")
    if status in (404, 412) and Changed in meant:
        return Changed("the row was changed since it was read, or is gone")
    said = f"table storage: {type(error).__name__}, status {status}"
    return Unacceptable(said) if status in (400, 413) else StorageUnavailable(said)


def _assert_size(row: Row) -> None:
    total = 0
    for name, value in row.items():
        size = _size(value)
        if name in ("PartitionKey", "RowKey") and size > _KEY_LIMIT:
            raise ValueError(f"the key {name} has {size} bytes, more than {_KEY_LIMIT}")
        if size > PROPERTY_LIMIT:
            raise ValueError(f"property {name} has {size} bytes, more than {PROPERTY_LIMIT}")
        total += size + 2 * len(name)
    if total > _ROW_LIMIT:
        raise ValueError(f"a row has {total} bytes, more than 1 MiB")


def _size(value: Any) -> int:
    """What a value takes in storage, which keeps text as UTF-16."""
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, str):
        return len(value.encode("utf-16-le", "surrogatepass"))
    return 8
