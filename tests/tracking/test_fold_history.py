"""What folding tells of when people read: exact whatever ends a fold, and wherever (D2, T9)."""

from __future__ import annotations

import contextlib
from collections import Counter
from datetime import datetime, timedelta

import pytest

from shared.model import Reader, Recipient
from shared.organizations import Organization
from shared.timing.best_time import History
from shared.timing.delivery_time import recommend
from shared.timing.history import EVERYBODY, TABLE, read_history
from shared.tracking.rebuild import rebuild_message
from tests.running_storage import MovableClock
from tests.tracking.conftest import TakeIn, WatchedOrganization
from tests.tracking.followed_messages import PROGRAM, at, fold_all, followed_message, hit
from tests.tracking.watched import Died, DiesAt, Meanwhile, Watched

LI = Reader("li@example.com", "Asia/Kathmandu")
BO = Reader("bo@example.com", "America/Sao_Paulo")
TEN_ON_TUESDAY = 24 + 10
LATER = timedelta(weeks=3)


@pytest.fixture
def opened_at(clock: MovableClock) -> datetime:
    """Tuesday, 3 March 2026, 10:30 in Kathmandu; the clock stands at Monday, 9:00 UTC."""
    return clock() + timedelta(hours=19, minutes=45)


async def known(organization: Organization, clock: MovableClock, reader: Reader = LI) -> History:
    """The history three weeks later, when everything sent today counts."""
    return await read_history(organization, reader.address, clock() + LATER)


def opens(history: History) -> tuple[Counter[int], Counter[int]]:
    """The opens by hour of the week, of everybody and of the recipient."""
    both = []
    for habits in (history.organization, history.recipient):
        hours = {hour: round(habits.opens_in([hour])) for hour in range(168)}
        both.append(Counter({hour: number for hour, number in hours.items() if number}))
    return both[0], both[1]


async def test_the_first_human_open_counts_in_the_hour_of_the_recipients_week_d2(
    contoso: Organization, take_in: TakeIn, clock: MovableClock, opened_at: datetime
) -> None:
    message = await followed_message(contoso, clock(), readers=[LI])
    await take_in(
        contoso,
        hit(message, clock() + timedelta(hours=1), agent=PROGRAM),
        hit(message, opened_at + timedelta(hours=2)),
        hit(message, opened_at),
    )
    await fold_all(contoso, clock)
    history = await known(contoso, clock)
    assert opens(history) == ({TEN_ON_TUESDAY: 1}, {TEN_ON_TUESDAY: 1})
    assert history.since == clock().date()


async def test_everybody_is_the_organizations_and_the_recipient_is_one_person_d2(
    contoso: Organization,
    fabrikam: Organization,
    take_in: TakeIn,
    clock: MovableClock,
    opened_at: datetime,
) -> None:
    for reader in (LI, BO):
        message = await followed_message(contoso, clock(), readers=[reader])
        await take_in(contoso, hit(message, opened_at))
    nobody = await followed_message(contoso, clock())
    await take_in(contoso, hit(nobody, opened_at))
    await fold_all(contoso, clock)
    half_past_one_on_tuesday = 24 + 1
    assert opens(await known(contoso, clock, BO)) == (
        {TEN_ON_TUESDAY: 1, half_past_one_on_tuesday: 1},
        {half_past_one_on_tuesday: 1},
    )
    assert (await known(fabrikam, clock)).since is None
    assert opens(await known(fabrikam, clock)) == ({}, {})


async def test_each_individual_copy_counts_for_its_own_person_d2(
    contoso: Organization,
    take_in: TakeIn,
    clock: MovableClock,
    opened_at: datetime,
    watched: WatchedOrganization,
) -> None:
    people = [LI.address, BO.address, "nobody@example.com"]
    message = await followed_message(contoso, clock(), copies=people, readers=[LI, BO])
    await take_in(contoso, hit(message, opened_at), hit(message, opened_at, copy=2))
    watcher = Watched()
    await fold_all(watched(watcher), clock)
    asked = Counter(name for name in watcher.requests if name.endswith(TABLE))
    assert asked == {f"get {TABLE}": 2, f"transact {TABLE}": 2}, "of one copy out of three"
    assert opens(await known(contoso, clock)) == ({TEN_ON_TUESDAY: 1}, {TEN_ON_TUESDAY: 1})
    assert opens(await known(contoso, clock, BO)) == ({TEN_ON_TUESDAY: 1}, {})

    ten_in_sao_paulo = opened_at + timedelta(hours=9)
    await take_in(contoso, hit(message, ten_in_sao_paulo, copy=1))
    await fold_all(contoso, clock)
    for reader in (LI, BO):
        both = opens(await known(contoso, clock, reader))
        assert both == ({TEN_ON_TUESDAY: 2}, {TEN_ON_TUESDAY: 1})
    assert await rebuild_message(contoso, message) == []


async def test_the_recommendation_shows_its_evidence_and_uses_none_while_engagement_is_off_f6(
    contoso: Organization, take_in: TakeIn, clock: MovableClock, opened_at: datetime
) -> None:
    message = await followed_message(contoso, clock(), readers=[LI])
    await take_in(contoso, hit(message, opened_at))
    await fold_all(contoso, clock)
    li = Recipient("to", LI.address, time_zone=LI.time_zone)
    now = clock() + LATER

    async def evidence() -> tuple[int, int, bool]:
        found = (await recommend(contoso, [li], now)).recommended
        assert found
        known = found.evidence
        return known.opens, known.recipient_opens, known.since is not None

    assert await evidence() == (1, 1, True)
    await contoso.change_settings(lambda settings: settings.with_engagement(False, now))
    assert await evidence() == (0, 0, False)


async def test_a_message_counts_once_its_week_has_been_watched_d2(
    contoso: Organization, clock: MovableClock
) -> None:
    await followed_message(contoso, clock(), readers=[LI])
    sent_on = clock().date()
    for days, since in ((13, None), (14, sent_on), (27 * 7, sent_on), (28 * 7, None)):
        history = await read_history(contoso, LI.address, clock() + timedelta(days=days))
        assert history.since == since, f"after {days} days"
        assert sum(history.recipient.lay) == pytest.approx(168 if since else 0)


async def test_a_sum_is_made_anew_after_one_of_its_messages_changed_t9(
    contoso: Organization, take_in: TakeIn, clock: MovableClock, opened_at: datetime
) -> None:
    message = await followed_message(contoso, clock(), readers=[LI])
    assert opens(await known(contoso, clock)) == ({}, {})
    for late in (5, 0):
        await take_in(contoso, hit(message, opened_at + timedelta(hours=late)))
        await fold_all(contoso, clock)
        hour = TEN_ON_TUESDAY + late
        assert opens(await known(contoso, clock)) == ({hour: 1}, {hour: 1})


async def test_a_change_in_the_middle_of_summing_up_is_not_lost_t9(
    contoso: Organization,
    take_in: TakeIn,
    clock: MovableClock,
    opened_at: datetime,
    watched: WatchedOrganization,
) -> None:
    message = await followed_message(contoso, clock(), readers=[LI])
    await take_in(contoso, hit(message, opened_at))
    watcher = Meanwhile(lambda: fold_all(contoso, clock), lambda name: name == f"page {TABLE}", 2)
    await known(watched(watcher), clock)
    assert watcher.happened
    assert opens(await known(contoso, clock)) == ({TEN_ON_TUESDAY: 1}, {TEN_ON_TUESDAY: 1})


async def test_a_fold_that_dies_around_history_leaves_it_exact_t9(
    contoso: Organization,
    take_in: TakeIn,
    clock: MovableClock,
    opened_at: datetime,
    watched: WatchedOrganization,
) -> None:
    async def folded(watcher: Watched) -> None:
        message = await followed_message(contoso, clock(), readers=[LI])
        await take_in(contoso, hit(message, opened_at))
        with contextlib.suppress(Died):
            await fold_all(watched(watcher), clock)

    whole = Watched()
    await folded(whole)
    places = [n for n, name in enumerate(whole.requests, 1) if name.endswith(TABLE)]
    for expected, number in enumerate((places[0] - 1, *places), 2):
        watcher = DiesAt(number, done=True)
        await folded(watcher)
        assert watcher.died
        clock.move(minutes=5)
        await fold_all(contoso, clock)
        both = opens(await read_history(contoso, LI.address, opened_at + LATER))
        assert both == ({TEN_ON_TUESDAY: expected}, {TEN_ON_TUESDAY: expected}), f"at {number}"


async def test_history_costs_a_fold_nothing_but_two_requests_each_for_a_first_open(
    contoso: Organization, take_in: TakeIn, clock: MovableClock, watched: WatchedOrganization
) -> None:
    message = await followed_message(contoso, clock(), readers=[LI])
    costs = []
    for seconds in (600, 900):
        await take_in(contoso, hit(message, at(clock, seconds)))
        watcher = Watched()
        await fold_all(watched(watcher), clock)
        costs.append(Counter(name for name in watcher.requests if name.endswith(TABLE)))
    assert costs == [{f"get {TABLE}": 2, f"transact {TABLE}": 2}, {}]


async def test_a_rebuild_puts_history_right_and_says_so_t9(
    contoso: Organization, take_in: TakeIn, clock: MovableClock, opened_at: datetime
) -> None:
    message = await followed_message(contoso, clock(), readers=[LI])
    await take_in(contoso, hit(message, opened_at))
    await fold_all(contoso, clock)
    assert await rebuild_message(contoso, message) == []
    rows = [read.row async for read in contoso.tables.rows(TABLE, EVERYBODY, below="read~~")]
    for row in rows:
        await contoso.tables.delete(TABLE, EVERYBODY, row["RowKey"])
    assert [one.what for one in await rebuild_message(contoso, message)] == ["history"]
    assert opens(await known(contoso, clock)) == ({TEN_ON_TUESDAY: 1}, {TEN_ON_TUESDAY: 1})
    assert await rebuild_message(contoso, message) == []
