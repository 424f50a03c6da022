"""Brings followed attachments to OneDrive, and takes them away again (rules T5, S2).

A file's row says where it shall be; who holds the row's lease brings it there. A file has one path
for ever, so that whoever comes after a crash finds what the one before did, and adopts it.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.errors import Busy, Changed, Lost, StorageUnavailable
from shared.graph.drive import Drive
from shared.graph.drive_items import DriveItem
from shared.graph.drive_names import drive_name
from shared.graph.errors import (
    GraphError,
    LinksForbidden,
    NotFound,
    OutOfSpace,
    Refused,
    patience,
)
from shared.graph.uploads import Source
from shared.messages.content import CONTAINER, file_name
from shared.messages.files import (
    FileRow,
    Place,
    StoredFile,
    delete_file,
    read_file,
    read_files,
    write_file,
)
from shared.messages.rows import MessageRow
from shared.messages.stored import read_message
from shared.model import Failure, Status
from shared.organizations import Organization

log = logging.getLogger(__name__)

FOLDER = "Followed attachments"
LEASE = timedelta(minutes=3)
"""Renewed while pieces of a file arrive; one piece takes far less."""

FIRST_WAIT_S, LONGEST_WAIT_S = 10.0, 600.0
ON_ITS_WAY = (Place.WAITING, Place.LEAVING)


@dataclass(frozen=True, slots=True)
class Porter:
    """What bringing files needs. `deliver` says the word that a message may go on."""

    organization: Organization
    drive: Drive
    clock: Callable[[], datetime]
    deliver: Callable[[str], Awaitable[None]]


async def settle(porter: Porter, message: str, number: int) -> float | None:
    """Brings a file where it shall be; None when it is, else the seconds to come again after.

    Of a message that was erased there may be a file left that shall leave.

    Raises `StorageUnavailable` where storage fails in between: whoever comes next goes on.
    """
    stored = await read_message(porter.organization, message)
    found = await read_file(porter.organization, message, number)
    if found is None or found.file.place not in ON_ITS_WAY:
        return None
    if stored is None and found.file.place is Place.WAITING:
        return None
    now = porter.clock()
    held = (found.file.lease_until or now) - now
    if held > timedelta():
        # Delivery says the word again for a file that waits. One that shall leave has no one else.
        return held.total_seconds() + 1 if found.file.place is Place.LEAVING else None
    carried = _Carried(porter, message, stored.message if stored else None, found)
    try:
        if (
            stored
            and stored.message.status is Status.FAILED
            and carried.file.place is Place.WAITING
        ):
            # It failed while the file was on its way: nobody will get it.
            await carried.write(place=Place.LEAVING)
        await carried.hold()
        return await carried.carry()
    except Changed:
        # Somebody else is at it, or it shall be elsewhere by now: the row tells next time.
        return 1.0


async def end_as_refused(porter: Porter, message: str, number: int) -> None:
    """Ends the way of a file that broke its function again and again (the poison queue)."""
    stored = await read_message(porter.organization, message)
    found = await read_file(porter.organization, message, number)
    if stored is not None and found is not None and found.file.place is Place.WAITING:
        await _Carried(porter, message, stored.message, found).refuse(Failure("unexpected"))
        await porter.deliver(message)


async def all_settled(organization: Organization, message: str) -> bool:
    """Whether none of a message's files still is to come to OneDrive."""
    files = await read_files(organization, message)
    return all(stored.file.place is not Place.WAITING for stored in files)


class _Carried:
    """One file on its way, under its lease. `message` is None where it was erased."""

    def __init__(
        self, porter: Porter, id_: str, message: MessageRow | None, stored: StoredFile
    ) -> None:
        self.porter = porter
        self.id = id_
        self.message = message
        self.stored = stored

    @property
    def file(self) -> FileRow:
        return self.stored.file

    @property
    def path(self) -> str:
        return f"{self.folder}/{drive_name(self.file.name)}"

    @property
    def folder(self) -> str:
        return f"{FOLDER}/{self.id}-{self.file.number}"

    async def hold(self) -> None:
        """Takes the lease; raises `Changed` where somebody else was quicker."""
        await self.write(lease_until=self._until(), attempts=self.file.attempts + 1)

    async def carry(self) -> float | None:
        try:
            if self.file.place is Place.LEAVING:
                await self.remove()
                return None
            await self.upload()
        except (NotFound, Refused) as error:
            log.warning("OneDrive refused a file of message %s: %s", self.id, error)
            if self.file.place is Place.LEAVING:
                # Somebody may have it open just now; its link of ours is dead in any case.
                return await self.wait(LONGEST_WAIT_S)
            assert self.message is not None
            await self.refuse(file_failure(error, self.message, self.file))
        except Lost:
            log.warning("a file of message %s is not in storage any more", self.id)
            await self.refuse(Failure("fileLost"))
        except GraphError as error:
            tried = self.file.attempts - 1
            return await self.wait(patience(error, tried, FIRST_WAIT_S, LONGEST_WAIT_S))
        except Changed:
            raise
        except Exception:
            # An outage, or what nobody foresaw: whoever comes next need not wait for the lease.
            with contextlib.suppress(StorageUnavailable, Changed):
                await self.write(lease_until=None)
            raise
        if await all_settled(self.porter.organization, self.id):
            await self.porter.deliver(self.id)
        return None

    async def upload(self) -> None:
        drive_id = await self.drive_id()
        item = await self.porter.drive.upload(
            drive_id,
            self.path,
            Source(self.file.size, self.read),
            session=self.file.upload_url,
            keep_session=self.keep_session,
        )
        try:
            await self.write(
                place=Place.STORED,
                drive_id=drive_id,
                item_id=item.id,
                upload_url=None,
                lease_until=None,
            )
        except Changed:
            await self.came_too_late(drive_id, item)
            raise

    async def came_too_late(self, drive_id: str, item: DriveItem) -> None:
        """The file came when the lease was over. Who took it away meanwhile saw nothing there, and
        has to look again: also who is at it just now, whose own write fails by this one."""
        organization = self.porter.organization
        while True:
            found = await read_file(organization, self.id, self.file.number)
            if found is None:
                await self.porter.drive.delete_item(drive_id, item.folder_id or item.id)
                return
            if found.file.place in (Place.WAITING, Place.STORED):
                return
            with contextlib.suppress(Changed):
                leaving = replace(found.file, place=Place.LEAVING)
                await write_file(organization, self.id, found, leaving)
                return

    async def remove(self) -> None:
        """Nothing of the file stays: neither an upload under way nor the file and its folder."""
        drive = self.porter.drive
        if self.file.upload_url is not None:
            await drive.forget_upload(self.file.upload_url)
        with contextlib.suppress(NotFound):
            drive_id = await self.drive_id()
            if self.file.item_id is not None:
                # Also where somebody moved or renamed it.
                await drive.delete_item(drive_id, self.file.item_id)
            item = await drive.find(drive_id, self.folder)
            if item is not None:
                await drive.delete_item(drive_id, item.id)
        await self.write(place=Place.GONE, item_id=None, upload_url=None, lease_until=None)
        if await read_message(self.porter.organization, self.id) is None:
            # Its message was erased, before or meanwhile: the row was all that was left of it.
            await delete_file(self.porter.organization, self.id, self.stored)

    async def refuse(self, failure: Failure) -> None:
        """The end of the way: OneDrive does not take it, however often it is asked."""
        await self.write(place=Place.REFUSED, failure=failure, lease_until=None)

    async def wait(self, seconds: float) -> float:
        """Nobody tries before; who comes again then finds the lease at its end."""
        await self.write(lease_until=self.porter.clock() + timedelta(seconds=seconds))
        return seconds

    async def drive_id(self) -> str:
        """The drive the file went to before, else the organization's, else the sender's."""
        if self.file.drive_id is None:
            settings = await self.porter.organization.settings()
            drive_id = settings.file_drive or await self.senders_drive()
            await self.write(drive_id=drive_id)
        assert self.file.drive_id is not None
        return self.file.drive_id

    async def senders_drive(self) -> str:
        if self.message is None:
            raise NotFound("The message is erased, and nothing of it came to a drive.", "")
        return await self.porter.drive.drive_of(self.message.from_)

    async def read(self, offset: int, length: int) -> bytes:
        """A piece of the file, and the lease for as long again."""
        await self.write(lease_until=self._until())
        name = file_name(self.id, self.file.number)
        return await self.porter.organization.blobs.part(CONTAINER, name, offset, length)

    async def keep_session(self, address: str) -> None:
        await self.write(upload_url=address)

    async def write(self, **changes: object) -> None:
        file = replace(self.file, **changes)  # type: ignore[arg-type]
        self.stored = await write_file(self.porter.organization, self.id, self.stored, file)

    def _until(self) -> datetime:
        return self.porter.clock() + LEASE


def file_failure(error: object, message: MessageRow, file: FileRow) -> Failure:
    """A refusal of OneDrive as a reason a seller understands."""
    if isinstance(error, NotFound):
        return Failure("driveUnknown", {"address": message.from_})
    if isinstance(error, OutOfSpace):
        return Failure("driveFull", {"address": message.from_})
    if isinstance(error, Refused) and error.status == 403:
        return Failure("driveOutOfScope", {"address": message.from_})
    return Failure("fileRefused", {"name": file.name})


async def link(
    organization: Organization,
    drive: Drive,
    message: str,
    stored: StoredFile,
    now: datetime,
    life: timedelta,
) -> StoredFile:
    """Makes the link of a file that is stored, to last from now on; raises `GraphError`, `Busy`.

    Where the tenant forbids links for everybody, the file's own short-lived address is asked for
    at each use instead.
    """
    file = stored.file
    if file.place is not Place.STORED or file.expires_at is not None:
        return stored
    assert file.drive_id is not None and file.item_id is not None
    expires_at = now + life
    address = None
    with contextlib.suppress(LinksForbidden):
        try:
            made = await drive.create_link(file.drive_id, file.item_id, expires_at=expires_at)
        except Refused as error:
            if error.status != 400:
                raise
            # A tenant may not allow links so long: then as long as it does, and ours ends first.
            made = await drive.create_link(file.drive_id, file.item_id, expires_at=None)
        address = made.url
        # A link that was there before may end earlier than we asked for.
        expires_at = min(made.expires_at or expires_at, expires_at)
    try:
        return await write_file(
            organization, message, stored, replace(file, link=address, expires_at=expires_at)
        )
    except Changed:
        raise Busy("the file was taken back meanwhile") from None
