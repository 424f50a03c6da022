"""The files of a message that is being accepted: found, measured, and stored for its delivery."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.attachments.requests import AttachmentRequest
from shared.attachments.uploads import find_upload, upload_name, uploaded_size
from shared.errors import Problem, Refusal
from shared.messages.content import CONTAINER, file_name
from shared.model import Attachment
from shared.organizations import Organization

_LINE_OF_BASE64 = 76
_AT_ONCE = 4
"""Files of one request that are stored at the same time."""


@dataclass(frozen=True, slots=True)
class GivenFiles:
    """Files that come with a request, and where their bytes are, by their number: here, or in an
    upload (its id)."""

    attachments: tuple[Attachment, ...] = ()
    bytes_of: Mapping[int, bytes] = field(default_factory=dict)
    upload_of: Mapping[int, str] = field(default_factory=dict)


async def given_files(
    organization: Organization, requests: Mapping[int, AttachmentRequest], now: datetime
) -> GivenFiles:
    """Looks the uploads up; `Refusal` 422 for those that are not there, or not whole.

    `requests` are by the number that each file has, in the order of the request; those that say
    which stored file to keep bring none.
    """
    brought = {
        number: (place, request)
        for place, (number, request) in enumerate(requests.items())
        if request.kept is None
    }
    found = await asyncio.gather(
        *(
            _given(organization, number, place, request, now)
            for number, (place, request) in brought.items()
        )
    )
    problems = tuple(one for one in found if isinstance(one, Problem))
    if problems:
        raise Refusal(422, "Some files are not there; see errors.", problems)
    return GivenFiles(
        tuple(one for one in found if isinstance(one, Attachment)),
        {
            number: request.decoded()
            for number, (_, request) in brought.items()
            if request.content is not None
        },
        {
            number: request.upload
            for number, (_, request) in brought.items()
            if request.upload is not None
        },
    )


async def store_files(
    organization: Organization, message: str, given: GivenFiles, now: datetime
) -> None:
    """Stores the bytes under the message's own names; may be done twice."""
    sizes = {one.number: one.size for one in given.attachments}
    places = asyncio.Semaphore(_AT_ONCE)

    async def put(number: int, content: bytes) -> None:
        async with places:
            await organization.blobs.put(CONTAINER, file_name(message, number), content)

    async def copy(number: int, upload: str) -> None:
        name = file_name(message, number)
        async with places:
            await organization.blobs.copy(CONTAINER, upload_name(upload), name, now)
            size = await organization.blobs.size(CONTAINER, name)
        if size != sizes[number]:
            raise Refusal(
                422,
                "An upload changed while the message was accepted; send it again.",
                (Problem("/attachments", "The bytes of an upload changed just now."),),
            )

    await asyncio.gather(
        *(put(number, content) for number, content in given.bytes_of.items()),
        *(copy(number, upload) for number, upload in given.upload_of.items()),
    )


async def delete_files(organization: Organization, message: str, numbers: Iterable[int]) -> None:
    """Deletes the bytes of a message's files, which nobody will need again; may be done twice."""
    for number in numbers:
        await organization.blobs.delete(CONTAINER, file_name(message, number))


def encoded_size(size: int) -> int:
    """Bytes that a file has in a mail: base64 in lines (RFC 2045 §6.8)."""
    encoded = (size + 2) // 3 * 4
    return encoded + 2 * -(-encoded // _LINE_OF_BASE64)


def refuse_too_large_together(
    attachments: Sequence[Attachment], *, followed: bool, limit: int
) -> None:
    """422 where the files that go with the message itself are more than Exchange takes (T5)."""
    if too_large_together(attachments, followed=followed, limit=limit):
        megabytes = limit // (1024 * 1024)
        raise Refusal(
            422,
            f"The attached files are larger than {megabytes} MB together, as a mail carries them. "
            "Follow the large ones: then they are linked and do not travel.",
            (Problem("/attachments", f"Larger than {megabytes} MB together."),),
            code="attachmentsTooLarge",
        )


def too_large_together(attachments: Sequence[Attachment], *, followed: bool, limit: int) -> bool:
    """Whether the files that are not linked exceed `limit` bytes in a mail."""
    return (
        sum(encoded_size(one.size) for one in attachments if not (followed and one.follow)) > limit
    )


async def _given(
    organization: Organization,
    number: int,
    place: int,
    request: AttachmentRequest,
    now: datetime,
) -> Attachment | Problem:
    if request.upload is None:
        assert request.name is not None
        return Attachment(
            number,
            request.name,
            request.media_type,
            len(request.decoded()),
            request.follow,
            request.content_id,
        )
    where = f"/attachments/{place}/upload"
    upload = await find_upload(organization, request.upload, now)
    if upload is None:
        return Problem(where, "There is no such upload (any more); upload the file again.")
    size = await uploaded_size(organization, upload.id)
    if size is None:
        return Problem(where, "Nothing was uploaded yet; PUT the bytes to the upload's url first.")
    if size != upload.size:
        return Problem(
            where,
            f"{size:,} bytes were uploaded instead of {upload.size:,}; upload the file again.",
        )
    return Attachment(
        number, upload.name, upload.content_type, size, request.follow, request.content_id
    )
