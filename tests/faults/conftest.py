"""Storage that fails on demand: a proxy in front of the Azurite of all tests."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.ports import Ports
from shared.organizations import Organization, Organizations
from shared.tracking.hits import Hit
from shared.tracking.ingest import Ingest
from shared.tracking.journal import Journal
from tests.faults.storage_proxy import StorageProxy, storage_proxy
from tests.running_azurite import RunningAzurite
from tests.running_storage import Deployment, MovableClock, overflow_away


@pytest.fixture(scope="session")
def session_proxy(azurite: RunningAzurite) -> Iterator[StorageProxy]:
    with storage_proxy(azurite.ports) as running:
        yield running


@pytest.fixture
def proxy(session_proxy: StorageProxy) -> Iterator[StorageProxy]:
    """A proxy in front of the Azurite, without faults and with nothing counted."""
    session_proxy.forget()
    yield session_proxy
    session_proxy.lift_all()
    session_proxy.listen()


@pytest.fixture
def behind_proxy(
    deployment: Deployment, azurite: RunningAzurite, proxy: StorageProxy
) -> Deployment:
    """The deployment, all of its storage addressed through the proxy."""
    return addressed(deployment, azurite.ports, proxy.ports)


def addressed(deployment: Deployment, now: Ports, then: Ports) -> Deployment:
    """The same deployment with its storage at other ports."""
    changes = {}
    for name in ("AzureWebJobsStorage", "ORGANIZATIONS"):
        value = deployment.environ[name]
        for service in ("blob", "queue", "table"):
            was, becomes = getattr(now, service), getattr(then, service)
            value = value.replace(f"127.0.0.1:{was}/", f"127.0.0.1:{becomes}/")
        changes[name] = value
    return deployment.with_settings(**changes)


@dataclass(frozen=True)
class ThroughProxy:
    """Contoso as it is reached through the proxy, and the name of its storage account."""

    organization: Organization
    account: str


@pytest.fixture
async def through_proxy(behind_proxy: Deployment) -> AsyncIterator[ThroughProxy]:
    """Contoso, reached through the proxy."""
    settings = behind_proxy.settings
    organizations = Organizations(settings.organizations, settings.local_storage_keys)
    found = organizations.get("contoso")
    assert found
    yield ThroughProxy(found, account_of(found))
    await organizations.close()


def account_of(organization: Organization) -> str:
    return organization.entry.tables.rsplit("/", 1)[-1]


TakeIn = Callable[[Sequence[Hit]], Awaitable[None]]


@pytest.fixture
def take_in(organizations: Organizations, clock: MovableClock, tmp_path: Path) -> TakeIn:
    """`await take_in(hits)`: all of them are in contoso's table when it returns; not through the
    proxy."""
    instance = secrets.token_hex(6)
    journal = Journal(tmp_path / "journal", instance)
    ingest = Ingest(
        organizations, journal, instance, clock.ms, lambda organization: None, overflow_away(clock)
    )

    async def take(hits: Sequence[Hit]) -> None:
        await asyncio.gather(*(ingest.record("contoso", hit, patience=30) for hit in hits))

    return take
