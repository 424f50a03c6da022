"""Keeping the subscriptions of many mailboxes: what is due when, how fast, and by whom."""

from __future__ import annotations

import asyncio
import logging
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.graph.errors import (
    Ambiguous,
    GraphError,
    NotFound,
    Refused,
    Throttled,
    Unreachable,
)
from shared.graph.subscriptions import LIFE
from shared.organizations import Organization, OrganizationSettings
from shared.replies.mailboxes import WatchedMailbox, find_watched, watch, watched, write
from shared.replies.notifications import ClientStates, News, mailbox_key
from shared.replies.pace import PER_MINUTE, Pace
from shared.replies.watcher import TakeIn, Watcher
from shared.replies.watching import Due, decide, hear, keep, look_now, renewed_after
from tests.replies.pretended_graph import PretendedGraph
from tests.running_storage import MovableClock

ANA = "ana@contoso.com"
STATES = ClientStates({"k1": b"k" * 32})
NOW = MovableClock().now
TOLD = WatchedMailbox(
    ANA,
    NOW,
    subscription="s-1",
    created_at=NOW,
    expires_at=NOW + LIFE,
    signed_by="k1",
    looked_at=NOW,
    zone_after=NOW + timedelta(days=3),
)


async def nothing(*_: Any) -> None:
    """Takes in nothing: there is nothing here."""


def watcher(
    organization: Organization,
    graph: PretendedGraph,
    settings: OrganizationSettings | None = None,
    *,
    states: ClientStates = STATES,
    take_in: TakeIn = nothing,
) -> Watcher:
    """What a run is given, as if on an instance of its own."""
    return Watcher(
        organization=organization,
        settings=settings or OrganizationSettings(),
        subscriptions=graph.subscriptions,
        inbox=graph.inbox,
        states=states,
        pace=Pace(organization.tables, graph.clock),
        address="https://follow.example/api/graph/notifications",
        owner=uuid.uuid4().hex,
        look_every=timedelta(minutes=5),
        clock=graph.clock,
        take_in=take_in,
    )


async def ana_of(organization: Organization) -> WatchedMailbox:
    found = await find_watched(organization, mailbox_key(ANA))
    assert found is not None
    return found.mailbox


@pytest.fixture
def graph(clock: MovableClock) -> PretendedGraph:
    return PretendedGraph(clock)


@pytest.mark.parametrize(
    ("changes", "after", "wanted", "due"),
    [
        ({"subscription": None}, {}, True, Due.SUBSCRIBE),
        ({}, {"minutes": 4201}, True, Due.SUBSCRIBE),
        ({"signed_by": "k0"}, {}, True, Due.SUBSCRIBE),
        ({}, {"hours": 25}, True, Due.RENEW),
        ({"renew": True}, {}, True, Due.RENEW),
        ({}, {"minutes": 4}, True, None),
        ({}, {"minutes": 5}, True, Due.LOOK),
        ({"looked_at": None}, {}, True, Due.LOOK),
        ({}, {}, False, Due.UNSUBSCRIBE),
        ({"subscription": None}, {}, False, None),
        ({"busy_until": NOW + timedelta(seconds=1), "renew": True}, {}, True, None),
        ({"busy_until": NOW, "renew": True}, {}, True, Due.RENEW),
        ({"not_before": NOW + timedelta(seconds=1), "subscription": None}, {}, True, None),
        ({"not_before": NOW + timedelta(hours=1), "renew": True}, {"minutes": 5}, True, Due.LOOK),
        ({"look_after": NOW + timedelta(seconds=1), "looked_at": None}, {}, True, None),
        ({"zone_after": None}, {}, True, Due.ASK_ZONE),
        ({"zone_after": None}, {}, False, Due.UNSUBSCRIBE),
        ({"zone_after": None, "subscription": None}, {}, False, None),
        ({"zone_after": None, "looked_at": None}, {}, True, Due.LOOK),
        ({"zone_after": NOW}, {"minutes": 4}, True, Due.ASK_ZONE),
    ],
)
def test_what_a_mailbox_needs_is_decided_by_its_row(
    changes: dict[str, Any], after: dict[str, float], wanted: bool, due: Due | None
) -> None:
    mailbox = replace(TOLD, **changes)
    decided = decide(
        mailbox,
        NOW + timedelta(**after),
        wanted=wanted,
        signed_by="k1",
        look_every=timedelta(minutes=5),
    )
    assert decided is due


def test_renewals_are_daily_and_spread() -> None:
    times = [renewed_after(mailbox_key(f"seller{n}@contoso.com")) for n in range(300)]
    assert timedelta(hours=20) <= min(times) < max(times) <= timedelta(hours=24)
    for hour in range(4):
        start = timedelta(hours=20 + hour)
        assert 40 < sum(start <= time < start + timedelta(hours=1) for time in times) < 110


async def test_three_hundred_mailboxes_are_watched_within_the_pace_by_two_instances_at_once(
    contoso: Organization, graph: PretendedGraph, clock: MovableClock
) -> None:
    mailboxes = tuple(f"seller{n}@contoso.com" for n in range(300))
    settings = OrganizationSettings(sending_mailboxes=mailboxes)
    minutes = 0
    while len(graph.there) < 300:
        await asyncio.gather(*(keep(watcher(contoso, graph, settings)) for _ in range(2)))
        clock.move(minutes=1)
        minutes += 1
        assert minutes < 6
    print(f"requests by minute: {dict(graph.by_minute)}")
    assert max(graph.by_minute.values()) <= PER_MINUTE
    assert sorted(graph.there.values()) == sorted(mailboxes)
    assert graph.by_kind["create"] == 300, "none is made twice"
    assert graph.by_kind["look"] < PER_MINUTE, "all are told of before most are looked into"


async def rounds(organization: Organization, graph: PretendedGraph) -> None:
    """As many runs of the timer as there can be things to do for one mailbox."""
    for _ in range(4):
        await keep(watcher(organization, graph))


async def test_a_subscription_is_renewed_and_made_anew_where_graph_forgot_it(
    contoso: Organization, graph: PretendedGraph, clock: MovableClock
) -> None:
    await watch(contoso, ANA.upper(), clock())
    await rounds(contoso, graph)
    assert (await ana_of(contoso)).expires_at == clock() + LIFE
    clock.move(hours=24)
    await rounds(contoso, graph)
    assert (await ana_of(contoso)).expires_at == clock() + LIFE
    assert graph.by_kind == {"create": 1, "look": 2, "renew": 1, "zone": 2}
    graph.there.clear()
    clock.move(hours=24)
    await rounds(contoso, graph)
    assert graph.there == {"s-2": ANA}
    assert (await ana_of(contoso)).subscription == "s-2"
    assert graph.by_kind["look"] == 3, "what came meanwhile is looked for at once"


@pytest.mark.parametrize("engagement", [True, False])
async def test_subscriptions_that_ran_out_are_told_of_once_where_somebody_wants_them(
    contoso: Organization,
    graph: PretendedGraph,
    clock: MovableClock,
    caplog: pytest.LogCaptureFixture,
    engagement: bool,
) -> None:
    """An alert is on that line."""
    await watch(contoso, ANA, clock())
    await rounds(contoso, graph)
    clock.move(seconds=LIFE.total_seconds() - 1)
    await rounds(contoso, graph)
    assert "have run out" not in caplog.text
    clock.move(seconds=LIFE.total_seconds())
    for _ in range(3):
        await keep(watcher(contoso, graph, OrganizationSettings(engagement=engagement)))
    told = caplog.text.count("1 subscriptions of contoso have run out")
    assert told == (1 if engagement else 0)


async def test_a_mailbox_is_asked_for_its_zone_when_it_is_first_watched_and_daily_d3(
    contoso: Organization, graph: PretendedGraph, clock: MovableClock
) -> None:
    await watch(contoso, ANA, clock())
    await rounds(contoso, graph)
    assert (await ana_of(contoso)).time_zone == "America/Sao_Paulo"
    for told, zone in (
        ("Europe/Madrid", "Europe/Madrid"),
        ("Customized Time Zone", None),
        ("UTC", "UTC"),
        ("", None),
    ):
        before = await ana_of(contoso)
        graph.zone = told
        clock.move(hours=23)
        await rounds(contoso, graph)
        assert (await ana_of(contoso)).time_zone == before.time_zone
        clock.move(hours=1)
        await rounds(contoso, graph)
        assert (await ana_of(contoso)).time_zone == zone
    assert graph.by_kind["zone"] == 5


@pytest.mark.parametrize(
    ("error", "hours"),
    [
        (Refused("403 ErrorAccessDenied", 403, "ErrorAccessDenied", ""), 24),
        (NotFound("404 ErrorInvalidUser", "ErrorInvalidUser"), 24),
        (Throttled("429", 7200), 2),
        (Unreachable("Graph cannot be reached"), 1),
        (Ambiguous("504"), 1),
    ],
    ids=["refused", "not found", "throttled", "unreachable", "ambiguous"],
)
async def test_a_mailbox_that_does_not_tell_its_zone_is_watched_all_the_same(
    contoso: Organization,
    graph: PretendedGraph,
    clock: MovableClock,
    caplog: pytest.LogCaptureFixture,
    error: GraphError,
    hours: int,
) -> None:
    await watch(contoso, ANA, clock())
    await rounds(contoso, graph)
    graph.zone = error
    clock.move(hours=24)
    await rounds(contoso, graph)
    ana = await ana_of(contoso)
    assert (ana.time_zone, ana.failures, ana.problem) == ("America/Sao_Paulo", 0, None)
    assert ana.looked_at == ana.seen_until == clock()
    graph.by_kind.clear()
    clock.move(hours=hours, seconds=-1)
    await rounds(contoso, graph)
    assert graph.by_kind["zone"] == 0, "it is not asked again before"
    clock.move(seconds=1)
    await rounds(contoso, graph)
    assert graph.by_kind["zone"] == 1
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []


async def test_a_rotated_key_replaces_the_subscription(
    contoso: Organization, graph: PretendedGraph, clock: MovableClock
) -> None:
    await watch(contoso, ANA, clock())
    await keep(watcher(contoso, graph))
    rotated = ClientStates({"k2": b"n" * 32, "k1": b"k" * 32})
    await keep(watcher(contoso, graph, states=rotated))
    assert graph.there == {"s-2": ANA}
    assert (await ana_of(contoso)).signed_by == "k2"


@pytest.mark.parametrize(
    "less",
    [
        OrganizationSettings(engagement=False),
        OrganizationSettings(sending_mailboxes=("bruno@contoso.com",)),
    ],
    ids=["engagement off", "no longer a sending mailbox"],
)
async def test_what_is_not_followed_is_not_watched_f6(
    contoso: Organization,
    graph: PretendedGraph,
    clock: MovableClock,
    less: OrganizationSettings,
) -> None:
    await watch(contoso, ANA, clock())
    await keep(watcher(contoso, graph))
    await keep(watcher(contoso, graph, less))
    assert ANA not in graph.there.values()
    await keep(watcher(contoso, graph))
    assert ANA in graph.there.values()


@pytest.mark.parametrize(
    ("event", "subscription", "asked"),
    [
        ("missed", "s-1", {"look": 1}),
        ("reauthorizationRequired", "s-1", {"renew": 1}),
        ("subscriptionRemoved", "s-1", {"create": 1, "look": 1}),
        ("subscriptionRemoved", "s-of-before", {}),
        ("reauthorizationRequired", "s-of-before", {}),
    ],
)
async def test_a_lifecycle_event_is_followed_at_once(
    contoso: Organization,
    graph: PretendedGraph,
    clock: MovableClock,
    event: str,
    subscription: str,
    asked: dict[str, int],
) -> None:
    await watch(contoso, ANA, clock())
    await rounds(contoso, graph)
    graph.by_kind.clear()
    news = News("contoso", mailbox_key(ANA), event=event, subscription=subscription)
    await hear(watcher(contoso, graph), news)
    assert graph.by_kind == asked


async def test_news_of_a_mailbox_that_nobody_watches_do_nothing(
    contoso: Organization, graph: PretendedGraph
) -> None:
    await hear(watcher(contoso, graph), News("contoso", mailbox_key(ANA), event="missed"))
    assert graph.by_kind == {}
    assert [one async for one in watched(contoso)] == []


async def test_one_mailbox_is_asked_at_once_and_says_when_it_cannot_be(
    contoso: Organization,
) -> None:
    graph = PretendedGraph(MovableClock())
    run = watcher(contoso, graph)
    assert await look_now(run, ANA), "nobody watches it: it has nothing to tell"
    await watch(contoso, ANA, graph.clock())
    await keep(run)
    await keep(run)
    graph.clock.move(seconds=30)
    assert await look_now(run, ANA)
    (found,) = [one async for one in watched(contoso)]
    assert found.mailbox.seen_until == graph.clock()
    graph.clock.move(seconds=30)
    busy = replace(found.mailbox, owner="another", busy_until=graph.clock() + timedelta(minutes=1))
    await write(contoso, found, busy)
    assert not await look_now(run, ANA)
