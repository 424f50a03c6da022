"""One real Azurite for all tests, and organizations in it that nobody else has."""

import gc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from shared.organizations import Organization, Organizations
from shared.settings import Settings
from tests.running_azurite import RunningAzurite, running_azurite
from tests.running_storage import ACCOUNTS, HOST, Deployment, Deployments, MovableClock


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what uses an Azurite: the second Python goes without it (dev.py test --also)."""
    for item in items:
        if "azurite" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.storage)


@pytest.fixture(scope="module", autouse=True)
def what_was_left_open_is_told_of_here() -> Iterator[None]:
    """A connection that nobody closed fails the file that opened it, not a later one."""
    yield
    gc.collect()


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAzurite]:
    """An Azurite with plenty of accounts; whoever wants to stop it starts one of their own."""
    with running_azurite([HOST, *ACCOUNTS], tmp_path_factory.mktemp("azurite")) as running:
        yield running


@pytest.fixture(scope="session")
def deployments(azurite: RunningAzurite) -> Deployments:
    """Makes further deployments, for a module that shares one or a test that wants two."""
    return Deployments(azurite)


@pytest.fixture
async def deployment(deployments: Deployments, tmp_path: Path) -> Deployment:
    """Contoso and Fabrikam in fresh storage with every table, container and queue; no data."""
    made = deployments.new(tmp_path / "journal")
    await made.provision()
    return made


@pytest.fixture
def settings(deployment: Deployment) -> Settings:
    """The settings of `contoso` and `fabrikam`."""
    return deployment.settings


@pytest.fixture
async def organizations(settings: Settings) -> AsyncIterator[Organizations]:
    """Both organizations; their clients are closed at the end of the test."""
    made = Organizations(settings.organizations, settings.local_storage_keys)
    yield made
    await made.close()


@pytest.fixture
def contoso(organizations: Organizations) -> Organization:
    """An organization in a storage account of its own, empty."""
    found = organizations.get("contoso")
    assert found
    return found


@pytest.fixture
def fabrikam(organizations: Organizations) -> Organization:
    """The other organization, in another storage account, empty."""
    found = organizations.get("fabrikam")
    assert found
    return found


@pytest.fixture
def clock() -> MovableClock:
    """A clock that stands still until it is moved; it starts on Monday, 2 March 2026, 09:00 UTC."""
    return MovableClock()
