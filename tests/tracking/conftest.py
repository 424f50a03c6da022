"""Taking hits in as the pixel and the redirect do, and being there at every request to storage."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from shared.organizations import Organization, Organizations
from shared.settings import Settings
from shared.storage.tables import Tables
from shared.tracking.hits import Hit
from shared.tracking.ingest import Ingest
from shared.tracking.journal import Journal
from tests.running_storage import MovableClock, overflow_away
from tests.tracking.watched import Watched

TakeIn = Callable[..., Awaitable[None]]
WatchedOrganization = Callable[[Watched], Organization]


@pytest.fixture
def take_in(organizations: Organizations, clock: MovableClock, tmp_path: Path) -> TakeIn:
    """`await take_in(contoso, hit, …)`: all of them are in its table when it returns."""
    instance = secrets.token_hex(6)
    journal = Journal(tmp_path / "journal", instance)
    ingest = Ingest(
        organizations, journal, instance, clock.ms, lambda organization: None, overflow_away(clock)
    )

    async def take(organization: Organization, *hits: Hit) -> None:
        await asyncio.gather(*(ingest.record(organization.id, hit, patience=30) for hit in hits))

    return take


@pytest.fixture
async def watched(contoso: Organization, settings: Settings) -> AsyncIterator[WatchedOrganization]:
    """`watched(watcher)` is Contoso with a watcher on every request to its tables."""
    made: list[Tables] = []

    def organization(watcher: Watched) -> Organization:
        tables = watcher.tables(contoso.entry.tables, settings.local_storage_keys[contoso.id])
        made.append(tables)
        return replace(contoso, tables=tables)

    yield organization
    for tables in made:
        await tables.close()
