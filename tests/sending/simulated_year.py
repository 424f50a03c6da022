"""A year of scheduled messages on two hosts, in the time that its moments take.

The world's clock jumps to what comes next: somebody asks for something, a timer that would find
something, a word that is heard. Accepting, changing and firing are the product's own; what follows
after a message was handed to delivery is only written down.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.errors import Changed, Refusal
from shared.messages.stored import read_message, write_message
from shared.model import SendTime, Status
from shared.organizations import Organization
from shared.sending.changes import cancel, change, send_now
from shared.sending.due import PARTITION, SOON, TABLE, fire_announced, fire_due, remove_due
from shared.sending.sequel import Words
from shared.sending.zone_changes import renew_local_times
from shared.timing.local_times import ZoneRules
from shared.timing.send_times import read_send_time
from tests.running_storage import MovableClock
from tests.sending.mortality import Killed, Moment, Troubles
from tests.sending.post_office import PostOffice, nothing_said

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
TICK = timedelta(seconds=15)
ZONES = (
    "Africa/Cairo", "Africa/Casablanca", "America/Havana", "America/New_York",
    "America/Santiago", "America/Sao_Paulo", "America/St_Johns", "Asia/Beirut", "Asia/Gaza",
    "Asia/Jerusalem", "Asia/Kathmandu", "Asia/Tehran", "Australia/Adelaide",
    "Australia/Lord_Howe", "Europe/Chisinau", "Europe/Lisbon", "Pacific/Apia", "Pacific/Auckland",
    "Pacific/Chatham", "Pacific/Norfolk",
)  # fmt: skip


class HostClock(MovableClock):
    """A host's own clock, which may be wrong by an hour for a while."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.wrong_by = timedelta()

    def __call__(self) -> datetime:
        return self.world.now + self.wrong_by


@dataclass
class HostOffice(PostOffice):
    """What is asked of one host; its words are heard by the world."""

    heard: Words | None = None

    @property
    def said(self) -> Words:
        assert self.heard is not None
        return self.heard


@dataclass
class Host:
    """A process that may die at any of its writes, and is back a while later."""

    office: PostOffice
    troubles: Troubles
    rules: ZoneRules
    down_until: datetime = BEGIN
    changed_at: datetime = BEGIN
    """When it came back, or its clock was set, last."""

    @property
    def clock(self) -> HostClock:
        assert isinstance(self.office.clock, HostClock)
        return self.office.clock


@dataclass
class Handed:
    """A message handed to delivery, and when by the world's clock."""

    at: datetime
    meant: SendTime | None
    taken_up: datetime
    """By the clock of the host that found that its time had come."""

    possible_since: datetime
    """Since when some host could have known."""


@dataclass
class World:
    """Two hosts over one storage, and everybody who asks them for something."""

    chance: random.Random
    now: datetime = BEGIN
    hosts: list[Host] = field(default_factory=list)
    moments: list[tuple[datetime, int, Callable[[], Awaitable[None]]]] = field(default_factory=list)
    handed: defaultdict[str, list[Handed]] = field(default_factory=lambda: defaultdict(list))
    delivered: Counter[str] = field(default_factory=Counter)
    cancelled: set[str] = field(default_factory=set)
    """Of which somebody was told that they are."""

    told: Counter[str] = field(default_factory=Counter)
    asked: dict[str, datetime] = field(default_factory=dict)
    """When somebody last asked something about a message."""

    _order: itertools.count[int] = field(default_factory=itertools.count)

    def at(self, instant: datetime, what: Callable[[], Awaitable[None]]) -> None:
        heapq.heappush(self.moments, (max(instant, self.now), next(self._order), what))

    @property
    def up(self) -> list[Host]:
        return [host for host in self.hosts if host.down_until <= self.now]

    async def run(self) -> None:
        """Jumps from moment to moment until nothing is left to come."""
        while True:
            tick = await self._next_tick()
            if tick is None and not self.moments:
                return
            coming = [one for one in (tick, self.moments and self.moments[0][0]) if one]
            self.now = max(self.now, min(coming))
            together = []
            while self.moments and self.moments[0][0] <= self.now:
                together.append(heapq.heappop(self.moments)[2]())
            if tick is not None and tick <= self.now:
                together += [self._timer(host) for host in self.up]
            await asyncio.gather(*together)

    async def _next_tick(self) -> datetime | None:
        """When a timer finds something next. (In between they come as well, and find nothing.)"""
        tables = self.hosts[0].office.organization.tables
        first: datetime | None = None
        fast = max(host.clock.wrong_by for host in self.hosts)
        async for read in tables.rows(TABLE, PARTITION, a_time=20):
            due = datetime.fromtimestamp(int(read.row["RowKey"].partition("~")[0]) / 1000, UTC)
            if first is not None and due - SOON >= first + fast:
                break
            found = due - (SOON if read.row.get("announce") else timedelta()) - fast
            first = found if first is None else min(first, found)
        if first is None:
            return None
        ticks = -(-(max(first, self.now + timedelta(milliseconds=1)) - BEGIN) // TICK)
        return max(BEGIN + ticks * TICK, min(host.down_until for host in self.hosts))

    async def _timer(self, host: Host) -> None:
        async def fire() -> None:
            organization, now = host.office.organization, host.clock()
            await renew_local_times(organization, now, host.rules)
            await fire_due(organization, now, self._deliver(host), self._announce)

        await self._mortal(host, fire, 0.01)

    async def _mortal(
        self, host: Host, doing: Callable[[], Awaitable[Any]], death: float
    ) -> Any | None:
        """Does it on a host that may die with it; None where it did."""
        dies = self.chance.random() < death
        host.troubles.begin([Moment(self.chance.randint(1, 12), True)] if dies else [])
        try:
            return await doing()
        except Killed:
            self.told["host died"] += 1
            host.down_until = self.now + timedelta(seconds=self.chance.randint(5, 600))
            host.changed_at = host.down_until
            return None
        finally:
            host.troubles.begin([])

    def _deliver(self, host: Host) -> Callable[[str], Awaitable[None]]:
        async def deliver(message: str) -> None:
            stored = await read_message(host.office.organization, message)
            assert stored is not None
            row = stored.message
            due = row.send_time.at if row.send_time else BEGIN
            since = min(max(one.changed_at, due - one.clock.wrong_by) for one in self.up or [host])
            asked = self.asked.get(message, BEGIN)
            self.handed[message].append(
                Handed(self.now, row.send_time, row.tried_since, max(since, asked))
            )
            self.at(self.now + timedelta(seconds=1), lambda: self._delivered(message))

        return deliver

    async def _delivered(self, message: str) -> None:
        """What delivery begins with: whoever is first takes it, under its ETag."""
        organization = self.hosts[0].office.organization
        while True:
            stored = await read_message(organization, message)
            assert stored is not None
            if stored.message.status is not Status.ACCEPTED:
                return
            row = stored.message
            sent = replace(row, status=Status.SENT, begun=1, due_at=None, version=row.version + 1)
            try:
                await write_message(organization, stored, sent)
            except Changed:
                continue
            await remove_due(organization, message, row.due_at)
            self.delivered[message] += 1
            return

    async def _announce(self, message: str, due_at: datetime) -> None:
        # The queue's own clock is right, and shows whole seconds.
        heard = due_at.replace(microsecond=0)
        self.at(heard + timedelta(seconds=heard < due_at), lambda: self._hear(message, due_at))

    async def _hear(self, message: str, due_at: datetime) -> None:
        if not self.up:
            self.at(min(h.down_until for h in self.hosts), lambda: self._hear(message, due_at))
            return
        host = self.chance.choice(self.up)

        async def fire() -> None:
            organization = host.office.organization
            await fire_announced(organization, message, due_at, host.clock(), self._deliver(host))

        await self._mortal(host, fire, 0.02)

    async def ask(self, message: str, what: str, doing: Callable[[Host], Awaitable[str]]) -> None:
        """Somebody asks until there is an answer, by whichever host is there."""
        if not self.up:
            self.at(self.now + timedelta(minutes=5), lambda: self.ask(message, what, doing))
            return
        host = self.chance.choice(self.up)
        self.asked[message] = self.now

        async def answer() -> str | None:
            try:
                return await doing(host)
            except Refusal as refusal:
                if refusal.status != 409:
                    raise
                return None if refusal.code == "underWay" else "refused"

        said = await self._mortal(host, answer, 0.02)
        if said is None:
            again = self.now + timedelta(seconds=30)
            self.at(again, lambda: self.ask(message, what, doing))
            return
        self.told[f"{what}: {said}"] += 1
        if said == "cancelled":
            self.cancelled.add(message)

    def new_host(self, organization: Organization, troubles: Troubles, rules: ZoneRules) -> None:
        """A host with troubles of its own over the storage that all share."""
        nobody: Any = None  # Nothing is asked of Graph.
        office = HostOffice(organization, nobody, HostClock(self), nobody)
        host = Host(office, troubles, rules)
        office.heard = Words(self._deliver(host), self._announce, nothing_said)
        self.hosts.append(host)


def plan(world: World, messages: int, rules: ZoneRules) -> None:
    """What happens in this year: who asks for what, which clocks are wrong, what fails when."""
    chance = world.chance
    for number in range(messages):
        id_ = f"{number:032x}"
        asked = BEGIN + YEAR * chance.random()
        after = timedelta(seconds=chance.choice([20, 100, 3_600, 86_400, 30 * 86_400]))
        due = _due(asked + after * (0.5 + chance.random()), chance, rules)
        world.at(asked, _accepting(world, id_, due.send_at))
        for _ in range(chance.choice([0, 0, 0, 1, 2])):
            # Some exactly when it is due, some around it, some long before.
            moment = chance.choice(
                [due.at, due.at, due.at + timedelta(seconds=chance.randint(-9, 9))]
            )
            if chance.random() < 0.5:
                moment = asked + (due.at - asked) * chance.random()
            world.at(max(moment, asked), _changing(world, id_, chance.random(), rules))
    for _ in range(8):
        host = chance.choice(world.hosts)
        begin = BEGIN + YEAR * chance.random()
        wrong = timedelta(hours=chance.choice([-1, 1]))
        world.at(begin, _clock_set(host, wrong, world))
        world.at(begin + timedelta(hours=3), _clock_set(host, timedelta(), world))
    newer = BEGIN + timedelta(days=120)
    for host in world.hosts:
        world.at(newer, _updated(host, rules))
        newer += timedelta(minutes=20)
    outage = BEGIN + timedelta(days=200)
    for host in world.hosts:
        world.at(outage, _down(host, outage + timedelta(days=3)))


@dataclass(frozen=True)
class _Due:
    at: datetime
    send_at: Any


def _due(wish: datetime, chance: random.Random, rules: ZoneRules) -> _Due:
    """About then: as an instant, or as what a clock shows somewhere."""
    if chance.random() < 0.3:
        at = wish.replace(microsecond=0)
        return _Due(at, at.isoformat())
    zone = chance.choice(ZONES)
    text = wish.astimezone(rules.zone(zone)).replace(tzinfo=None, microsecond=0).isoformat()
    return _Due(rules.send_time(text, zone).at, {"local": text, "timeZone": zone})


def _accepting(world: World, id_: str, send_at: Any) -> Callable[[], Awaitable[None]]:
    async def accepted(host: Host) -> str:
        now = host.clock()
        try:
            time = read_send_time(send_at, now, host.rules)
        except Refusal:
            # A clock that is an hour ahead takes it for the past; by then it is.
            time = None
        office = host.office
        order = office.order(send_time=time)
        answer = await office.send(order, key=id_, new_id=id_, deliver=office.said.deliver)
        status: str = answer["status"]
        return status

    return lambda: world.ask(id_, "accept", accepted)


def _changing(
    world: World, id_: str, kind: float, rules: ZoneRules
) -> Callable[[], Awaitable[None]]:
    wish = timedelta(seconds=world.chance.choice([0.5, 30, 600, 86_400 * 5]))

    async def changed(host: Host) -> str:
        if await read_message(host.office.organization, id_) is None:
            return "refused"
        changer = host.office.changer()
        if kind < 0.25:
            return (await cancel(changer, id_)).status.value
        if kind < 0.35:
            return (await send_now(changer, id_)).status.value
        due = _due(host.clock() + wish, world.chance, rules)
        try:
            return (await change(changer, id_, {"sendAt": due.send_at})).status.value
        except Refusal as refusal:
            if refusal.status == 422:
                return "refused"
            raise

    return lambda: world.ask(id_, "change", changed)


def _clock_set(host: Host, wrong: timedelta, world: World) -> Callable[[], Awaitable[None]]:
    async def set_it() -> None:
        host.clock.wrong_by = wrong
        host.changed_at = world.now

    return set_it


def _updated(host: Host, rules: ZoneRules) -> Callable[[], Awaitable[None]]:
    async def updated() -> None:
        host.rules = rules

    return updated


def _down(host: Host, until: datetime) -> Callable[[], Awaitable[None]]:
    async def down() -> None:
        host.down_until = host.changed_at = until

    return down
