"""Storage and mail that die at a chosen call: a process that is killed, or storage that is away.

They are the real things with one moment of trouble in them, so that a test can put that moment
between any two steps.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from shared.errors import StorageUnavailable
from shared.graph.attachments import Attached, Attachment
from shared.graph.client import GraphTenant
from shared.graph.drive import Drive
from shared.graph.drive_items import DriveItem, Link
from shared.graph.mail import Body, Draft, FoundMessage, Mail
from shared.graph.uploads import Source
from shared.organizations import Organization
from shared.storage.blobs import Blobs
from shared.storage.tables import Read, Row, Tables, Write
from tests.sending.post_office import PostOffice

T = TypeVar("T")


class Killed(BaseException):
    """The process ends here; nothing that follows in it happens."""


def away() -> BaseException:
    return StorageUnavailable("table storage: no answer")


@dataclass
class Trouble:
    """What comes at the call with this number, before it was done or after: then once only."""

    number: int
    after: bool
    error: Callable[[], BaseException] = Killed
    calls: list[str] = field(default_factory=list)

    @property
    def came(self) -> bool:
        return len(self.calls) >= self.number

    async def around(self, what: str, call: Callable[[], Awaitable[T]]) -> T:
        self.calls.append(what)
        mine = len(self.calls) == self.number
        if mine and not self.after:
            raise self.error()
        result = await call()
        if mine:
            raise self.error()
        return result


@dataclass(frozen=True)
class Moment:
    """One moment of trouble: at the call with this number, before it was done or after."""

    number: int
    after: bool
    error: Callable[[], BaseException] = Killed


class Troubles(Trouble):
    """Several moments of trouble, chosen anew for each message."""

    def __init__(self) -> None:
        super().__init__(0, after=False)
        self._moments: dict[int, Moment] = {}

    def begin(self, moments: Sequence[Moment] = ()) -> None:
        """Calls are counted from 1 again, and these moments come."""
        self._moments = {moment.number: moment for moment in moments}
        self.calls.clear()

    @property
    def came(self) -> bool:
        return len(self.calls) >= max(self._moments, default=0)

    async def around(self, what: str, call: Callable[[], Awaitable[T]]) -> T:
        self.calls.append(what)
        moment = self._moments.get(len(self.calls))
        if moment is not None and not moment.after:
            raise moment.error()
        result = await call()
        if moment is not None:
            raise moment.error()
        return result


class TroubledTables(Tables):
    """Tables whose calls go through a `Trouble`; with `reads`, also those that only look."""

    def __init__(self, endpoint: str, key: str | None, trouble: Trouble, *, reads: bool) -> None:
        super().__init__(endpoint, key)
        self._trouble = trouble
        self._reads = reads

    async def get(self, table: str, partition: str, key: str) -> Read | None:
        call = super().get
        if not self._reads:
            return await call(table, partition, key)
        return await self._trouble.around(f"get {table}", lambda: call(table, partition, key))

    async def page(
        self, table: str, partition: str, *, after: str = "", below: str = "~~", limit: int
    ) -> list[Read]:
        call = super().page
        if not self._reads:
            return await call(table, partition, after=after, below=below, limit=limit)
        return await self._trouble.around(
            f"page {table}",
            lambda: call(table, partition, after=after, below=below, limit=limit),
        )

    async def insert(self, table: str, row: Row) -> str:
        call = super().insert
        return await self._trouble.around(f"insert {table}", lambda: call(table, row))

    async def replace(self, table: str, row: Row, etag: str) -> str:
        call = super().replace
        return await self._trouble.around(f"replace {table}", lambda: call(table, row, etag))

    async def upsert(self, table: str, row: Row) -> None:
        call = super().upsert
        await self._trouble.around(f"upsert {table}", lambda: call(table, row))

    async def delete(self, table: str, partition: str, key: str, etag: str | None = None) -> None:
        call = super().delete
        await self._trouble.around(f"delete {table}", lambda: call(table, partition, key, etag))

    async def transact(self, table: str, writes: Sequence[Write]) -> list[str | None]:
        call = super().transact
        return await self._trouble.around(f"transact {table}", lambda: call(table, writes))


class TroubledBlobs(Blobs):
    def __init__(self, endpoint: str, key: str | None, trouble: Trouble, *, reads: bool) -> None:
        super().__init__(endpoint, key)
        self._trouble = trouble
        self._reads = reads

    async def put(self, container: str, name: str, content: bytes) -> None:
        call = super().put
        await self._trouble.around(f"put {container}", lambda: call(container, name, content))

    async def get(self, container: str, name: str) -> bytes | None:
        call = super().get
        if not self._reads:
            return await call(container, name)
        return await self._trouble.around(f"read {container}", lambda: call(container, name))

    async def part(self, container: str, name: str, offset: int, length: int) -> bytes:
        call = super().part
        if not self._reads:
            return await call(container, name, offset, length)
        return await self._trouble.around(
            f"read {container}", lambda: call(container, name, offset, length)
        )

    async def copy(self, container: str, source: str, name: str, now: datetime) -> None:
        call = super().copy
        await self._trouble.around(f"copy {container}", lambda: call(container, source, name, now))

    async def delete(self, container: str, name: str) -> None:
        call = super().delete
        await self._trouble.around(f"delete {container}", lambda: call(container, name))


class TroubledMail(Mail):
    """Mail whose requests go through a `Trouble`."""

    def __init__(self, graph: GraphTenant, trouble: Trouble) -> None:
        super().__init__(graph)
        object.__setattr__(self, "_trouble", trouble)

    _trouble: Trouble

    async def find_by_send_key(self, mailbox: str, send_key: str) -> list[FoundMessage]:
        call = super().find_by_send_key
        return await self._trouble.around("look up", lambda: call(mailbox, send_key))

    async def create_draft(self, mailbox: str, draft: Draft) -> FoundMessage:
        call = super().create_draft
        return await self._trouble.around("create", lambda: call(mailbox, draft))

    async def find_by_internet_message_id(
        self, mailbox: str, internet_message_id: str
    ) -> list[FoundMessage]:
        call = super().find_by_internet_message_id
        return await self._trouble.around("find", lambda: call(mailbox, internet_message_id))

    async def create_reply(self, mailbox: str, message_id: str, send_key: str) -> FoundMessage:
        call = super().create_reply
        return await self._trouble.around("reply", lambda: call(mailbox, message_id, send_key))

    async def body_of(self, mailbox: str, message_id: str) -> Body:
        call = super().body_of
        return await self._trouble.around("read", lambda: call(mailbox, message_id))

    async def update_draft(self, mailbox: str, draft_id: str, draft: Draft) -> FoundMessage:
        call = super().update_draft
        return await self._trouble.around("change", lambda: call(mailbox, draft_id, draft))

    async def delete_message(self, mailbox: str, message_id: str) -> None:
        call = super().delete_message
        await self._trouble.around("delete", lambda: call(mailbox, message_id))

    async def send_draft(self, mailbox: str, message_id: str) -> None:
        call = super().send_draft
        await self._trouble.around("send", lambda: call(mailbox, message_id))

    async def add_attachment(self, mailbox: str, draft_id: str, file: Attachment) -> None:
        call = super().add_attachment
        await self._trouble.around("attach", lambda: call(mailbox, draft_id, file))

    async def attachments_of(self, mailbox: str, draft_id: str) -> list[Attached]:
        call = super().attachments_of
        return await self._trouble.around("see attached", lambda: call(mailbox, draft_id))


class TroubledDrive(Drive):
    """A drive whose requests go through a `Trouble`; between the pieces of an upload it comes with
    the lease's renewal in storage."""

    def __init__(self, graph: GraphTenant, trouble: Trouble) -> None:
        super().__init__(graph)
        object.__setattr__(self, "_trouble", trouble)

    _trouble: Trouble

    async def drive_of(self, mailbox: str) -> str:
        call = super().drive_of
        return await self._trouble.around("find drive", lambda: call(mailbox))

    async def upload(
        self,
        drive_id: str,
        path: str,
        source: Source,
        *,
        session: str | None = None,
        keep_session: Callable[[str], Awaitable[None]],
    ) -> DriveItem:
        call = super().upload
        return await self._trouble.around(
            "upload",
            lambda: call(drive_id, path, source, session=session, keep_session=keep_session),
        )

    async def forget_upload(self, session: str) -> None:
        call = super().forget_upload
        await self._trouble.around("forget upload", lambda: call(session))

    async def find(self, drive_id: str, path: str) -> DriveItem | None:
        call = super().find
        return await self._trouble.around("find file", lambda: call(drive_id, path))

    async def create_link(
        self, drive_id: str, item_id: str, *, expires_at: datetime | None
    ) -> Link:
        call = super().create_link
        return await self._trouble.around(
            "link", lambda: call(drive_id, item_id, expires_at=expires_at)
        )

    async def delete_item(self, drive_id: str, item_id: str) -> None:
        call = super().delete_item
        await self._trouble.around("delete file", lambda: call(drive_id, item_id))


def troubled(organization: Organization, trouble: Trouble, *, reads: bool = False) -> Organization:
    """The organization over the same storage, with that moment of trouble in it; close it."""
    # The clients are the trouble's own: the others stay in order.
    entry, key = organization.entry, organization.tables._account_key
    return replace(
        organization,
        tables=TroubledTables(entry.tables, key, trouble, reads=reads),
        blobs=TroubledBlobs(entry.blobs, key, trouble, reads=reads),
    )


@asynccontextmanager
async def trouble_in(office: PostOffice, trouble: Trouble) -> AsyncIterator[PostOffice]:
    """The same office in a process that meets the trouble, which ends the block."""
    organization = troubled(office.organization, trouble, reads=trouble.error is away)
    try:
        with contextlib.suppress(Killed, StorageUnavailable):
            yield replace(office, organization=organization)
    finally:
        await organization.tables.close()
        await organization.blobs.close()


@asynccontextmanager
async def pausing(
    office: PostOffice, pause: Callable[[], Awaitable[None]]
) -> AsyncIterator[PostOffice]:
    """The same office in a process that pauses after its first write."""
    organization = troubled(office.organization, _Pause(1, after=True, pause=pause))
    try:
        yield replace(office, organization=organization)
    finally:
        await organization.tables.close()
        await organization.blobs.close()


@dataclass
class _Pause(Trouble):
    pause: Callable[[], Awaitable[None]] = field(kw_only=True)

    async def around(self, what: str, call: Callable[[], Awaitable[T]]) -> T:
        self.calls.append(what)
        result = await call()
        if len(self.calls) == self.number:
            await self.pause()
        return result
