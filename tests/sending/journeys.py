"""One message with files from its acceptance to its end, through trouble of every kind.

The queue and the timer are played as they are: a word whose function dies is heard again half a
minute later, one that storage kept from being dealt with as its function says, and a message of
which no word is left comes up by the timer.
"""

from __future__ import annotations

import heapq
import itertools
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.attachments.onedrive import Porter, settle
from shared.errors import StorageUnavailable, Transient
from shared.model import Status
from shared.sending.accept import Order
from shared.sending.attempt import Workshop
from shared.sending.deliver import deliver
from shared.sending.due import fire_due
from tests.running_graph import RunningGraph
from tests.running_storage import MovableClock
from tests.sending.mortality import (
    Killed,
    Moment,
    TroubledDrive,
    TroubledMail,
    Troubles,
    away,
)
from tests.sending.post_office import WORD_COMES_BACK_S, PostOffice, nothing_said

GRAPH_FAULTS: dict[str, dict[str, Any]] = {
    "429 with Retry-After": {"kind": "throttle", "retryAfter": 7},
    "429 without": {"kind": "status", "status": 429, "code": "ApplicationThrottled"},
    "503": {"kind": "unavailable"},
    "504 after it was done": {"kind": "gatewayTimeoutAfterDone"},
    "dropped before": {"kind": "dropBefore"},
    "dropped after": {"kind": "dropAfterDone"},
}
LOOKS_ONLY = ("get ", "page ", "read ")
"""Calls that change nothing: to be killed after one is to be killed after the one before it."""

MOST_WORDS = 400
MOST_MINUTES = 120
Word = str | tuple[str, int]
Turn = Callable[["Journey", Word], Awaitable[None]]
"""What happens before a word is dealt with."""


@dataclass(frozen=True, order=True)
class Incident:
    """What goes wrong: at which call of our process, or at which request to Graph, from 1 on."""

    kind: str
    at: int

    @property
    def of_graph(self) -> bool:
        return self.kind in GRAPH_FAULTS

    def moment(self) -> Moment:
        error: Callable[[], BaseException] = Killed if self.kind == "killed after" else away
        return Moment(self.at, self.kind != "away before", error)

    def __str__(self) -> str:
        return f"{self.kind} at {'request' if self.of_graph else 'call'} {self.at}"


def plan(incidents: Sequence[Incident]) -> list[dict[str, Any]]:
    """The faults of Graph; each one sees the requests that those before it left."""
    faults = sorted((one for one in incidents if one.of_graph), key=lambda one: one.at)
    return [
        GRAPH_FAULTS[one.kind] | {"after": one.at - 1 - before} for before, one in enumerate(faults)
    ]


@dataclass
class Journey:
    """A message and everything that is said about it. `mortal` is in a process that can die."""

    office: PostOffice
    mortal: PostOffice
    troubles: Troubles
    message: str = ""
    words: list[tuple[datetime, int, Word]] = field(default_factory=list)
    deaths: int = 0
    turned: bool = False
    _order: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def clock(self) -> MovableClock:
        return self.office.clock

    async def accepted(self, order: Order, key: str) -> None:
        """The caller asks with one key until there is an answer."""
        for _ in range(20):
            try:
                answer = await self.mortal.send(order, key, deliver=self.say_message)
            except (Killed, StorageUnavailable):
                self.deaths += 1
                self.clock.move(seconds=30)
                continue
            self.message = answer["id"]
            return
        raise AssertionError("it is never accepted")

    async def ended(self, turn: Turn | None = None) -> None:
        """Every word is dealt with, and the timer has nothing left."""
        for _ in range(MOST_MINUTES):
            await self.words_dealt_with(turn)
            if not await self.office.due() and await self.finished():
                return
            await self.timer_comes()
        raise AssertionError("it does not come to an end")

    async def timer_comes(self) -> None:
        self.clock.move(minutes=1)
        try:
            await fire_due(self.mortal.organization, self.clock(), self.say_message, nothing_said)
        except (Killed, StorageUnavailable):
            self.deaths += 1

    async def words_dealt_with(self, turn: Turn | None = None) -> None:
        for _ in range(MOST_WORDS):
            if not self.words:
                return
            at, _, word = heapq.heappop(self.words)
            self.clock.now = max(self.clock.now, at)
            if turn is not None:
                await turn(self, word)
            try:
                await self.deal_with(word)
            except Killed:
                self.deaths += 1
                self.put(word, WORD_COMES_BACK_S)
        raise AssertionError("there is no end of words")

    async def deal_with(self, word: Word) -> None:
        """As the functions of the two queues do."""
        if isinstance(word, str):
            try:
                later = await deliver(self.workshop(), word)
                if later is not None:
                    await self.say(word, later.seconds)
            except Transient:
                pass
            return
        try:
            seconds = await settle(self.porter, *word)
        except Transient:
            seconds = 30.0
        if seconds is not None:
            await self.say(word, seconds)

    async def finished(self) -> bool:
        stored = await self.office.stored(self.message)
        return stored.message.status.is_final

    async def sent(self) -> bool:
        return (await self.office.stored(self.message)).message.status is Status.SENT

    def workshop(self) -> Workshop:
        return replace(
            self.mortal.workshop(TroubledMail(self.office.tenant, self.troubles)),
            drive=TroubledDrive(self.office.tenant, self.troubles),
            upload=self.say_file,
        )

    @property
    def porter(self) -> Porter:
        drive = TroubledDrive(self.office.tenant, self.troubles)
        return Porter(self.mortal.organization, drive, self.clock, self.say_message)

    async def say_message(self, message: str) -> None:
        await self.say(message)

    async def say_file(self, message: str, number: int) -> None:
        await self.say((message, number))

    async def say(self, word: Word, seconds: float = 0) -> None:
        async def said() -> None:
            self.put(word, seconds)

        await self.troubles.around("say a word", said)

    def put(self, word: Word, seconds: float) -> None:
        at = self.clock() + timedelta(seconds=seconds)
        heapq.heappush(self.words, (at, next(self._order), word))


def clock_of_today() -> MovableClock:
    """It stands at the real time: links and signatures of addresses end by that of others."""
    clock = MovableClock()
    clock.now = datetime.now(UTC)
    return clock


def asked_of(graph: RunningGraph) -> list[str]:
    """The requests that the local Graph got so far, not by way of itself: that would count."""
    rows = _rows(graph, "SELECT method || ' ' || path FROM requests ORDER BY key")
    return [row[0] for row in rows]


def drafts_in(graph: RunningGraph) -> int:
    """How many drafts anybody has."""
    count: int = _rows(graph, "SELECT count(*) FROM messages WHERE is_draft")[0][0]
    return count


def _rows(graph: RunningGraph, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{graph.database}?mode=ro", uri=True)) as store:
        return store.execute(query).fetchall()
