"""Folding hits on images: chains, the timeline, and what a late hit costs (rules T2, T8, T9)."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from shared.messages.chains import NO_CHAINS
from shared.messages.timeline import read_timeline
from shared.model import EventKind
from shared.organizations import Organization
from shared.tracking.chains import KEPT_LONG
from shared.tracking.hits import Hit
from shared.tracking.rebuild import rebuild_message
from tests.running_storage import MovableClock
from tests.tracking.conftest import TakeIn, WatchedOrganization
from tests.tracking.followed_messages import (
    PERSON,
    PROGRAM,
    Followed,
    at,
    exact,
    fold_all,
    followed_message,
    hit,
)
from tests.tracking.watched import Watched


async def folded(
    organization: Organization, take_in: TakeIn, clock: MovableClock, message: str, *hits: Hit
) -> Followed:
    """What is stored after these hits were folded; its KPIs are those that its events say."""
    await take_in(organization, *hits)
    assert await fold_all(organization, clock)
    return await exact(organization, message)


async def test_images_without_the_pixel_are_one_open_until_the_pixel_is_known_t2(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await followed_message(contoso, clock())
    image, pixel = (
        hit(message, at(clock, 60), "image", index=2),
        hit(message, at(clock, 61)),
    )
    early = await folded(contoso, take_in, clock, message, image)
    assert (early.kpis.opens, early.kpis.human_opens, early.kpis.human_openers) == (1, 1, 1)
    assert early.kpis.first_opened_at == at(clock, 60)
    late = await folded(contoso, take_in, clock, message, pixel)
    assert (late.kpis.opens, late.kpis.human_opens) == (1, 1)
    assert late.kpis.first_opened_at == late.kpis.last_opened_at == at(clock, 61)
    assert [(event.kind, event.image) for event in late.events] == [
        (EventKind.OPEN, None),
        (EventKind.IMAGE, 2),
    ]
    assert await rebuild_message(contoso, message) == []


async def test_a_late_image_joins_two_chains_t2(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await followed_message(contoso, clock())
    apart = [hit(message, at(clock, seconds), "image") for seconds in (60, 170)]
    two = await folded(contoso, take_in, clock, message, *apart)
    assert two.kpis.opens == 2
    one = await folded(contoso, take_in, clock, message, hit(message, at(clock, 115), "image"))
    assert one.kpis.opens == 1
    assert one.kpis.last_opened_at == at(clock, 60)


async def test_the_same_image_hit_folded_again_changes_nothing_t9(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await followed_message(contoso, clock())
    hits = [hit(message, at(clock, 60 + n), "image") for n in range(3)]
    before = await folded(contoso, take_in, clock, message, *hits)
    after = await folded(contoso, take_in, clock, message, hits[1], hits[0])
    assert after.kpis == before.kpis and after.told == before.told


async def test_a_program_that_loads_images_is_an_automated_open_t2(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await followed_message(contoso, clock())
    by_program = hit(message, at(clock, 60), "image", agent=PROGRAM)
    head = hit(message, at(clock, 300), "image", method="HEAD")
    found = await folded(contoso, take_in, clock, message, by_program, head)
    assert (found.kpis.opens, found.kpis.human_opens) == (1, 0)


async def test_a_late_hit_finds_a_chain_that_the_copy_does_not_remember_any_more_t2(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    """Its images lie a minute apart, and the pixel comes to one end, later to the other."""
    message = await followed_message(contoso, clock())
    chain = [hit(message, at(clock, 600 + 59 * n), "image", agent=PERSON) for n in range(12)]
    await folded(contoso, take_in, clock, message, *chain)
    others = [
        hit(message, at(clock, 4000 + 61 * n), "image", agent=f"{PERSON} {n}")
        for n in range(KEPT_LONG + 4)
    ]
    full = await folded(contoso, take_in, clock, message, *others)
    assert full.kpis.opens == 1 + KEPT_LONG + 4
    assert len(full.copies[0].chains.kept) == KEPT_LONG
    earlier = await folded(contoso, take_in, clock, message, hit(message, at(clock, 545), "image"))
    assert earlier.kpis.opens == 1 + KEPT_LONG + 4
    assert earlier.kpis.first_opened_at == at(clock, 545)
    pixel = await folded(contoso, take_in, clock, message, hit(message, at(clock, 600 + 59 * 12)))
    assert pixel.kpis.opens == 1 + KEPT_LONG + 4
    assert pixel.kpis.first_opened_at == at(clock, 600 + 59 * 12)
    assert await rebuild_message(contoso, message) == []


async def test_an_image_that_comes_after_opens_that_were_folded_long_ago_joins_them_t2(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    """Copies remember nothing before the first image; their events do."""
    message = await followed_message(contoso, clock())
    opens = [hit(message, at(clock, 60 + 50 * n)) for n in range(5)]
    before = await folded(contoso, take_in, clock, message, *opens)
    assert before.copies[0].chains == NO_CHAINS
    for seconds in (59, 130, 318):
        image = hit(message, at(clock, seconds), "image")
        assert (await folded(contoso, take_in, clock, message, image)).kpis.opens == 5
    alone = hit(message, at(clock, 400), "image")
    assert (await folded(contoso, take_in, clock, message, alone)).kpis.opens == 6


async def test_each_copy_has_its_own_chains_t2(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await followed_message(contoso, clock(), copies=("li@example.com", "b@c.com"))
    images = [hit(message, at(clock, 60), "image", copy=copy) for copy in (0, 1)]
    found = await folded(contoso, take_in, clock, message, *images, hit(message, at(clock, 61)))
    assert (found.kpis.opens, found.kpis.human_openers) == (2, 2)


async def test_hits_on_images_that_come_in_time_cost_what_opens_cost_t9(
    contoso: Organization, take_in: TakeIn, clock: MovableClock, watched: WatchedOrganization
) -> None:
    await fold_all(contoso, clock)  # the lease's row is made by the first fold
    costs = []
    for kinds in (["open"] * 4, ["image", "open", "image", "image"]):
        message = await followed_message(contoso, clock() - timedelta(hours=1))
        counter = Watched()
        for kind in kinds:
            later = clock.move(minutes=5)
            await take_in(contoso, hit(message, later, kind))
            await fold_all(watched(counter), clock)
        costs.append(Counter(counter.requests))
    assert costs[0] == costs[1]


async def test_a_late_hit_costs_a_few_requests_however_long_the_history_t9(
    contoso: Organization, take_in: TakeIn, clock: MovableClock, watched: WatchedOrganization
) -> None:
    message = await followed_message(contoso, clock())
    many = [
        hit(message, at(clock, 60 + 61 * n), "image", agent=f"{PERSON} {n % 40}")
        for n in range(300)
    ]
    costs: list[Counter[str]] = []
    for history in (many[:60], many[60:]):
        await folded(contoso, take_in, clock, message, *history)
        counter = Watched()
        late = hit(message, at(clock, 305.5), "image", agent=f"late {len(costs)}")
        await take_in(contoso, late)
        await fold_all(watched(counter), clock)
        costs.append(Counter(counter.requests))
    assert costs[0] == costs[1]
    assert (await exact(contoso, message)).kpis.opens == 302


async def test_images_are_shown_in_the_timeline_t8(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await followed_message(contoso, clock())
    await folded(contoso, take_in, clock, message, hit(message, at(clock, 60), "image", index=3))
    (event,) = (await read_timeline(contoso, message)).events
    assert (event.kind, event.image, event.client) == (EventKind.IMAGE, 3, "Thunderbird")
