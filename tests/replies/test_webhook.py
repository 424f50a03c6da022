"""The webhook as Graph calls it, and the way from a mailbox to the queue function, in processes."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.organizations import Organizations
from shared.replies.mailboxes import watch
from shared.replies.notifications import MOST_BYTES, ClientStates, mailbox_key
from shared.service import utc_now
from tests.local.graph.mail import received, sent
from tests.running_storage import Deployments
from tests.test_imports import ROOT, heavy
from tests.web.running_service import RunningService, running_service, soon

pytestmark = [pytest.mark.processes, pytest.mark.timeout(60)]
PATH = "/api/graph/notifications"
ANA = "ana@contoso.com"


@pytest.fixture(scope="module")
def service(
    deployments: Deployments, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """The room of replies alone; its timer runs each second."""
    with running_service(
        deployments,
        tmp_path_factory.mktemp("service"),
        app="tests.replies.served:app",
        WATCH_SCHEDULE="* * * * * *",
    ) as running:
        yield running


def told(service: RunningService, **changes: Any) -> dict[str, Any]:
    states = ClientStates(service.deployment.settings.signing_keys)
    return {
        "subscriptionId": "2a3b",
        "clientState": states.of("contoso", mailbox_key("nobody@contoso.com")),
        "changeType": "created",
        "resource": "Users/7d1c/Messages/AAkA",
        "resourceData": {"@odata.type": "#Microsoft.Graph.Message", "id": "AAkA"},
    } | changes


def post(service: RunningService, body: Any = None, **more: Any) -> httpx.Response:
    return service.call("POST", more.pop("path", PATH), body, key=None, **more)


def test_graph_s_validation_is_answered_with_the_decoded_token(service: RunningService) -> None:
    answer = post(service, path=f"{PATH}?validationToken=Validation%3A%20a%2Bb%20%26c", content=b"")
    assert (answer.status_code, answer.text) == (200, "Validation: a+b &c")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"
    page = post(service, path=f"{PATH}?validationToken=%3Cscript%3E", content=b"")
    assert page.status_code == 400
    assert "<script>" not in page.text


def test_what_is_not_ours_is_answered_and_ignored(service: RunningService) -> None:
    before = service.waiting("replies")
    answer = post(service, {"value": [told(service, clientState="guessed"), told(service, a=1)]})
    assert (answer.status_code, answer.text) == (202, "")
    assert service.waiting("replies-poison") == 0
    assert service.waiting("replies") <= before + 1


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'{"value": 7}', 400),
        (b'{"value": [' + b" " * MOST_BYTES + b"]}", 413),
    ],
    ids=["not JSON", "no object", "no list", "huge"],
)
def test_what_is_no_notification_is_refused(
    service: RunningService, content: bytes, status: int
) -> None:
    answer = post(service, content=content)
    assert answer.status_code == status
    assert answer.json()["status"] == status


def test_a_watched_mailbox_is_subscribed_to_and_its_news_are_read(
    service: RunningService,
) -> None:
    settings = service.deployment.settings

    async def watch_ana() -> None:
        organizations = Organizations(settings.organizations, settings.local_storage_keys)
        contoso = organizations.get("contoso")
        assert contoso
        await watch(contoso, ANA, utc_now())
        await organizations.close()

    asyncio.run(watch_ana())
    with httpx.Client(base_url=service.graph.address, timeout=10) as graph:

        def subscriptions() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = graph.get("/v1.0/subscriptions").json()["value"]
            return found

        (made,) = soon(subscriptions)
        assert made["resource"] == f"users/{ANA}/messages"
        assert made["notificationUrl"] == f"{service.host_address}{PATH}"
        sent(graph)
        (item,) = received(graph, "li@example.com")
        body = {"messageId": item["id"], "text": "Yes", "kind": "reply"}
        reply = graph.post("/_local/mailboxes/li@example.com/reply", json=body).json()["id"]

        def reading() -> list[str]:
            items = graph.get("/_local/requests").json()["items"]
            return [one["path"] for one in items if one["path"].endswith(reply)]

        assert soon(reading)


def test_the_webhook_loads_nothing_heavy() -> None:
    program = """
import asyncio, sys
import azure.functions as func
import tests.replies.served as served

async def main():
    functions = {f.get_function_name(): f for f in served.app.get_functions()}
    webhook = functions["graph_notifications"].get_user_function()
    for params, body in (({"validationToken": "t"}, b""), ({}, b'{"value": [{}]}')):
        answer = await webhook(func.HttpRequest("POST", "/", params=params, body=body))
        print(answer.status_code)

asyncio.run(main())
print("loaded", *sys.modules)
"""
    environ = {
        "ORGANIZATIONS": "[]",
        "SIGNING_KEYS": f"k1:{'a' * 43}",
        "PUBLIC_ADDRESS": "http://follow.example",
        "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    }
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=Path(ROOT),
        env={**os.environ, **environ},
        check=True,
        capture_output=True,
        text=True,
    )
    statuses, _, modules = answer.stdout.partition("loaded ")
    assert json.loads(f"[{','.join(statuses.split())}]") == [200, 202]
    assert heavy(set(modules.split())) == set()
