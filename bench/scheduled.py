"""What the timer's look costs while 100,000 scheduled messages wait: the requests of the same look
with and without them, counted over storage inside this process (rule S4)."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.figures import say, under_way
from bench.wide import CountedTables
from shared.messages.stored import create_message, new_copies
from shared.model import Content, FollowChoice, Recipient, SendTime
from shared.organizations import Organization
from shared.sending.accept import Order, message_row
from shared.sending.due import fire_due, put_scheduled
from shared.sending.follow import Decision
from shared.sending.zone_changes import renew_local_times
from shared.settings import OrganizationEntry
from shared.timing.local_times import installed_rules
from shared.timing.reminding import fire_reminders
from tests.sending.memory_storage import Memory, MemoryBlobs

MESSAGES = 100_000
DUE = 100
NOW = datetime(2027, 1, 4, 9, tzinfo=UTC)

Requests = Counter[str]


class Counted:
    """Counts the requests by what they ask."""

    def __init__(self) -> None:
        self.requests: Requests = Counter()

    async def around(self, what: str, call: Callable[[], Awaitable[Any]], /) -> Any:
        self.requests[what] += 1
        return await call()


def measure(messages: int = MESSAGES) -> None:
    """requests of the timer while 100,000 scheduled messages wait, in this process"""
    under_way(f"Scheduling {messages} messages …")
    say(f"One look of the timer over storage in this process, {DUE} messages due and none")
    for waiting in (0, messages):
        for due in (DUE, 0):
            began = time.process_time()
            requests, seconds = asyncio.run(looked(waiting, due))
            made = time.process_time() - began - seconds
            say(
                f"  {waiting:7} wait, {due:3} due: {requests.total():5} requests, "
                f"{seconds * 1000:6.1f} ms of CPU (made in {made:.1f} s)"
            )
            say("    " + ", ".join(f"{count} {what}" for what, count in sorted(requests.items())))


async def looked(waiting: int, due: int) -> tuple[Requests, float]:
    """The requests of one look of the timer while so many messages wait and so many are due, and
    its seconds of CPU. Every other one is at a local time."""
    counted, memory = Counted(), Memory()
    entry = OrganizationEntry("contoso", "Contoso", "memory", "memory", "tenant", (), "")
    contoso = Organization(entry, CountedTables(memory, counted), MemoryBlobs(memory, counted))
    for number in range(due):
        await _schedule(contoso, number, NOW)
    for number in range(waiting):
        # A year of them, the first one in an hour.
        later = timedelta(hours=1, seconds=number * 365 * 24 * 3600 / waiting)
        await _schedule(contoso, due + number, NOW + later)
    await renew_local_times(contoso, NOW - timedelta(days=1))
    await renew_local_times(contoso, NOW - timedelta(hours=1))
    counted.requests.clear()
    handed: list[str] = []

    async def deliver(message: str) -> None:
        handed.append(message)

    async def announce(message: str, due_at: datetime) -> None:
        raise AssertionError("nothing is near")

    async def ask(mailbox: str) -> bool:
        raise AssertionError("nothing waits for a reply")

    began = time.process_time()
    await renew_local_times(contoso, NOW)
    await fire_due(contoso, NOW, deliver, announce)
    await fire_reminders(contoso, NOW, ask)
    seconds = time.process_time() - began
    assert len(set(handed)) == len(handed) == due, f"{len(handed)} handed over of {due}"
    return counted.requests, seconds


async def _schedule(organization: Organization, number: int, at: datetime) -> None:
    time = SendTime(at)
    if number % 2:
        local = at.replace(tzinfo=None).isoformat()
        time = installed_rules().send_time(local, "Europe/Lisbon")
    content = Content("Offer", "<p>Hello</p>", None, (Recipient("to", "li@example.com"),))
    order = Order(
        content, "ana@contoso.com", "ana@contoso.com", FollowChoice.OFF, "en", send_time=time
    )
    made = NOW - timedelta(days=2)
    row = message_row(order, Decision(False, (), ()), f"{number:032x}", made)
    await put_scheduled(organization, row, made)
    await create_message(organization, row, new_copies(content))
