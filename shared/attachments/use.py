"""Where the link of a followed file leads when a recipient uses it."""

from __future__ import annotations

import asyncio
from datetime import datetime

from shared.errors import StorageUnavailable
from shared.graph.drive import Drive
from shared.graph.errors import GraphError, NotFound
from shared.messages.files import Place, read_file
from shared.organizations import Organization

PATIENCE_S = 5.0
"""How long a recipient waits for OneDrive at most."""


async def address_of_file(
    organization: Organization, drive: Drive, message: str, number: int, now: datetime
) -> str | None:
    """The file's address; None where it expired, was taken back, or is there no more.

    Raises a `Transient` error where it cannot be told now.
    """
    stored = await read_file(organization, message, number)
    if stored is None:
        return None
    file = stored.file
    if file.place is not Place.STORED or file.expires_at is None or file.expires_at <= now:
        return None
    if file.link is not None:
        return file.link
    # The tenant forbids links for everybody: the file's own address is short-lived, never stored.
    assert file.drive_id is not None and file.item_id is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await drive.download_url(file.drive_id, file.item_id)
    except NotFound:
        return None
    except (GraphError, TimeoutError) as error:
        raise StorageUnavailable(f"OneDrive: {error}") from error
