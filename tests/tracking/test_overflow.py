"""While an organization's storage stays away its hits go to the overflow, and come back."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from shared.organizations import Organization, Organizations
from shared.settings import Settings
from shared.storage.blobs import Blobs
from shared.tracking.hits import Hit
from shared.tracking.ingest import Ingest
from shared.tracking.journal import Journal
from shared.tracking.overflow import CONTAINER, KEPT, Overflow
from shared.tracking.segments import Segment, read_segments
from tests.running_storage import MovableClock
from tests.tracking.followed_messages import at, exact, fold_all, followed_message, hit

NOWHERE = "http://127.0.0.1:9/contoso"


@pytest.fixture
async def blobs(settings: Settings) -> AsyncIterator[Blobs]:
    """The host's blobs."""
    made = Blobs(settings.host_blobs)
    yield made
    await made.close()


@pytest.fixture
def overflow(blobs: Blobs, clock: MovableClock) -> Overflow:
    return Overflow(blobs, clock)


@pytest.fixture
async def without_contoso(settings: Settings) -> AsyncIterator[Organizations]:
    """The organizations as they are while nothing answers for contoso's storage."""
    entries = dict(settings.organizations)
    entries["contoso"] = replace(entries["contoso"], tables=NOWHERE)
    made = Organizations(entries, settings.local_storage_keys)
    yield made
    await made.close()


class Instance:
    """A worker's taking in of hits, with its journal."""

    def __init__(
        self, organizations: Organizations, overflow: Overflow, clock: MovableClock, folder: Path
    ) -> None:
        name = secrets.token_hex(6)
        self.journal = Journal(folder, name)
        self.ingest = Ingest(
            organizations, self.journal, name, clock.ms, lambda organization: None, overflow
        )

    async def end_with(self, *hits: Hit) -> bool:
        """Takes hits in and ends, as at SIGTERM; whether all of them are safe in storage."""
        for one in hits:
            await self.ingest.record("contoso", one, patience=0.01)
        safe = await self.ingest.drain(patience=20)
        self.journal.close()
        return safe


async def names(blobs: Blobs) -> list[tuple[str, datetime]]:
    return [name async for name in blobs.names(CONTAINER)]


async def test_hits_of_an_instance_that_ends_while_storage_is_away_come_back_once(
    contoso: Organization,
    organizations: Organizations,
    without_contoso: Organizations,
    overflow: Overflow,
    blobs: Blobs,
    clock: MovableClock,
    tmp_path: Path,
) -> None:
    message = await followed_message(contoso, clock())
    ending = Instance(without_contoso, overflow, clock, tmp_path / "journal")
    hits = (hit(message, at(clock, seconds)) for seconds in (60, 70, 80))

    assert await ending.end_with(*hits)
    # The instance ends here; its successor takes over what it finds, wherever it finds it.
    successor = Instance(organizations, overflow, clock, tmp_path / "journal")
    await successor.ingest.adopt_journals()
    assert await overflow.give_back(organizations) == {"contoso"}
    await fold_all(contoso, clock)

    assert (await exact(contoso, message)).kpis.opens == 3
    assert await names(blobs) == []


async def test_what_an_outage_of_minutes_left_comes_back_once_although_two_give_it_back(
    contoso: Organization,
    organizations: Organizations,
    overflow: Overflow,
    blobs: Blobs,
    clock: MovableClock,
) -> None:
    message = await followed_message(contoso, clock())
    for number in range(40):
        packed = hit(message, at(clock, 60 + number)).packed().encode()
        await overflow.keep("contoso", Segment(f"{number:013d}-a-000000", packed))
    both = await asyncio.gather(*(overflow.give_back(organizations) for _ in range(2)))
    assert {"contoso"} in both
    await fold_all(contoso, clock)
    assert (await exact(contoso, message)).kpis.opens == 40
    assert await names(blobs) == []


async def test_what_cannot_be_given_back_yet_stays_for_seven_days(
    contoso: Organization,
    organizations: Organizations,
    without_contoso: Organizations,
    overflow: Overflow,
    blobs: Blobs,
    clock: MovableClock,
    tmp_path: Path,
) -> None:
    message = await followed_message(contoso, clock())
    ending = Instance(without_contoso, overflow, clock, tmp_path / "journal")
    assert await ending.end_with(hit(message, at(clock, 60)))

    assert await overflow.give_back(without_contoso) == set()
    assert len(await names(blobs)) == 1

    assert await overflow.give_back(organizations) == {"contoso"}
    assert len(await read_segments(contoso, 10)) == 1


async def test_addresses_stay_behind_when_hits_go_to_the_overflow_t8(
    contoso: Organization,
    organizations: Organizations,
    without_contoso: Organizations,
    overflow: Overflow,
    blobs: Blobs,
    clock: MovableClock,
    tmp_path: Path,
) -> None:
    message = await followed_message(contoso, clock())
    ending = Instance(without_contoso, overflow, clock, tmp_path / "journal")
    assert await ending.end_with(replace(hit(message, at(clock, 60)), address="192.0.2.7"))
    ((name, _),) = await names(blobs)
    content = await blobs.get(CONTAINER, name)
    assert content and message.encode() in content and b"192.0.2.7" not in content
    assert await overflow.give_back(organizations) == {"contoso"}
    await fold_all(contoso, clock)
    assert (await exact(contoso, message)).kpis.opens == 1


async def test_hits_of_an_organization_that_is_gone_are_dropped_after_seven_days(
    settings: Settings,
    contoso: Organization,
    without_contoso: Organizations,
    overflow: Overflow,
    blobs: Blobs,
    clock: MovableClock,
    tmp_path: Path,
) -> None:
    message = await followed_message(contoso, clock())
    ending = Instance(without_contoso, overflow, clock, tmp_path / "journal")
    assert await ending.end_with(hit(message, at(clock, 60)))
    ((_, written_at),) = await names(blobs)
    nobody = Organizations({}, settings.local_storage_keys)

    clock.now = written_at + KEPT - timedelta(minutes=1)
    assert await overflow.give_back(nobody) == set()
    assert len(await names(blobs)) == 1
    clock.now = written_at + KEPT + timedelta(minutes=1)
    assert await overflow.give_back(nobody) == set()
    assert await names(blobs) == []
