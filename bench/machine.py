"""What the measurements run on: Azurite, and local hosts of the service and of a constant GIF."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from shared.organizations import Organizations
from shared.tracking.tokens import Addresses, Target
from tests.local.host.running_host import RunningHost
from tests.running_azurite import running_azurite
from tests.running_storage import ACCOUNTS, ORGANIZATIONS, Deployment, Deployments
from tests.tracking.followed_messages import followed_message

SERVICE = "function_app:app"
CONSTANT = "bench.apps.constant_gif:app"
INTAKE = "bench.apps.intake:app"
ONE_INSERT = "bench.apps.one_insert:app"
GIF_PATH = "/o/constant.gif"


class Machine:
    """Azurite with one deployment; hosts are started on it one after the other, or together."""

    def __init__(self, deployment: Deployment, directory: Path, hosts: ExitStack) -> None:
        self._deployment = deployment
        self._directory = directory
        self._hosts = hosts

    def start(self, app: str) -> RunningHost:
        """A host that accepts connections; it ends with the machine, or at its `end`."""
        directory = Path(tempfile.mkdtemp(dir=self._directory))
        running = RunningHost(directory, self._deployment.environ, app=app)
        self._hosts.callback(running.end)
        if not running.port:
            raise RuntimeError(f"the host did not start: {running.log}")
        return running

    def pixel(self) -> str:
        """The path of the pixel of a new message."""
        target = Target("contoso", asyncio.run(_new_message(self._deployment)))
        return Addresses(self._deployment.signer, "").pixel(target)


@contextmanager
def machine() -> Iterator[Machine]:
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        accounts = ACCOUNTS[: len(ORGANIZATIONS) + 1]
        azurite = stack.enter_context(running_azurite(accounts, directory / "azurite"))
        deployment = Deployments(azurite).new(directory / "journal")
        asyncio.run(deployment.provision())
        yield Machine(deployment, directory, stack.enter_context(ExitStack()))


async def _new_message(deployment: Deployment) -> str:
    from shared.service import utc_now

    settings = deployment.settings
    organizations = Organizations(settings.organizations, settings.local_storage_keys)
    try:
        contoso = organizations.get("contoso")
        assert contoso
        return await followed_message(contoso, utc_now())
    finally:
        await organizations.close()


def milliseconds_since(start: float) -> float:
    return (time.perf_counter() - start) * 1000
