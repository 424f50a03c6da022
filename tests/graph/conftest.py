"""The client of Graph against a running local Graph."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from shared.graph.client import GraphTenant, close_graph_clients
from shared.graph.mail import Mail
from tests.running_graph import RunningGraph, running_graph

TENANT = "11111111-1111-1111-1111-111111111111"


@pytest.fixture(scope="session")
def graph_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGraph]:
    with running_graph(tmp_path_factory.mktemp("graph") / "graph.db") as graph:
        yield graph


@pytest.fixture
def graph(graph_process: RunningGraph) -> RunningGraph:
    httpx.delete(f"{graph_process.address}/_local").raise_for_status()
    return graph_process


@pytest.fixture
def tenant(graph: RunningGraph) -> GraphTenant:
    return GraphTenant(TENANT, graph.base_url, timeout_seconds=5)


@pytest.fixture
async def mail(tenant: GraphTenant) -> AsyncIterator[Mail]:
    yield Mail(tenant)
    await close_graph_clients()
