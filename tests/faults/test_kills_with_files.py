"""A host that is killed again and again while it delivers messages with files: each arrives once,
with its files right (S2, T5).

    FILE_KILLS=200 FAULT_SEED=7 pytest -s tests/faults/test_kills_with_files.py

is the same with so many messages; the seed is printed.
"""

from __future__ import annotations

import asyncio
import html
import os
import random
import re
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.storage.queue import QueueServiceClient

from shared.attachments.onedrive import FOLDER
from shared.attachments.staging import GivenFiles
from shared.attachments.uploads import upload_name
from shared.messages.content import CONTAINER
from shared.messages.files import Place, read_files, write_file
from shared.messages.stored import Stored, read_message, write_message
from shared.model import Content, FollowChoice, Recipient, RecordRef, Status, Step
from shared.organizations import Organization
from shared.sending.accept import Order, accept
from shared.storage.names import DELIVER_QUEUE, UPLOAD_QUEUE
from shared.storage.queues import Queues
from tests.faults.machines import EVERY_SECOND, machines
from tests.running_graph import RunningGraph, running_graph
from tests.running_storage import Deployment
from tests.sending.journeys import asked_of, drafts_in
from tests.sending.post_office import words_to
from tests.sending.roads import ATTACHMENTS, HASHES, OFFER, PLAN, TERMS, UPLOAD

MESSAGES = int(os.environ.get("FILE_KILLS", "8"))
AT_ONCE = 2
BEHIND = 6
"""With more messages unfinished a host lives on until they are fewer: else it would only begin."""

SEED = int(os.environ.get("FAULT_SEED") or random.randrange(1_000_000))
ANA = "ana@contoso.com"
FINISHED_S = 90.0
BROWSER = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}

_FINISHED: set[str] = set()
"""Messages that were seen to be: nobody asks for those again."""

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180 + 10 * MESSAGES)]


async def test_messages_with_files_arrive_once_however_often_the_host_is_killed(
    deployment: Deployment, contoso: Organization, tmp_path: Path
) -> None:
    print(f"\nseed {SEED}")
    chance = random.Random(SEED)
    await contoso.blobs.put(CONTAINER, upload_name(UPLOAD), PLAN)
    queues = Queues(deployment.settings.host_queues)
    messages: dict[str, str] = {}
    kills, began = 0, time.monotonic()
    with running_graph(tmp_path / "graph.db") as graph:
        settings = {"LOCAL_GRAPH": graph.base_url, "DUE_SCHEDULE": EVERY_SECOND}
        async with machines(deployment.with_settings(**settings), tmp_path) as (machine,):
            while len(messages) < MESSAGES:
                for _ in range(AT_ONCE):
                    address = f"killed{len(messages)}@example.com"
                    messages[await accepted(contoso, queues, address)] = address
                await asked_more(graph)
                await asyncio.sleep(chance.uniform(0, 1.0))
                await machine.kill()
                kills += 1
                await words_are_forgotten(deployment)
                await time_passes(contoso, queues, await unfinished(contoso, messages))
                await machine.start()
                while len(await unfinished(contoso, messages)) > BEHIND:
                    await asyncio.sleep(0.5)
            print(f"killed after {time.monotonic() - began:.1f} s")
            await all_finished(contoso, list(messages))
            print(f"finished after {time.monotonic() - began:.1f} s")
            wrong = [
                f"{address}: {problem}"
                for message, address in messages.items()
                for problem in await what_is_wrong(contoso, graph, message, address, machine.port)
            ]
            wrong += what_lies_about(graph, list(messages))
            await machine.stop()
    await queues.close()
    print(f"{len(messages)} messages, {kills} kills")
    assert wrong == []


async def test_two_hosts_at_one_queue_send_messages_with_files_once(
    deployment: Deployment, contoso: Organization, tmp_path: Path
) -> None:
    """Every word is said twice, so that both have every message to work on."""
    await contoso.blobs.put(CONTAINER, upload_name(UPLOAD), PLAN)
    queues = Queues(deployment.settings.host_queues)
    with running_graph(tmp_path / "graph.db") as graph:
        settings = {"LOCAL_GRAPH": graph.base_url, "DUE_SCHEDULE": EVERY_SECOND}
        async with machines(deployment.with_settings(**settings), tmp_path, 2) as (one, other):
            messages = {}
            for number in range(max(4, MESSAGES // 4)):
                address = f"two{number}@example.com"
                message = await accepted(contoso, queues, address)
                messages[message] = address
                word = {"organization": contoso.id, "message": message}
                await queues.send(DELIVER_QUEUE, word)
                for file in await read_files(contoso, message):
                    await queues.send(UPLOAD_QUEUE, word | {"file": file.file.number})
            await all_finished(contoso, list(messages))
            wrong = [
                f"{address}: {problem}"
                for message, address in messages.items()
                for problem in await what_is_wrong(contoso, graph, message, address, one.port)
            ]
            wrong += what_lies_about(graph, list(messages))
            await asyncio.gather(one.stop(), other.stop())
    await queues.close()
    assert wrong == []


async def accepted(organization: Organization, queues: Queues, address: str) -> str:
    async def deliver(message: str) -> None:
        await queues.send(DELIVER_QUEUE, {"organization": organization.id, "message": message})

    recipient = Recipient("to", address, None, RecordRef("contact", address))
    content = Content("Offer", "<p>Hello</p>", None, (recipient,), attachments=ATTACHMENTS)
    files = GivenFiles(ATTACHMENTS, {1: OFFER, 2: TERMS}, {3: UPLOAD})
    answer = await accept(
        organization,
        Order(content, ANA, ANA, FollowChoice.REQUIRED, "en", files),
        None,
        clock=lambda: datetime.now(UTC),
        new_id=lambda: uuid.uuid4().hex,
        words=words_to(deliver),
    )
    message: str = answer["id"]
    return message


async def asked_more(graph: RunningGraph) -> None:
    """Returns when Graph is asked for something: the host is at work."""
    before = len(asked_of(graph))
    async with asyncio.timeout(30):
        while len(asked_of(graph)) == before:
            await asyncio.sleep(0.02)


async def unfinished(organization: Organization, messages: Iterable[str]) -> list[str]:
    known = [await found(organization, message) for message in messages if message not in _FINISHED]
    _FINISHED.update(one.message.id for one in known if one.message.status.is_final)
    return [message for message in messages if message not in _FINISHED]


async def words_are_forgotten(deployment: Deployment) -> None:
    """Those of hosts that died: each time they would be more, and Azurite slower."""
    storage = deployment.settings.host_queues
    with QueueServiceClient.from_connection_string(storage) as client:
        for queue in (DELIVER_QUEUE, UPLOAD_QUEUE):
            await asyncio.to_thread(client.get_queue_client(queue).clear_messages)


async def time_passes(organization: Organization, queues: Queues, messages: Sequence[str]) -> None:
    """As if it were minutes later: leases have lapsed, and what waited waits no more."""
    now = datetime.now(UTC)
    for message in messages:
        stored = await found(organization, message)
        word: dict[str, Any] = {"organization": organization.id, "message": message}
        for file in await read_files(organization, message):
            await write_file(organization, message, file, replace(file.file, lease_until=None))
            if file.file.place is Place.WAITING:
                await queues.send(UPLOAD_QUEUE, word | {"file": file.file.number})
        row = stored.message
        row = replace(row, lease_owner="", lease_until=None, not_before=None)
        copy = stored.copies[0]
        if copy.step is Step.SENDING:
            copy = replace(copy, step_at=now - timedelta(minutes=5))
        await write_message(organization, stored, replace(row, version=row.version + 1), [copy])
        await queues.send(DELIVER_QUEUE, word)


async def found(organization: Organization, message: str) -> Stored:
    stored = await read_message(organization, message)
    assert stored is not None
    return stored


async def all_finished(organization: Organization, messages: Sequence[str]) -> None:
    until = time.monotonic() + FINISHED_S + MESSAGES
    while waiting := await unfinished(organization, messages):
        assert time.monotonic() < until, f"{len(waiting)} messages are not finished"
        await asyncio.sleep(0.2)


async def what_is_wrong(
    organization: Organization, graph: RunningGraph, message: str, address: str, port: int
) -> list[str]:
    row = (await found(organization, message)).message
    if row.status is not Status.SENT:
        return [f"{row.status}, {row.failure}"]
    async with httpx.AsyncClient(headers=BROWSER, timeout=20) as client:
        async with asyncio.timeout(10):
            # Exchange moves what it was given some time later.
            while not (mails := await received(client, graph, address)):
                await asyncio.sleep(0.05)
        wrong = [] if len(mails) == 1 else [f"it came {len(mails)} times"]
        attached = [(one["name"], one["size"]) for one in mails[0]["attachments"]]
        if attached != [(ATTACHMENTS[1].name, len(TERMS))]:
            wrong.append(f"attached are {attached}")
        paths = re.findall(r"/a/[^\"]+", html.unescape(mails[0]["html"]))
        contents = []
        for path in paths:
            answer = await client.get(f"http://127.0.0.1:{port}{path}")
            contents.append((await client.get(answer.headers.get("location", ""))).content)
        if contents != [OFFER, PLAN]:
            wrong.append(f"{paths} lead to {[len(content) for content in contents]} bytes")
        return wrong


async def received(
    client: httpx.AsyncClient, graph: RunningGraph, address: str
) -> list[dict[str, Any]]:
    answer = await client.get(f"{graph.address}/_local/mailboxes/{address}/messages")
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def what_lies_about(graph: RunningGraph, messages: Sequence[str]) -> list[str]:
    """Drafts, and files in the drive beside those of the messages."""
    items = httpx.get(f"{graph.address}/_local/drives/{ANA}/files").json()["items"]
    there = sorted((one["path"], one["size"], one["quickXorHash"]) for one in items)
    wanted = sorted(
        (f"{FOLDER}/{message}-{one.number}/{one.name}", one.size, HASHES[one.number])
        for message in messages
        for one in ATTACHMENTS
        if one.follow
    )
    wrong = [] if there == wanted else [f"in the drive are {there}"]
    drafts = drafts_in(graph)
    return wrong + ([f"{drafts} drafts are left"] if drafts else [])
