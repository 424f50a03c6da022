"""What happened while engagement was off is never kept, however late it arrives (rule F6)."""

from __future__ import annotations

from shared.organizations import Organization
from tests.running_storage import MovableClock
from tests.tracking.conftest import TakeIn, WatchedOrganization
from tests.tracking.followed_messages import at, exact, fold_all, followed_message, hit
from tests.tracking.watched import Meanwhile


async def switch(organization: Organization, clock: MovableClock, *, on: bool) -> None:
    """An administrator turns engagement on or off now."""
    await organization.change_settings(lambda old: old.with_engagement(on, clock()))


async def test_what_happened_while_it_was_off_is_dropped_however_late_it_arrives_f6(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await followed_message(contoso, clock())
    clock.move(minutes=10)
    await switch(contoso, clock, on=False)
    while_off = hit(message, clock.move(minutes=10))
    clock.move(minutes=10)
    await switch(contoso, clock, on=True)
    clock.move(days=2)
    await take_in(contoso, while_off)
    await fold_all(contoso, clock)
    assert (await exact(contoso, message)).events == []


async def test_what_happened_while_it_was_on_is_kept_however_late_it_arrives_f6(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await followed_message(contoso, clock())
    while_on = hit(message, clock.move(minutes=10))
    clock.move(minutes=10)
    await switch(contoso, clock, on=False)
    clock.move(days=2)
    await take_in(contoso, while_on)
    await fold_all(contoso, clock)
    assert (await exact(contoso, message)).kpis.opens == 1


async def test_each_time_it_was_on_counts_and_each_time_it_was_off_does_not_f6(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await followed_message(contoso, clock())
    hits, expected = [], []
    for minute in range(1, 41):
        clock.move(minutes=1)
        on = (minute // 10) % 2 == 0
        if minute % 10 == 0:
            await switch(contoso, clock, on=on)
        hits.append(hit(message, clock()))
        expected += [clock()] if on else []
    await take_in(contoso, *reversed(hits))
    await fold_all(contoso, clock)
    followed = await exact(contoso, message)
    assert sorted(event.at for event in followed.events) == expected


async def test_a_click_while_it_was_off_proves_no_open_f6(
    contoso: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await followed_message(contoso, clock())
    await switch(contoso, clock, on=False)
    click = hit(message, clock.move(minutes=1), "click")
    clock.move(minutes=1)
    await switch(contoso, clock, on=True)
    await take_in(contoso, click, hit(message, clock.move(minutes=1), "click"))
    await fold_all(contoso, clock)
    followed = await exact(contoso, message)
    assert (followed.kpis.link_clicks, followed.kpis.human_opens) == (1, 1)
    assert {event.at for event in followed.events} == {clock()}


async def test_it_is_off_for_one_organization_only_a1(
    contoso: Organization, fabrikam: Organization, take_in: TakeIn, clock: MovableClock
) -> None:
    await switch(contoso, clock, on=False)
    for organization, opens in ((contoso, 0), (fabrikam, 1)):
        message = await followed_message(organization, clock())
        await take_in(organization, hit(message, at(clock, 60)))
        await fold_all(organization, clock)
        assert (await exact(organization, message)).kpis.opens == opens


async def test_what_happens_right_after_it_was_turned_off_is_dropped_by_a_fold_under_way_f6(
    contoso: Organization, watched: WatchedOrganization, take_in: TakeIn, clock: MovableClock
) -> None:
    """However far a fold has come when an administrator turns engagement off."""
    folds = 0
    for nth in range(1, 30):
        message = await followed_message(contoso, clock())
        await take_in(contoso, hit(message, clock.move(minutes=1)))

        async def turned_off(message: str = message) -> None:
            clock.move(seconds=1)
            await switch(contoso, clock, on=False)
            await take_in(contoso, hit(message, clock.move(seconds=1)))

        watcher = Meanwhile(turned_off, lambda name: True, nth)
        await fold_all(watched(watcher), clock)
        if not watcher.happened:
            break
        await fold_all(contoso, clock)
        assert (await exact(contoso, message)).kpis.opens == 1, watcher.requests[nth - 1]
        await switch(contoso, clock, on=True)
        folds += 1
    assert folds > 5
