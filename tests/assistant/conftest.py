"""Hits that come in as the pixel's do, a post office, and a service for the module that talks
HTTP."""

from collections.abc import Iterator

import pytest

from tests.running_storage import Deployments
from tests.sending.conftest import graph, http, new_office
from tests.tracking.conftest import take_in
from tests.web.running_service import RunningService, running_service

__all__ = ["graph", "http", "new_office", "service", "take_in"]


@pytest.fixture(scope="module")
def service(
    deployments: Deployments, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    with running_service(deployments, tmp_path_factory.mktemp("service")) as running:
        yield running
