"""What sending costs: messages a second, requests for each, an upload against plain HTTP, and the
memory of the host meanwhile."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx

from bench.figures import ratio, say, show, under_way
from bench.machine import machine
from shared.attachments.uploads import upload_name
from shared.graph.client import close_graph_clients
from shared.graph.drive import Drive
from shared.messages.content import CONTAINER
from shared.model import FollowChoice
from shared.organizations import Organization
from shared.sending.accept import Order
from tests.attachments.memory import memory_of_uploading
from tests.graph.sources import Reading, content
from tests.running_graph import RunningGraph, running_graph
from tests.sending.journeys import clock_of_today
from tests.sending.mortality import Troubles, troubled
from tests.sending.post_office import ANA, PostOffice, let_hurry
from tests.sending.roads import PLAN, UPLOAD, order
from tests.web.running_service import RunningService

MESSAGES = 200
AT_ONCE = 8
ROUNDS = 7
FILE_BYTES = 48 * 1024 * 1024
PIECE_BYTES = 10 * 1024 * 1024
"""Of this size are the pieces of the plain upload, as Graph recommends them."""


def measure() -> None:
    """messages accepted and delivered a second, their requests, an upload against plain httpx"""
    with machine() as here, here.service() as service:
        _memory(service)
    with machine() as here, tempfile.TemporaryDirectory(prefix="bench-") as directory:
        database = Path(directory) / "graph.db"
        with running_graph(database, move_after=0) as graph, httpx.Client() as http:

            async def work(contoso: Organization) -> None:
                try:
                    await let_hurry(contoso)
                    office = PostOffice(contoso, graph, clock_of_today(), http)
                    await _messages(office)
                    await _requests(office)
                    await _upload(office, graph)
                finally:
                    await close_graph_clients()

            here.with_contoso(work)


async def _messages(office: PostOffice) -> None:
    """How many a second, with so many under way at a time."""
    await office.finish(await office.accepted())
    accepted: list[float] = []
    delivered: list[float] = []
    for number in range(ROUNDS):
        under_way(f"sending: round {number + 1} of {ROUNDS}")
        part = MESSAGES // ROUNDS
        messages: list[str] = []

        async def accept(_: int, messages: list[str] = messages) -> None:
            messages.append(await office.accepted(office.order()))

        accepted.append(part / await _timed(part, accept))

        async def deliver(place: int, messages: list[str] = messages) -> None:
            await office.finish(messages[place])

        delivered.append(part / await _timed(part, deliver))
        office.clock.move(minutes=2)
    show(
        f"Messages a second, {AT_ONCE} at a time, with Azurite and the local Graph beside it",
        "a second",
        {"accepted": accepted, "delivered": delivered},
    )


def _memory(service: RunningService) -> None:
    """What a process of the service holds while it brings large files to OneDrive."""
    under_way("uploading 150 MB through the host")
    one = memory_of_uploading(service, 150)
    under_way("uploading four times 150 MB through the host")
    four = memory_of_uploading(service, 150, at_once=4)
    under_way("")
    say("Memory of the host, idle after its first message, and at most while it uploads (MiB)")
    for title, memory in (("150 MB", one), ("4 × 150 MB at once", four)):
        say(f"  {title:<20}{memory.idle:>6.0f}{memory.peak:>6.0f}: {memory.over:.0f} more")
    say()


async def _requests(office: PostOffice) -> None:
    """What one message asks of storage and of Graph, without files and with some."""
    await _requests_of(office, "without files", office.order())
    await office.organization.blobs.put(CONTAINER, upload_name(UPLOAD), PLAN)
    with_files = order(office, "li@example.com", FollowChoice.PREFERRED)
    title = "with two followed files (of 7 KB, and of 5 MB by an upload) and an ordinary one"
    await _requests_of(office, title, with_files)


async def _requests_of(office: PostOffice, title: str, asked: Order) -> None:
    troubles = Troubles()
    mortal = troubled(office.organization, troubles, reads=True)
    counted = PostOffice(mortal, office.graph, office.clock, office.http)
    try:
        troubles.begin()
        message = await counted.accepted(asked)
        accepting = Counter(troubles.calls)
        troubles.begin()
        before = len(office.requests())
        await counted.finish(message)
        delivering = Counter(troubles.calls)
        graph = [f"{method} {path.rpartition('/')[2]}" for method, path in office.requests()]
    finally:
        await mortal.tables.close()
        await mortal.blobs.close()
    say(f"\nRequests of one followed message {title}")
    for done, counts in (("accepted", accepting), ("delivered", delivering)):
        told = ", ".join(f"{count} × {what}" for what, count in sorted(counts.items()))
        say(f"  {done:<10}{counts.total():>4} to storage: {told}")
    say(f"  {'':<10}{len(graph) - before:>4} to Graph: {', '.join(graph[before:])}\n")


async def _upload(office: PostOffice, graph: RunningGraph) -> None:
    """The same file by our client and by plain httpx, in turn."""
    drive = Drive(office.tenant)
    drive_id = await drive.drive_of(ANA)
    ours: list[float] = []
    plain: list[float] = []
    for number in range(ROUNDS):
        under_way(f"upload: round {number + 1} of {ROUNDS}")

        async def by_client(number: int = number) -> None:
            async def keep(address: str) -> None: ...

            path = f"bench/ours-{number}.bin"
            await drive.upload(drive_id, path, Reading(FILE_BYTES).source, keep_session=keep)

        async def by_httpx(number: int = number) -> None:
            await _plainly(graph, drive_id, f"bench/plain-{number}.bin")

        for speeds, upload in ((ours, by_client), (plain, by_httpx)):
            began = time.perf_counter()
            await upload()
            speeds.append(FILE_BYTES / 1024**2 / (time.perf_counter() - began))
    show(
        f"Uploading {FILE_BYTES // 1024**2} MB to the local Graph",
        "MB/s",
        {"our client": ours, "plain httpx": plain},
    )
    say(f"  Our client has {ratio(ours, plain):.2f} of the speed of plain httpx.\n")


async def _plainly(graph: RunningGraph, drive_id: str, path: str) -> None:
    """An upload session and its pieces, with nothing around them."""
    async with httpx.AsyncClient(timeout=60) as client:
        made = await client.post(
            f"{graph.base_url}/drives/{drive_id}/items/root:/{path}:/createUploadSession",
            json={"item": {"@microsoft.graph.conflictBehavior": "fail"}},
        )
        address = made.raise_for_status().json()["uploadUrl"]
        for start in range(0, FILE_BYTES, PIECE_BYTES):
            piece = content(start, min(PIECE_BYTES, FILE_BYTES - start))
            span = f"bytes {start}-{start + len(piece) - 1}/{FILE_BYTES}"
            answer = await client.put(address, content=piece, headers={"Content-Range": span})
            answer.raise_for_status()


async def _timed(count: int, work: Callable[[int], Awaitable[None]]) -> float:
    """Seconds for so many, `AT_ONCE` under way at a time."""
    places = iter(range(count))

    async def some() -> None:
        for place in places:
            await work(place)

    began = time.perf_counter()
    await asyncio.gather(*(some() for _ in range(AT_ONCE)))
    return time.perf_counter() - began
