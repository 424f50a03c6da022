"""The service as a real host; Contoso and Fabrikam are the ones that it serves."""

from collections.abc import AsyncIterator, Iterator

import pytest

from shared.organizations import Organizations
from tests.running_storage import Deployments
from tests.tracking.served.service import Service


@pytest.fixture(scope="session")
def service(
    deployments: Deployments, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """The service as a process of its own, with organizations of its own."""
    running = Service(deployments, tmp_path_factory.mktemp("service"))
    yield running
    running.host.end()


@pytest.fixture
async def organizations(service: Service) -> AsyncIterator[Organizations]:
    """The organizations that `service` serves."""
    made = service.organizations()
    yield made
    await made.close()
