"""Roads for messages with files: how one travels through incidents, and what became of it."""

from __future__ import annotations

import asyncio
import html
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, TypeVar

from shared.attachments.onedrive import FOLDER
from shared.attachments.staging import GivenFiles
from shared.attachments.use import address_of_file
from shared.graph.drive import LARGEST_SMALL_FILE, Drive
from shared.graph.quickxor import QuickXor
from shared.messages.files import Place, read_files
from shared.model import Attachment, FollowChoice, Status, Step
from shared.organizations import Organization
from shared.sending.accept import Order
from shared.tracking.tokens import Kind, Sound
from tests.sending.journeys import (
    GRAPH_FAULTS,
    LOOKS_ONLY,
    Incident,
    Journey,
    Turn,
    asked_of,
    clock_of_today,
    drafts_in,
    plan,
)
from tests.sending.mortality import Troubles
from tests.sending.post_office import ANA, PUBLIC_ADDRESS, SIGNER, PostOffice

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

    async def travel(
        self,
        incidents: Sequence[Incident],
        choice: FollowChoice = FollowChoice.PREFERRED,
        turn: Turn | None = None,
    ) -> Travelled:
        """One message through these incidents, and what `turn` makes of it before each word that
        is dealt with; it is right in the end."""
        office = replace(self.office, clock=clock_of_today())
        journey = Journey(office, replace(office, organization=self.organization), self.troubles)
        address = f"traveller{next(self.number)}@example.com"
        await asyncio.to_thread(self.begin, incidents)
        try:
            await journey.accepted(order(office, address, choice), address)
            await journey.ended(turn)
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


NOT_FOLLOWED_ANY_MORE = {"attachmentsTooLarge", "cannotFollow"}
STORES = {"messages", "feeds", "schedule", "lookups", "settings", "records", "content"}


def order(office: PostOffice, address: str, choice: FollowChoice) -> Order:
    given = GivenFiles(ATTACHMENTS, {1: OFFER, 2: TERMS}, {3: UPLOAD})
    recipients = office.contact(address)
    made = office.order(*recipients, attachments=ATTACHMENTS, follow=choice)
    return replace(made, files=given)


async def what_became_of(office: PostOffice, message: str, address: str) -> str:
    """`sent`, `sentUnfollowed`, or why not; wrong is what a recipient or seller would call so."""
    stored = await office.stored(message)
    row, copy = stored.message, stored.copies[0]
    mails = await asyncio.to_thread(office.received, address)
    assert drafts_in(office.graph) == 0, "a draft is left"
    assert await office.rows("todo~", message) == []
    assert (row.due_at, row.lease_owner) == (None, "")
    there = await stored_files(office, message)
    await asyncio.to_thread(files_in_drive, office, message, there)
    if row.status is Status.FAILED:
        assert row.failure is not None
        assert len(mails) <= (row.failure.code == "mayHaveBeenSent")
        if row.failure.code in NOT_FOLLOWED_ANY_MORE:
            assert there == []
        return row.failure.code
    assert (row.status, copy.step) == (Status.SENT, Step.SENT)
    (mail,) = mails
    assert mail["headers"]["Message-ID"] == copy.internet_message_id
    travelling = [one for one in ATTACHMENTS if not (row.followed and one.follow)]
    assert attached(mail) == [(one.name, one.size) for one in travelling]
    linked = [number async for number in links_lead_to(office, message, mail)]
    assert linked == there == ([1, 3] if row.followed else [])
    return "sent" if row.followed else "sentUnfollowed"


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
