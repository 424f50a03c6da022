"""What hits and their folding cost, counted in requests to storage and not timed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from shared.messages.feeds import feeds_of
from shared.organizations import Organization, Organizations
from tests.faults.conftest import TakeIn, ThroughProxy, account_of
from tests.faults.machines import all_folded, followed_copies, machines, what_is_wrong
from tests.faults.storage_faults import Request
from tests.faults.storage_proxy import StorageProxy
from tests.faults.visitors import Visitors
from tests.running_storage import Deployment, MovableClock
from tests.tracking.followed_messages import fold_all, followed_message, hit, read_followed

HITS_A_WRITE = 16
EVENTS_A_TRANSACTION = 90

Kind = tuple[str, str]


@pytest.mark.processes
async def test_sixteen_hits_cost_at_most_one_write_and_none_begins_after_the_last_answer(
    behind_proxy: Deployment,
    proxy: StorageProxy,
    organizations: Organizations,
    contoso: Organization,
    tmp_path: Path,
) -> None:
    copies = await followed_copies([contoso])
    async with machines(behind_proxy, tmp_path) as (machine,):
        visitors = Visitors(behind_proxy.settings, copies, [machine.port])
        async with visitors.visiting():
            # A host that has just started is slow, and then it has not yet met all of them at once.
            await visitors.answers(200)
            proxy.forget()
            before = visitors.ledger.answered
            await visitors.answers(1500)
        written_for = visitors.ledger.answered - before
        await all_folded(behind_proxy.settings, [contoso])
        await machine.stop()
    writes = [request for request in proxy.requests if is_segment(request, contoso)]
    print(f"{written_for} hits in {len(writes)} writes: {written_for / len(writes):.1f} a write")
    late = [request for request in writes if request.at > visitors.ledger.answered_at]
    assert late == []
    assert await what_is_wrong([contoso], visitors.ledger) == []
    assert len(writes) * HITS_A_WRITE <= written_for


def is_segment(request: Request, organization: Organization) -> bool:
    """Whether it writes hits to the organization's table."""
    return (
        request.account == account_of(organization)
        and (request.method, request.resource) == ("POST", "ingest")
        and not request.is_batch
    )


class Folding:
    """Counts what each fold asks of storage."""

    def __init__(
        self,
        take_in: TakeIn,
        through_proxy: ThroughProxy,
        proxy: StorageProxy,
        contoso: Organization,
        clock: MovableClock,
    ) -> None:
        self._take_in = take_in
        self._through_proxy = through_proxy
        self._proxy = proxy
        self.contoso = contoso
        self._clock = clock

    async def message(self) -> str:
        """A followed message that was sent an hour ago."""
        return await followed_message(self.contoso, self._clock() - timedelta(hours=1))

    async def cost(self, messages: Sequence[str], opens: int, a_segment: int = 0) -> Counter[str]:
        """Requests by table, for so many new opens of each of the messages; those come together,
        or so many in a segment."""
        at = self._clock.move(minutes=5)
        hits = [
            hit(message, at + timedelta(milliseconds=n))
            for n in range(opens)
            for message in messages
        ]
        for start in range(0, len(hits), a_segment or len(hits)):
            await self._take_in(hits[start : start + (a_segment or len(hits))])
        self._proxy.forget()
        await fold_all(self._through_proxy.organization, self._clock)
        return Counter(request.resource for request in self._proxy.requests)


@pytest.fixture
async def folding(
    take_in: TakeIn,
    through_proxy: ThroughProxy,
    proxy: StorageProxy,
    contoso: Organization,
    clock: MovableClock,
) -> Folding:
    made = Folding(take_in, through_proxy, proxy, contoso, clock)
    # The lease's row is made by an organization's first fold.
    await made.cost([await made.message()], 1)
    return made


@pytest.mark.parametrize("opens", [1, 90, 91, 180, 450])
async def test_folding_costs_a_request_for_ninety_events_and_a_few_for_the_message(
    folding: Folding, opens: int
) -> None:
    message = await folding.message()
    cost = await folding.cost([message], opens)
    followed = await read_followed(folding.contoso, message)
    assert followed.kpis.opens == opens
    print(f"{opens} opens: {dict(cost)}")
    lists = len(feeds_of(followed.message))
    allowed = math.ceil(opens / EVENTS_A_TRANSACTION) + 3 + 2 * lists
    assert cost["messages"] + cost["feeds"] <= allowed


@pytest.mark.parametrize("opens", [90, 1000, 2500])
async def test_beside_its_transactions_a_message_costs_the_same_however_many_they_are(
    folding: Folding, proxy: StorageProxy, opens: int
) -> None:
    """So that the bound holds for any number of events in one fold."""
    await folding.cost([await folding.message()], opens)
    asked = [request for request in proxy.requests if request.resource in ("messages", "feeds")]
    transactions = [request for request in asked if request.is_batch]
    assert len(transactions) <= math.ceil(opens / EVENTS_A_TRANSACTION)
    # The message, its copies, what it left to do; and each of its lists is read and written.
    assert len(asked) - len(transactions) == 3 + 2 * 2


async def test_one_hit_costs_one_transaction_and_what_is_left_to_do_goes_without_one(
    folding: Folding, proxy: StorageProxy
) -> None:
    """A transaction costs as much as four other requests."""
    message = await folding.message()
    await folding.cost([message], 1)
    await folding.cost([message], 1)
    assert [request.resource for request in proxy.requests if request.is_batch] == ["messages"]


async def test_a_card_costs_two_requests_and_what_makes_none_costs_nothing_r2(
    folding: Folding, proxy: StorageProxy
) -> None:
    message = await folding.message()
    first = await folding.cost([message], 3)
    # What its seller chose is read, and the card is written; before, it is not looked for.
    assert (first["sellers"], first["cards"]) == (1, 1)
    second = await folding.cost([message], 3)
    assert (second["sellers"], second["cards"]) == (0, 0)


async def test_a_backlog_of_many_small_segments_costs_a_message_what_one_segment_does(
    folding: Folding,
) -> None:
    """At a moderate rate each hit is a segment, and a message's hits are far from each other."""
    messages = [await folding.message() for _ in range(3)]
    together = await folding.cost(messages, 40)
    apart = await folding.cost(messages, 40, a_segment=1)
    for message in messages:
        assert (await read_followed(folding.contoso, message)).kpis.opens == 80
    assert apart["messages"] == together["messages"]
    assert apart["feeds"] == together["feeds"]


async def test_beside_its_messages_a_fold_costs_always_the_same(folding: Folding) -> None:
    few = await folding.cost([await folding.message()], 1)
    many = await folding.cost([await folding.message() for _ in range(5)], 40)
    print(f"one message: {dict(few)}; five: {dict(many)}")
    for table in ("ingest", "settings"):
        assert many[table] == few[table]
    assert many["messages"] == 5 * few["messages"]
    assert many["feeds"] == 5 * few["feeds"]


async def test_the_cost_does_not_grow_with_the_history(folding: Folding) -> None:
    """Neither with that of the message nor with that of the lists it stands in."""
    message = await folding.message()
    await folding.cost([message], 50)
    young = await folding.cost([message], 50)
    for _ in range(20):
        await folding.message()
    await folding.cost([message], 900)
    old = await folding.cost([message], 50)
    assert (await read_followed(folding.contoso, message)).kpis.opens == 1050
    assert old == young
