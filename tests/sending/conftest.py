"""A service for the modules that talk HTTP; a local Graph and a post office for those that drive
the sending themselves."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack

import httpx
import pytest
import pytest_asyncio

from shared.access.keys import SCOPES
from shared.attachments.uploads import upload_name
from shared.graph.client import close_graph_clients
from shared.messages.content import CONTAINER
from shared.organizations import Organization, Organizations
from shared.settings import OrganizationEntry
from tests.running_graph import RunningGraph, running_graph
from tests.running_storage import Deployment, Deployments, MovableClock
from tests.sending.journeys import clock_of_today
from tests.sending.memory_storage import Memory, MemoryBlobs, MemoryTables
from tests.sending.mortality import Troubles, troubled
from tests.sending.post_office import PostOffice, let_hurry
from tests.sending.roads import PLAN, UPLOAD, Road, Roads
from tests.web.running_service import RunningService, running_service

ROADS = 2
CONTOSO = OrganizationEntry(
    id="contoso",
    name="Contoso",
    tables="memory",
    blobs="memory",
    tenant="11111111-1111-1111-1111-111111111111",
    domains=("contoso.com",),
    public_address="http://follow.example",
)


@pytest.fixture(scope="module")
def service(
    deployments: Deployments, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    with running_service(deployments, tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(scope="module")
def keys_by_scope(service: RunningService) -> dict[str, str]:
    """For each scope a key of Contoso that has only this one."""
    return {scope: service.new_key(scope) for scope in SCOPES}


@pytest.fixture(scope="session")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGraph]:
    database = tmp_path_factory.mktemp("graph") / "graph.db"
    with running_graph(database, move_after=0) as running:
        yield running


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    """Plain HTTP, without the certificates that each new client would read."""
    with httpx.Client(verify=False, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def shared_storage(
    deployments: Deployments, tmp_path_factory: pytest.TempPathFactory
) -> Deployment:
    """One for a module: the clock stands elsewhere in another, and more is due there."""
    made = deployments.new(tmp_path_factory.mktemp("journal"))
    asyncio.run(made.provision())
    return made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_contoso(shared_storage: Deployment) -> AsyncIterator[Organization]:
    """Contoso in one event loop for the module, so that each client is made once."""
    settings = shared_storage.settings
    organizations = Organizations(settings.organizations, settings.local_storage_keys)
    found = organizations.get("contoso")
    assert found
    yield found
    await organizations.close()
    await close_graph_clients()


@pytest_asyncio.fixture(loop_scope="module")
async def office(
    shared_contoso: Organization, graph: RunningGraph, clock: MovableClock, http: httpx.Client
) -> PostOffice:
    """Contoso's sending, driven by hand, beside the messages of other tests.

    The tests run in their module's loop: `pytest.mark.asyncio(loop_scope="module")`.
    """
    office = PostOffice(shared_contoso, graph, clock, http)
    office.forget_mail()
    await office.forget_pace()
    return office


@pytest.fixture
async def new_office(
    contoso: Organization, graph: RunningGraph, clock: MovableClock, http: httpx.Client
) -> AsyncIterator[PostOffice]:
    """The same over storage of its own, for tests that change records and settings."""
    office = PostOffice(contoso, graph, clock, http)
    office.forget_mail()
    yield office
    await close_graph_clients()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def roads(
    deployments: Deployments, http: httpx.Client, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Roads]:
    """As many as there are cores, each with the large file uploaded."""
    async with AsyncExitStack() as ends:
        made = []
        for number in range(ROADS):
            directory = tmp_path_factory.mktemp(f"road{number}")
            deployment = deployments.new(directory / "journal")
            await deployment.provision()
            settings = deployment.settings
            organizations = Organizations(settings.organizations, settings.local_storage_keys)
            ends.push_async_callback(organizations.close)
            contoso = organizations.get("contoso")
            assert contoso
            troubles = Troubles()
            mortal = troubled(contoso, troubles, reads=True)
            ends.push_async_callback(mortal.tables.close)
            ends.push_async_callback(mortal.blobs.close)
            graph = ends.enter_context(running_graph(directory / "graph.db", move_after=0))
            made.append(await road(contoso, mortal, troubles, graph, http))
        yield made
        await close_graph_clients()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def memory_roads(
    http: httpx.Client, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Roads]:
    """The same over storage in this process, for many more journeys in the time."""
    with ExitStack() as ends:
        made = []
        for number in range(ROADS):
            memory, troubles = Memory(), Troubles()
            contoso, mortal = (
                Organization(
                    CONTOSO,
                    MemoryTables(memory, around, reads=True),
                    MemoryBlobs(memory, around, reads=True),
                )
                for around in (Troubles(), troubles)
            )
            database = tmp_path_factory.mktemp(f"road{number}") / "graph.db"
            graph = ends.enter_context(running_graph(database, move_after=0))
            made.append(await road(contoso, mortal, troubles, graph, http))
        yield made
        await close_graph_clients()


async def road(
    contoso: Organization,
    mortal: Organization,
    troubles: Troubles,
    graph: RunningGraph,
    http: httpx.Client,
) -> Road:
    await let_hurry(contoso)
    await contoso.blobs.put(CONTAINER, upload_name(UPLOAD), PLAN)
    return Road(PostOffice(contoso, graph, clock_of_today(), http), mortal, troubles)
