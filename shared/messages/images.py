"""The images of messages: blobs by their content, so that each is there once (rule T2).

Beside them every copy has a row for each of its images, which says what the address that went out
shows. A blob may belong to many messages.
"""

from __future__ import annotations

from shared.messages.rows import TABLE, image_from_row, image_key
from shared.model import StoredImage
from shared.organizations import Organization

CONTAINER = "content"


async def store_image(organization: Organization, sha256: str, content: bytes) -> None:
    """Writes an image under its hash; one that is there already is the same."""
    await organization.blobs.put(CONTAINER, _name(sha256), content)


async def load_image(
    organization: Organization, message: str, copy: int, index: int
) -> tuple[StoredImage, bytes] | None:
    """An image of a copy, or None where it is not there (any more)."""
    read = await organization.tables.get(TABLE, message, image_key(copy, index))
    if read is None:
        return None
    image = image_from_row(read.row)
    content = await organization.blobs.get(CONTAINER, _name(image.sha256))
    return None if content is None else (image, content)


def _name(sha256: str) -> str:
    return f"images/{sha256}"
