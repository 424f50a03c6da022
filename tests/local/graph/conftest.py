"""One local Graph in a process of its own, emptied before each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.running_graph import RunningGraph, running_graph


@pytest.fixture(scope="session")
def graph_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGraph]:
    file: Path = tmp_path_factory.mktemp("graph") / "graph.db"
    with running_graph(file) as graph:
        yield graph


@pytest.fixture
def graph(graph_process: RunningGraph) -> RunningGraph:
    httpx.delete(f"{graph_process.address}/_local").raise_for_status()
    return graph_process


@pytest.fixture
def http(graph: RunningGraph) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=graph.address, timeout=10) as client:
        yield client
