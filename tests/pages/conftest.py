"""One service for all tests of the pages; each begins with empty lists."""

import asyncio
from collections.abc import Iterator

import pytest

from local import deployment
from local.demo import provision
from shared.settings import Settings
from tests.local.host.running_host import RunningHost
from tests.pages.site import Site, Visitor, people
from tests.running_azurite import RunningAzurite, running_azurite

NEVER = "0 0 0 1 1 *"


@pytest.fixture(scope="session")
def pages_azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAzurite]:
    with running_azurite(["host", "contoso", "fabrikam"], tmp_path_factory.mktemp("az")) as running:
        yield running


@pytest.fixture(scope="session")
def environment(
    pages_azurite: RunningAzurite, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """What the supervisor would give to the host, with timers that never come."""
    keys = deployment.Secrets(
        signing_keys=deployment.new_secrets().signing_keys,
        auth_secret="known to nobody else",
        account_keys=pages_azurite.keys,
    )
    given = deployment.app_settings(pages_azurite.ports, tmp_path_factory.mktemp("data"), keys)
    asyncio.run(provision(Settings.from_env(given)))
    ours = people(deployment.people())
    return given | {"LOCAL_PEOPLE": ours, "DUE_SCHEDULE": NEVER, "SWEEP_SCHEDULE": NEVER}


@pytest.fixture(scope="session")
def running_site(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    host = RunningHost(tmp_path_factory.mktemp("host"), environment, app="function_app:app")
    try:
        assert host.address, host.log
        yield Site(host.address, Settings.from_env(environment))
    finally:
        host.end()


@pytest.fixture
def site(running_site: Site) -> Iterator[Site]:
    running_site.forget()
    yield running_site
    running_site.say_goodbye()


@pytest.fixture
def ana(site: Site) -> Visitor:
    """A seller of Contoso, who has signed in and reads English."""
    return site.visitor()
