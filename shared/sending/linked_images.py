"""The images that a followed body links: found among the attachments that it shows by `cid:`, and
stored with those that it holds itself, before anybody can ask for them (rule T2).

Everything is the same at every attempt, so that it does not matter where the last one ended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from shared.messages.content import CONTAINER, file_name
from shared.messages.images import image_name, store_image
from shared.messages.rows import image_to_row
from shared.model import Attachment, StoredImage
from shared.organizations import Organization
from shared.sending.attempt import Attempt
from shared.sending.compose import Composed
from shared.storage.tables import Write
from shared.tracking.image_data import image_type

_PIECE = 4 * 1024 * 1024
"""Bytes that are in memory at a time."""


async def attached_images(
    organization: Organization, message: str, attachments: Sequence[Attachment]
) -> dict[str, StoredImage]:
    """The images among a message's attachments by their content ids; their bytes say what they
    are."""
    found: dict[str, StoredImage] = {}
    for one in attachments:
        if one.content_id is not None:
            image = await _image(organization, message, one)
            if image is not None:
                found[one.content_id] = image
    return found


async def store_images(
    attempt: Attempt,
    copy: int,
    attachments: Sequence[Attachment],
    attached: Mapping[str, StoredImage],
    composed: Composed,
) -> None:
    """Stores the images that the body of a copy links, then the rows that say which is which."""
    organization, message = attempt.organization, attempt.message.id
    for linked in composed.images:
        if linked.content is not None:
            await store_image(organization, linked.image.sha256, linked.content)
    for one in attachments:
        if one.content_id in composed.linked:
            name = image_name(attached[one.content_id].sha256)
            source = file_name(message, one.number)
            await organization.blobs.copy(CONTAINER, source, name, attempt.now)
    await attempt.write_rows(
        [
            Write("upsert", image_to_row(message, copy, linked.index, linked.image))
            for linked in composed.images
        ]
    )


async def _image(
    organization: Organization, message: str, attachment: Attachment
) -> StoredImage | None:
    name, digest, content_type = file_name(message, attachment.number), hashlib.sha256(), None
    for offset in range(0, attachment.size, _PIECE):
        piece = await organization.blobs.part(CONTAINER, name, offset, _PIECE)
        if offset == 0:
            content_type = image_type(piece)
            if content_type is None:
                return None
        digest.update(piece)
    if content_type is None:
        return None
    return StoredImage(digest.hexdigest(), content_type, attachment.name)
