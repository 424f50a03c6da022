"""The rebuild as its caller meets it (rule T9)."""

from __future__ import annotations

import pytest

from shared.organizations import Organization
from shared.tracking.segments import set_aside
from tests.running_storage import MovableClock
from tests.tracking.followed_messages import at, followed_message, hit
from tests.tracking.served.service import Service

pytestmark = pytest.mark.processes


async def test_a_rebuild_folds_what_was_set_aside_t9(
    service: Service, contoso: Organization, clock: MovableClock
) -> None:
    message = await followed_message(contoso, clock())
    await set_aside(contoso, message, [hit(message, at(clock, 60))])
    headers = {"x-api-key": "local-contoso"}
    answer = service.client.post("/api/orgs/contoso/rebuild", headers=headers)
    assert answer.status_code == 200, answer.text
    await service.events(contoso, message, 1)
    rows = await contoso.tables.page("ingest", "aside", limit=100)
    assert [read.row for read in rows if message in str(read.row["RowKey"])] == []
