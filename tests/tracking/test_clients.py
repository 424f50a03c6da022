"""The timeline says what a recipient reads with, as a seller would, in no stranger's words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tracking.clients import _NAMES, _SERVICES, Client, describe
from tests.tracking.agents import rows

KNOWN_NAMES = {name for name, *_ in (*_NAMES, *_SERVICES)} | {None}


@pytest.mark.parametrize(("name", "device", "agent"), rows("people.tsv"))
def test_a_client_has_its_everyday_name_and_device(name: str, device: str, agent: str) -> None:
    client = describe(agent)
    assert (client.name or "-", client.device or "-") == (name, device)


@pytest.mark.parametrize("agent", [agent for _reason, agent in rows("machines.tsv")])
def test_a_machine_is_not_described_as_the_browser_it_claims_to_be(agent: str) -> None:
    assert describe(agent) == Client(None, None)


def test_a_service_that_loads_images_ahead_is_named_without_a_device() -> None:
    assert describe("Mozilla/5.0") == Client("Apple Mail", None)
    gmail = (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"
    )
    assert describe(gmail) == Client("Gmail", None)


@pytest.mark.parametrize("agent", ["", "  ", "Mozilla/5.0 (Linux)", "?"])
def test_what_is_not_known_is_left_out(agent: str) -> None:
    assert describe(agent) == Client(None, None)


@given(agent=st.text() | st.text().map(lambda text: f"Mozilla/5.0 (Windows NT 10.0) {text}"))
def test_nothing_that_a_stranger_wrote_becomes_a_name(agent: str) -> None:
    client = describe(agent)
    assert client.name in KNOWN_NAMES
    assert client.device in {"desktop", "phone", "tablet", None}


@pytest.mark.parametrize(
    "agent",
    [
        'Mozilla/5.0 (Windows NT 10.0) <script>alert(1)</script> Chrome/1"onload=',
        "Outlook-iOS/<b>x</b>",
    ],
)
def test_a_hostile_agent_is_only_its_client(agent: str) -> None:
    client = describe(agent)
    assert client.name in {"Chrome", "Outlook"}
