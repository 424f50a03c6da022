"""A proxy in front of Azurite that fails on demand, and counts what it is asked.

    with storage_proxy(azurite.ports) as proxy:
        endpoint = f"http://127.0.0.1:{proxy.ports.table}/contoso000"
        with proxy.fail(hang(), account="contoso000", service="table"):
            ...

It runs in a thread of its own. Signatures by shared key cover an address's path and not its port,
so that clients pointed here are understood there. One connection of a client is one to Azurite.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from urllib.parse import unquote

import uvloop

from local.ports import Ports
from tests.faults.http_messages import LONGEST_HEAD, HttpMessage, read_answer, read_request
from tests.faults.storage_faults import Fault, Request
from tests.running_azurite import free_ports

SERVICES = ("blob", "queue", "table")
FRESH_S = 2.0
"""Azurite closes connections that are idle for 5 s; one that is nearly there is not used again."""
PATIENCE_S = 30.0
_BATCH_TABLE = re.compile(rb"\r\n(?:POST|PUT|PATCH|MERGE|DELETE) https?://[^/]+/[^/]+/(\w+)")


class Rule:
    """A fault that is in force until it is lifted, or has struck often enough."""

    def __init__(
        self,
        fault: Fault,
        chosen: Callable[[Request], bool],
        after: int,
        times: int | None,
        lift: Callable[[Rule], None],
    ) -> None:
        self.fault = fault
        self.lifted = asyncio.Event()
        self.struck = 0
        """How many requests it has met."""
        self.has_struck = threading.Event()
        self._chosen = chosen
        self._after = after
        self._times = times
        self._lift = lift

    def strikes(self, request: Request) -> bool:
        """Whether it is this request's turn; counts."""
        if self.lifted.is_set() or self.struck == self._times or not self._chosen(request):
            return False
        if self._after:
            self._after -= 1
            return False
        self.struck += 1
        self.has_struck.set()
        return True

    def lift(self) -> None:
        """Ends it; returns when nothing more can happen by it."""
        self._lift(self)

    def __enter__(self) -> Rule:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.lift()


class StorageProxy:
    """Listens on `ports.blob`, `.queue` and `.table` for all accounts of the Azurite behind it."""

    def __init__(self, behind: Ports) -> None:
        self.ports = free_ports()
        self._behind = behind
        self._requests: list[Request] = []
        self._rules: list[Rule] = []
        self._servers: dict[str, asyncio.Server] = {}
        self._connections: dict[asyncio.Task[None], str] = {}
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="storage proxy")

    def fail(
        self,
        fault: Fault,
        *,
        account: str | None = None,
        service: str | None = None,
        where: Callable[[Request], bool] = lambda request: True,
        after: int = 0,
        times: int | None = None,
    ) -> Rule:
        """From now on `fault` meets the requests of that account and service that `where` is true
        for: after letting `after` of them pass, the next `times` of them, or all until lifted.

        Where several rules are in force the oldest that strikes is the one.
        """

        def chosen(request: Request) -> bool:
            return (
                account in (None, request.account)
                and service in (None, request.service)
                and where(request)
            )

        rule = Rule(fault, chosen, after, times, self._lift)
        self._call(self._rules.append, rule)
        return rule

    def lift_all(self) -> None:
        """Ends every fault."""
        for rule in list(self._rules):
            rule.lift()

    def stop_listening(self, *services: str) -> None:
        """Nobody listens there any more, and who is connected is disconnected."""
        self._run(self._stop_listening(services or SERVICES))

    def listen(self, *services: str) -> None:
        """Listens again."""
        self._run(self._listen(services or SERVICES))

    @property
    def requests(self) -> list[Request]:
        """Everything that was asked since the start, or since `forget`."""
        return list(self._requests)

    def counts(self) -> Counter[tuple[str, str, str, str]]:
        """How many requests by account, service, method and table (container, queue)."""
        return Counter((r.account, r.service, r.method, r.resource) for r in self._requests)

    def forget(self) -> None:
        """Begins to count anew."""
        self._call(self._requests.clear)

    def start(self) -> None:
        self._thread.start()
        self.listen()

    def stop(self) -> None:
        """Ends every connection and the thread."""
        self.lift_all()
        self._run(self._stop_listening(SERVICES))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self, services: tuple[str, ...]) -> None:
        for service in services:
            if service not in self._servers:

                async def serve(
                    reader: asyncio.StreamReader,
                    writer: asyncio.StreamWriter,
                    service: str = service,
                ) -> None:
                    await self._serve(service, reader, writer)

                self._servers[service] = await asyncio.start_server(
                    serve, "127.0.0.1", getattr(self.ports, service), limit=LONGEST_HEAD
                )

    async def _stop_listening(self, services: tuple[str, ...]) -> None:
        for service in services:
            if server := self._servers.pop(service, None):
                server.close()
        ending = [task for task, service in self._connections.items() if service in services]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def _serve(
        self, service: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = service
        connection = _Connection(reader, writer, getattr(self._behind, service))
        try:
            while (message := await connection.next_request()) is not None:
                request = _request(service, message)
                self._requests.append(request)
                rule = next((rule for rule in self._rules if rule.strikes(request)), None)
                if rule is None:
                    await connection.send(await connection.forward())
                else:
                    connection.request, connection.lifted = request, rule.lifted
                    await rule.fault(connection)
        except (OSError, EOFError, TimeoutError):
            # One of the two is gone, so the other's connection is of no use either.
            pass
        except asyncio.CancelledError:
            # The proxy stops listening: the end of this connection, and nobody awaits its task.
            pass
        finally:
            connection.drop()
            del self._connections[task]

    def _lift(self, rule: Rule) -> None:
        def lift() -> None:
            rule.lifted.set()
            if rule in self._rules:
                self._rules.remove(rule)

        self._call(lift)

    def _call(self, function: Callable[..., object], *arguments: object) -> None:
        """Calls it between two requests."""

        async def call() -> None:
            function(*arguments)

        self._run(call())

    def _run(self, work: object) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)  # type: ignore[arg-type]


class _Connection:
    """A client's connection and the one to Azurite that belongs to it: an `Exchange` a request."""

    request: Request
    lifted: asyncio.Event

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._port = port
        self._behind: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._used_at = 0.0
        self._message: HttpMessage
        self._dropped = False

    async def next_request(self) -> HttpMessage | None:
        if self._dropped:
            return None
        message = await read_request(self._reader)
        if message is not None:
            self._message = message
        return message

    async def forward(self) -> bytes:
        reader, writer = await self._open()
        writer.write(self._message.raw)
        async with asyncio.timeout(PATIENCE_S):
            answer = await read_answer(reader, self._message.words[0])
        self._used_at = time.monotonic()
        if not answer.keeps_open:
            self._close()
        return answer.raw

    async def send(self, answer: bytes) -> None:
        self._writer.write(answer)
        await self._writer.drain()

    def drop(self) -> None:
        self._dropped = True
        self._writer.transport.abort()
        self._close()

    async def gone(self) -> None:
        # HTTP clients do not send a second request before the first is answered.
        await self._reader.read(1)

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._behind is not None and (
            time.monotonic() - self._used_at > FRESH_S or self._behind[0].at_eof()
        ):
            self._close()
        if self._behind is None:
            self._behind = await asyncio.open_connection(
                "127.0.0.1", self._port, limit=LONGEST_HEAD
            )
        return self._behind

    def _close(self) -> None:
        if self._behind is not None:
            self._behind[1].transport.abort()
            self._behind = None


@contextmanager
def storage_proxy(behind: Ports) -> Iterator[StorageProxy]:
    """A proxy in front of the Azurite on these ports, while the block runs."""
    proxy = StorageProxy(behind)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()


def _request(service: str, message: HttpMessage) -> Request:
    method, target, *_ = message.words
    path = unquote(target.partition("?")[0])
    account, _, rest = path.lstrip("/").partition("/")
    resource = re.split(r"[/(]", rest, maxsplit=1)[0]
    if resource == "$batch":
        write = _BATCH_TABLE.search(message.body)
        resource = write[1].decode() if write else ""
    return Request(account, service, method, path, resource, time.monotonic())
