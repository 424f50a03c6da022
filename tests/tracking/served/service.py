"""The service as recipients meet it: a real host, and four organizations of different fortunes.

contoso    is there
fabrikam   is there, and its links carry a public address of its own
northwind  is there, but its storage is away
adatum     was there once: links of it were sent, and then it was removed
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from shared.model import Event
from shared.organizations import Organization, Organizations
from shared.storage.blobs import Blobs
from shared.tracking.hits import unpack
from shared.tracking.overflow import CONTAINER
from shared.tracking.segments import Segment
from shared.tracking.tokens import Addresses, Signer, Target
from tests.local.host.running_host import RunningHost
from tests.running_azurite import free_ports
from tests.running_storage import Deployment, Deployments
from tests.tracking.followed_messages import PERSON, read_followed

OLD, NEW, LOST = os.urandom(32), os.urandom(32), os.urandom(32)
SIGNER = Signer({"k2": NEW, "k1": OLD})
OLD_SIGNER = Signer({"k1": OLD})
WITHDRAWN_SIGNER = Signer({"k0": LOST})

FABRIKAMS_ADDRESS = "http://mail.fabrikam.example"
GIF = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)
NOBODY_LISTENS = "http://127.0.0.1:1"
SECONDS_TO_FOLD = 20


def _spelled(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret).decode().rstrip("=")


class Service:
    """The running service. `get` and the like do not follow redirects."""

    def __init__(self, deployments: Deployments, directory: Path) -> None:
        port = free_ports().host
        self.address = f"http://127.0.0.1:{port}"
        self.journals = directory / "journal"
        self.deployment = self._deployed(deployments.new(self.journals))
        self._provisioned = Deployment(self.deployment.environ | {"ORGANIZATIONS": self._reachable})
        asyncio.run(self._provisioned.provision())
        asyncio.run(self._provisioned.seed())
        self.host = RunningHost(
            directory, self.deployment.environ, app="function_app:app", port=port
        )
        assert self.host.port == port, self.host.log
        self.client = self.host.client
        self.client.headers["user-agent"] = PERSON

    def _deployed(self, fresh: Deployment) -> Deployment:
        contoso, fabrikam = json.loads(fresh.environ["ORGANIZATIONS"])
        fabrikam["publicAddress"] = FABRIKAMS_ADDRESS
        northwind = contoso | {
            "id": "northwind",
            "tables": f"{NOBODY_LISTENS}/northwind",
            "blobs": f"{NOBODY_LISTENS}/northwind",
            "tenant": "33333333-3333-3333-3333-333333333333",
        }
        self._reachable = json.dumps([contoso, fabrikam])
        keys = json.loads(fresh.environ["LOCAL_STORAGE_KEYS"])
        return fresh.with_settings(
            ORGANIZATIONS=json.dumps([contoso, fabrikam, northwind]),
            LOCAL_STORAGE_KEYS=json.dumps(keys | {"northwind": keys["contoso"]}),
            SIGNING_KEYS=f"k2:{_spelled(NEW)},k1:{_spelled(OLD)},k0:withdrawn",
            PUBLIC_ADDRESS=self.address,
            LOCAL_GRAPH=f"{NOBODY_LISTENS}/v1.0",
        )

    def organizations(self) -> Organizations:
        """Contoso and Fabrikam as the service stores them, for the loop that runs now."""
        settings = self._provisioned.settings
        return Organizations(settings.organizations, settings.local_storage_keys)

    def pixel(self, organization: str, message: str, *, signer: Signer = SIGNER) -> str:
        """The path of a pixel."""
        return Addresses(signer, "").pixel(Target(organization, message))

    def redirect(
        self, organization: str, message: str, to: str, *, index: int = 0, signer: Signer = SIGNER
    ) -> str:
        """The path of a redirect."""
        return Addresses(signer, "").redirect(Target(organization, message, 0, index), to)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(path, headers=headers)

    async def events(self, organization: Organization, message: str, count: int) -> list[Event]:
        """The timeline of a message, newest first, once there are that many events."""
        try:
            async with asyncio.timeout(SECONDS_TO_FOLD):
                while True:
                    followed = await read_followed(organization, message)
                    if len(followed.events) >= count:
                        return followed.events
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{count} events did not appear: {self.host.log}") from None

    async def assert_nothing_recorded(
        self, organization: Organization, message: str, *, events: int = 0
    ) -> None:
        """Asserts that a message still has so many events, by a hit that comes after all others."""
        assert self.get(self.pixel(organization.id, message)).content == GIF
        found = await self.events(organization, message, events + 1)
        assert len(found) == events + 1, found

    async def waiting(self, organization: str) -> set[str]:
        """The ids of hits that are safe elsewhere while an organization's storage is away."""
        # The disk first: what leaves it has arrived in the overflow before.
        lines = [
            json.loads(line)
            for path in self.journals.glob("*.journal")
            for line in path.read_bytes().splitlines()
        ]
        found = {hit.id for id_, packed in lines if id_ == organization for hit in unpack([packed])}
        blobs = Blobs(self.deployment.settings.host_blobs, None)
        try:
            async for name, _ in blobs.names(CONTAINER):
                content = await blobs.get(CONTAINER, name)
                if content and name.startswith(f"{organization}/"):
                    found |= {hit.id for hit in Segment(name, content).hits()}
        finally:
            await blobs.close()
        return found


def token_of(path: str) -> str:
    """The token in the path of a redirect or a pixel."""
    return urlsplit(path).path.rpartition("/")[2].removesuffix(".gif")
