"""A file that reaches OneDrive after everybody took its carrier for dead: it does not stay there
when it should not (T5, S2)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from shared.attachments.onedrive import LEASE, Porter, settle
from shared.attachments.staging import GivenFiles
from shared.graph.drive import Drive
from shared.graph.drive_items import DriveItem
from shared.graph.uploads import Source
from shared.messages.files import Place, read_files
from shared.model import Attachment
from shared.sending.changes import cancel
from tests.sending.post_office import ANA, PostOffice

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # The SDK warns about itself while it is imported.
    pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning"),
]


@dataclass(frozen=True)
class SlowDrive(Drive):
    """Something happens while a file is on its way, or while somebody looks whether it is there."""

    during_upload: Callable[[], Awaitable[None]] | None = None
    after_look: Callable[[], Awaitable[None]] | None = None

    async def upload(self, drive_id: str, path: str, source: Source, **options: Any) -> DriveItem:
        async def read(offset: int, length: int) -> bytes:
            piece = await source.read(offset, length)
            if self.during_upload is not None:
                await self.during_upload()
            return piece

        return await super().upload(drive_id, path, Source(source.size, read), **options)

    async def find(self, drive_id: str, path: str) -> DriveItem | None:
        found = await super().find(drive_id, path)
        if self.after_look is not None:
            await self.after_look()
        return found


def porter(office: PostOffice, drive: Drive) -> Porter:
    return Porter(office.organization, drive, office.clock, office.enqueue)


async def accepted(office: PostOffice) -> str:
    files = (Attachment(1, "offer.pdf", "application/pdf", 5, follow=True),)
    order = replace(office.order(attachments=files), files=GivenFiles(files, {1: b"offer"}))
    message = await office.accepted(order)
    office.file_words.clear()
    return message


async def gone_in_the_end(office: PostOffice, message: str) -> None:
    await office.settle_files()
    (stored,) = await read_files(office.organization, message)
    assert stored.file.place is Place.GONE
    files = httpx.get(f"{office.graph.address}/_local/drives/{ANA}/files").json()["items"]
    assert [one["path"] for one in files if message in one["path"]] == []


async def test_a_file_that_came_after_it_was_taken_away_is_taken_away_again(
    office: PostOffice,
) -> None:
    message = await accepted(office)

    async def cancelled() -> None:
        office.clock.move(seconds=LEASE.total_seconds() + 1)
        await cancel(office.changer(), message)
        await gone_in_the_end(office, message)

    again = await settle(porter(office, SlowDrive(office.tenant, cancelled)), message, 1)
    assert again is not None
    office.file_words.append((message, 1))
    await gone_in_the_end(office, message)


async def test_a_file_that_came_while_it_was_being_taken_away_is_looked_for_again(
    office: PostOffice,
) -> None:
    message = await accepted(office)
    looked, arrived = asyncio.Event(), asyncio.Event()
    remover: list[asyncio.Task[float | None]] = []

    async def until_it_arrived() -> None:
        looked.set()
        await arrived.wait()

    async def cancelled() -> None:
        office.clock.move(seconds=LEASE.total_seconds() + 1)
        await cancel(office.changer(), message)
        drive = SlowDrive(office.tenant, after_look=until_it_arrived)
        # Where it is put is known by now; who takes it away looks there.
        remover.append(asyncio.create_task(settle(porter(office, drive), message, 1)))
        await looked.wait()

    assert await settle(porter(office, SlowDrive(office.tenant, cancelled)), message, 1) is not None
    arrived.set()
    assert await remover[0] is not None
    office.file_words.append((message, 1))
    await gone_in_the_end(office, message)
