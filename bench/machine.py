"""What the measurements run on: Azurite, hosts of the service and of what it is compared with."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from bench.messages import new_messages
from local import tied
from shared.organizations import Organization, Organizations
from shared.tracking.tokens import Addresses, Target
from tests.faults.conftest import addressed
from tests.faults.storage_faults import hang
from tests.faults.storage_proxy import storage_proxy
from tests.local.host.running_host import RunningHost
from tests.running_azurite import free_ports, running_azurite
from tests.running_storage import ACCOUNTS, ORGANIZATIONS, Deployment, Deployments
from tests.tracking.watched import Watched
from tests.web.running_service import RunningService, running_service

SERVICE = "function_app:app"
CONSTANT = "bench.apps.constant_gif:app"
INTAKE = "bench.apps.intake:app"
ONE_INSERT = "bench.apps.one_insert:app"
GIF_PATH = "/o/constant.gif"

_MOST_DEPLOYMENTS = 8
_DESTINATION = "https://example.com/offer"
_START_S = 20
T = TypeVar("T")


class Machine:
    """Azurite with one deployment; hosts are started on it one after the other, or together."""

    def __init__(self, deployments: Deployments, directory: Path, hosts: ExitStack) -> None:
        self._deployments = deployments
        self._directory = directory
        self._hosts = hosts
        self._deployment = deployments.new(directory / "journal")
        asyncio.run(self._deployment.provision())

    def another(self) -> Machine:
        """The same Azurite with a deployment of its own, whose tables are empty."""
        directory = Path(tempfile.mkdtemp(dir=self._directory))
        return Machine(self._deployments, directory, self._hosts)

    def start(self, app: str) -> RunningHost:
        """A host that accepts connections; it ends with the machine, or at its `end`."""
        return self._start(app, self._deployment)

    @contextmanager
    def service(self) -> Iterator[RunningService]:
        """The whole service with a local Graph, over storage of its own."""
        directory = Path(tempfile.mkdtemp(dir=self._directory))
        with running_service(self._deployments, directory) as running:
            yield running

    @contextmanager
    def hanging(self) -> Iterator[tuple[RunningHost, Callable[[], object]]]:
        """A host of the service that reaches its storage through a proxy.

        The function makes the storage of Contoso hang from then on: no connection breaks, and
        nothing is answered.
        """
        ports = self._deployments.azurite.ports
        with storage_proxy(ports) as proxy:
            behind = addressed(self._deployment, ports, proxy.ports)
            account = behind.settings.organizations["contoso"].tables.rpartition("/")[2]
            host = self._start(SERVICE, behind)
            try:
                yield host, lambda: proxy.fail(hang(), account=account)
            finally:
                host.end()

    def with_contoso(
        self, work: Callable[[Organization], Awaitable[T]], watcher: Watched | None = None
    ) -> T:
        """Does work on the storage of Contoso, in an event loop of its own."""

        async def done() -> T:
            settings = self._deployment.settings
            organizations = Organizations(settings.organizations, settings.local_storage_keys)
            try:
                contoso = organizations.get("contoso")
                assert contoso
                if watcher is None:
                    return await work(contoso)
                key = settings.local_storage_keys[contoso.id]
                watched = watcher.tables(contoso.entry.tables, key)
                try:
                    return await work(replace(contoso, tables=watched))
                finally:
                    await watched.close()
            finally:
                await organizations.close()

        return asyncio.run(done())

    def pixels(self, count: int) -> list[str]:
        """The paths of the pixels of so many new messages."""
        return [self._addresses.pixel(target) for target in self._targets(count)]

    def redirects(self, count: int) -> list[str]:
        """The paths of a followed link in so many new messages."""
        return [self._addresses.redirect(target, _DESTINATION) for target in self._targets(count)]

    @property
    def _addresses(self) -> Addresses:
        return Addresses(self._deployment.signer, "")

    def _targets(self, count: int) -> list[Target]:
        messages = self.with_contoso(lambda contoso: new_messages(contoso, count))
        return [Target("contoso", message) for message in messages]

    def _start(self, app: str, deployment: Deployment) -> RunningHost:
        directory = Path(tempfile.mkdtemp(dir=self._directory))
        running = RunningHost(directory, deployment.environ, app=app)
        self._hosts.callback(running.end)
        if not running.port:
            raise RuntimeError(f"the host did not start: {running.log}")
        return running


class LeanServer:
    """uvicorn with its parts in C and `bench.apps.lean`: no host, no functions, no log."""

    def __init__(self) -> None:
        self.port = free_ports().host
        command = [sys.executable, "-m", "uvicorn", "bench.apps.lean:app", f"--port={self.port}"]
        command += ["--http=httptools", "--loop=uvloop", "--lifespan=off", "--log-level=warning"]
        command += ["--no-access-log", "--no-server-header", "--no-proxy-headers"]
        self.process = subprocess.Popen(
            tied.tied(command),
            env=os.environ,
            stdin=subprocess.PIPE if tied.needs_pipe() else subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.end()
                    raise RuntimeError("uvicorn did not start") from None
                time.sleep(0.05)
            else:
                return

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        if self.process.stdin:
            self.process.stdin.close()
        self.process.wait()

    def __enter__(self) -> LeanServer:
        return self

    def __exit__(self, *about: object) -> None:
        self.end()


@contextmanager
def machine() -> Iterator[Machine]:
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        accounts = ACCOUNTS[: (len(ORGANIZATIONS) + 1) * _MOST_DEPLOYMENTS]
        azurite = stack.enter_context(running_azurite(accounts, directory / "azurite"))
        yield Machine(Deployments(azurite), directory, stack.enter_context(ExitStack()))


def milliseconds_since(start: float) -> float:
    return (time.perf_counter() - start) * 1000
