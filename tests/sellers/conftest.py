"""One service for the module."""

from collections.abc import Iterator

import pytest

from tests.running_storage import Deployments
from tests.web.running_service import RunningService, running_service


@pytest.fixture(scope="module")
def service(
    deployments: Deployments, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    with running_service(deployments, tmp_path_factory.mktemp("service")) as running:
        yield running
