"""A message that was erased takes no events any more, whenever its mark is set (rule A4)."""

from __future__ import annotations

from itertools import count

from shared.messages.feeds import EVERYBODY, read_feed
from shared.messages.rows import ERASED, MESSAGE_KEY, TABLE
from shared.organizations import Organization
from shared.storage.tables import Row
from shared.tracking.rebuild import rebuild_page
from tests.running_storage import MovableClock
from tests.tracking.conftest import TakeIn, WatchedOrganization
from tests.tracking.followed_messages import at, exact, fold_all, followed_message, hit
from tests.tracking.watched import Meanwhile


async def erase(organization: Organization, message: str) -> None:
    """Leaves nothing of a message but its mark."""
    tables = organization.tables
    mark = {"PartitionKey": message, "RowKey": MESSAGE_KEY, "schema": 1, ERASED: "2026-03-02"}
    await tables.upsert(TABLE, mark)
    others = [read.row["RowKey"] async for read in tables.rows(TABLE, message)]
    others.remove(MESSAGE_KEY)
    await tables.delete_all(TABLE, message, others)
    async for listed in read_feed(organization, EVERYBODY):
        if listed.message.id == message:
            for feed in (EVERYBODY, f"seller:{listed.message.seller}"):
                await tables.delete("feeds", feed, listed.position)


async def left(organization: Organization, message: str) -> list[Row]:
    return [read.row async for read in organization.tables.rows(TABLE, message)]


async def test_hits_of_an_erased_message_are_passed_over(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    erased, other = [await followed_message(contoso, clock()) for _ in range(2)]
    await erase(contoso, erased)
    await take_in(contoso, hit(erased, at(clock, 60)), hit(other, at(clock, 60)))
    assert await fold_all(contoso, clock)
    (mark,) = await left(contoso, erased)
    assert mark["RowKey"] == MESSAGE_KEY
    assert (await exact(contoso, other)).kpis.opens == 1
    for partition in ("hits", "aside"):
        assert await contoso.tables.page("ingest", partition, limit=1) == []


async def test_a_message_that_is_erased_while_its_hits_are_folded_keeps_no_event(
    contoso: Organization, watched: WatchedOrganization, take_in: TakeIn, clock: MovableClock
) -> None:
    """Whichever request before its transaction it happens after."""
    for nth in count(1):
        message = await followed_message(contoso, clock())
        await take_in(contoso, hit(message, at(clock, 60)))

        async def somebody_erases_it(message: str = message) -> None:
            await erase(contoso, message)

        watcher = Meanwhile(somebody_erases_it, lambda name: True, nth)
        assert await fold_all(watched(watcher), clock)
        if "transact messages" in watcher.requests[:nth]:
            break
        assert watcher.happened
        (mark,) = await left(contoso, message)
        assert mark["RowKey"] == MESSAGE_KEY
    assert nth > 4


async def test_a_rebuild_leaves_an_erased_message_erased(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await followed_message(contoso, clock())
    await take_in(contoso, hit(message, at(clock, 60)))
    await fold_all(contoso, clock)
    await erase(contoso, message)
    # What a crash left to do is not done for it either.
    todo = {"PartitionKey": message, "RowKey": "todo~000000000001", "schema": 1, "events": "[]"}
    await contoso.tables.insert(TABLE, todo)
    await take_in(contoso, hit(message, at(clock, 90)))
    await fold_all(contoso, clock)
    assert (await rebuild_page(contoso)).differences == []
    assert [row["RowKey"] for row in await left(contoso, message)] == [MESSAGE_KEY, todo["RowKey"]]
    assert [listed async for listed in read_feed(contoso, EVERYBODY)] == []
