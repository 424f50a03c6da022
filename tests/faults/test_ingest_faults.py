"""A segment whose write meets a fault is written all the same: what was answered is recorded."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

import pytest

from shared.organizations import Organization, Organizations
from shared.tracking.hits import unpack
from shared.tracking.ingest import Ingest
from shared.tracking.journal import Journal
from tests.faults.conftest import account_of
from tests.faults.storage_faults import Fault, answer, cut, done_but_lost, refuse
from tests.faults.storage_proxy import StorageProxy
from tests.running_storage import Deployment, MovableClock, overflow_away
from tests.tracking.followed_messages import hit

FAULTS = {
    "refused": refuse(),
    "says 500": answer(500),
    "says 503": answer(503),
    "says 409 and is not there": answer(409),
    "says 412": answer(412),
    "done, the connection broke": done_but_lost(),
    "done, said 500": done_but_lost(500),
    "done, said 409": done_but_lost(409),
    "done, the answer was cut": cut(),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_hits_are_recorded_whatever_their_first_write_meets(
    fault: Fault,
    behind_proxy: Deployment,
    proxy: StorageProxy,
    contoso: Organization,
    clock: MovableClock,
    tmp_path: Path,
) -> None:
    settings = behind_proxy.settings
    organizations = Organizations(settings.organizations, settings.local_storage_keys)
    instance = secrets.token_hex(6)
    journal = Journal(tmp_path / "journal", instance)
    ingest = Ingest(
        organizations, journal, instance, clock.ms, lambda organization: None, overflow_away(clock)
    )
    hits = [hit("0" * 32, clock.move(seconds=1)) for _ in range(40)]
    with proxy.fail(fault, account=account_of(contoso), times=1) as rule:
        await asyncio.gather(*(ingest.record("contoso", each, patience=30) for each in hits))
        assert rule.struck == 1
    await organizations.close()
    segments = [read.row["hits"] async for read in contoso.tables.rows("ingest", "hits")]
    stored = {each.id for segment in segments for each in unpack(segment.decode().splitlines())}
    assert stored == {each.id for each in hits}
