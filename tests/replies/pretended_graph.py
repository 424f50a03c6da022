"""A Graph that makes subscriptions for as many mailboxes as one likes, and counts requests."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime
from itertools import count

from shared.graph.client import GraphTenant
from shared.graph.errors import GraphError, NotFound
from shared.graph.inbox import Arrival, Inbox
from shared.graph.subscriptions import LIFE, Subscription, Subscriptions
from tests.running_storage import MovableClock

NOWHERE = GraphTenant("11111111-1111-1111-1111-111111111111", "http://127.0.0.1:9/v1.0")


class PretendedGraph:
    """Requests by minute, subscriptions (id → mailbox), and the zone that all mailboxes have."""

    def __init__(self, clock: MovableClock) -> None:
        self.clock = clock
        self.by_minute: Counter[str] = Counter()
        self.by_kind: Counter[str] = Counter()
        self.ids = count(1)
        self.there: dict[str, str] = {}
        self.zone: str | GraphError = "E. South America Standard Time"
        self.subscriptions = _Subscriptions(NOWHERE, self)
        self.inbox = _Inbox(NOWHERE, self)

    async def asked(self, kind: str) -> None:
        self.by_minute[self.clock().strftime("%H:%M")] += 1
        self.by_kind[kind] += 1
        await asyncio.sleep(0)


class _Subscriptions(Subscriptions):
    def __init__(self, graph: GraphTenant, pretended: PretendedGraph) -> None:
        super().__init__(graph)
        object.__setattr__(self, "pretended", pretended)

    pretended: PretendedGraph

    async def create(
        self, mailbox: str, address: str, client_state: str, now: datetime
    ) -> Subscription:
        made = f"s-{next(self.pretended.ids)}"
        await self.pretended.asked("create")
        self.pretended.there[made] = mailbox
        return Subscription(made, now + LIFE)

    async def renew(self, id: str, now: datetime) -> Subscription:
        await self.pretended.asked("renew")
        if id not in self.pretended.there:
            raise NotFound("Could not renew a subscription: 404.", "ResourceNotFound")
        return Subscription(id, now + LIFE)

    async def remove(self, id: str) -> None:
        await self.pretended.asked("remove")
        self.pretended.there.pop(id, None)


class _Inbox(Inbox):
    def __init__(self, graph: GraphTenant, pretended: PretendedGraph) -> None:
        super().__init__(graph)
        object.__setattr__(self, "pretended", pretended)

    pretended: PretendedGraph

    async def time_zone(self, mailbox: str) -> str:
        await self.pretended.asked("zone")
        if isinstance(self.pretended.zone, GraphError):
            raise self.pretended.zone
        return self.pretended.zone

    async def received_since(self, mailbox: str, since: datetime) -> AsyncIterator[list[Arrival]]:
        await self.pretended.asked("look")
        yield []
