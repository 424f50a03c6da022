"""The stored counts are those of the code as it is today, but for a little."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from bench.counting import Counts, counted
from bench.counts import kept, measured
from shared.graph.client import close_graph_clients
from shared.organizations import Organization
from tests.running_graph import running_graph
from tests.running_storage import MovableClock
from tests.sending.post_office import PostOffice, let_hurry


@pytest.mark.processes
@pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning")
async def test_what_was_counted_is_what_the_code_asks_for(
    contoso: Organization, clock: MovableClock, tmp_path: Path
) -> None:
    """Where this fails after a change that was meant: python3 dev.py costs --count."""
    counts = Counts()
    organization = counted(contoso, counts)
    with running_graph(tmp_path / "graph.db", move_after=0) as graph, httpx.Client() as http:
        await let_hurry(organization)
        now = await measured(PostOffice(organization, graph, clock, http), counts)
        await close_graph_clients()
    await organization.tables.close()
    await organization.blobs.close()
    before = kept()
    for thing in (
        "accepted",
        "delivered",
        "hit",
        "fold",
        "folded_message",
        "idle_sweep",
        "idle_reminders",
    ):
        asked, stored = (getattr(each, thing).requests["table"] for each in (now, before))
        assert asked == pytest.approx(stored, rel=0.25), f"{thing}: {asked}, stored {stored}"
    assert now.alert_rules == before.alert_rules
