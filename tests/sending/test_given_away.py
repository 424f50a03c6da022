"""What a seller whose mailbox is gone leaves behind is given to another (rule S2)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.assistant.cards import MANAGERS, read_cards
from shared.attachments.staging import GivenFiles
from shared.errors import Refusal
from shared.messages.files import Place, read_files
from shared.model import Attachment, Seller, SendTime, Status, Step
from shared.sellers.store import store_seller
from shared.sending.again import retry
from shared.sending.changes import change
from tests.sending.post_office import PostOffice

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # The SDK warns about itself while it is imported.
    pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning"),
]

GONE, BRUNO = "gone@contoso.com", "bruno@contoso.com"
TO_BRUNO = {"from": BRUNO, "seller": BRUNO}
SEND = {"method": "POST", "path": "/send$", "kind": "dropAfterDone"}
LOOK_UP = {"method": "GET", "path": "filter"}
FILE = Attachment(1, "offer.pdf", "application/pdf", 5, follow=True)


async def failed(office: PostOffice) -> str:
    time = SendTime(office.clock() + timedelta(hours=1))
    order = office.order(send_time=time, from_=GONE, seller=GONE, signature="<p>Gone</p>")
    message = await office.accepted(order)
    office.clock.move(hours=1)
    assert message in await office.fire()
    row = await office.finish(message)
    assert row.failure is not None and row.failure.code == "mailboxUnknown"
    return message


async def test_a_scheduled_message_of_a_mailbox_that_is_gone_fails_is_given_and_sent_once(
    office: PostOffice,
) -> None:
    seller = Seller(BRUNO, signature="<p>Bruno of Contoso</p>")
    await store_seller(office.organization, seller)
    message = await failed(office)
    before = await office.stored(message)

    row = await change(office.changer(), message, TO_BRUNO)

    assert (row.from_, row.seller, row.status) == (BRUNO, BRUNO, Status.FAILED)
    assert (row.failure, row.due_at) == (before.message.failure, None)
    assert [one.id for one in await office.listed(f"seller:{BRUNO}")] == [message]
    assert message not in [one.id for one in await office.listed(f"seller:{GONE}")]
    assert office.received() == [], "nothing is sent before somebody says so"
    office.clock.move(hours=1)
    assert message not in await office.fire()
    status = await retry(
        office.organization,
        message,
        even_if_sent=False,
        now=office.clock(),
        deliver=office.enqueue,
    )
    assert status is Status.ACCEPTED
    assert (await office.finish(message)).status is Status.SENT
    (mail,) = office.received()
    assert "Bruno of Contoso" in mail["html"] and "Gone" not in mail["html"]
    with pytest.raises(Refusal) as refusal:
        await change(office.changer(), message, TO_BRUNO)
    assert (refusal.value.status, refusal.value.code) == (409, "sendingBegan")


async def cards(office: PostOffice, *sellers: str) -> list[str]:
    page = await read_cards(office.organization, sellers, office.clock(), engagement=True, limit=50)
    return [one.id for one in page.cards]


async def test_the_managers_are_told_of_a_scheduled_message_whose_mailbox_is_gone_until_it_is_given(
    office: PostOffice,
) -> None:
    message = await failed(office)
    assert f"{message}-mailboxGone" in await cards(office, MANAGERS)
    assert await cards(office, GONE, MANAGERS) == await cards(office, GONE), "nobody twice"
    await change(office.changer(), message, TO_BRUNO)
    assert f"{message}-mailboxGone" not in await cards(office, MANAGERS)
    assert f"{message}-failed" in await cards(office, BRUNO)
    at_once = await office.accepted(office.order(from_=GONE, seller=GONE))
    await office.finish(at_once)
    assert f"{at_once}-failed" in await cards(office, GONE)
    assert f"{at_once}-mailboxGone" not in await cards(office, MANAGERS), "its seller is there"


async def test_nothing_else_of_a_failed_message_is_changed(office: PostOffice) -> None:
    message = await failed(office)
    for changes in ({}, TO_BRUNO | {"subject": "Other"}, {"sendAt": None}):
        with pytest.raises(Refusal) as refusal:
            await change(office.changer(), message, changes)
        assert (refusal.value.status, refusal.value.code) == (409, "failed")
    with pytest.raises(Refusal) as refusal:
        await change(office.changer(), message, {"from": "bruno@elsewhere.example"})
    assert [one.pointer for one in refusal.value.problems] == ["/from"]


async def test_what_may_have_been_sent_is_not_given_away(office: PostOffice) -> None:
    unknown: dict[str, object] = {"kind": "status", "status": 404, "code": "ErrorInvalidUser"}
    office.faults(SEND, LOOK_UP | unknown)
    message = await office.accepted()
    await office.finish(message)
    assert (await office.stored(message)).copies[0].step is Step.NEEDS_REVIEW
    with pytest.raises(Refusal) as refusal:
        await change(office.changer(), message, TO_BRUNO)
    assert (refusal.value.status, refusal.value.code) == (409, "mayHaveBeenSent")


async def test_followed_files_of_a_scheduled_message_move_to_its_new_senders_onedrive_t5(
    office: PostOffice,
) -> None:
    time = SendTime(office.clock() + timedelta(hours=1))
    files = GivenFiles((FILE,), {1: b"offer"})
    order = office.order(send_time=time, attachments=(FILE,), files=files)
    message = await office.accepted(order)
    await office.settle_files()
    (anas,) = await read_files(office.organization, message)
    await change(office.changer(), message, TO_BRUNO)
    await office.settle_files()
    (brunos,) = await read_files(office.organization, message)
    assert brunos.file.place is anas.file.place is Place.STORED
    assert brunos.file.drive_id != anas.file.drive_id
    office.clock.move(hours=1)
    await office.fire()
    assert (await office.finish(message)).status is Status.SENT
    (mail,) = office.received()
    assert "offer.pdf" in mail["html"]
