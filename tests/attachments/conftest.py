"""A service whose files go to the drives of a local Graph."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.running_storage import Deployments
from tests.web.running_service import RunningService, running_service


@pytest.fixture(scope="module")
def service(
    deployments: Deployments, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    directory = tmp_path_factory.mktemp("service")
    with running_service(deployments, directory, SWEEP_SCHEDULE="*/2 * * * * *") as running:
        yield running
