"""What the service asks of storage for each thing it does: the real code, counted.

The numbers are kept in `counts.json`, which the cost sheet and the simulation of partitions are
worked out from; `dev.py costs --count` counts anew.
"""

from __future__ import annotations

import json
import re
import tempfile
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from bench.counting import Counts, counted
from bench.load import AGENT
from bench.machine import machine
from shared.graph.client import close_graph_clients
from shared.messages.reading import Query, read_links, read_page
from shared.messages.rows import TABLE
from shared.messages.timeline import read_timeline
from shared.model import SendTime
from shared.organizations import Organization
from shared.sending.accept import Order
from shared.sending.due import fire_due
from shared.sending.zone_changes import renew_local_times
from shared.timing.reminding import fire_reminders
from shared.tracking.fold import fold
from shared.tracking.hits import Hit
from shared.tracking.segments import Segment, store_segment
from tests.running_graph import running_graph
from tests.running_storage import MovableClock
from tests.sending.post_office import PostOffice, let_hurry

ROOT = Path(__file__).parents[1]
KEPT = Path(__file__).with_name("counts.json")
HOT = 200
"""Events of the message that tells what further events of a message cost."""


@dataclass(frozen=True)
class Cost:
    """What something costs: requests as they are billed, and rows by table and partition.

    Partitions are told by their kind: `{message}` and `{seller}` stand for any of theirs.
    """

    requests: Mapping[str, float]
    entities: Mapping[str, float]

    def __add__(self, other: Cost) -> Cost:
        return self.times(1, other, 1)

    def __sub__(self, other: Cost) -> Cost:
        return self.times(1, other, -1)

    def __mul__(self, factor: float) -> Cost:
        return self.times(factor, NOTHING, 0)

    def times(self, mine: float, other: Cost, theirs: float) -> Cost:
        """So much of this and so much of the other."""

        def both(a: Mapping[str, float], b: Mapping[str, float]) -> dict[str, float]:
            summed = {k: mine * a.get(k, 0) + theirs * b.get(k, 0) for k in sorted({*a, *b})}
            return {name: value for name, value in summed.items() if value}

        return Cost(both(self.requests, other.requests), both(self.entities, other.entities))


NOTHING = Cost({}, {})


@dataclass(frozen=True)
class Measured:
    """What each thing costs, and how large what it leaves is."""

    accepted: Cost
    """One followed message to one contact, with an idempotency key."""
    delivered: Cost
    scheduled: Cost
    """What a message that is sent later costs more."""
    hit: Cost
    """The write of one segment, however many hits it has."""
    fold: Cost
    """A fold, beside its messages."""
    folded_message: Cost
    """A message with one new event."""
    further_event: Cost
    """Each further event of that message, in the same fold."""
    idle_sweep: Cost
    idle_due: Cost
    idle_reminders: Cost
    """One run of each timer, for one organization in which nothing happens."""
    list_page: Cost
    message_page: Cost
    hit_bytes: float
    message_row_bytes: float
    event_row_bytes: float
    queues: int
    """Those that start functions: the host asks each of them."""
    alert_rules: int
    """Those of infra/alerts.bicep that are billed by the month."""

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Measured:
        values: dict[str, Any] = {
            name: Cost(**value) if isinstance(value, dict) else value
            for name, value in json.loads(text).items()
        }
        return cls(**values)


def kept() -> Measured:
    """The numbers as they were counted last."""
    return Measured.from_json(KEPT.read_text(encoding="utf-8"))


def count() -> Measured:
    """Counts all of it: Azurite, the local Graph, and our own code in this process."""
    with machine() as here, tempfile.TemporaryDirectory(prefix="bench-") as directory:
        database = Path(directory) / "graph.db"
        with running_graph(database, move_after=0) as graph, httpx.Client() as http:

            async def work(contoso: Organization) -> Measured:
                counts = Counts()
                organization = counted(contoso, counts)
                try:
                    await let_hurry(organization)
                    office = PostOffice(organization, graph, MovableClock(), http)
                    return await measured(office, counts)
                finally:
                    await organization.tables.close()
                    await organization.blobs.close()
                    await close_graph_clients()

            return here.with_contoso(work)


async def measured(office: PostOffice, counts: Counts) -> Measured:
    """All of it at this post office, whose organization counts into `counts`."""
    counting = _Counting(office, counts)
    # Rows that are made once for an organization, or once a day, are none of a message's costs.
    warm = await office.accepted()
    await office.finish(warm)
    await counting.folded(warm, 1)
    await counting.due()
    accepted = await counting.cost(lambda: office.send(office.order(), key=uuid.uuid4().hex))
    message = office.words[-1]
    delivered = await counting.cost(lambda: office.finish(message))
    idle_due = await counting.cost(counting.due)
    idle_reminders = await counting.cost(counting.reminded)
    later = office.order(send_time=SendTime(office.clock() + timedelta(hours=2)))
    scheduled = await counting.cost(lambda: counting.sent_later(later))
    idle_sweep = await counting.cost(counting.swept)
    others = [await counting.sent() for _ in range(3)]
    hit = await counting.cost(lambda: counting.arrived([others[0]], 1))
    one = await counting.cost(counting.swept)
    await counting.arrived(others[1:], 1)
    two = await counting.cost(counting.swept)
    await counting.arrived([message], HOT)
    hot = await counting.cost(counting.swept)
    return Measured(
        accepted=accepted,
        delivered=delivered,
        scheduled=scheduled - accepted - delivered,
        hit=hit,
        fold=one.times(2, two, -1),
        folded_message=two - one,
        further_event=(hot - one) * (1 / (HOT - 1)),
        idle_sweep=idle_sweep,
        idle_due=idle_due,
        idle_reminders=idle_reminders,
        list_page=await counting.cost(counting.list_page),
        message_page=await counting.cost(lambda: counting.message_page(message)),
        hit_bytes=len(counting.hit(message).packed()),
        message_row_bytes=await counting.bytes_of(message, "messag"),
        event_row_bytes=await counting.bytes_of(message, "event"),
        queues=_queues_that_start_functions(),
        alert_rules=_alert_rules(),
    )


async def _nobody_asks(mailbox: str) -> bool:
    raise AssertionError("no reminder is due")


class _Counting:
    """The things that are counted, each of them as the functions do it."""

    def __init__(self, office: PostOffice, counts: Counts) -> None:
        self._office = office
        self._counts = counts
        self._organization = office.organization

    async def cost(self, does: Callable[[], Awaitable[object]]) -> Cost:
        """What it costs; the words it says to queues are requests, too."""
        office = self._office
        words_before = len(office.words) + len(office.announced) + len(office.file_words)
        self._counts.forget()
        await does()
        words = len(office.words) + len(office.announced) + len(office.file_words) - words_before
        entities: Counter[str] = Counter()
        for (table, partition), rows in self._counts.entities.items():
            entities[f"{table}/{_kind(table, partition)}"] += rows
        requests = Counter(self._counts.requests)
        if words:
            requests["queue word"] += words
        return Cost(dict(sorted(requests.items())), dict(sorted(entities.items())))

    async def sent(self) -> str:
        message = await self._office.accepted()
        await self._office.finish(message)
        return message

    async def sent_later(self, order: Order) -> None:
        """Accepted, announced by the timer, fired at its time, delivered."""
        office = self._office
        message = (await office.send(order, key=uuid.uuid4().hex))["id"]
        office.clock.move(hours=1, minutes=59)
        await self.due()
        office.clock.move(minutes=1)
        await self.due()
        await office.finish(message)

    async def due(self) -> None:
        """The timer `fire_due_messages`, for this organization."""
        office = self._office
        await renew_local_times(self._organization, office.clock())
        await fire_due(self._organization, office.clock(), office.enqueue, office.announce)

    async def reminded(self) -> None:
        """The timer `fire_due_reminders`, for this organization, where none is due."""
        await fire_reminders(self._organization, self._office.clock(), _nobody_asks)

    async def swept(self) -> None:
        """The timer `sweep_hits`, or the queue function `fold_hits`, for this organization."""
        until = self._office.clock() + timedelta(minutes=2)
        await fold(self._organization, uuid.uuid4().hex, self._office.clock, until=until)

    async def folded(self, message: str, opens: int) -> None:
        await self.arrived([message], opens)
        await self.swept()

    async def arrived(self, messages: Sequence[str], opens: int) -> None:
        """So many opens of each, in one segment, a minute after whatever came before."""
        self._office.clock.move(minutes=1)
        hits = [self.hit(message, place) for place in range(opens) for message in messages]
        key = f"{self._office.clock.ms():013d}-count-000000"
        packed = "\n".join(hit.packed() for hit in hits).encode()
        await store_segment(self._organization, Segment(key, packed))

    def hit(self, message: str, place: int = 0) -> Hit:
        at = self._office.clock.ms() + place
        return Hit(uuid.uuid4().hex, at, "open", message, 0, 0, "GET", AGENT)

    async def list_page(self) -> None:
        query = Query(seller=None, seen_by=None)
        await read_page(self._organization, query, self._office.clock())

    async def message_page(self, message: str) -> None:
        await self._office.stored(message)
        await read_timeline(self._organization, message, automated="include", cursor="", limit=50)
        await read_links(self._organization, message)

    async def bytes_of(self, message: str, prefix: str) -> float:
        """What a row of the message takes, on average: UTF-16 texts and names (Table service)."""
        rows = await self._office.rows(prefix, message)
        return sum(_bytes(row) for row in rows) / len(rows)


def _queues_that_start_functions() -> int:
    functions = (ROOT / "shared").rglob("functions.py")
    return sum(each.read_text(encoding="utf-8").count(".queue_trigger(") for each in functions)


def _alert_rules() -> int:
    text = (ROOT / "infra" / "alerts.bicep").read_text(encoding="utf-8")
    timers = re.search(r"var timers = \[(.*?)\]", text, re.DOTALL)
    assert timers is not None
    return len(re.findall(r"^    says:", text, re.MULTILINE)) + timers[1].count("'") // 2


def _bytes(row: Mapping[str, object]) -> int:
    return sum(2 * len(name) + 2 * len(str(value)) + 8 for name, value in row.items())


def _kind(table: str, partition: str) -> str:
    if table == TABLE:
        return "{message}"
    return re.sub(r"([:~]).*", r"\1{…}", partition)


def main() -> None:
    """Counts, and keeps what was counted."""
    KEPT.write_text(count().to_json(), encoding="utf-8")


if __name__ == "__main__":
    main()
