"""`dev.py doctor`: each of a list of planted faults is found, and named, on one machine."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import ClientAuthenticationError
from azure.data.tables.aio import TableServiceClient
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient

from local.doctor import examine_machine, host_answers
from local.toolchain import doctor
from local.toolchain.rebuild import rebuild
from local.toolchain.steps import Stop
from shared.administration import examination
from shared.administration.examination import unsafe_settings
from shared.administration.findings import SENTENCES, Finding
from shared.organizations import Organization
from shared.replies.mailboxes import WatchedMailbox, _to_row
from shared.sending.due import put_due
from shared.service import utc_now
from shared.storage import looks
from shared.storage.blobs import Blobs
from shared.storage.queues import Queues
from shared.tracking.segments import Segment, set_segment_aside, store_segment
from tests.running_azurite import free_ports
from tests.running_graph import RunningGraph, running_graph
from tests.running_storage import Deployment

pytestmark = [
    pytest.mark.processes,
    pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning"),
    # The table library reads the XML of a refusal in a way that Python will not allow for ever.
    pytest.mark.filterwarnings("ignore:Testing an element's truth value:DeprecationWarning"),
]
ANA = "ana@contoso.com"


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGraph]:
    with running_graph(tmp_path_factory.mktemp("graph") / "graph.db", move_after=0) as running:
        yield running


@pytest.fixture
def machine(deployment: Deployment, graph: RunningGraph) -> Deployment:
    """A healthy one, before a fault is planted."""
    return deployment.with_settings(LOCAL_GRAPH=graph.base_url)


@dataclass
class Patient:
    """What a fault is planted into, and how it is examined afterwards."""

    machine: Deployment
    contoso: Organization
    graph: RunningGraph
    now: Callable[[], datetime] = utc_now

    def set(self, **settings: str) -> None:
        self.machine = self.machine.with_settings(**settings)

    async def watch(self, **row: Any) -> None:
        mailbox = WatchedMailbox(ANA, utc_now(), "s-1", expires_at=utc_now() + timedelta(days=1))
        await self.contoso.tables.insert("subscriptions", _to_row(replace(mailbox, **row)))

    @asynccontextmanager
    async def tables(self) -> AsyncIterator[TableServiceClient]:
        endpoint = self.contoso.entry.tables
        key = self.machine.settings.local_storage_keys["contoso"]
        credential = AzureNamedKeyCredential(endpoint.rsplit("/", 1)[-1], key)
        async with TableServiceClient(endpoint, credential=credential) as client:
            yield client

    async def findings(self) -> list[Finding]:
        examined = await examine_machine(self.machine.environ, self.now)
        return [each for one in examined.values() for each in one.findings]


@pytest.fixture
def patient(machine: Deployment, contoso: Organization, graph: RunningGraph) -> Patient:
    return Patient(machine, contoso, graph)


async def test_a_healthy_deployment_has_nothing_wrong(patient: Patient) -> None:
    await patient.watch()
    assert await patient.findings() == []


async def wrong_storage_key(patient: Patient) -> None:
    keys = dict(patient.machine.settings.local_storage_keys)
    keys["contoso"] = base64.b64encode(b"another key").decode()
    patient.set(LOCAL_STORAGE_KEYS=json.dumps(keys))


async def storage_away(patient: Patient) -> None:
    there = patient.contoso.entry.tables
    away = re.sub(r":\d+/", f":{free_ports().table}/", there)
    patient.set(ORGANIZATIONS=patient.machine.environ["ORGANIZATIONS"].replace(there, away))


async def missing_queue(patient: Patient) -> None:
    async with QueueServiceClient.from_connection_string(patient.machine.settings.host_queues) as q:
        await q.delete_queue("deliver")


async def missing_table(patient: Patient) -> None:
    async with patient.tables() as tables:
        await tables.delete_table("lookups")


async def missing_container(patient: Patient) -> None:
    async with BlobServiceClient.from_connection_string(patient.machine.settings.host_blobs) as b:
        await b.delete_container("overflow")


async def poison(patient: Patient) -> None:
    queues = Queues(patient.machine.settings.host_queues)
    await queues.send("deliver-poison", {"organization": "contoso", "message": "m"})
    await queues.close()


async def segments_set_aside(patient: Patient) -> None:
    await set_segment_aside(patient.contoso, Segment("key", b"no hits"))


async def hits_that_wait(patient: Patient) -> None:
    ago = round((utc_now() - timedelta(minutes=20)).timestamp() * 1000)
    await store_segment(patient.contoso, Segment(f"{ago:013d}-instance-000000", b""))


async def hits_in_the_overflow(patient: Patient) -> None:
    blobs = Blobs(patient.machine.settings.host_blobs)
    await blobs.put("overflow", "contoso/1-instance-000000", b"")
    await blobs.close()


async def message_that_is_overdue(patient: Patient) -> None:
    await put_due(patient.contoso, "m", utc_now() - timedelta(minutes=20))


async def wrong_clock(patient: Patient) -> None:
    patient.now = lambda: utc_now() + timedelta(minutes=10)


async def missing_setting(patient: Patient) -> None:
    patient.set(PUBLIC_ADDRESS="")


async def bad_signing_key(patient: Patient) -> None:
    patient.set(SIGNING_KEYS="k1:too-short")


async def graph_away(patient: Patient) -> None:
    patient.set(LOCAL_GRAPH=f"http://127.0.0.1:{free_ports().host}/v1.0")


async def mailbox_out_of_scope(patient: Patient) -> None:
    await patient.contoso.change_settings(lambda before: replace(before, sending_mailboxes=(ANA,)))
    fault = {"kind": "status", "status": 403, "code": "ErrorAccessDenied", "times": 1}
    await asyncio.to_thread(_plant, patient.graph, [fault, fault])


async def graph_that_refuses(patient: Patient) -> None:
    fault = {"kind": "status", "status": 401, "code": "InvalidAuthenticationToken"}
    await asyncio.to_thread(_plant, patient.graph, [fault, fault])


async def mailbox_that_does_not_exist(patient: Patient) -> None:
    await patient.contoso.change_settings(
        lambda before: replace(before, sending_mailboxes=("nobody@contoso.com",))
    )


async def reminder_that_nobody_decides(patient: Patient) -> None:
    due = round((utc_now() - timedelta(hours=2)).timestamp() * 1000)
    row = {"PartitionKey": "reminders", "RowKey": f"{due:013d}~m", "schema": 1, "message": "m"}
    await patient.contoso.tables.insert("schedule", row)


async def expired_subscription(patient: Patient) -> None:
    await patient.watch(expires_at=utc_now() - timedelta(hours=1))


async def mailbox_that_cannot_be_watched(patient: Patient) -> None:
    await patient.watch(subscription=None, expires_at=None, problem="ValidationError", failures=3)


Plant = Callable[[Patient], Awaitable[None]]
FAULTS: list[tuple[Plant, str, str]] = [
    (wrong_storage_key, "storageRefused", "the storage of contoso"),
    (storage_away, "storageAway", "the storage of contoso"),
    (missing_queue, "queueMissing", "deliver"),
    (missing_table, "tableMissing", "lookups"),
    (missing_container, "containerMissing", "overflow"),
    (poison, "poisoned", "deliver-poison"),
    (segments_set_aside, "hitsAside", "contoso"),
    (hits_that_wait, "hitsWait", "contoso"),
    (hits_in_the_overflow, "hitsInOverflow", "overflow"),
    (message_that_is_overdue, "dueNotFired", "contoso"),
    (reminder_that_nobody_decides, "remindersWait", "contoso"),
    (wrong_clock, "clockWrong", "storage"),
    (missing_setting, "settingWrong", "settings"),
    (bad_signing_key, "settingWrong", "settings"),
    (graph_away, "graphAway", "Microsoft Graph"),
    (graph_that_refuses, "graphRefuses", "Microsoft Graph"),
    (mailbox_out_of_scope, "mailboxOutOfScope", ANA),
    (mailbox_that_does_not_exist, "mailboxUnknown", "nobody@contoso.com"),
    (expired_subscription, "subscriptionExpired", ANA),
    (mailbox_that_cannot_be_watched, "notWatched", ANA),
]


def _plant(graph: RunningGraph, faults: list[dict[str, Any]]) -> None:
    import httpx

    with httpx.Client(trust_env=False) as client:
        client.post(f"{graph.address}/_local/faults", json={"faults": faults}).raise_for_status()


@pytest.mark.parametrize(
    ("plant", "code", "about"), FAULTS, ids=[plant.__name__ for plant, _, _ in FAULTS]
)
async def test_a_planted_fault_is_found_and_named(
    patient: Patient, plant: Plant, code: str, about: str
) -> None:
    await plant(patient)
    found = await patient.findings()
    assert [(code, True)] == list({(one.code, one.about.startswith(about)) for one in found})
    assert all(one.advice and "{" not in one.problem + one.advice for one in found)


async def test_poison_about_another_organization_is_not_told(patient: Patient) -> None:
    """Rule A1: nothing of one organization is seen with another's key."""
    await poison(patient)
    examined = await examine_machine(patient.machine.environ, patient.now)
    assert [one.code for one in examined["contoso"].findings] == ["poisoned"]
    assert examined["fabrikam"].findings == []


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], Awaitable[None]]]:
    """What happens in the pause between two looks; every word is old."""
    happen: list[Callable[[], Awaitable[None]]] = []

    async def pause() -> None:
        for each in happen:
            await each()

    monkeypatch.setattr(looks, "_pause", pause)
    monkeypatch.setattr(looks, "STANDS_AFTER", timedelta(seconds=-1))
    return happen


@pytest.mark.parametrize("taken", [False, True])
async def test_a_queue_stands_still_where_nobody_takes_an_old_word(
    patient: Patient, pauses: list[Callable[[], Awaitable[None]]], taken: bool
) -> None:
    queues = Queues(patient.machine.settings.host_queues)
    await queues.send("fold", {"organization": "fabrikam"})

    async def take() -> None:
        await (await queues._client("fold")).clear_messages()

    if taken:
        pauses.append(take)
    found = await patient.findings()
    await queues.close()
    told = [("queueStands", "fold")]
    assert list({(one.code, one.about) for one in found}) == ([] if taken else told)


async def test_an_identity_that_may_not_sign_upload_addresses_is_found(
    patient: Patient,
) -> None:
    """In Azure, where the role Storage Blob Delegator is missing."""

    class Refusing:
        async def get_user_delegation_key(self, *_: object) -> None:
            raise ClientAuthenticationError(response=None)

    blobs = Blobs("https://x.blob.core.windows.net")
    blobs._service = Refusing()
    look = await looks.look_at_signing(blobs, "content", utc_now())
    assert look.state is looks.State.REFUSED
    with_key = await looks.look_at_signing(patient.contoso.blobs, "content", utc_now())
    assert with_key.state is looks.State.THERE

    async def refused(*_: object) -> looks.Look:
        return look

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(examination, "look_at_signing", refused)
        [found] = (await examine_machine(patient.machine.environ, utc_now))["contoso"].findings
    assert found.code == "storageRefused"
    assert found.about == "the storage of contoso: upload addresses of content"


def test_in_azure_plain_http_and_tenants_that_nobody_reaches_are_found(
    deployment: Deployment, contoso: Organization
) -> None:
    found = unsafe_settings(deployment.settings, contoso)
    assert [one.code for one in found] == ["addressNotSecure", "tenantNotReached"]
    secure = deployment.with_settings(PUBLIC_ADDRESS="https://x.example", ENTRA_CLIENT_ID="c")
    entry = secure.settings.organizations["contoso"]
    assert unsafe_settings(secure.settings, replace(contoso, entry=entry)) == []


async def test_a_host_that_does_not_answer_is_found() -> None:
    address = f"http://127.0.0.1:{free_ports().host}"
    [found] = (await host_answers(address)).findings
    assert (found.code, found.about) == ("serviceAway", address)


def test_what_organizations_share_is_said_once_and_the_exit_code_tells(
    capsys: pytest.CaptureFixture[str],
) -> None:
    problem = {"code": "queueMissing", "about": "fold", "problem": "No queue.", "advice": "Make it"}
    ill = {"findings": [problem], "seen": {"hitsWaitSeconds": 3}}
    assert doctor.tell({"contoso": ill, "fabrikam": ill}) == 1
    told = capsys.readouterr().out
    assert told.count("No queue.") == 1
    assert "1 thing to mend." in told
    assert doctor.tell({"contoso": {"findings": [], "seen": {}}}) == 0
    assert "Everything is well." in capsys.readouterr().out


def test_a_folder_that_was_never_used_and_an_app_that_is_not_there_are_told(
    tmp_path: Path,
) -> None:
    with pytest.raises(Stop, match="has never used"):
        doctor.of_this_machine(Path("python"), tmp_path, None)
    address = f"http://127.0.0.1:{free_ports().host}"
    examined = doctor.of_deployment(address, doctor.keys_of(["contoso"], None))
    assert [one["code"] for one in examined["contoso"]["findings"]] == ["serviceAway"]


@pytest.mark.parametrize(
    ("address", "key", "says"),
    [
        ("app.azurewebsites.net", "k", "no address"),
        ("https://app.azurewebsites.net/api", "k", "no address"),
        ("http://127.0.0.1:port", "k", "not this service"),
        ("https://app.azurewebsites.net", "key\nsecret", "ENGAGEMENT_KEY"),
        ("https://app.azurewebsites.net", "k\u00e9y-secret", "ENGAGEMENT_KEY"),
    ],
)
def test_an_address_or_key_that_cannot_be_one_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, address: str, key: str, says: str
) -> None:
    monkeypatch.setenv("ENGAGEMENT_KEY", key)
    with pytest.raises(Stop, match=says) as examined:
        doctor.of_deployment(address, doctor.keys_of(["contoso"], key))
    with pytest.raises(Stop, match=says) as rebuilt:
        rebuild(address, "contoso")
    assert "secret" not in f"{examined.value} {rebuilt.value}"


@pytest.mark.parametrize("body", ["<html>Welcome</html>", "[]", "{}", '"yes"'])
def test_an_address_at_which_something_else_answers_is_told(body: str) -> None:
    with answering(body) as address, pytest.raises(Stop, match="is not this service"):
        doctor.of_deployment(address, doctor.keys_of(["contoso"], "k"))


@contextmanager
def answering(body: str) -> Iterator[str]:
    """A server that answers one request with that; its address."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        thread.join()


def test_one_key_is_not_tried_on_several_organizations() -> None:
    with pytest.raises(Stop, match="one organization's"):
        doctor.keys_of(["contoso", "fabrikam"], "key-contoso-x")


def test_the_page_about_operation_says_what_to_do_about_each_finding() -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    assert [code for code in (*SENTENCES, "appFails") if f"`{code}`" not in page] == []
