"""A host that is killed under load loses no hit that it has answered, and counts none twice.

    KILLS=20 FAULT_SEED=7 pytest tests/faults/test_kills.py

repeats a run; the seed is printed.
"""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest

from shared.organizations import Organizations
from tests.faults.machines import (
    all_folded,
    followed_copies,
    lapse_leases,
    machines,
    what_is_wrong,
)
from tests.faults.visitors import Visitors
from tests.running_storage import Deployment

KILLS = int(os.environ.get("KILLS", "6"))
KILLS_OF_TWO = KILLS if "KILLS" in os.environ else 2
SEED = int(os.environ.get("FAULT_SEED") or random.randrange(1_000_000))

pytestmark = [pytest.mark.processes, pytest.mark.timeout(60 + 20 * KILLS)]


async def test_every_answered_hit_is_told_once_however_often_the_host_is_killed(
    deployment: Deployment, organizations: Organizations, tmp_path: Path
) -> None:
    """Rules T8, T9."""
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    both = organizations.all()
    copies = await followed_copies(both)
    async with machines(deployment, tmp_path) as (machine,):
        visitors = Visitors(deployment.settings, copies, [machine.port], seed=SEED)
        async with visitors.visiting():
            for kill in range(KILLS):
                await visitors.answers(1)
                await asyncio.sleep(chance.uniform(0.05, 1.2))
                await machine.kill()
                if kill < KILLS - 1:
                    # So that the next one folds at once and can be killed in it. After the last
                    # kill the lease lapses by itself.
                    await lapse_leases(both)
                await machine.start()
            await visitors.answers(50)
        seconds = await all_folded(deployment.settings, both)
        await machine.stop()
    ledger = visitors.ledger
    print(f"{ledger.answered} answered of {ledger.asked}, folded after {seconds:.1f} s")
    assert await what_is_wrong(both, ledger) == []


async def test_two_hosts_on_one_storage_tell_every_answered_hit_once(
    deployment: Deployment, organizations: Organizations, tmp_path: Path
) -> None:
    """Both are killed in turn; the other one goes on, and may fold while a lease lapses."""
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    both = organizations.all()
    copies = await followed_copies(both)
    async with machines(deployment, tmp_path, 2) as pair:
        ports = [machine.port for machine in pair]
        visitors = Visitors(deployment.settings, copies, ports, seed=SEED)
        async with visitors.visiting():
            for kill in range(KILLS_OF_TWO):
                await visitors.answers(1)
                await asyncio.sleep(chance.uniform(0.05, 1.2))
                await pair[kill % 2].kill()
                # The one that lives may hold a lease: then there are two folders at once.
                await lapse_leases(both)
                await pair[kill % 2].start()
            await visitors.answers(50)
        seconds = await all_folded(deployment.settings, both)
        await asyncio.gather(*(machine.stop() for machine in pair))
    ledger = visitors.ledger
    print(f"{ledger.answered} answered of {ledger.asked}, folded after {seconds:.1f} s")
    assert await what_is_wrong(both, ledger) == []
