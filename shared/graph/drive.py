"""Files in OneDrive for Business, or in a SharePoint library, through Microsoft Graph.

A file has one path for ever, made of ids of ours. So whoever uploads it again, after whatever went
wrong, meets what is there: the name is taken, size and hash are ours, and the file is adopted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from shared.graph import uploads
from shared.graph.client import GraphTenant, graph_client, load_sdk, send_bytes
from shared.graph.drive_items import PIECE_BYTES, DriveItem, Link, adopted, from_answer, from_sdk
from shared.graph.errors import (
    Ambiguous,
    LinksForbidden,
    NotDone,
    NotFound,
    Refused,
    translated,
)
from shared.graph.uploads import Source

if TYPE_CHECKING:
    from msgraph.generated.drives.item.drive_item_request_builder import DriveItemRequestBuilder
    from msgraph.generated.models.drive_item import DriveItem as SdkItem

LARGEST_SMALL_FILE = 4 * 1024 * 1024
"""Bytes up to which a file goes in one request."""
_SDK_MODULES = (
    "msgraph.generated.drives.drives_request_builder",
    "msgraph.generated.drives.item.drive_item_request_builder",
    "msgraph.generated.drives.item.items.items_request_builder",
    "msgraph.generated.drives.item.items.item.drive_item_item_request_builder",
    "msgraph.generated.drives.item.items.item.content.content_request_builder",
    "msgraph.generated.drives.item.items.item.create_link.create_link_request_builder",
    "msgraph.generated.drives.item.items.item.create_upload_session"
    ".create_upload_session_request_builder",
    "msgraph.generated.drives.item.root.root_request_builder",
    "msgraph.generated.users.item.drive.drive_request_builder",
    "msgraph.generated.models.drive_item",
    "msgraph.generated.models.permission",
)
# Sessions that vanish while they are used; more than this is no coincidence.
_MOST_SESSIONS = 3
_CONFLICT = "@microsoft.graph.conflictBehavior"


@dataclass(frozen=True)
class Drive:
    """The drives of one tenant.

    Every function raises `shared.graph.errors.GraphError`, whose docstring tells what is definite.
    """

    graph: GraphTenant

    async def drive_of(self, mailbox: str) -> str:
        """The id of the OneDrive of whoever has that mailbox; it stays, so ask once."""
        client = await graph_client(self.graph)
        await load_sdk(*_SDK_MODULES)
        with translated("find a drive"):
            drive = await client.users.by_user_id(mailbox).drive.get()
        if drive is None or not drive.id:
            raise Ambiguous("Graph answered for a drive without an id.")
        return drive.id

    async def upload(
        self,
        drive_id: str,
        path: str,
        source: Source,
        *,
        session: str | None = None,
        keep_session: Callable[[str], Awaitable[None]],
    ) -> DriveItem:
        """Put the file at ``path`` (``folder/…/name``), or find that it is there already.

        A large one goes through an upload session, whose address is given to ``keep_session``
        before the first byte. It is a secret. Whoever has kept it continues with ``session``; one
        that is gone is replaced, and kept in the same way.

        Raises:
            NameTaken: another file has that path.
            OutOfSpace: the drive is full.
        """
        if source.size <= LARGEST_SMALL_FILE:
            return await self._put(drive_id, path, source)
        address = session
        for _ in range(_MOST_SESSIONS):
            start = 0
            try:
                if address is None:
                    address = await self._open(drive_id, path)
                    await keep_session(address)
                else:
                    start = await uploads.next_byte(self.graph, address, source.size)
                if start < source.size:
                    return await self._send(address, source, start)
                # All bytes came, and something kept the session from becoming the file.
                await uploads.forget_session(self.graph, address)
            except NotFound:
                if address is None:
                    raise
            except Refused as error:
                return await self._adopt_if_taken(error, drive_id, path, source)
            found = await self.find(drive_id, path)
            if found is not None:
                return await adopted(found, source)
            address = None
        raise Ambiguous("Upload sessions vanish one after the other.")

    async def forget_upload(self, session: str) -> None:
        """End an upload session; one that is gone is fine too."""
        await uploads.forget_session(self.graph, session)

    async def find(self, drive_id: str, path: str) -> DriveItem | None:
        """The file at that path."""
        drive = await self._drive(drive_id)
        try:
            with translated("look a file up"):
                item = await drive.root.with_url(
                    await self._address(drive_id, f"root:/{quote(path)}")
                ).get()
        except NotFound:
            return None
        return from_sdk(item)

    async def create_link(
        self, drive_id: str, item_id: str, *, expires_at: datetime | None
    ) -> Link:
        """A link with which everybody can view the file, until ``expires_at`` (aware).

        Raises:
            LinksForbidden: the tenant forbids such links.
        """
        if expires_at is not None and expires_at.utcoffset() is None:
            raise ValueError("expires_at must have a time zone; Graph refuses one without.")
        drive = await self._drive(drive_id)
        from msgraph.generated.drives.item.items.item.create_link.create_link_post_request_body import (  # noqa: E501
            CreateLinkPostRequestBody,
        )

        body = CreateLinkPostRequestBody(
            type="view",
            scope="anonymous",
            expiration_date_time=expires_at,
            # The SDK sends false for it, which would take away whatever access there is.
            retain_inherited_permissions=True,
        )
        try:
            with translated("make a link to a file"):
                permission = await drive.items.by_drive_item_id(item_id).create_link.post(body)
        except Refused as error:
            if error.status == 403:
                raise LinksForbidden(str(error), 403, error.code, error.message) from error
            raise
        if permission is None or permission.link is None or not permission.link.web_url:
            raise Ambiguous("Graph answered for a link without its address.")
        return Link(permission.link.web_url, permission.expiration_date_time)

    async def download_url(self, drive_id: str, item_id: str) -> str:
        """An address that answers the file's bytes to everybody for a short time: never store it.

        Raises:
            NotFound: there is no such file any more.
        """
        drive = await self._drive(drive_id)
        with translated("get a file's address"):
            item = await drive.items.by_drive_item_id(item_id).get()
        address = item.additional_data.get("@microsoft.graph.downloadUrl") if item else None
        if not isinstance(address, str):
            raise Ambiguous("Graph answered for a file without an address to download it.")
        return address

    async def delete_item(self, drive_id: str, item_id: str) -> None:
        """The file, or the folder with all in it, is gone; one that was gone is fine too."""
        drive = await self._drive(drive_id)
        try:
            with translated("delete a file"):
                await drive.items.by_drive_item_id(item_id).delete()
        except NotFound:
            pass

    async def _put(self, drive_id: str, path: str, source: Source) -> DriveItem:
        client, drive = await graph_client(self.graph), await self._drive(drive_id)
        from msgraph.generated.models.drive_item import DriveItem as SdkItem

        address = await self._address(
            drive_id, f"items/root:/{quote(path)}:/content?{_CONFLICT}=fail"
        )
        content = drive.items.by_drive_item_id("root").content.with_url(address)
        body = await source.read(0, source.size) if source.size else b""
        try:
            with translated("upload a file"):
                request = content.to_put_request_information(b"")
                item: SdkItem | None = await send_bytes(client, request, body, SdkItem)
        except Refused as error:
            return await self._adopt_if_taken(error, drive_id, path, source)
        return from_sdk(item)

    async def _open(self, drive_id: str, path: str) -> str:
        drive = await self._drive(drive_id)
        from msgraph.generated.drives.item.items.item.create_upload_session.create_upload_session_post_request_body import (  # noqa: E501
            CreateUploadSessionPostRequestBody,
        )
        from msgraph.generated.models.drive_item_uploadable_properties import (
            DriveItemUploadableProperties,
        )

        address = await self._address(drive_id, f"items/root:/{quote(path)}:/createUploadSession")
        properties = DriveItemUploadableProperties(additional_data={_CONFLICT: "fail"})
        opening = drive.items.by_drive_item_id("root").create_upload_session.with_url(address)
        with translated("begin an upload"):
            session = await opening.post(CreateUploadSessionPostRequestBody(item=properties))
        if session is None or not session.upload_url:
            raise Ambiguous("Graph began an upload without telling its address.")
        return session.upload_url

    async def _send(self, address: str, source: Source, start: int) -> DriveItem:
        answer = await uploads.send_pieces(self.graph, address, source, start, PIECE_BYTES)
        return from_answer(answer)

    async def _adopt_if_taken(
        self, error: Refused, drive_id: str, path: str, source: Source
    ) -> DriveItem:
        if error.status != 409:
            raise error
        found = await self.find(drive_id, path)
        if found is None:
            # Whoever had the name has let it go meanwhile, so the next attempt can have it.
            raise NotDone("The name of a file was taken, and is free again.") from error
        return await adopted(found, source)

    async def _drive(self, drive_id: str) -> DriveItemRequestBuilder:
        client = await graph_client(self.graph)
        await load_sdk(*_SDK_MODULES)
        return client.drives.by_drive_id(drive_id)

    async def _address(self, drive_id: str, rest: str) -> str:
        client = await graph_client(self.graph)
        return f"{client.request_adapter.base_url}/drives/{quote(drive_id)}/{rest}"
