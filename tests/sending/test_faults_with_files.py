"""Two followed files and an ordinary one, and whatever goes wrong at any step: one mail, and every
file where it belongs (S2, T5).

    FILE_SEQUENCES=all FAULT_SEED=7 pytest -s tests/sending/test_faults_with_files.py

goes through every pair of faults, which takes hours. Ordinarily it is every single fault of Graph,
every death of our process, and a sample of pairs and triples: `FILE_PAIRS` of them, by the seed
that is printed.
"""

from __future__ import annotations

import asyncio
import html
import os
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, TypeVar

import httpx
import pytest
import pytest_asyncio

from shared.attachments.onedrive import FOLDER
from shared.attachments.staging import GivenFiles
from shared.attachments.uploads import upload_name
from shared.attachments.use import address_of_file
from shared.graph.client import close_graph_clients
from shared.graph.drive import LARGEST_SMALL_FILE, Drive
from shared.graph.quickxor import QuickXor
from shared.messages.content import CONTAINER
from shared.messages.files import Place, read_files
from shared.model import Attachment, Status, Step
from shared.organizations import Organization, Organizations
from shared.sending.accept import Order
from shared.tracking.tokens import Kind, Sound
from tests.running_graph import running_graph
from tests.running_storage import Deployments
from tests.sending.journeys import (
    GRAPH_FAULTS,
    LOOKS_ONLY,
    Incident,
    Journey,
    asked_of,
    clock_of_today,
    drafts_in,
    plan,
)
from tests.sending.mortality import Troubles, troubled
from tests.sending.post_office import ANA, PUBLIC_ADDRESS, SIGNER, PostOffice

EVERYTHING = os.environ.get("FILE_SEQUENCES") == "all"
PAIRS = int(os.environ.get("FILE_PAIRS", "8"))
SEED = int(os.environ.get("FAULT_SEED") or random.randrange(1_000_000))

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(6 * 3600 if EVERYTHING else 240),
    # The SDK warns about itself while it is imported.
    pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning"),
]

BEGINNING = 1000
UPLOAD = "5" * 32
OFFER = b"An offer. " * 700
PLAN = random.Random(4).randbytes(5 * 1024 * 1024 + 10)
"""By an upload session, in two pieces."""
TERMS = b"As usual. " * 300
ATTACHMENTS = (
    Attachment(1, "offer.pdf", "application/pdf", len(OFFER), follow=True),
    Attachment(2, "terms & so on.txt", "text/plain", len(TERMS)),
    Attachment(3, "plano de preços.pdf", "application/pdf", len(PLAN), follow=True),
)
CONTENTS = {1: OFFER, 2: TERMS, 3: PLAN}


def hash_of(content: bytes) -> str:
    hasher = QuickXor()
    hasher.update(content)
    return hasher.text()


HASHES = {number: hash_of(content) for number, content in CONTENTS.items()}
assert len(PLAN) > LARGEST_SMALL_FILE


@dataclass
class Travelled:
    """What a journey called, what it asked of Graph, and what became of it."""

    outcome: str
    calls: list[str]
    requests: list[str]

    def incidents(self, after: Sequence[Incident] = (), *, storage: bool) -> list[Incident]:
        """Everything that can go wrong in such a journey, later than what went wrong in it; with
        `storage`, that it is away, too."""
        asked = max((one.at for one in after if one.of_graph), default=0)
        called = max((one.at for one in after if not one.of_graph), default=0)
        found = [
            Incident(kind, at)
            for at in range(asked + 1, len(self.requests) + 1)
            for kind in GRAPH_FAULTS
        ]
        for at, call in list(enumerate(self.calls, start=1))[called:]:
            if not call.startswith(LOOKS_ONLY):
                found.append(Incident("killed after", at))
            if storage and call.split()[-1] in STORES:
                found += [Incident("away before", at), Incident("away after", at)]
        return found


@dataclass
class Road:
    """Where one message travels at a time: an organization, a Graph and faults of its own."""

    office: PostOffice
    organization: Organization
    """The office's, as a process that can die has it."""
    troubles: Troubles
    number: Iterator[int] = field(default_factory=count)

    async def travel(self, *incidents: Incident) -> Travelled:
        """One message through these incidents; it is right in the end."""
        office = replace(self.office, clock=clock_of_today())
        journey = Journey(office, replace(office, organization=self.organization), self.troubles)
        address = f"traveller{next(self.number)}@example.com"
        await asyncio.to_thread(self.begin, incidents)
        try:
            await journey.accepted(order(office, address), address)
            await journey.ended()
            calls, requests = list(self.troubles.calls), asked_of(office.graph)
            outcome = await what_became_of(office, journey.message, address)
        except BaseException as error:
            error.add_note("after " + " and ".join(map(str, incidents)))
            raise
        return Travelled(outcome, calls, requests)

    def begin(self, incidents: Sequence[Incident]) -> None:
        self.office.forget_mail()
        self.office.faults(*plan(incidents))
        self.troubles.begin([one.moment() for one in incidents if not one.of_graph])


Roads = Sequence[Road]
T = TypeVar("T")
U = TypeVar("U")


async def on_all(roads: Roads, ways: Sequence[T], go: Callable[[Road, T], Awaitable[U]]) -> list[U]:
    """All of these ways, each on the first road that is free; in their order."""
    free: asyncio.Queue[Road] = asyncio.Queue()
    for road in roads:
        free.put_nowait(road)

    async def one(way: T) -> U:
        road = await free.get()
        try:
            return await go(road, way)
        finally:
            free.put_nowait(road)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(way)) for way in ways]
    return [task.result() for task in tasks]


async def travel(road: Road, incidents: Sequence[Incident]) -> Travelled:
    return await road.travel(*incidents)


def tell(what: str, travelled: Sequence[Travelled]) -> None:
    outcomes = Counter(one.outcome for one in travelled)
    print(f"\n{what}: {len(travelled)} sequences, {dict(outcomes)}, seed {SEED}")
    assert set(outcomes) <= {"sent", "mayHaveBeenSent"}


STORES = {"messages", "feeds", "schedule", "lookups", "settings", "records", "content"}


def order(office: PostOffice, address: str) -> Order:
    given = GivenFiles(ATTACHMENTS, {1: OFFER, 2: TERMS}, {3: UPLOAD})
    recipients = office.contact(address)
    return replace(office.order(*recipients, attachments=ATTACHMENTS), files=given)


async def what_became_of(office: PostOffice, message: str, address: str) -> str:
    """`sent`, or why not; wrong is whatever the recipient or a seller would call so."""
    row = (await office.stored(message)).message
    mails = await asyncio.to_thread(office.received, address)
    assert drafts_in(office.graph) == 0, "a draft is left"
    assert await office.rows("todo~", message) == []
    assert (row.due_at, row.lease_owner) == (None, "")
    stored = await stored_files(office, message)
    await asyncio.to_thread(files_in_drive, office, message, stored)
    if row.status is Status.FAILED:
        assert row.failure is not None
        assert len(mails) <= (row.failure.code == "mayHaveBeenSent")
        return row.failure.code
    copy = (await office.stored(message)).copies[0]
    assert (row.status, row.followed, copy.step) == (Status.SENT, True, Step.SENT)
    (mail,) = mails
    assert mail["headers"]["Message-ID"] == copy.internet_message_id
    assert attached(mail) == [(ATTACHMENTS[1].name, len(TERMS))]
    assert [name async for name in links_lead_to(office, message, mail)] == [1, 3]
    return "sent"


def attached(mail: dict[str, Any]) -> list[tuple[str, int]]:
    return [(one["name"], one["size"]) for one in mail["attachments"]]


async def links_lead_to(
    office: PostOffice, message: str, mail: dict[str, Any]
) -> AsyncIterator[int]:
    """The files that the mail links to, each read as a recipient does."""
    for token in re.findall(rf"{PUBLIC_ADDRESS}/a/([^/\"]+)/", html.unescape(mail["html"])):
        verdict = SIGNER.verify(Kind.ATTACHMENT, token)
        assert isinstance(verdict, Sound) and verdict.target.message == message
        number = verdict.target.index
        drive = Drive(office.tenant)
        address = await address_of_file(office.organization, drive, message, number, office.clock())
        assert address is not None
        found = await asyncio.to_thread(file_at, office, address)
        assert found == (len(CONTENTS[number]), CONTENTS[number][:BEGINNING])
        yield number


def file_at(office: PostOffice, address: str) -> tuple[int, bytes]:
    """The size of what an address answers, and its first bytes: its hash is the drive's."""
    with office.http.stream("GET", address) as answer:
        begins = next(answer.raise_for_status().iter_bytes(BEGINNING))
        return int(answer.headers["content-length"]), begins


async def stored_files(office: PostOffice, message: str) -> list[int]:
    """The files that the message's rows say are in OneDrive; none is on its way."""
    found = [stored.file for stored in await read_files(office.organization, message)]
    assert {file.place for file in found} <= {Place.STORED, Place.GONE, Place.REFUSED}
    return [file.number for file in found if file.place is Place.STORED]


def files_in_drive(office: PostOffice, message: str, expected: Sequence[int]) -> None:
    address = f"{office.graph.address}/_local/drives/{ANA}/files"
    items = office.http.get(address).json()["items"]
    found = [(item["path"], item["size"], item["quickXorHash"]) for item in items]
    assert sorted(found) == [
        (
            f"{FOLDER}/{message}-{n}/{ATTACHMENTS[n - 1].name}",
            len(CONTENTS[n]),
            HASHES[n],
        )
        for n in expected
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def roads(
    deployments: Deployments, http: httpx.Client, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Roads]:
    """As many as there are cores, each with the large file uploaded."""
    async with AsyncExitStack() as ends:
        made = []
        for number in range(2):
            directory = tmp_path_factory.mktemp(f"road{number}")
            deployment = deployments.new(directory / "journal")
            await deployment.provision()
            settings = deployment.settings
            organizations = Organizations(settings.organizations, settings.local_storage_keys)
            ends.push_async_callback(organizations.close)
            contoso = organizations.get("contoso")
            assert contoso
            await contoso.blobs.put(CONTAINER, upload_name(UPLOAD), PLAN)
            troubles = Troubles()
            mortal = troubled(contoso, troubles, reads=True)
            ends.push_async_callback(mortal.tables.close)
            ends.push_async_callback(mortal.blobs.close)
            graph = ends.enter_context(running_graph(directory / "graph.db", move_after=0))
            office = PostOffice(contoso, graph, clock_of_today(), http)
            made.append(Road(office, mortal, troubles))
        yield made
        await close_graph_clients()


async def test_no_single_fault_of_graph_and_no_death_keeps_the_files_from_arriving(
    roads: Roads,
) -> None:
    plain = await roads[0].travel()
    incidents = plain.incidents(storage=EVERYTHING)
    travelled = await on_all(roads, [(one,) for one in incidents], travel)
    tell("single faults", travelled)


async def test_no_two_or_three_faults_keep_the_files_from_arriving(roads: Roads) -> None:
    """Distinct in their steps; the later ones in what the earlier ones made of the journey."""
    chance = random.Random(SEED)
    first = (await roads[0].travel()).incidents(storage=True)
    chance.shuffle(first)
    travelled: list[Travelled] = []

    async def on(road: Road, one: Incident) -> None:
        """That incident, and then everything, or a few, that may come after it."""
        single = await road.travel(one)
        seconds = single.incidents((one,), storage=True)
        for two in seconds if EVERYTHING else chance.sample(seconds, min(1, len(seconds))):
            pair = await road.travel(one, two)
            travelled.append(pair)
            thirds = pair.incidents((one, two), storage=True)
            if thirds and (not EVERYTHING or chance.random() < 0.05):
                travelled.append(await road.travel(one, two, chance.choice(thirds)))

    await on_all(roads, first if EVERYTHING else first[:PAIRS], on)
    tell("pairs and triples", travelled)
