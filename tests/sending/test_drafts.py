"""Drafts: kept as they are, edited, sent once complete, or deleted without a trace (S1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.attachments.staging import GivenFiles
from shared.errors import Refusal
from shared.messages.content import CONTAINER
from shared.messages.feeds import EVERYBODY, seller_feed
from shared.messages.feeds import TABLE as FEEDS
from shared.messages.rows import TABLE
from shared.messages.stored import read_message
from shared.model import Attachment, Content, FollowChoice, SendTime, Status
from shared.sending.changes import cancel, change, send_now
from shared.sending.drafts import delete_draft
from tests.sending.mortality import Killed, Trouble, trouble_in
from tests.sending.post_office import ANA, PostOffice

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # The SDK warns about itself while it is imported.
    pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning"),
]

EMPTY = Content("", None, None, ())
FILE = Attachment(1, "offer.pdf", "application/pdf", 5, follow=True)


async def draft(office: PostOffice, **changes: Any) -> str:
    return await office.accepted(office.order(draft=True, **changes))


async def traces(office: PostOffice, message: str) -> list[str]:
    """Everything that storage still has of a message."""
    organization = office.organization
    rows = [row["RowKey"] for row in await office.rows("", message)]
    for feed in (EVERYBODY, seller_feed(ANA)):
        rows += [
            f"{feed} {read.row['RowKey']}"
            async for read in organization.tables.rows(FEEDS, feed)
            if read.row["message"] == message
        ]
    rows += [name async for name, _ in organization.blobs.names(CONTAINER) if message in name]
    return rows + [key for key in await office.due() if message in key]


async def test_a_draft_without_anything_is_kept_and_listed_and_nothing_is_said(
    office: PostOffice,
) -> None:
    answer = await office.send(replace(office.order(), content=EMPTY, draft=True))
    assert (answer["status"], answer["followed"]) == ("draft", False)
    assert [one["code"] for one in answer["notFollowedReasons"]] == ["noFollowableRecipient"]
    message = answer["id"]
    listed = {one.id: one for one in await office.listed()}
    assert listed[message] == (await office.stored(message)).message
    assert (office.words, office.file_words, office.announced) == ([], [], [])
    assert not [key for key in await office.due() if message in key]


async def test_a_draft_is_never_delivered_and_its_files_stay_here(office: PostOffice) -> None:
    files = GivenFiles((FILE,), {1: b"offer"})
    message = await draft(office, attachments=(FILE,), files=files)
    assert await office.deliver(message) is None
    await office.poison(message)
    assert (await office.stored(message)).message.status is Status.DRAFT
    assert (office.file_words, await office.rows("file~", message)) == ([], [])
    assert (office.received(), office.drafts()) == ([], [])


async def test_a_draft_that_is_sent_goes_out_with_its_files_wherever_it_was_left(
    office: PostOffice,
) -> None:
    """Its age counts for nothing: Graph is waited for as for one that was accepted just now."""
    files = GivenFiles((FILE,), {1: b"offer"})
    message = await draft(office, attachments=(FILE,), files=files)
    office.clock.move(days=200)
    row = await send_now(office.changer(), message)
    assert (row.status, row.tried_since) == (Status.ACCEPTED, office.clock())
    assert office.words == [message]
    office.faults({"kind": "throttle", "retryAfter": 3_600, "method": "POST", "path": "/messages$"})
    assert (await office.finish(message)).status is Status.SENT
    (mail,) = office.received()
    assert "offer.pdf" in mail["html"]
    assert (await send_now(office.changer(), message)).status is Status.SENT
    assert len(office.received()) == 1


async def test_a_draft_is_sent_only_when_it_is_complete(office: PostOffice) -> None:
    message = await office.accepted(replace(office.order(), content=EMPTY, draft=True))
    with pytest.raises(Refusal) as refusal:
        await send_now(office.changer(), message)
    assert refusal.value.status == 422
    pointers = [one.pointer for one in refusal.value.problems]
    assert pointers == ["/to", "/subject", "/html"]
    await change(
        office.changer(),
        message,
        {"to": [{"address": "li@example.com"}], "subject": "Offer", "text": "Hello"},
    )
    assert (await send_now(office.changer(), message)).status is Status.ACCEPTED


async def test_what_must_be_followed_may_wait_as_a_draft_and_is_refused_when_sent(
    office: PostOffice,
) -> None:
    message = await draft(office, follow=FollowChoice.REQUIRED, html=None)
    assert (await office.stored(message)).message.followed, "a body may still come"
    await change(office.changer(), message, {"text": "Hello"})
    with pytest.raises(Refusal) as refusal:
        await send_now(office.changer(), message)
    assert (refusal.value.status, refusal.value.code) == (422, "cannotFollow")


async def test_a_draft_with_a_time_is_scheduled_when_it_is_no_draft_any_more(
    office: PostOffice,
) -> None:
    time = SendTime(office.clock() + timedelta(hours=1))
    message = await draft(office, send_time=time)
    office.clock.move(minutes=30)
    row = await change(office.changer(), message, {"draft": False})
    assert (row.status, row.due_at, row.send_time) == (Status.SCHEDULED, time.at, time)


async def test_a_draft_whose_time_has_passed_needs_another(office: PostOffice) -> None:
    message = await draft(office, send_time=SendTime(office.clock() + timedelta(hours=1)))
    office.clock.move(hours=2)
    await change(office.changer(), message, {"subject": "Still a draft"})
    with pytest.raises(Refusal) as refusal:
        await change(office.changer(), message, {"draft": False})
    assert [one.pointer for one in refusal.value.problems] == ["/sendAt"]
    assert (await send_now(office.changer(), message)).status is Status.ACCEPTED


async def test_a_draft_cannot_be_cancelled_and_nothing_else_can_be_deleted(
    office: PostOffice,
) -> None:
    message = await draft(office)
    with pytest.raises(Refusal) as refusal:
        await cancel(office.changer(), message)
    assert (refusal.value.status, refusal.value.code) == (409, "draft")
    for other in (
        await office.accepted(),
        await office.accepted(office.order(send_time=SendTime(office.clock() + timedelta(days=9)))),
    ):
        with pytest.raises(Refusal) as refusal:
            await delete_draft(office.organization, other, office.clock())
        assert (refusal.value.status, refusal.value.code) == (409, "notADraft")


async def test_a_deleted_draft_leaves_nothing_but_the_mark_that_there_was_one(
    office: PostOffice,
) -> None:
    files = GivenFiles((FILE,), {1: b"offer"})
    message = await draft(office, attachments=(FILE,), files=files)
    await change(office.changer(), message, {"subject": "Another"})
    assert len(await traces(office, message)) == 6
    await delete_draft(office.organization, message, office.clock())
    assert await traces(office, message) == ["message"]
    (mark,) = await office.rows("", message)
    assert mark.keys() - {"Timestamp"} == {"PartitionKey", "RowKey", "schema", "erasedAt"}
    assert await read_message(office.organization, message) is None
    with pytest.raises(Refusal) as refusal:
        await delete_draft(office.organization, message, office.clock())
    assert refusal.value.status == 404


async def test_the_key_of_a_deleted_draft_gives_its_first_answer_and_no_second_message(
    office: PostOffice,
) -> None:
    order = office.order(draft=True)
    answer = await office.send(order, "of a draft")
    await delete_draft(office.organization, answer["id"], office.clock())
    office.clock.move(days=1)
    assert await office.send(order, "of a draft") == answer
    assert await traces(office, answer["id"]) == ["message"]


async def test_a_deletion_that_is_killed_anywhere_is_finished_by_the_timer(
    office: PostOffice,
) -> None:
    for number in range(1, 30):
        message = await draft(office)
        trouble = Trouble(number, True, Killed)
        async with trouble_in(office, trouble) as theirs:
            await delete_draft(theirs.organization, message, theirs.clock())
        office.clock.move(minutes=2)
        await office.fire()
        there = await read_message(office.organization, message)
        if number == 1:
            assert there and there.message.status is Status.DRAFT
        else:
            assert there is None
            assert await traces(office, message) == ["message"]
        if not trouble.came:
            return
    raise AssertionError("it makes more calls than any test expects")


async def test_a_draft_whose_acceptance_is_killed_is_listed_once_it_is_there(
    office: PostOffice,
) -> None:
    """Nobody delivers it, who would write its lists."""
    for number in range(1, 30):
        trouble, id_ = Trouble(number, True, Killed), f"{number:032x}"
        async with trouble_in(office, trouble) as theirs:
            await theirs.send(theirs.order(draft=True), new_id=id_)
        office.clock.move(minutes=2)
        await office.fire()
        there = await office.organization.tables.get(TABLE, id_, "message") is not None
        assert (id_ in [one.id for one in await office.listed()]) is there
        assert await office.rows("todo~", id_) == []
        if not trouble.came:
            assert there
            return
    raise AssertionError("it makes more calls than any test expects")


async def in_onedrive(office: PostOffice, message: str) -> list[str]:
    items = office.http.get(f"{office.graph.address}/_local/drives/{ANA}/files").json()["items"]
    return [one["path"] for one in items if message in one["path"]]


@pytest.mark.parametrize("heard", [True, False], ids=["words are heard", "words are lost"])
async def test_files_of_a_draft_that_was_scheduled_leave_onedrive_though_it_is_deleted(
    office: PostOffice, heard: bool
) -> None:
    files = GivenFiles((FILE,), {1: b"offer"})
    later = SendTime(office.clock() + timedelta(days=3))
    message = await office.accepted(
        replace(office.order(attachments=(FILE,)), files=files, send_time=later)
    )
    await office.settle_files()
    assert len(await in_onedrive(office, message)) == 1

    await change(office.changer(), message, {"draft": True})
    await delete_draft(office.organization, message, office.clock())
    assert await read_message(office.organization, message) is None
    if not heard:
        office.file_words.clear()
        office.clock.move(minutes=3)
        assert message in await office.fire()
        assert await office.deliver(message) is None
    await office.settle_files()
    assert await in_onedrive(office, message) == []
    office.clock.move(days=4)
    await office.fire()
    assert await traces(office, message) == ["message"]
