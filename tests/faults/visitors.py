"""Many recipients at once: programs that load pixels and follow links, each on a connection of its
own, and a ledger of what they asked and what was answered.

A click names its link by a number that is used once, so that each click can be told from all
others in the timeline. Opens cannot; they are counted by message and copy.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from shared.model import EventKind
from shared.settings import Settings
from shared.tracking.tokens import Addresses, Signer, Target
from tests.faults.http_messages import HttpMessage, read_answer
from tests.tracking.followed_messages import PERSON, PROGRAM, Followed

PATIENCE_S = 15.0
GIF = b"GIF89a"
Copy = tuple[str, str, int]
"""Organization, message, number of the copy."""


@dataclass
class Ledger:
    """What was asked and answered. `strange` are answers that no recipient may ever get."""

    opens_asked: Counter[Copy] = field(default_factory=Counter)
    opens_answered: Counter[Copy] = field(default_factory=Counter)
    clicks_asked: dict[Copy, set[int]] = field(default_factory=dict)
    clicks_answered: dict[Copy, set[int]] = field(default_factory=dict)
    strange: list[str] = field(default_factory=list)
    took: defaultdict[tuple[str, str], list[float]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """Seconds from question to answer, by organization and kind."""
    answered_at: float = 0.0
    """`time.monotonic()` at the last answer."""

    @property
    def asked(self) -> int:
        return sum(self.opens_asked.values()) + sum(map(len, self.clicks_asked.values()))

    @property
    def answered(self) -> int:
        return sum(self.opens_answered.values()) + sum(map(len, self.clicks_answered.values()))

    def within(self, organization: str, kind: str, part: float = 0.95) -> float:
        """Seconds within which that part of the answers came."""
        took = sorted(self.took[organization, kind])
        assert took, f"nothing was answered to a {kind} of {organization}"
        return took[min(int(len(took) * part), len(took) - 1)]

    def missing(self, organization: str, followed: Followed) -> list[str]:
        """What was answered and is not in the timeline, or is there and was never asked."""
        found = []
        for number in followed.copies:
            copy = (organization, followed.message.id, number)
            events = [e for e in followed.events if e.copy == number and not e.inferred]
            opens = sum(e.kind is EventKind.OPEN for e in events)
            if not self.opens_answered[copy] <= opens <= self.opens_asked[copy]:
                found.append(
                    f"{copy}: {opens} opens, {self.opens_answered[copy]} were answered and "
                    f"{self.opens_asked[copy]} asked"
                )
            links = Counter(e.link for e in events if e.kind is EventKind.CLICK)
            lost = self.clicks_answered.get(copy, set()) - links.keys()
            invented = links.keys() - self.clicks_asked.get(copy, set())
            twice = [link for link, times in links.items() if times > 1]
            for what, which in (("lost", lost), ("never made", invented), ("twice", twice)):
                if which:
                    found.append(f"{copy}: {len(which)} clicks are {what}")
        return found


class Visitors:
    """Recipients of these copies. They stop when `visiting` ends; what they saw is in `ledger`."""

    def __init__(
        self,
        settings: Settings,
        copies: Sequence[Copy],
        ports: Sequence[int],
        *,
        seed: int = 0,
        at_once: int = 32,
        kinds: Sequence[str] = ("open", "click"),
    ) -> None:
        self.ledger = Ledger()
        self._addresses = Addresses(Signer(settings.signing_keys), "")
        self._copies = copies
        self._ports = ports
        self._chance = random.Random(seed)
        self._at_once = at_once
        self._kinds = kinds
        self._stopping = False
        self._answers: asyncio.Queue[None] = asyncio.Queue()

    @asynccontextmanager
    async def visiting(self) -> AsyncIterator[None]:
        """They come all the time while the block runs; at its end the last answers are awaited."""
        self._stopping = False
        visits = [
            asyncio.create_task(self._visit(self._ports[n % len(self._ports)]))
            for n in range(self._at_once)
        ]
        try:
            yield
        finally:
            self._stopping = True
            await asyncio.gather(*visits)

    async def answers(self, count: int, within: float = 30.0) -> None:
        """Returns after that many more answers."""
        while not self._answers.empty():
            self._answers.get_nowait()
        async with asyncio.timeout(within):
            for _ in range(count):
                await self._answers.get()

    async def _visit(self, port: int) -> None:
        while not self._stopping:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            try:
                while not self._stopping:
                    await self._ask(reader, writer)
            except (OSError, EOFError):
                pass
            finally:
                writer.transport.abort()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        copy = self._chance.choice(self._copies)
        kind = self._chance.choice(self._kinds)
        agent = self._chance.choice((PERSON, PERSON, PROGRAM))
        organization, message, number = copy
        link = 0
        if kind == "open":
            path = self._addresses.pixel(Target(organization, message, number))
            self.ledger.opens_asked[copy] += 1
        else:
            asked = self.ledger.clicks_asked.setdefault(copy, set())
            link = len(asked)
            asked.add(link)
            path = self._addresses.redirect(
                Target(organization, message, number, link), _destination(link)
            )
        started = time.monotonic()
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {agent}\r\n\r\n".encode()
        )
        try:
            async with asyncio.timeout(PATIENCE_S):
                answer = await read_answer(reader, "GET")
        except TimeoutError:
            self.ledger.strange.append(f"{kind}: no answer within {PATIENCE_S:.0f} s")
            raise EOFError from None
        self._note(kind, copy, link, answer, started)

    def _note(self, kind: str, copy: Copy, link: int, answer: HttpMessage, started: float) -> None:
        ledger = self.ledger
        if kind == "open" and answer.status == 200 and answer.body.startswith(GIF):
            ledger.opens_answered[copy] += 1
        elif kind == "click" and answer.status == 302 and _leads_to(answer, link):
            ledger.clicks_answered.setdefault(copy, set()).add(link)
        else:
            ledger.strange.append(f"{kind}: {answer.words}")
        ledger.answered_at = time.monotonic()
        ledger.took[copy[0], kind].append(ledger.answered_at - started)
        self._answers.put_nowait(None)


def _destination(link: int) -> str:
    return f"https://example.com/offer?page={link}"


def _leads_to(answer: HttpMessage, link: int) -> bool:
    return f"\r\nlocation: {_destination(link)}\r\n".encode() in answer.head
