"""One Azurite and one host for the tests that change nothing about them; own hosts for the rest."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.local.host.running_host import RunningHost
from tests.running_azurite import RunningAzurite, running_azurite

PEOPLE = [
    {
        "name": "Ana Lima",
        "address": "ana@contoso.com",
        "tenant": "11111111-1111-1111-1111-111111111111",
        "roles": ["seller"],
    },
    {
        "name": "Bruno <b> & Söhne",
        "address": "bruno@contoso.com",
        "tenant": "11111111-1111-1111-1111-111111111111",
        "roles": ["seller", "manager", "administrator"],
    },
]

StartHost = Callable[..., RunningHost]


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAzurite]:
    with running_azurite(["host"], tmp_path_factory.mktemp("azurite")) as running:
        yield running


def sample_settings(azurite: RunningAzurite, directory: Path) -> dict[str, str]:
    """The sample app's settings: a queue of its own, and a timer that never comes."""
    return {
        "AzureWebJobsStorage": azurite.connection_string("host"),
        "QUEUE": f"work-{uuid.uuid4().hex[:12]}",
        "TICKS": "0 0 0 1 1 *",
        "LAST_WORDS": str(directory / "last-words"),
        "WEBSITE_AUTH_ENABLED": "True",
        "LOCAL_PEOPLE": json.dumps(PEOPLE),
        "LOCAL_AUTH_SECRET": "known to nobody else",
    }


@pytest.fixture(scope="session")
def host(
    azurite: RunningAzurite, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningHost]:
    directory = tmp_path_factory.mktemp("host")
    running = RunningHost(directory, sample_settings(azurite, directory))
    yield running
    running.end()


@pytest.fixture
def start_host(azurite: RunningAzurite, tmp_path: Path) -> Iterator[StartHost]:
    """Starts hosts of one's own, with settings of one's own; they end with the test."""
    with ExitStack() as hosts:
        settings = sample_settings(azurite, tmp_path)

        def start(**changes: str) -> RunningHost:
            running = RunningHost(tmp_path, settings | changes)
            hosts.callback(running.end)
            return running

        yield start
