"""The running service: what functions share in one worker process, made lazily in its event loop.

There is no start-up hook in a Functions worker, so the first call of a function makes this. It is
the one place that reads the environment, the clock and chance; everything else is given them.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import azure.functions as func

from shared.access.callers import Caller, caller_of
from shared.access.keys import Keyring
from shared.errors import StorageUnavailable
from shared.messages.rows import milliseconds
from shared.organizations import Organization, Organizations
from shared.replies.mailboxes import watch
from shared.settings import Settings
from shared.shutdown import drain_on_sigterm
from shared.storage.blobs import Blobs
from shared.storage.names import DELIVER_QUEUE, FOLD_QUEUE, UPLOAD_QUEUE
from shared.storage.queues import Queues
from shared.telemetry import tell_fields, tracing
from shared.tracking.ingest import Ingest
from shared.tracking.journal import Journal
from shared.tracking.overflow import Overflow
from shared.tracking.tokens import Addresses, Signer

if TYPE_CHECKING:
    from shared.graph.client import GraphTenant
    from shared.graph.drive import Drive
    from shared.graph.inbox import Inbox
    from shared.graph.mail import Mail
    from shared.graph.subscriptions import Subscriptions
    from shared.replies.watcher import Watcher
    from shared.sending.sequel import Words

GRAPH_TIMEOUT_S = 20.0
"""How long one request to Graph may take; the lease of a delivery is five times as long."""

log = logging.getLogger(__name__)

FOLD_SIGNAL_GAP_S = 1.0
"""At most one word a second to the fold queue for each organization; the last hit always gets
one."""


@dataclass(slots=True)
class Service:
    settings: Settings
    organizations: Organizations
    signer: Signer
    keyring: Keyring
    queues: Queues
    host_blobs: Blobs
    overflow: Overflow
    instance: str
    ingest: Ingest = field(init=False)
    told_of: bool = False
    """On one machine: whether the subscriptions to mailboxes have been seen to be there."""
    _watched: set[tuple[str, str]] = field(default_factory=set)
    _signals: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _signal_again: set[str] = field(default_factory=set)

    @classmethod
    def from_settings(cls, settings: Settings) -> Service:
        instance = secrets.token_hex(6)
        host_blobs = Blobs(settings.host_blobs)
        service = cls(
            settings=settings,
            organizations=Organizations(settings.organizations, settings.local_storage_keys),
            signer=Signer(settings.signing_keys),
            keyring=Keyring(time.monotonic),
            queues=Queues(settings.host_queues),
            host_blobs=host_blobs,
            overflow=Overflow(host_blobs, utc_now),
            instance=instance,
        )
        service.ingest = Ingest(
            service.organizations,
            Journal(settings.journal_dir, instance),
            instance,
            now_ms,
            service._hits_committed,
            service.overflow,
        )
        return service

    async def caller(self, req: func.HttpRequest) -> Caller:
        """Who calls about the organization in the path; refused where they may not."""
        return await caller_of(
            req,
            self.organizations,
            self.keyring,
            people_sign_in=self.settings.signed_in_people,
        )

    @property
    def public_addresses(self) -> frozenset[str]:
        """Every address under which links of ours were sent."""
        entries = self.settings.organizations.values()
        return frozenset({self.settings.public_address, *(e.public_address for e in entries)})

    def addresses(self, organization: Organization) -> Addresses:
        return Addresses(self.signer, organization.entry.public_address)

    def mail(self, organization: Organization) -> Mail:
        """The mail of the organization's Entra tenant."""
        from shared.graph.mail import Mail

        return Mail(self._tenant(organization))

    def drive(self, organization: Organization) -> Drive:
        """The drives of the organization's Entra tenant."""
        from shared.graph.drive import Drive

        return Drive(self._tenant(organization))

    def inbox(self, organization: Organization) -> Inbox:
        """What arrives in the mailboxes of the organization's Entra tenant."""
        from shared.graph.inbox import Inbox

        return Inbox(self._tenant(organization))

    def subscriptions(self, organization: Organization) -> Subscriptions:
        """The subscriptions to those mailboxes."""
        from shared.graph.subscriptions import Subscriptions

        return Subscriptions(self._tenant(organization))

    async def watch(self, organization: Organization, mailbox: str) -> None:
        """Watch a mailbox that sends; asked of storage once in this process."""
        if (organization.id, mailbox) not in self._watched:
            await watch(organization, mailbox, utc_now())
            self._watched.add((organization.id, mailbox))

    async def watcher(self, organization: Organization) -> Watcher:
        """What watching the organization's mailboxes needs, for one run."""
        from shared.replies.intake import take_in
        from shared.replies.notifications import PATH, ClientStates
        from shared.replies.pace import Pace
        from shared.replies.watcher import Watcher

        return Watcher(
            organization=organization,
            settings=await organization.settings(),
            subscriptions=self.subscriptions(organization),
            inbox=self.inbox(organization),
            states=ClientStates(self.settings.signing_keys),
            pace=Pace(organization.tables, utc_now),
            address=f"{self.settings.public_address}/{PATH}",
            owner=secrets.token_hex(16),
            look_every=timedelta(seconds=self.settings.look_seconds),
            clock=utc_now,
            take_in=take_in,
        )

    def deliverer(self, organization: Organization) -> Callable[[str], Awaitable[None]]:
        """Says to the queue that a message may be taken further."""

        async def deliver(message: str) -> None:
            word = {"organization": organization.id, "message": message}
            await self.queues.send(DELIVER_QUEUE, word)

        return deliver

    def words(self, organization: Organization) -> Words:
        """All words about the organization's messages."""
        from shared.sending.sequel import Words

        async def announce(message: str, due_at: datetime) -> None:
            word: dict[str, str | int] = {"organization": organization.id, "message": message}
            delay = (due_at - utc_now()).total_seconds()
            await self.queues.send(DELIVER_QUEUE, word | {"due": milliseconds(due_at)}, delay)

        return Words(self.deliverer(organization), announce, self.uploader(organization))

    def uploader(self, organization: Organization) -> Callable[[str, int], Awaitable[None]]:
        """Says to the queue that a file of a message is to be brought where it shall be."""

        async def upload(message: str, file: int) -> None:
            word: dict[str, str | int] = {"organization": organization.id, "message": message}
            await self.queues.send(UPLOAD_QUEUE, word | {"file": file})

        return upload

    def _tenant(self, organization: Organization) -> GraphTenant:
        from shared.graph.client import GraphTenant

        return GraphTenant(
            organization.entry.tenant,
            self.settings.local_graph,
            GRAPH_TIMEOUT_S,
            self.settings.entra_client_id,
        )

    def _hits_committed(self, organization: str) -> None:
        """Says on the queue that there is something to fold: now, or once more after the gap."""
        if organization in self._signals:
            self._signal_again.add(organization)
        else:
            self._signals[organization] = asyncio.create_task(self._signal(organization))

    async def _signal(self, organization: str) -> None:
        try:
            while True:
                self._signal_again.discard(organization)
                try:
                    await self.queues.send(FOLD_QUEUE, {"organization": organization})
                except StorageUnavailable as error:
                    # The sweeping timer folds what this word would have folded.
                    log.warning("no word to the fold queue: %s", error)
                except Exception:
                    log.exception("no word to the fold queue")
                await asyncio.sleep(FOLD_SIGNAL_GAP_S)
                if organization not in self._signal_again:
                    return
        finally:
            del self._signals[organization]


def utc_now() -> datetime:
    return datetime.now(UTC)


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


Clock = Callable[[], datetime]

_service: Service | None = None


def service() -> Service:
    """The service of this worker process; call it inside its event loop."""
    global _service
    if _service is None:
        _service = Service.from_settings(Settings.from_env(os.environ))
        drain_on_sigterm(_service.ingest)
        tell_fields()
        tracing.connection = _service.settings.telemetry
        _service.ingest.adopt_journals()
        # At INFO these write addresses, and a line with every request, into the logs.
        for library in ("azure", "httpx"):
            logging.getLogger(library).setLevel(logging.WARNING)
    return _service
