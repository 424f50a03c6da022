"""Hosts as real processes that can be killed and come back, and waiting until all is folded."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from local.children import Child
from shared.errors import Changed
from shared.organizations import Organization
from shared.settings import Settings
from shared.storage.blobs import Blobs
from shared.tracking.overflow import CONTAINER
from tests.faults.exactness import contradictions
from tests.faults.visitors import Copy, Ledger
from tests.running_azurite import free_ports
from tests.running_storage import Deployment
from tests.tracking.followed_messages import followed_message, read_followed

ROOT = Path(__file__).resolve().parents[2]
EVERY_SECOND = "* * * * * *"
START_S = 30.0
FOLDED_S = 45.0
"""A hit is in the timeline that long after a killed host is back (api.md, "One machine")."""


class Machine:
    """One host process on a port of its own; with others it may share storage and journals."""

    def __init__(self, deployment: Deployment, directory: Path) -> None:
        self.port = free_ports().host
        self._log = directory / f"host-{self.port}.log"
        command = [sys.executable, "-m", "local.host", f"--port={self.port}"]
        environ = {**os.environ, "PYTHONUNBUFFERED": "1", **deployment.environ}
        self._child = Child("The host", command, environ, self._log, ROOT)

    async def start(self) -> None:
        """Returns when it listens."""
        await self._child.start()
        async with asyncio.timeout(START_S):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except OSError:
                    assert self._child.process and self._child.process.returncode is None, self.log
                    await asyncio.sleep(0.02)
                else:
                    writer.transport.abort()
                    return

    async def kill(self) -> None:
        """SIGKILL: nothing of it runs any more when this returns."""
        if self._child.process is not None:
            self._child.kill()
            await self._child.ended()

    async def stop(self) -> None:
        """SIGTERM, and kept from running longer than the platform would let it."""
        await self._child.stop(8)

    @property
    def log(self) -> str:
        return self._log.read_text()


@asynccontextmanager
async def machines(
    deployment: Deployment, directory: Path, count: int = 1
) -> AsyncIterator[list[Machine]]:
    """Hosts that listen, with the sweeping timer as often as it can be, to wait less; none outlives
    the block."""
    swept_often = deployment.with_settings(SWEEP_SCHEDULE=EVERY_SECOND)
    made = [Machine(swept_often, directory) for _ in range(count)]
    try:
        await asyncio.gather(*(machine.start() for machine in made))
        yield made
    finally:
        await asyncio.gather(*(machine.kill() for machine in made))


async def followed_copies(organizations: Sequence[Organization]) -> list[Copy]:
    """Messages in every organization: to one person, and copies to several. Their copies."""
    copies: list[Copy] = []
    for organization in organizations:
        for people in (["li@example.com"], ["li@example.com"], ["ana@example.com", None]):
            message = await followed_message(organization, datetime.now(UTC), copies=people)
            copies += [(organization.id, message, number) for number in range(len(people))]
    return copies


async def all_folded(
    settings: Settings, organizations: Sequence[Organization], within: float = FOLDED_S
) -> float:
    """Returns when no hit waits anywhere, and after how many seconds."""
    started = time.monotonic()
    overflow = Blobs(settings.host_blobs)
    try:
        while waiting := [
            *hits_on_disk(settings),
            *[name async for name, _ in overflow.names(CONTAINER)],
            *[o.id for o in organizations if await _is_folding(o)],
        ]:
            assert time.monotonic() - started < within, f"hits still wait in {waiting}"
            await asyncio.sleep(0.1)
    finally:
        await overflow.close()
    return time.monotonic() - started


def hits_on_disk(settings: Settings) -> list[str]:
    """The journals with hits in them."""
    return [path.name for path in settings.journal_dir.glob("*.journal") if path.stat().st_size]


async def _is_folding(organization: Organization) -> bool:
    if await organization.tables.page("ingest", "hits", limit=1):
        return True
    lease = await organization.tables.get("ingest", "lease", "fold")
    return lease is not None and bool(lease.row["owner"])


async def lapse_leases(organizations: Sequence[Organization]) -> None:
    """As if the time of every fold's lease were over already."""
    for organization in organizations:
        lapsed = False
        while not lapsed:
            lease = await organization.tables.get("ingest", "lease", "fold")
            if lease is None:
                break
            row = {**lease.row, "until": datetime.now(UTC).isoformat()}
            with contextlib.suppress(Changed):
                await organization.tables.replace("ingest", row, lease.etag)
                lapsed = True


async def what_is_wrong(organizations: Sequence[Organization], ledger: Ledger) -> list[str]:
    """Every difference between what was answered and what is told; none is right."""
    wrong = list(ledger.strange)
    for organization in organizations:
        copies = {*ledger.opens_asked, *ledger.clicks_asked}
        messages = sorted({message for id, message, _ in copies if id == organization.id})
        wrong += await contradictions(organization, messages)
        for message in messages:
            followed = await read_followed(organization, message)
            wrong += ledger.missing(organization.id, followed)
    return wrong
