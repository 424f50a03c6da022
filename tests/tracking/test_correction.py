"""Verdicts that later hits correct, and all that follows them (rules T8, T9)."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.assistant.cards import read_cards
from shared.errors import StorageUnavailable
from shared.messages.rows import milliseconds
from shared.messages.stored import read_message, write_message
from shared.model import Event, Reminder, ReminderCondition, ReminderState
from shared.organizations import Organization, OrganizationSettings
from shared.settings import OrganizationEntry
from shared.timing.reminding import PARTITION
from shared.tracking.counting import counted
from shared.tracking.fold import fold_message
from shared.tracking.folder_lease import LEASE
from shared.tracking.hits import Hit
from shared.tracking.judging import MOST_ASKED
from shared.tracking.neighbours import MOST_REMEMBERED
from shared.tracking.origins import NetworkKeys
from shared.tracking.rebuild import rebuild_message
from shared.tracking.together import judged
from tests.running_storage import MovableClock
from tests.sampling import ALL, SEED, steps
from tests.sending.memory_storage import Memory, MemoryBlobs, MemoryTables
from tests.tracking.conftest import TakeIn, WatchedOrganization
from tests.tracking.followed_messages import (
    PERSON,
    PROGRAM,
    SELLER,
    Followed,
    at,
    exact,
    fold_all,
    followed_message,
    hit,
)
from tests.tracking.watched import Died, DiesAt, LosesAnswer, Meanwhile, Watched

LINKS = [f"https://example.com/{n}" for n in range(5)]


class Gateway:
    """A scanner behind a browser's agent: it opens, and follows three links within seconds."""

    def __init__(self, contoso: Organization, take_in: TakeIn, clock: MovableClock) -> None:
        self.contoso, self._take_in, self.clock = contoso, take_in, clock

    async def message(self, **more: Any) -> str:
        return await followed_message(self.contoso, self.clock(), links=LINKS, **more)

    def open(self, message: str, seconds: float = 70) -> Hit:
        return hit(message, at(self.clock, seconds))

    def clicks(self, message: str, first: float = 72) -> list[Hit]:
        return [hit(message, at(self.clock, first + n), "click", index=n) for n in range(3)]

    async def folds(self, *hits: Hit) -> Followed:
        await self._take_in(self.contoso, *hits)
        await fold_all(self.contoso, self.clock)
        return await exact(self.contoso, hits[0].message)

    async def cards(self) -> list[str]:
        later = self.clock() + timedelta(hours=1)
        page = await read_cards(self.contoso, (SELLER,), later, engagement=True, limit=50)
        return [card.kind.value for card in page.cards]


@pytest.fixture
def gateway(contoso: Organization, take_in: TakeIn, clock: MovableClock) -> Gateway:
    return Gateway(contoso, take_in, clock)


async def test_a_burst_that_comes_in_two_folds_corrects_counts_timeline_and_cards_t8(
    gateway: Gateway,
) -> None:
    message = await gateway.message()
    first, *others = gateway.clicks(message)
    early = await gateway.folds(gateway.open(message), first)
    assert (early.kpis.human_opens, early.kpis.human_link_clicks) == (1, 1)
    assert await gateway.cards() == ["opened"]

    late = await gateway.folds(*others)
    assert (late.kpis.opens, late.kpis.human_opens) == (1, 0)
    assert (late.kpis.link_clicks, late.kpis.human_link_clicks) == (3, 0)
    assert (late.kpis.first_human_opened_at, late.kpis.human_openers) == (None, 0)
    assert await gateway.cards() == []
    reasons = {event.reasons for event in late.events}
    assert reasons == {("sameScanner",), ("burst", "secondLink")}
    assert await rebuild_message(gateway.contoso, message) == []


async def test_a_person_who_opens_later_is_told_of_t8(gateway: Gateway) -> None:
    message = await gateway.message()
    await gateway.folds(gateway.open(message), *gateway.clicks(message))
    assert await gateway.cards() == []
    read = await gateway.folds(hit(message, at(gateway.clock, 900)))
    assert (read.kpis.opens, read.kpis.human_opens) == (2, 1)
    assert read.kpis.first_human_opened_at == at(gateway.clock, 900)
    assert await gateway.cards() == ["opened"]


async def test_an_open_that_a_persons_click_proved_goes_with_the_click_t8(gateway: Gateway) -> None:
    message = await gateway.message()
    first, *others = gateway.clicks(message)
    proven = await gateway.folds(first)
    assert sorted(event.inferred for event in proven.events) == [False, True]
    assert proven.kpis.human_opens == 1
    none = await gateway.folds(*others)
    assert (none.kpis.opens, none.kpis.human_opens) == (0, 0)
    assert not any(event.inferred for event in none.events)


async def test_a_burst_is_corrected_however_late_its_hits_are_folded_t8(gateway: Gateway) -> None:
    """A journal brings them when others have long settled."""
    message = await gateway.message()
    first, *others = gateway.clicks(message)
    await gateway.folds(gateway.open(message), first)
    many = [hit(message, at(gateway.clock, 300 + 50 * n), agent=PROGRAM) for n in range(30)]
    read = await gateway.folds(*many, hit(message, at(gateway.clock, 9000), "click"))
    assert read.kpis.human_link_clicks == 2
    late = await gateway.folds(*others)
    assert (late.kpis.link_clicks, late.kpis.human_link_clicks) == (4, 1)
    # Of the opens the one that the click proves is left.
    assert late.kpis.first_human_opened_at == at(gateway.clock, 9000)
    assert await rebuild_message(gateway.contoso, message) == []


async def test_a_gateway_that_follows_more_links_than_a_copy_remembers_is_found_t8(
    gateway: Gateway,
) -> None:
    message = await gateway.message()
    seen = await gateway.folds(gateway.open(message, 70))
    assert seen.kpis.human_opens == 1
    clicks = [
        hit(message, at(gateway.clock, 71 + n / 10), "click", index=n)
        for n in range(2 * MOST_REMEMBERED)
    ]
    for start in range(0, len(clicks), 25):
        seen = await gateway.folds(*clicks[start : start + 25])
    assert (seen.kpis.human_opens, seen.kpis.human_link_clicks) == (0, 0)
    assert seen.kpis.link_clicks == 2 * MOST_REMEMBERED
    assert await rebuild_message(gateway.contoso, message) == []


async def test_a_reminder_that_a_scanners_open_made_invalid_is_set_again_r1(
    gateway: Gateway,
) -> None:
    message = await gateway.message()
    stored = await read_message(gateway.contoso, message)
    assert stored
    now = gateway.clock()
    not_opened = Reminder(ReminderCondition.NOT_OPENED_BY, now + timedelta(days=1), now)
    await write_message(gateway.contoso, stored, replace(stored.message, reminder=not_opened))
    invalid = await gateway.folds(gateway.open(message))
    assert invalid.message.reminder and invalid.message.reminder.reason == "opened"
    valid = await gateway.folds(*gateway.clicks(message))
    assert valid.message.reminder == not_opened
    (row,) = await gateway.contoso.tables.page("schedule", PARTITION, limit=10)
    assert row.row["message"] == message, "somebody looks at it when its time comes"
    opened = await gateway.folds(hit(message, at(gateway.clock, 900)))
    assert opened.message.reminder and opened.message.reminder.state is ReminderState.INVALID


async def test_a_correction_costs_no_request_more_t9(
    gateway: Gateway, watched: WatchedOrganization, take_in: TakeIn, clock: MovableClock
) -> None:
    await fold_all(gateway.contoso, clock)
    costs = []
    for agent in (PERSON, PROGRAM):  # a program's clicks correct nothing
        message = await gateway.message()
        first, *others = gateway.clicks(message)
        await gateway.folds(gateway.open(message), first)
        await take_in(gateway.contoso, *(replace(each, agent=agent) for each in others))
        counter = Watched()
        await fold_all(watched(counter), clock)
        costs.append(
            Counter(name for name in counter.requests if name.endswith((" messages", " feeds")))
        )
    assert costs[0] == costs[1]


async def test_a_flood_of_hits_costs_its_next_fold_no_request_more_t9(
    gateway: Gateway, watched: WatchedOrganization, take_in: TakeIn, clock: MovableClock
) -> None:
    costs = []
    for flood in (100, 300):
        message = await gateway.message()
        for kind in ("click", "open"):
            many = [hit(message, at(clock, 60 + n / 50), kind) for n in range(flood)]
            await gateway.folds(*many)
        clicks = [hit(message, at(clock, 60 + flood / 50), "click", index=n) for n in range(5)]
        await take_in(gateway.contoso, *clicks)
        counter = Watched()
        await fold_all(watched(counter), clock)
        costs.append(Counter(counter.requests)["page messages"])
        assert (await exact(gateway.contoso, message)).kpis.link_clicks == flood + 5
        assert await rebuild_message(gateway.contoso, message) == []
    assert costs == [1, 1], "the copies"


async def test_a_late_hit_in_a_flood_costs_one_request_more_t9(
    gateway: Gateway, watched: WatchedOrganization, take_in: TakeIn, clock: MovableClock
) -> None:
    message = await gateway.message()
    many = [hit(message, at(clock, 60 + n / 50), "click") for n in range(2 * MOST_ASKED)]
    await gateway.folds(*many)
    await take_in(gateway.contoso, hit(message, at(clock, 65), "click", index=1))
    counter = Watched()
    await fold_all(watched(counter), clock)
    assert Counter(counter.requests)["page messages"] == 2
    assert (await exact(gateway.contoso, message)).kpis.link_clicks == 2 * MOST_ASKED + 1
    assert await rebuild_message(gateway.contoso, message) == []


@pytest.mark.thorough
@pytest.mark.parametrize("trouble", [DiesAt, LosesAnswer], ids=["dies", "answer lost"])
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
async def test_a_correction_that_ends_at_any_request_is_made_once_and_whole_t9(
    gateway: Gateway,
    watched: WatchedOrganization,
    take_in: TakeIn,
    clock: MovableClock,
    trouble: Any,
    done: bool,
) -> None:
    for number in steps(1_000):
        message = await gateway.message()
        first, *others = gateway.clicks(message)
        await gateway.folds(gateway.open(message), first)
        await take_in(gateway.contoso, *others)
        storage = trouble(number, done=done)
        with contextlib.suppress(Died, StorageUnavailable):
            await fold_all(watched(storage), clock)
        happened = storage.died if isinstance(storage, DiesAt) else storage.lost
        await fold_all(gateway.contoso, clock)
        clock.move(seconds=LEASE.total_seconds())
        await fold_all(gateway.contoso, clock)
        found = await exact(gateway.contoso, message)
        assert (found.kpis.link_clicks, found.kpis.human_link_clicks) == (3, 0)
        assert (found.kpis.opens, found.kpis.human_opens) == (1, 0)
        assert await gateway.cards() == []
        if not happened:
            break
    assert number > 10


@pytest.mark.thorough
async def test_two_folders_that_meet_anywhere_judge_as_one_t9(
    gateway: Gateway, watched: WatchedOrganization, take_in: TakeIn, clock: MovableClock
) -> None:
    """The other one, whose lease has lapsed, brings the hit that shows the first one's to be a
    scanner's: whoever is second has to see what the first wrote."""
    settings = OrganizationSettings()
    for number in steps(1_000):
        message = await gateway.message()
        one, two, three = gateway.clicks(message)
        await gateway.folds(gateway.open(message))
        await take_in(gateway.contoso, one, two)

        async def other(message: str = message, three: Hit = three) -> None:
            await fold_message(gateway.contoso, settings, message, [three], NetworkKeys())

        meeting = Meanwhile(other, lambda name: name.endswith(" messages"), number)
        await fold_all(watched(meeting), clock)
        if not meeting.happened:
            break
        found = await exact(gateway.contoso, message)
        assert (found.kpis.link_clicks, found.kpis.human_link_clicks) == (3, 0)
        assert found.kpis.human_opens == 0
    assert number > 3


# --- Any order and grouping -----------------------------------------------------------------------


BEGAN = datetime(2026, 3, 2, 9, 10, tzinfo=UTC)


class Nothing:
    async def around(self, what: str, call: Any, /) -> Any:
        return await call()


def tangled(chance: random.Random) -> list[Hit]:
    """Hits of few programs and networks on few links within little time; some long after."""
    span = chance.choice([12, 30, 90])
    return [
        Hit(
            id=f"{number:032x}",
            at=milliseconds(BEGAN)
            + chance.choice([0, 0, 0, 0, 500_000])
            + chance.choice([1000 * chance.randint(0, span), chance.randint(0, 1000 * span)]),
            kind=chance.choice(["open", "image", "click", "click", "click", "attachmentView"]),
            message="",
            copy=chance.choice([0, 0, 0, 1]),
            index=chance.randint(1, 3),
            method=chance.choice(["GET", "GET", "GET", "HEAD"]),
            agent=chance.choice([PERSON, PERSON, "Mozilla/5.0 (X11; Linux x86_64) Firefox/144.0"]),
            address=chance.choice([None, "192.0.2.1", "198.51.100.1:4711"]),
            country=chance.choice([None, "BR", "PT"]),
        )
        for number in range(chance.randint(2, 12) if chance.random() < 0.95 else 60)
    ]


async def folded(hits: list[Hit], sizes: list[int]) -> tuple[Organization, str, Followed]:
    memory, nobody = Memory(), Nothing()
    entry = OrganizationEntry("contoso", "Contoso", "memory", "memory", "tenant", (), "")
    contoso = Organization(entry, MemoryTables(memory, nobody), MemoryBlobs(memory, nobody))
    copies, links = ("li@example.com", None), LINKS[:3]
    message = await followed_message(
        contoso, BEGAN - timedelta(seconds=4), copies=copies, links=links
    )
    left = [replace(each, message=message) for each in hits]
    settings, keys = OrganizationSettings(), NetworkKeys().at(BEGAN)
    while left:
        size = sizes.pop() if sizes else len(left)
        await fold_message(contoso, settings, message, left[:size], keys)
        left = left[size:]
    return contoso, message, await exact(contoso, message)


def told(event: Event) -> tuple[Any, ...]:
    return event.id, event.at, event.kind, event.automated, event.reasons, event.signs


@pytest.mark.thorough
async def test_thousands_of_tangled_histories_come_to_the_same_in_any_order_and_grouping_t8() -> (
    None
):
    corrected = 0
    seeds = range(2_000) if ALL else range(SEED, SEED + 150)
    print(f"seeds {seeds}")
    for seed in seeds:
        chance = random.Random(seed)
        hits = tangled(chance)
        _, _, expected = await folded(hits, [])
        shuffled = chance.sample(hits, len(hits))
        sizes = [chance.choice([1, 1, 2, 4, 50]) for _ in hits]
        contoso, message, found = await folded(shuffled, sizes)
        assert sorted(map(told, found.events)) == sorted(map(told, expected.events)), seed
        assert found.kpis == expected.kpis, seed
        for number, copy in found.copies.items():
            assert counted(copy) == counted(expected.copies[number]), seed
            for what in (
                *("first_human_click_at", "first_human_view_at", "first_human_open_at"),
                "places",
            ):
                assert getattr(copy, what) == getattr(expected.copies[number], what), seed
        assert await rebuild_message(contoso, message) == [], seed
        for number in found.copies:
            mine = [event for event in found.events if event.copy == number and not event.inferred]
            together = judged(mine, 3, one_person=number == 0)
            assert [together[event.id] for event in mine] == mine, seed
        corrected += any("burst" in event.reasons for event in found.events)
    assert corrected > len(seeds) // 20
