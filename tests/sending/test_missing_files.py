"""Files that are not where they should be when a message is sent: it goes without waiting for them
where it can, and else fails with the reason (F1, F4, S2)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.attachments.staging import GivenFiles, delete_files
from shared.messages.content import content_to_show, delete_content
from shared.messages.files import Place, read_files
from shared.model import Attachment, Status
from tests.sending.post_office import PostOffice

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # The SDK warns about itself while it is imported.
    pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning"),
]


async def accepted(office: PostOffice, *, follow: bool) -> str:
    """A message with one file, which waits to be brought to OneDrive where it is followed."""
    files = (Attachment(1, "offer.pdf", "application/pdf", 5, follow, None),)
    order = replace(office.order(attachments=files), files=GivenFiles(files, {1: b"offer"}))
    return await office.accepted(order)


async def test_nobody_waits_for_files_of_a_message_that_is_not_followed_any_more(
    office: PostOffice,
) -> None:
    message = await accepted(office, follow=True)
    assert await office.deliver(message) is None
    assert (await office.stored(message)).message.status is Status.ACCEPTED
    await office.switch_engagement(on=False)
    assert await office.deliver(message) is None
    await office.switch_engagement(on=True)
    sent = (await office.stored(message)).message
    assert (sent.status, sent.followed) == (Status.SENT, False)
    (mail,) = office.received()
    assert [one["name"] for one in mail["attachments"]] == ["offer.pdf"]
    await office.settle_files()
    (stored,) = await read_files(office.organization, message)
    assert stored.file.place is Place.GONE


@pytest.mark.parametrize("follow", [True, False], ids=["followed", "ordinary"])
async def test_a_file_that_vanished_from_storage_is_the_reason_why_nothing_was_sent(
    office: PostOffice, follow: bool
) -> None:
    message = await accepted(office, follow=follow)
    await delete_files(office.organization, message, [1])
    row = await office.finish(message)
    assert row.failure is not None
    assert (row.status, row.failure.code) == (Status.FAILED, "fileLost")
    assert office.received() == []
    assert office.drafts() == []


@pytest.mark.parametrize("follow", [True, False], ids=["followed", "ordinary"])
async def test_a_text_that_vanished_from_storage_is_the_reason_why_nothing_was_sent(
    office: PostOffice, follow: bool
) -> None:
    message = await accepted(office, follow=follow)
    before = (await office.stored(message)).message
    await delete_content(office.organization, message, before.content)
    row = await office.finish(message)
    assert row.failure is not None
    assert (row.status, row.failure.code) == (Status.FAILED, "contentLost")
    assert office.received() == []
    await office.settle_files()
    files = await read_files(office.organization, message)
    assert {one.file.place for one in files} <= {Place.GONE}
    assert (await content_to_show(office.organization, row)).subject == "Offer"
