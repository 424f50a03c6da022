"""Files that travel with a message: small ones in one request, larger ones in an upload session.

A session's address is good for one attempt only. Whoever comes after a crash lists what the draft
has, and adds what is missing: a file is there whole or not at all.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.graph import uploads
from shared.graph.client import GraphTenant, graph_client, load_sdk, send_bytes
from shared.graph.errors import Ambiguous, NotFound, translated
from shared.graph.uploads import PIECE_UNIT, Source

if TYPE_CHECKING:
    from msgraph.generated.models.attachment import Attachment as SdkAttachment
    from msgraph.generated.users.item.messages.item.attachments.attachments_request_builder import (
        AttachmentsRequestBuilder,
    )

SMALLEST_LARGE_FILE = 3 * 1024 * 1024
"""Bytes from which on Exchange wants an upload session; below, it refuses one."""
LARGEST_FILE = 150 * 1024 * 1024
PIECE_BYTES = 12 * PIECE_UNIT
"""3.75 MiB: Exchange takes at most 4 MB."""
_FILE_TYPE = "#microsoft.graph.fileAttachment"
_SDK_MODULES = (
    "msgraph.generated.users.item.messages.item.attachments.attachments_request_builder",
    "msgraph.generated.users.item.messages.item.attachments.create_upload_session"
    ".create_upload_session_request_builder",
    "msgraph.generated.models.attachment_collection_response",
    "msgraph.generated.models.file_attachment",
)


@dataclass(frozen=True)
class Attachment:
    """A file to go with a message. With ``content_id`` and ``is_inline`` it is an image that the
    HTML shows by ``cid:``."""

    name: str
    content_type: str
    source: Source
    content_id: str | None = None
    is_inline: bool = False


@dataclass(frozen=True)
class Attached:
    """A file that a message has. Exchange counts a little more for ``size`` than the file has."""

    id: str
    name: str
    size: int
    content_id: str | None
    is_inline: bool


async def add(graph: GraphTenant, mailbox: str, draft_id: str, file: Attachment) -> None:
    """Add the file to the draft."""
    if file.source.size < SMALLEST_LARGE_FILE:
        await _add_small(graph, mailbox, draft_id, file)
    else:
        await _add_large(graph, mailbox, draft_id, file)


async def listed(graph: GraphTenant, mailbox: str, draft_id: str) -> list[Attached]:
    """What the message has, without the bytes."""
    attachments = await _attachments(graph, mailbox, draft_id)
    from kiota_abstractions.base_request_configuration import RequestConfiguration
    from msgraph.generated.users.item.messages.item.attachments.attachments_request_builder import (
        AttachmentsRequestBuilder,
    )

    # contentId is not a property of every attachment, so it is selected by a cast.
    wanted = AttachmentsRequestBuilder.AttachmentsRequestBuilderGetQueryParameters(
        select=["id", "name", "size", "isInline", "microsoft.graph.fileAttachment/contentId"]
    )
    found: list[Attached] = []
    with translated("list the files of a message"):
        page = await attachments.get(RequestConfiguration(query_parameters=wanted))
        while page is not None:
            found += [_attached(one) for one in page.value or []]
            if not page.odata_next_link:
                break
            page = await attachments.with_url(page.odata_next_link).get()
    return found


async def _add_small(graph: GraphTenant, mailbox: str, draft_id: str, file: Attachment) -> None:
    attachments = await _attachments(graph, mailbox, draft_id)
    from msgraph.generated.models.attachment import Attachment as SdkAttachment

    client = await graph_client(graph)
    size = file.source.size
    content = await file.source.read(0, size) if size else b""
    # Written without the SDK, whose models would keep the bytes until the garbage is collected.
    body: dict[str, Any] = {
        "@odata.type": _FILE_TYPE,
        "name": file.name,
        "contentType": file.content_type,
        "isInline": file.is_inline,
        "contentBytes": base64.b64encode(content).decode(),
    }
    if file.content_id is not None:
        body["contentId"] = file.content_id
    with translated("attach a file"):
        request = attachments.to_post_request_information(SdkAttachment())
        # The answer repeats the bytes, and its status says all.
        await send_bytes(client, request, json.dumps(body).encode(), None)


async def _add_large(graph: GraphTenant, mailbox: str, draft_id: str, file: Attachment) -> None:
    address = await _open(graph, mailbox, draft_id, file)
    try:
        await uploads.send_pieces(graph, address, file.source, 0, PIECE_BYTES)
    except NotFound as error:
        # Not the draft, but the session is gone: it expired, or the last piece was done unheard.
        raise Ambiguous(
            "The upload of an attachment ended; the draft tells whether well."
        ) from error


async def _open(graph: GraphTenant, mailbox: str, draft_id: str, file: Attachment) -> str:
    attachments = await _attachments(graph, mailbox, draft_id)
    from msgraph.generated.models.attachment_item import AttachmentItem
    from msgraph.generated.models.attachment_type import AttachmentType
    from msgraph.generated.users.item.messages.item.attachments.create_upload_session.create_upload_session_post_request_body import (  # noqa: E501
        CreateUploadSessionPostRequestBody,
    )

    item = AttachmentItem(
        attachment_type=AttachmentType.File,
        name=file.name,
        size=file.source.size,
        content_type=file.content_type,
        content_id=file.content_id,
        is_inline=file.is_inline,
    )
    with translated("begin to attach a file"):
        session = await attachments.create_upload_session.post(
            CreateUploadSessionPostRequestBody(attachment_item=item)
        )
    if session is None or not session.upload_url:
        raise Ambiguous("Graph began an upload without telling its address.")
    return session.upload_url


async def _attachments(
    graph: GraphTenant, mailbox: str, draft_id: str
) -> AttachmentsRequestBuilder:
    client = await graph_client(graph)
    await load_sdk(*_SDK_MODULES)
    return client.users.by_user_id(mailbox).messages.by_message_id(draft_id).attachments


def _attached(found: SdkAttachment) -> Attached:
    return Attached(
        id=found.id or "",
        name=found.name or "",
        size=found.size or 0,
        content_id=getattr(found, "content_id", None),
        is_inline=bool(found.is_inline),
    )
