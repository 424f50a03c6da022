"""What recipients see while an organization's storage is away, and what is told afterwards.

    FAULT_SECONDS=60 pytest tests/faults/test_storage_away.py

makes each kind of trouble last that long, and TROUBLES=flapping,slow has only those.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from shared.organizations import Organization, Organizations
from tests.faults.conftest import account_of
from tests.faults.machines import (
    FOLDED_S,
    all_folded,
    followed_copies,
    hits_on_disk,
    lapse_leases,
    machines,
    what_is_wrong,
)
from tests.faults.storage_faults import Fault, answer, cut, delay, done_but_lost, hang, refuse
from tests.faults.storage_proxy import StorageProxy
from tests.faults.visitors import Ledger, Visitors
from tests.running_storage import Deployment

SECONDS = float(os.environ.get("FAULT_SECONDS", "2"))
SEED = int(os.environ.get("FAULT_SEED") or random.randrange(1_000_000))

PIXEL_S = 1.0
REDIRECT_S = 0.1
"""How long a recipient waits for storage at most (rules T1, T4)."""
ORDINARY_S = 0.5
"""What an answer may take besides, of 95 in 100, on a machine that has much else to do."""

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120 + 6 * SECONDS)]

Trouble = Callable[[StorageProxy, str], Awaitable[None]]


async def refused(proxy: StorageProxy, account: str) -> None:
    with proxy.fail(refuse(), account=account):
        await asyncio.sleep(SECONDS)


async def hanging(proxy: StorageProxy, account: str) -> None:
    with proxy.fail(hang(), account=account):
        await asyncio.sleep(SECONDS)


async def slow(proxy: StorageProxy, account: str) -> None:
    with proxy.fail(delay(0.3), account=account):
        await asyncio.sleep(SECONDS)


async def flapping(proxy: StorageProxy, account: str) -> None:
    """There and away again, in another way each time; much is done whose answer is lost."""
    chance = random.Random(SEED)
    faults = [refuse(), hang(), answer(500), answer(503), cut(), done_but_lost(), delay(0.2)]
    ends_at = asyncio.get_running_loop().time() + SECONDS
    while asyncio.get_running_loop().time() < ends_at:
        with proxy.fail(chance.choice(faults), account=account):
            await asyncio.sleep(chance.uniform(0.05, 0.4))
        await asyncio.sleep(chance.uniform(0.0, 0.2))


async def everything_gone(proxy: StorageProxy, account: str) -> None:
    """Not this account alone: nobody listens, for the other organization and the host neither."""
    proxy.stop_listening()
    await asyncio.sleep(SECONDS)
    proxy.listen()


EVERY_TROUBLE: dict[str, Trouble] = {
    trouble.__name__: trouble for trouble in (refused, hanging, slow, flapping, everything_gone)
}
TROUBLES = [
    EVERY_TROUBLE[name] for name in os.environ.get("TROUBLES", ",".join(EVERY_TROUBLE)).split(",")
]


async def test_recipients_do_not_wait_for_storage_that_is_away_and_no_hit_of_theirs_is_lost(
    behind_proxy: Deployment,
    proxy: StorageProxy,
    organizations: Organizations,
    tmp_path: Path,
) -> None:
    """Rules T1, T4, T8, T9."""
    print(f"seed {SEED}")
    both = organizations.all()
    contoso = both[0]
    copies = await followed_copies(both)
    async with machines(behind_proxy, tmp_path) as (machine,):
        visitors = Visitors(behind_proxy.settings, copies, [machine.port], seed=SEED)
        ledger = visitors.ledger
        async with visitors.visiting():
            await visitors.answers(100)
            too_slow: list[str] = []
            for trouble in TROUBLES:
                ledger.took.clear()
                await trouble(proxy, account_of(contoso))
                told = {key: f"{ledger.within(*key):.3f}" for key in sorted(ledger.took)}
                print(f"{trouble.__name__}: {told}")
                for kind, waits_s in (("open", PIXEL_S), ("click", REDIRECT_S)):
                    ordinary_s = ORDINARY_S
                    if trouble is not everything_gone:
                        # On a machine with still more to do the other organization's tells.
                        ordinary_s = max(ORDINARY_S, 1.5 * ledger.within("fabrikam", kind))
                    if ledger.within("contoso", kind) >= waits_s + ordinary_s:
                        too_slow.append(f"{kind}, {trouble.__name__}")
                if (
                    trouble is not everything_gone
                    and _fastest_half(ledger, "fabrikam") > ORDINARY_S
                ):
                    too_slow.append(f"of the other organization, {trouble.__name__}")
            await visitors.answers(50)
        # A long outage leaves much to bring back.
        seconds = await all_folded(behind_proxy.settings, both, within=FOLDED_S + SECONDS)
        await machine.stop()
    print(f"{ledger.answered} answered of {ledger.asked}, folded after {seconds:.1f} s")
    assert ledger.answered == ledger.asked
    assert await what_is_wrong(both, ledger) == []
    assert too_slow == []


async def test_hits_of_a_host_that_is_killed_while_storage_is_away_are_told_when_it_is_back(
    behind_proxy: Deployment,
    proxy: StorageProxy,
    organizations: Organizations,
    tmp_path: Path,
) -> None:
    """It comes back to storage that is still away, and is killed again before it can be written."""
    print(f"seed {SEED}")
    both = organizations.all()
    contoso = both[0]
    copies = await followed_copies(both)
    async with machines(behind_proxy, tmp_path) as (machine,):
        visitors = Visitors(behind_proxy.settings, copies, [machine.port], seed=SEED)
        async with visitors.visiting():
            await visitors.answers(100)
            for fault in (hang(), refuse()):
                with proxy.fail(fault, account=account_of(contoso)):
                    for _ in range(2):
                        await visitors.answers(60)
                        await machine.kill()
                        await lapse_leases(both)
                        await machine.start()
                    await visitors.answers(60)
        seconds = await all_folded(behind_proxy.settings, both)
        await machine.stop()
    ledger = visitors.ledger
    print(f"{ledger.answered} answered of {ledger.asked}, folded after {seconds:.1f} s")
    assert await what_is_wrong(both, ledger) == []


@pytest.mark.parametrize("fault", [refuse(), hang()], ids=["refused", "hanging"])
async def test_what_a_stopped_host_answered_is_told_although_its_disk_goes_with_it(
    fault: Fault,
    behind_proxy: Deployment,
    proxy: StorageProxy,
    organizations: Organizations,
    contoso: Organization,
    tmp_path: Path,
) -> None:
    """SIGTERM drains what waits, to the overflow where the organization's storage is away."""
    copies = await followed_copies([contoso])
    async with machines(behind_proxy, tmp_path) as (machine,):
        visitors = Visitors(behind_proxy.settings, copies, [machine.port], seed=SEED)
        with proxy.fail(fault, account=account_of(contoso)):
            async with visitors.visiting():
                await visitors.answers(60)
            await machine.stop()
            shutil.rmtree(behind_proxy.settings.journal_dir)
            await machine.start()
        await all_folded(behind_proxy.settings, [contoso])
        await machine.stop()
    assert await what_is_wrong([contoso], visitors.ledger) == []


async def test_what_a_killed_host_answered_long_ago_is_told_although_its_disk_goes_with_it(
    behind_proxy: Deployment,
    proxy: StorageProxy,
    organizations: Organizations,
    contoso: Organization,
    tmp_path: Path,
) -> None:
    """After some seconds hits do not wait on the host's disk for storage, but in the overflow."""
    copies = await followed_copies([contoso])
    async with machines(behind_proxy, tmp_path) as (machine,):
        visitors = Visitors(behind_proxy.settings, copies, [machine.port], seed=SEED)
        with proxy.fail(refuse(), account=account_of(contoso)):
            async with visitors.visiting():
                await visitors.answers(60)
            async with asyncio.timeout(30):
                while hits_on_disk(behind_proxy.settings):
                    await asyncio.sleep(0.1)
            await machine.kill()
            shutil.rmtree(behind_proxy.settings.journal_dir)
            await machine.start()
        await all_folded(behind_proxy.settings, [contoso])
        await machine.stop()
    assert await what_is_wrong([contoso], visitors.ledger) == []


def _fastest_half(ledger: Ledger, organization: str) -> float:
    """Half of the answers to its recipients came within so many seconds: no trouble of theirs."""
    return max(ledger.within(organization, kind, 0.5) for kind in ("open", "click"))
