"""Large files come straight to blob storage, never through a function.

A caller asks for an address, puts the bytes there, and names the upload in a message. The message
gets a copy of its own, made inside storage: so one upload serves several messages, and who still
has its address changes nothing that was accepted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.messages.content import CONTAINER
from shared.organizations import Organization

LARGEST_UPLOAD = 150 * 1024 * 1024
"""What Exchange and a session of OneDrive take of one file."""

UPLOAD_ID = r"^[0-9a-f]{32}$"
OPEN_FOR = timedelta(hours=4)
"""How long bytes can be put to an address."""

KEPT_FOR = timedelta(days=7)
"""How long an upload can be named in a message; a lifecycle rule is to delete it then."""

TABLE = "lookups"
PARTITION = "upload"


@dataclass(frozen=True, slots=True)
class Upload:
    """What a caller said of a file when asking for an address."""

    id: str
    name: str
    content_type: str
    size: int
    made_at: datetime


def upload_name(upload: str) -> str:
    """The blob that an upload's bytes are put to."""
    return f"uploads/{upload}"


async def open_upload(organization: Organization, upload: Upload) -> str:
    """Writes the upload down and returns the address to put its bytes to."""
    await organization.tables.upsert(
        TABLE,
        {
            "PartitionKey": PARTITION,
            "RowKey": upload.id,
            "schema": 1,
            "name": upload.name,
            "contentType": upload.content_type,
            "size": upload.size,
            "madeAt": upload.made_at.isoformat(),
        },
    )
    return await organization.blobs.address(
        CONTAINER, upload_name(upload.id), upload.made_at, OPEN_FOR
    )


async def find_upload(organization: Organization, upload: str, now: datetime) -> Upload | None:
    """An upload of the organization that can still be used, whether its bytes came or not."""
    read = await organization.tables.get(TABLE, PARTITION, upload)
    if read is None:
        return None
    made_at = datetime.fromisoformat(read.row["madeAt"])
    if now - made_at > KEPT_FOR:
        return None
    row = read.row
    return Upload(upload, row["name"], row["contentType"], row["size"], made_at)


async def uploaded_size(organization: Organization, upload: str) -> int | None:
    """How many bytes came; None before any did."""
    return await organization.blobs.size(CONTAINER, upload_name(upload))
