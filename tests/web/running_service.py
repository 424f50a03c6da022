"""The whole service as real processes: the local host with our app, a local Graph, real Azurite.

Timers come once a year unless a test wants them, so that nothing moves in storage by itself.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
from azure.core.credentials import AzureNamedKeyCredential
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local.deployment import people
from shared.access.keys import new_key, store_key
from shared.organizations import Organizations
from shared.storage.names import QUEUES
from tests.local.host.running_host import RunningHost
from tests.running_azurite import free_ports
from tests.running_graph import RunningGraph, running_graph
from tests.running_storage import Deployment, Deployments

NEVER = "0 0 0 1 1 *"
T = TypeVar("T")


class RunningService:
    """The service, called as a CRM calls it, and what it has stored."""

    def __init__(self, deployment: Deployment, graph: RunningGraph, host: RunningHost) -> None:
        self.deployment = deployment
        self.graph = graph
        self.host = host
        # Plain HTTP: without the certificates that each new client would read.
        self._http = httpx.Client(verify=False, trust_env=False)

    @property
    def host_address(self) -> str:
        """Under which its links are sent."""
        return self.deployment.settings.public_address

    def close(self) -> None:
        self.host.end()
        self._http.close()

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = "local-contoso",
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """A request with `body` as JSON, or with `content` as it is; `key` None sends no key.

        The path is below `/api/orgs/contoso/` unless it starts with `/`.
        """
        if not path.startswith("/"):
            path = f"/api/orgs/contoso/{path}"
        sent = {"authorization": f"Bearer {key}"} if key else {}
        if content is None and body is not None:
            content = json.dumps(body).encode()
            sent["content-type"] = "application/json"
        return self.host.client.request(
            method, path, content=content, headers=sent | (headers or {})
        )

    def new_key(self, *scopes: str, organization: str = "contoso") -> str:
        """A key with these scopes, as an administrator would hand it out."""
        key = new_key(organization)
        settings = self.deployment.settings

        async def store() -> None:
            organizations = Organizations(settings.organizations, settings.local_storage_keys)
            found = organizations.get(organization)
            assert found
            await store_key(found, key, "for a test", frozenset(scopes), datetime.now(UTC))
            await organizations.close()

        asyncio.run(store())
        return key

    def sign_in(self, address: str) -> str:
        """The cookie of one of the demo's people."""
        answer = self._http.post(
            f"{self.host.address}/.auth/login/aad",
            data={"person": address},
            headers={"origin": self.host.address},
        )
        assert answer.status_code == 302, answer.text
        return answer.headers["set-cookie"].partition(";")[0]

    def received(self, address: str) -> list[dict[str, Any]]:
        """The mails in a recipient's mailbox, oldest first."""
        items: list[dict[str, Any]] = self._http.get(
            f"{self.graph.address}/_local/mailboxes/{address}/messages"
        ).json()["items"]
        return items

    def faults(self, *faults: dict[str, Any]) -> None:
        """What fails next at Graph, in this order."""
        path = f"{self.graph.address}/_local/faults"
        self._http.post(path, json={"faults": faults}).raise_for_status()

    def waiting(self, queue: str) -> int:
        """How many messages are in a queue, hidden ones too."""
        storage = self.deployment.settings.host_queues
        with QueueServiceClient.from_connection_string(storage) as queues:
            properties = queues.get_queue_client(queue).get_queue_properties()
            return properties.approximate_message_count or 0

    def stored(self) -> dict[str, Any]:
        """Everything in every table, container and queue of the deployment."""
        settings = self.deployment.settings
        found: dict[str, Any] = {}
        for entry in settings.organizations.values():
            account = entry.tables.rsplit("/", 1)[-1]
            account_key = settings.local_storage_keys[entry.id]
            credential = AzureNamedKeyCredential(account, account_key)
            with TableServiceClient(entry.tables, credential=credential) as tables:
                for table in tables.list_tables():
                    rows = tables.get_table_client(table.name).list_entities()
                    found[f"{entry.id} {table.name}"] = sorted(map(repr, rows))
            with BlobServiceClient(
                entry.blobs, credential={"account_name": account, "account_key": account_key}
            ) as blobs:
                for container in blobs.list_containers():
                    names = blobs.get_container_client(container.name).list_blobs()
                    found[f"{entry.id} {container.name}"] = [(b.name, b.etag) for b in names]
        for name in QUEUES:
            for queue in (name, f"{name}-poison"):
                found[queue] = self.waiting(queue)
        return found


@contextmanager
def running_service(
    deployments: Deployments, directory: Path, *, app: str = "function_app:app", **changes: str
) -> Iterator[RunningService]:
    """The service over fresh, seeded storage while the block runs; `changes` are app settings."""
    port = free_ports().host
    with running_graph(directory / "graph.db") as graph:
        deployment = deployments.new(directory / "journal").with_settings(
            LOCAL_GRAPH=graph.base_url,
            PUBLIC_ADDRESS=f"http://localhost:{port}",
            LOCAL_PEOPLE=json.dumps(people()),
            LOCAL_AUTH_SECRET="known to nobody else",
            **dict.fromkeys(("DUE_SCHEDULE", "SWEEP_SCHEDULE", "WATCH_SCHEDULE"), NEVER) | changes,
        )
        asyncio.run(_fill(deployment))
        host = RunningHost(directory, deployment.environ, app=app, port=port)
        running = RunningService(deployment, graph, host)
        try:
            yield running
        finally:
            running.close()


async def _fill(deployment: Deployment) -> None:
    await deployment.provision()
    await deployment.seed()


def soon(look: Callable[[], T | None], within: float = 30.0) -> T:
    """What `look` finds once it finds something: for what another process does in silence."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.02)
    return found
