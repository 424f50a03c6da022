"""A fold that meets a fault at any of its requests is done again, and everything is counted once.

Storage is the real one, the fold and its libraries are; what fails is the network between them.

    FAULTS=all pytest tests/faults/test_fold_faults.py

takes twice as long and tries every way of failing.
"""

from __future__ import annotations

import os
from datetime import timedelta

import pytest

from shared.errors import EngagementError
from shared.organizations import Organization
from shared.tracking.hits import Hit
from tests.faults.conftest import TakeIn, ThroughProxy
from tests.faults.exactness import contradictions
from tests.faults.storage_faults import Fault, answer, cut, done_but_lost, refuse
from tests.faults.storage_proxy import StorageProxy
from tests.running_storage import MovableClock
from tests.sampling import steps
from tests.tracking.followed_messages import (
    PROGRAM,
    fold_all,
    followed_message,
    hit,
    read_followed,
)

FAULTS = {
    "refused": refuse(),
    "says 409": answer(409),
    "done, the connection broke": done_but_lost(),
    "done, the answer was cut": cut(),
}
ALIKE = {
    "says 503": answer(503),
    "says 412": answer(412),
    "done, said 500": done_but_lost(500),
}
"""What our code does not tell from one of the others: left to those who ask for all of it."""

if os.environ.get("FAULTS") == "all":
    FAULTS |= ALIKE


async def two_messages(
    organization: Organization, clock: MovableClock
) -> tuple[list[str], list[Hit]]:
    """One that takes two transactions, with a click that comes before its open, and one that was
    only clicked; and their hits."""
    sent_at = clock() - timedelta(hours=1)
    many = await followed_message(organization, sent_at)
    clicked = await followed_message(organization, sent_at, copies=("li@example.com", None))
    hits = [hit(many, clock.move(milliseconds=1), agent=PROGRAM) for _ in range(95)]
    hits += [hit(many, clock.move(seconds=1), "click"), hit(many, clock.move(seconds=1))]
    hits += [hit(clicked, clock.move(seconds=1), "click", copy=copy) for copy in (0, 1)]
    return [many, clicked], hits


async def fold_until_done(
    disturbed: Organization, looked_at: Organization, clock: MovableClock
) -> None:
    """Folds as the queue and the timer do, again while it fails, each time half a minute later."""
    for _ in range(5):
        try:
            await fold_all(disturbed, clock)
        except EngagementError:
            pass
        clock.move(seconds=30)
        if not await looked_at.tables.page("ingest", "hits", limit=1):
            return


@pytest.mark.thorough
@pytest.mark.timeout(180)
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_a_fold_disturbed_at_any_request_counts_every_hit_once(
    fault: Fault,
    through_proxy: ThroughProxy,
    proxy: StorageProxy,
    contoso: Organization,
    take_in: TakeIn,
    clock: MovableClock,
) -> None:
    wrong: list[str] = []
    for number in steps(1_000):
        messages, hits = await two_messages(contoso, clock)
        await take_in(hits)
        with proxy.fail(fault, account=through_proxy.account, after=number - 1, times=1) as rule:
            await fold_until_done(through_proxy.organization, contoso, clock)
        where = f"at request {number}: "
        for message in messages:
            followed = await read_followed(contoso, message)
            events = {event.id for event in followed.events if not event.inferred}
            wanted = {hit.id for hit in hits if hit.message == message}
            if events != wanted:
                wrong.append(f"{where}{len(events)} events of {len(wanted)} hits")
        wrong += [where + each for each in await contradictions(contoso, messages)]
        if not rule.struck:
            break
    # The lease, the segments, two messages with their lists: there were all of them to disturb.
    assert number > 20
    assert wrong[:4] == [], f"and {len(wrong)} in all"
