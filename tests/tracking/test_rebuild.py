"""Rebuilding KPIs and lists from the events, and saying what differed (rule T9)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.assistant.cards import read_cards
from shared.messages.feeds import EVERYBODY, position
from shared.messages.rows import MESSAGE_KEY, TABLE, copy_key, event_key, message_from_row
from shared.messages.stored import read_message, write_message
from shared.messages.todo import drain_left_behind, with_todo
from shared.model import CardKind, Kpis
from shared.organizations import Organization
from shared.tracking.rebuild import MESSAGES_A_PAGE, rebuild_message, rebuild_page
from shared.tracking.segments import (
    Segment,
    put_back_aside,
    set_aside,
    set_segment_aside,
)
from tests.running_storage import MovableClock
from tests.tracking.conftest import TakeIn
from tests.tracking.followed_messages import (
    PROGRAM,
    SELLER,
    at,
    exact,
    fold_all,
    followed_message,
    hit,
)


async def _lively(organization: Organization, take_in: TakeIn, clock: MovableClock) -> str:
    """A message with opens and clicks of people and programs, and an inferred open."""
    message = await followed_message(organization, clock(), copies=("li@example.com", "b@c.com"))
    await take_in(
        organization,
        hit(message, at(clock, 60)),
        hit(message, at(clock, 90), "click"),
        hit(message, at(clock, 40), agent=PROGRAM),
        hit(message, at(clock, 500), "click", copy=1),
    )
    assert await fold_all(organization, clock)
    return message


async def test_what_was_folded_needs_no_rebuild_t9(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await _lively(contoso, take_in, clock)

    assert await rebuild_message(contoso, message) == []


async def test_wrong_counts_are_put_right_and_told_t9(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await _lively(contoso, take_in, clock)
    before = await exact(contoso, message)
    for key, wrong in ((MESSAGE_KEY, '"opens": 3'), (copy_key(0), '"opens": 2')):
        read = await contoso.tables.get(TABLE, message, key)
        assert read is not None
        assert wrong in read.row["kpis"]
        row = {**read.row, "kpis": read.row["kpis"].replace(wrong, '"opens": 77')}
        await contoso.tables.replace(TABLE, row, read.etag)

    told = {(one.what, one.was, one.now) for one in await rebuild_message(contoso, message)}

    assert ("message: opens", "77", "3") in told
    assert ("copy 0: opens", "77", "2") in told
    after = await exact(contoso, message)
    assert after.kpis == before.kpis
    assert await rebuild_message(contoso, message) == []


async def test_cards_follow_the_counts_that_are_put_right_t9(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await _lively(contoso, take_in, clock)
    expected = await _cards(contoso, clock)
    stored = await read_message(contoso, message)
    assert stored is not None
    quiet = (at(clock, 60), at(clock, 900_000))
    wrong = replace(stored.copies[0], kpis=Kpis(), quiet=quiet)
    row, todo = with_todo(stored.message, cards=["opened-0"])
    await write_message(contoso, stored, row, [wrong], [todo])
    await drain_left_behind(contoso, message)
    assert await _cards(contoso, clock) != expected

    told = {one.what: one.now for one in await rebuild_message(contoso, message)}

    assert told["copy 0: quiet"] == "None"
    assert await _cards(contoso, clock) == expected
    await exact(contoso, message)
    assert await rebuild_message(contoso, message) == []


async def test_more_copies_than_a_transaction_takes_are_put_right_t9(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    people = [f"person{number}@example.com" for number in range(110)]
    message = await followed_message(contoso, clock(), copies=people)
    await take_in(
        contoso, *(hit(message, at(clock, 60), "click", copy=one) for one in range(len(people)))
    )
    assert await fold_all(contoso, clock)
    expected = await exact(contoso, message)
    stored = await read_message(contoso, message)
    assert stored is not None
    broken = [
        replace(one, kpis=Kpis(), first_human_click_at=None) for one in stored.copies.values()
    ]
    for start in (0, 60):
        stored = await write_message(contoso, stored, stored.message, broken[start : start + 60])

    assert {one.what for one in await rebuild_message(contoso, message)} >= {
        f"copy {number}: human link clicks" for number in range(len(people))
    }
    assert (await exact(contoso, message)).kpis == expected.kpis
    assert await rebuild_message(contoso, message) == []


async def test_a_message_that_is_in_no_list_is_listed_again(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await _lively(contoso, take_in, clock)
    read = await contoso.tables.get(TABLE, message, MESSAGE_KEY)
    assert read is not None
    place = position(message_from_row(read.row))
    await contoso.tables.delete("feeds", EVERYBODY, place)

    told = {(one.what, one.was, one.now) for one in await rebuild_message(contoso, message)}

    assert (f"list {EVERYBODY}", "not listed", "listed") in told
    await exact(contoso, message)


async def test_an_inferred_open_that_is_missing_comes_back(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await _lively(contoso, take_in, clock)
    before = await exact(contoso, message)
    (inferred,) = (event for event in before.events if event.inferred)
    await contoso.tables.delete(TABLE, message, event_key(inferred.at, inferred.id))

    differences = await rebuild_message(contoso, message)

    assert [one.what for one in differences] == ["inferred open"]
    after = await exact(contoso, message)
    assert after.told == before.told


async def test_an_organization_is_rebuilt_page_by_page(
    contoso: Organization, fabrikam: Organization, clock: MovableClock
) -> None:
    wanted = {await followed_message(contoso, clock()) for _ in range(MESSAGES_A_PAGE + 3)}
    await followed_message(fabrikam, clock())
    for message in wanted:
        read = await contoso.tables.get(TABLE, message, MESSAGE_KEY)
        assert read is not None
        listed = replace(message_from_row(read.row), subject="x")
        await contoso.tables.delete("feeds", EVERYBODY, position(listed))

    first = await rebuild_page(contoso)
    assert first.cursor is not None
    second = await rebuild_page(contoso, first.cursor)

    assert (first.messages, second.messages, second.cursor) == (MESSAGES_A_PAGE, 3, None)
    assert {one.message for one in (*first.differences, *second.differences)} == wanted


async def test_hits_that_broke_a_fold_are_folded_after_what_broke_it_was_mended_t9(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await followed_message(contoso, clock())
    sound = await _kpis_replaced(contoso, message, "{")
    await take_in(contoso, *(hit(message, at(clock, 60 + n)) for n in range(3)))
    assert await fold_all(contoso, clock)
    assert len(await _aside(contoso)) == 3

    assert await put_back_aside(contoso) == 3
    assert await fold_all(contoso, clock)
    assert len(await _aside(contoso)) == 3, "it is still broken"

    await _kpis_replaced(contoso, message, sound)
    assert await put_back_aside(contoso) == 3
    assert await fold_all(contoso, clock)
    assert (await exact(contoso, message)).kpis.opens == 3
    assert (await _aside(contoso), await put_back_aside(contoso)) == ([], 0)


async def test_a_segment_that_could_not_be_read_is_folded_when_it_can_be_t9(
    contoso: Organization, clock: MovableClock
) -> None:
    """A segment that a later version of ours wrote, after its hits had been folded in part."""
    message = await followed_message(contoso, clock())
    first, second = hit(message, at(clock, 60)), hit(message, at(clock, 90), "click")
    await set_aside(contoso, message, [first])
    packed = f"{first.packed()}\n{second.packed()}".encode()
    await set_segment_aside(contoso, Segment("0001~later", packed))
    await set_segment_aside(contoso, Segment("0002~never", b"\xff"))

    for _ in range(3):
        await put_back_aside(contoso)
        assert await fold_all(contoso, clock)
        kpis = (await exact(contoso, message)).kpis
        assert (kpis.opens, kpis.link_clicks) == (1, 1)
        (never,) = await _aside(contoso)
        assert never["hits"] == b"\xff"


async def _kpis_replaced(organization: Organization, message: str, kpis: str) -> str:
    """What stood there before."""
    read = await organization.tables.get(TABLE, message, MESSAGE_KEY)
    assert read is not None
    await organization.tables.replace(TABLE, read.row | {"kpis": kpis}, read.etag)
    before: str = read.row["kpis"]
    return before


async def _cards(
    organization: Organization, clock: MovableClock
) -> list[tuple[CardKind, datetime]]:
    later = clock() + timedelta(days=30)
    page = await read_cards(organization, (SELLER,), later, engagement=True, limit=50)
    return [(card.kind, card.at) for card in page.cards]


async def _aside(organization: Organization) -> list[dict[str, object]]:
    return [read.row for read in await organization.tables.page("ingest", "aside", limit=100)]
