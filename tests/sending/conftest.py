"""A service for the modules that talk HTTP; a local Graph and a post office for those that drive
the sending themselves."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from shared.graph.client import close_graph_clients
from shared.organizations import Organization, Organizations
from tests.running_graph import RunningGraph, running_graph
from tests.running_storage import Deployment, Deployments, MovableClock
from tests.sending.post_office import PostOffice
from tests.web.running_service import RunningService, running_service


@pytest.fixture(scope="module")
def service(
    deployments: Deployments, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    with running_service(deployments, tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(scope="session")
def graph_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGraph]:
    database = tmp_path_factory.mktemp("graph") / "graph.db"
    with running_graph(database, move_after=0) as graph:
        yield graph


@pytest.fixture
def graph(graph_process: RunningGraph) -> RunningGraph:
    """A local Graph without mail and without faults."""
    httpx.delete(f"{graph_process.address}/_local").raise_for_status()
    return graph_process


@pytest.fixture(scope="session")
def shared_storage(
    deployments: Deployments, tmp_path_factory: pytest.TempPathFactory
) -> Deployment:
    made = deployments.new(tmp_path_factory.mktemp("journal"))
    asyncio.run(made.provision())
    return made


@pytest.fixture
async def office(
    shared_storage: Deployment, graph: RunningGraph, clock: MovableClock
) -> AsyncIterator[PostOffice]:
    """Contoso's sending, driven by hand, beside the messages of other tests."""
    settings = shared_storage.settings
    organizations = Organizations(settings.organizations, settings.local_storage_keys)
    contoso = organizations.get("contoso")
    assert contoso
    yield PostOffice(contoso, graph, clock)
    await organizations.close()
    await close_graph_clients()


@pytest.fixture
async def new_office(
    contoso: Organization, graph: RunningGraph, clock: MovableClock
) -> AsyncIterator[PostOffice]:
    """The same over storage of its own, for tests that change records and settings."""
    yield PostOffice(contoso, graph, clock)
    await close_graph_clients()
