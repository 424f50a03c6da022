"""What becomes of a message whose storage is away while it waits to be delivered (S2, S4)."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from azure.storage.queue import QueueServiceClient

from shared.access.keys import new_key, store_key
from shared.messages.stored import read_message
from shared.model import Content, FollowChoice, Recipient, Status
from shared.organizations import Organization
from shared.sending.accept import Order, accept
from shared.storage.names import DELIVER_QUEUE
from shared.storage.queues import Queues
from tests.faults.conftest import account_of
from tests.faults.machines import EVERY_SECOND, machines
from tests.faults.storage_faults import Fault, answer, refuse
from tests.faults.storage_proxy import StorageProxy
from tests.running_graph import running_graph
from tests.running_storage import Deployment
from tests.sampling import steps
from tests.sending.post_office import nothing_said, words_to

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]


@pytest.mark.parametrize("fault", [refuse(), answer(503)], ids=["refused", "503"])
async def test_an_outage_however_long_is_no_reason_to_give_a_message_up(
    behind_proxy: Deployment,
    proxy: StorageProxy,
    contoso: Organization,
    tmp_path: Path,
    fault: Fault,
) -> None:
    """More words are used up while storage is away than the queue would try."""
    message = await accepted_five_minutes_ago(contoso)
    with running_graph(tmp_path / "graph.db") as graph:
        deployment = behind_proxy.with_settings(
            LOCAL_GRAPH=graph.base_url, DUE_SCHEDULE=EVERY_SECOND
        )
        with proxy.fail(fault, account=account_of(contoso)):
            async with machines(deployment, tmp_path) as (machine,):
                await words_are_used_up(deployment, message)
                await machine.stop()
        stored = await read_message(contoso, message)
        assert stored is not None
        assert (stored.message.status, stored.message.failure) == (Status.ACCEPTED, None)

        async with machines(deployment, tmp_path) as (machine,), asyncio.timeout(30):
            while stored is None or stored.message.status is not Status.SENT:
                await asyncio.sleep(0.1)
                stored = await read_message(contoso, message)
            await machine.stop()
    assert stored.message.troubles == 0


async def test_a_message_that_storage_kept_from_being_accepted_is_sent_once_when_asked_again(
    behind_proxy: Deployment, proxy: StorageProxy, contoso: Organization, tmp_path: Path
) -> None:
    """Storage goes away at any of the requests that accepting makes; the caller is told so."""
    key = new_key("contoso")
    await store_key(contoso, key, "for a test", frozenset({"send"}), datetime.now(UTC))
    told: list[int] = []
    with running_graph(tmp_path / "graph.db", move_after=0) as graph:
        deployment = behind_proxy.with_settings(
            LOCAL_GRAPH=graph.base_url, DUE_SCHEDULE=EVERY_SECOND
        )
        async with machines(deployment, tmp_path) as (machine,), httpx.AsyncClient() as http:

            async def asked(number: int) -> httpx.Response:
                body = {
                    "from": "ana@contoso.com",
                    "to": [{"address": f"away{number}@example.com"}],
                    "subject": "Offer",
                    "html": "<p>Hello</p>",
                    "attachments": [{"name": "offer.txt", "content": "b2ZmZXI="}],
                }
                return await http.post(
                    f"http://127.0.0.1:{machine.port}/api/orgs/contoso/messages",
                    json=body,
                    headers={"x-api-key": key, "idempotency-key": f"away {number}"},
                    timeout=60,
                )

            # Whatever is loaded and read once in a process is by then.
            assert (await asked(0)).status_code == 202
            for number in steps(16):
                with proxy.fail(answer(503), account=account_of(contoso), after=number - 1):
                    first = await asked(number)
                if first.status_code != 202:
                    assert first.status_code == 503
                    assert first.headers["content-type"] == "application/problem+json"
                    assert int(first.headers["retry-after"]) > 0
                    told.append(number)
                async with asyncio.timeout(40):
                    # An attempt that died is taken for alive for ten seconds.
                    while (again := await asked(number)).status_code == 409:
                        await asyncio.sleep(0.5)
                assert again.status_code == 202
                if first.status_code == 202:
                    assert again.json() == first.json()
                message = again.json()["id"]
                async with asyncio.timeout(30):
                    while (found := await read_message(contoso, message)) is None or (
                        found.message.status is not Status.SENT
                    ):
                        await asyncio.sleep(0.1)
                path = f"{graph.address}/_local/mailboxes/away{number}@example.com/messages"
                async with asyncio.timeout(10):
                    while not (mails := (await http.get(path)).json()["items"]):
                        await asyncio.sleep(0.05)
                assert len(mails) == 1
            await machine.stop()
    assert told


async def accepted_five_minutes_ago(organization: Organization) -> str:
    """A message that the timer may bring up at once, and of which no word was left."""

    content = Content("Offer", "<p>Hello</p>", None, (Recipient("to", "li@example.com"),))
    order = Order(content, "ana@contoso.com", "ana@contoso.com", FollowChoice.PREFERRED, "en")
    given = await accept(
        organization,
        order,
        None,
        clock=lambda: datetime.now(UTC) - timedelta(minutes=5),
        new_id=lambda: uuid.uuid4().hex,
        words=words_to(nothing_said),
    )
    message: str = given["id"]
    return message


async def words_are_used_up(deployment: Deployment, message: str) -> None:
    """Ten words for the message; returns when none of them is left, set aside or not."""
    storage = deployment.settings.host_queues
    queues = Queues(storage)
    for _ in range(10):
        await queues.send(DELIVER_QUEUE, {"organization": "contoso", "message": message})
    await queues.close()

    def left(queue: str) -> int:
        with QueueServiceClient.from_connection_string(storage) as client:
            properties = client.get_queue_client(queue).get_queue_properties()
            return properties.approximate_message_count or 0

    async with asyncio.timeout(25):
        while left(DELIVER_QUEUE):
            await asyncio.sleep(0.2)
    assert left(f"{DELIVER_QUEUE}-poison") == 0
