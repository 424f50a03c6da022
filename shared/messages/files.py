"""The followed attachments of a message: where each is on its way to OneDrive and back.

A row belongs to whoever holds its lease while it is on its way, and changes by its ETag.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from shared.messages.rows import (
    TABLE,
    failure_from_text,
    failure_to_text,
    filled_row,
    instant_or_none,
    text_or_none,
)
from shared.model import Attachment, Failure
from shared.organizations import Organization
from shared.storage.tables import Row

MOST_FILES = 50
"""Attachments of one message, followed and ordinary together."""


class Place(StrEnum):
    """Where a followed attachment is, or is going."""

    WAITING = "waiting"
    """It shall be in OneDrive, and is not yet."""
    STORED = "stored"
    """It is in OneDrive."""
    LEAVING = "leaving"
    """It shall not be there any more, and may still be."""
    GONE = "gone"
    REFUSED = "refused"
    """OneDrive does not take it; `failure` says why."""


@dataclass(frozen=True, slots=True)
class FileRow:
    """A followed attachment. `upload_url` is a secret: who has it can write the file.

    `link` is where `/a/` leads; None once the file is stored means that the tenant forbids links
    to everybody, and that the file's own address is asked for at each use.
    """

    number: int
    name: str
    content_type: str
    size: int
    place: Place = Place.WAITING
    drive_id: str | None = None
    item_id: str | None = None
    upload_url: str | None = None
    link: str | None = None
    expires_at: datetime | None = None
    withdrawn_at: datetime | None = None
    failure: Failure | None = None
    lease_until: datetime | None = None
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class StoredFile:
    file: FileRow
    etag: str


def new_file(attachment: Attachment) -> FileRow:
    """The row of a followed attachment that was just accepted."""
    return FileRow(attachment.number, attachment.name, attachment.content_type, attachment.size)


def on_its_way_again(file: FileRow) -> FileRow:
    """A file that left OneDrive, or never came there, and shall be there after all; whose OneDrive
    that is, is asked anew: the message may have another sender since."""
    return replace(
        file,
        place=Place.WAITING,
        drive_id=None,
        item_id=None,
        link=None,
        expires_at=None,
        failure=None,
    )


def file_key(number: int) -> str:
    return f"file~{number:04d}"


def file_to_row(message: str, file: FileRow) -> Row:
    return filled_row(
        message,
        file_key(file.number),
        name=file.name,
        contentType=file.content_type,
        size=file.size,
        place=file.place,
        driveId=file.drive_id,
        itemId=file.item_id,
        uploadUrl=file.upload_url,
        link=file.link,
        expiresAt=text_or_none(file.expires_at),
        withdrawnAt=text_or_none(file.withdrawn_at),
        failure=failure_to_text(file.failure),
        leaseUntil=text_or_none(file.lease_until),
        attempts=file.attempts,
    )


def file_from_row(row: Row) -> FileRow:
    return FileRow(
        number=int(row["RowKey"].partition("~")[2]),
        name=row["name"],
        content_type=row["contentType"],
        size=row["size"],
        place=Place(row["place"]),
        drive_id=row.get("driveId"),
        item_id=row.get("itemId"),
        upload_url=row.get("uploadUrl"),
        link=row.get("link"),
        expires_at=instant_or_none(row.get("expiresAt")),
        withdrawn_at=instant_or_none(row.get("withdrawnAt")),
        failure=failure_from_text(row.get("failure")),
        lease_until=instant_or_none(row.get("leaseUntil")),
        attempts=row["attempts"],
    )


async def read_files(organization: Organization, message: str) -> list[StoredFile]:
    """The followed attachments of a message in their order, also those taken out of it again."""
    rows = await organization.tables.page(TABLE, message, after="file~", below="file~~", limit=1000)
    return [StoredFile(file_from_row(read.row), read.etag) for read in rows]


async def leaving_files(organization: Organization, message: str) -> list[int]:
    """The numbers of the files that are still to be taken away."""
    files = await read_files(organization, message)
    return [stored.file.number for stored in files if stored.file.place is Place.LEAVING]


async def read_file(organization: Organization, message: str, number: int) -> StoredFile | None:
    read = await organization.tables.get(TABLE, message, file_key(number))
    return StoredFile(file_from_row(read.row), read.etag) if read else None


async def delete_file(organization: Organization, message: str, stored: StoredFile) -> None:
    """Deletes the row; raises `Changed` where somebody else wrote meanwhile."""
    key = file_key(stored.file.number)
    await organization.tables.delete(TABLE, message, key, stored.etag)


async def write_file(
    organization: Organization, message: str, stored: StoredFile, file: FileRow
) -> StoredFile:
    """Writes what became of a file; raises `Changed` where somebody else wrote meanwhile."""
    etag = await organization.tables.replace(TABLE, file_to_row(message, file), stored.etag)
    return StoredFile(file, etag)
