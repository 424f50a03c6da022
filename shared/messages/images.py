"""The images of messages: blobs by their content, so that each is there once (rule T2).

Beside them every copy has a row for each of its images, which says what the address that went out
shows. A blob may belong to many messages.
"""

from __future__ import annotations

from shared.messages.rows import TABLE, image_from_row, image_key
from shared.model import StoredImage
from shared.organizations import Organization

CONTAINER = "content"


def image_name(sha256: str) -> str:
    """The blob of an image."""
    return f"images/{sha256}"


async def store_image(organization: Organization, sha256: str, content: bytes) -> None:
    """Writes an image under its hash; one that is there already is the same."""
    await organization.blobs.put(CONTAINER, image_name(sha256), content)


async def load_image(
    organization: Organization, message: str, copy: int, index: int
) -> tuple[StoredImage, bytes] | None:
    """An image of a copy, or None where it is not there (any more)."""
    read = await organization.tables.get(TABLE, message, image_key(copy, index))
    if read is None:
        return None
    image = image_from_row(read.row)
    content = await organization.blobs.get(CONTAINER, image_name(image.sha256))
    return None if content is None else (image, content)
