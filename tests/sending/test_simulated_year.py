"""A simulated year of scheduled messages: each handed to delivery once, none early, none late (S4).

Two hosts, crashes, clocks that are wrong by an hour, an outage of three days, newer zone rules,
rescheduling and cancelling at the very moment. `SIMULATED_MESSAGES` says how many there are, with
storage inside the process; the same runs over Azurite with `SIMULATED_OVER_AZURITE` messages.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from datetime import timedelta, timezone
from pathlib import Path

import pytest

from shared.messages.stored import read_message
from shared.model import Status
from shared.organizations import Organization
from shared.settings import OrganizationEntry
from shared.timing.local_times import ZoneRules, installed_rules
from tests.sending.memory_storage import Memory, MemoryBlobs, MemoryTables
from tests.sending.mortality import Troubles, troubled
from tests.sending.simulated_year import BEGIN, World, plan

pytestmark = [
    # The SDK warns about itself while it is imported.
    pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning"),
    pytest.mark.timeout(900),
]

IN_MEMORY = int(os.environ.get("SIMULATED_MESSAGES", "500"))
OVER_AZURITE = int(os.environ.get("SIMULATED_OVER_AZURITE", "12"))
LATEST = timedelta(minutes=1)
NEWER_RULES = BEGIN + timedelta(days=121)


def older_rules() -> ZoneRules:
    """What the world had before: Morocco an hour away from where it is."""
    now = installed_rules()
    morocco = timezone(timedelta(hours=2))
    return ZoneRules(
        "2000a", lambda name: morocco if name == "Africa/Casablanca" else now.zone(name)
    )


async def a_year(
    organization: Callable[[Troubles], Organization], messages: int, seed: int
) -> World:
    world = World(random.Random(seed))
    for _ in range(2):
        troubles = Troubles()
        world.new_host(organization(troubles), troubles, older_rules())
    plan(world, messages, installed_rules())
    await world.run()
    return world


async def all_is_well(world: World, messages: int) -> None:
    """What was said is what happened: the rows, the deliveries and the answers agree."""
    organization = world.hosts[0].office.organization
    late: list[object] = []
    early: list[object] = []
    wrong: list[object] = []
    for number in range(messages):
        message = f"{number:032x}"
        stored = await read_message(organization, message)
        assert stored is not None, message
        status = stored.message.status
        ended = Status.CANCELLED if message in world.cancelled else Status.SENT
        if status is not ended:
            wrong.append((message, status, ended))
        if world.delivered[message] != (status is Status.SENT):
            wrong.append((message, status, world.delivered[message]))
        for one in world.handed[message]:
            if one.meant is None:
                continue
            if one.taken_up < one.meant.at:
                early.append((message, one))
            if one.at - max(one.meant.at, one.possible_since) > LATEST:
                late.append((message, one))
            if one.meant.local and one.at > NEWER_RULES:
                assert installed_rules().renewed(one.meant) == one.meant
    handed = sum(map(len, world.handed.values()))
    print(f"{messages} messages, handed {handed} times; {dict(world.told)}")
    print(f"{len(late)} late, {len(early)} early")
    assert (wrong, early, late) == ([], [], [])
    assert await world.hosts[0].office.due() == []


async def test_a_year_of_messages_each_handed_over_once_none_early_none_late(
    tmp_path: Path,
) -> None:
    memory = Memory()
    entry = OrganizationEntry(
        id="contoso",
        name="Contoso",
        tables="memory",
        blobs="memory",
        tenant="11111111-1111-1111-1111-111111111111",
        domains=("contoso.com",),
        public_address="http://follow.example",
    )

    def organization(troubles: Troubles) -> Organization:
        return Organization(entry, MemoryTables(memory, troubles), MemoryBlobs(memory, troubles))

    world = await a_year(organization, IN_MEMORY, seed=2026)
    await all_is_well(world, IN_MEMORY)
    assert world.told["host died"] > IN_MEMORY / 100


async def test_the_same_over_the_real_protocol(contoso: Organization) -> None:
    mortal: list[Organization] = []

    def organization(troubles: Troubles) -> Organization:
        mortal.append(troubled(contoso, troubles))
        return mortal[-1]

    try:
        world = await a_year(organization, OVER_AZURITE, seed=5)
        await all_is_well(world, OVER_AZURITE)
    finally:
        for one in mortal:
            await one.tables.close()
            await one.blobs.close()
