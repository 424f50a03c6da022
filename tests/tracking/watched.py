"""A port of the storage that lets a test be there at every request: to stop, to lose an answer, or
to let somebody else do something in between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from shared.errors import StorageUnavailable
from shared.storage.tables import Read, Row, Tables, Write

Request = Callable[[], Awaitable[Any]]


class Died(BaseException):
    """The process has ended here: nothing of it runs any more."""


class Watched:
    """What happens around a request; this one lets all of them pass and tells them apart."""

    def __init__(self) -> None:
        self.requests: list[str] = []

    def tables(self, endpoint: str, key: str) -> Tables:
        return _WatchedTables(self, endpoint, key)

    async def around(self, name: str, request: Request) -> Any:
        """Does a request, called `name` ("transact messages"); the answer is what it returns."""
        self.requests.append(name)
        return await request()


class DiesAt(Watched):
    """The process ends at the n-th request, before or after storage has done it."""

    def __init__(self, number: int, *, done: bool) -> None:
        super().__init__()
        self._number = number
        self._done = done
        self.died = False

    async def around(self, name: str, request: Request) -> Any:
        if self.died:
            raise Died
        self.requests.append(name)
        if len(self.requests) < self._number:
            return await request()
        self.died = True
        if self._done:
            await request()
        raise Died


class LosesAnswer(Watched):
    """Storage is away for the n-th request: it does it or not, the answer never arrives."""

    def __init__(self, number: int, *, done: bool) -> None:
        super().__init__()
        self._number = number
        self._done = done
        self.lost = False

    async def around(self, name: str, request: Request) -> Any:
        self.requests.append(name)
        if len(self.requests) != self._number:
            return await request()
        self.lost = True
        if self._done:
            await request()
        raise StorageUnavailable("the answer was lost")


class Meanwhile(Watched):
    """Something else happens once, after the n-th request that `chosen` is true for."""

    def __init__(
        self, happens: Callable[[], Awaitable[object]], chosen: Callable[[str], bool], nth: int = 1
    ) -> None:
        super().__init__()
        self._happens = happens
        self._chosen = chosen
        self._left = nth
        self.happened = False

    async def around(self, name: str, request: Request) -> Any:
        self.requests.append(name)
        answer = await request()
        if self._chosen(name):
            self._left -= 1
            if self._left == 0:
                self.happened = True
                await self._happens()
        return answer


class _WatchedTables(Tables):
    def __init__(self, watcher: Watched, endpoint: str, key: str) -> None:
        super().__init__(endpoint, key)
        self._watcher = watcher

    async def get(self, table: str, partition: str, key: str) -> Read | None:
        request = super().get
        answer: Read | None = await self._watcher.around(
            f"get {table}", lambda: request(table, partition, key)
        )
        return answer

    async def insert(self, table: str, row: Row) -> str:
        request = super().insert
        return str(await self._watcher.around(f"insert {table}", lambda: request(table, row)))

    async def replace(self, table: str, row: Row, etag: str) -> str:
        request = super().replace
        return str(
            await self._watcher.around(f"replace {table}", lambda: request(table, row, etag))
        )

    async def upsert(self, table: str, row: Row) -> None:
        request = super().upsert
        await self._watcher.around(f"upsert {table}", lambda: request(table, row))

    async def delete(self, table: str, partition: str, key: str, etag: str | None = None) -> None:
        request = super().delete
        await self._watcher.around(f"delete {table}", lambda: request(table, partition, key, etag))

    async def transact(self, table: str, writes: Sequence[Write]) -> list[str | None]:
        request = super().transact
        answer: list[str | None] = await self._watcher.around(
            f"transact {table}", lambda: request(table, writes)
        )
        return answer

    async def page(
        self, table: str, partition: str, *, after: str = "", below: str = "~~", limit: int
    ) -> list[Read]:
        request = super().page
        answer: list[Read] = await self._watcher.around(
            f"page {table}",
            lambda: request(table, partition, after=after, below=below, limit=limit),
        )
        return answer
