"""A message can be changed, sent now and cancelled until its sending begins (S3)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.attachments.staging import GivenFiles
from shared.errors import Refusal
from shared.messages.content import CONTAINER, file_name, load_content
from shared.messages.files import Place, read_files
from shared.messages.rows import MessageRow
from shared.model import Attachment, Content, FollowChoice, SendTime, Status
from shared.sending.changes import Changer, cancel, change, send_now
from tests.sending.mortality import Killed, Trouble, trouble_in
from tests.sending.post_office import ANA, BODY, PostOffice

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # The SDK warns about itself while it is imported.
    pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning"),
]

TWO = (
    Attachment(1, "offer.pdf", "application/pdf", 5, follow=True),
    Attachment(2, "terms.pdf", "application/pdf", 5),
)
FILES = GivenFiles(TWO, {1: b"offer", 2: b"terms"})
NEW_FILE = {"name": "plan.pdf", "content": "cGxhbg=="}
MORE_THAN_THERE_ARE = 60

Doing = Callable[[Changer, str], Coroutine[Any, Any, MessageRow]]


async def scheduled(office: PostOffice, hours: float = 1000, **changes: Any) -> str:
    """So far ahead that other tests' timers do not meet it, unless it is to be sent."""
    time = SendTime(office.clock() + timedelta(hours=hours))
    return await office.accepted(office.order(send_time=time, **changes))


async def with_files(office: PostOffice, hours: float = 1000) -> str:
    return await scheduled(office, hours, attachments=TWO, files=FILES)


async def places(office: PostOffice, message: str) -> dict[int, Place]:
    files = await read_files(office.organization, message)
    return {one.file.number: one.file.place for one in files}


async def blobs(office: PostOffice, message: str) -> list[str]:
    """What blob storage has of a message, without its folders."""
    names = [name async for name, _ in office.organization.blobs.names(CONTAINER)]
    return [name.rpartition("/")[2] for name in names if message in name]


async def comes_up(office: PostOffice, message: str) -> bool:
    """Whether the timer hands it to delivery now, beside what other tests left."""
    return message in await office.fire()


async def refused(doing: Coroutine[Any, Any, Any]) -> tuple[int, str | None]:
    with pytest.raises(Refusal) as refusal:
        await doing
    return refusal.value.status, refusal.value.code


async def test_what_a_change_does_not_name_stays(office: PostOffice) -> None:
    people = (*office.contact("li@example.com"), *office.contact("bo@example.com"))
    order = office.order(*people, follow=FollowChoice.PREFERRED)
    message = await office.accepted(replace(order, draft=True))
    before = await office.stored(message)
    content = await load_content(office.organization, before.message)

    await change(office.changer(), message, {"subject": "Better offer"})

    after = (await office.stored(message)).message
    assert after.subject == "Better offer"
    assert after == replace(
        before.message,
        subject="Better offer",
        version=after.version,
        todo_sequence=after.todo_sequence,
        content=after.content,
    )
    now = await load_content(office.organization, after)
    assert now == replace(content, subject="Better offer")
    assert await blobs(office, message) == [f"{after.content}.json"]
    (listed,) = [one for one in await office.listed() if one.id == message]
    assert listed == after


async def test_everything_can_be_changed_and_follow_is_decided_anew(office: PostOffice) -> None:
    message = await scheduled(office)
    assert (await office.stored(message)).copies[0].recipient == "li@example.com"
    await change(
        office.changer(),
        message,
        {
            "from": "Bruno@contoso.com",
            "seller": "carla@contoso.com",
            "to": [{"address": "stranger@example.com"}],
            "html": None,
            "text": "Hello",
            "regarding": {"type": "lead", "id": "l-1"},
        },
    )
    stored = await office.stored(message)
    row = stored.message
    assert (row.from_, row.seller) == ("bruno@contoso.com", "carla@contoso.com")
    assert (row.followed, row.status) == (False, Status.SCHEDULED)
    assert [one.code for one in row.reasons] == ["textOnly", "noRecord", "noFollowableRecipient"]
    assert stored.copies[0].recipient == row.to_text == "stranger@example.com"
    content = await load_content(office.organization, row)
    assert (content.html, content.text) == (None, "Hello")
    assert [one.id for one in await office.listed("seller:carla@contoso.com")] == [message]
    assert message not in [one.id for one in await office.listed(f"seller:{ANA}")]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"to": []}, "/to"),
    ({"to": [{"address": "li"}]}, "/to/0/address"),
    ({"subject": None}, "/subject"),
    ({"subject": " "}, "/subject"),
    ({"text": "and html"}, "/text"),
    ({"html": None}, "/html"),
    ({"color": "red"}, "/color"),
    ({"from": "ana@elsewhere.example"}, "/from"),
    ({"sendAt": "tomorrow"}, "/sendAt"),
    ({"sendAt": "recommended"}, "/sendAt"),
    ({"sendAt": "recommended", "to": []}, "/to"),
    ({"reminder": {"condition": "anyway"}}, "/reminder/at"),
    ({"follow": "required", "text": "Hello", "html": None}, "/follow"),
    ({"attachments": [{"id": "3"}]}, "/attachments/0/id"),
    ({"attachments": [{"id": "01"}]}, "/attachments/0/id"),
    ({"attachments": [{"id": "1"}, {"id": "1"}]}, "/attachments/1/id"),
    ({"attachments": [{"id": "1", "name": "other.pdf"}]}, "/attachments/0"),
    ({"attachments": [{"id": "1"}, {"upload": "0" * 32}]}, "/attachments/1/upload"),
]


async def test_a_change_has_the_rules_of_a_new_message_and_changes_nothing_where_it_breaks_one(
    office: PostOffice, subtests: pytest.Subtests
) -> None:
    message = await with_files(office)
    before = await office.stored(message)
    for changes, pointer in WRONG:
        with subtests.test(str(changes)):
            with pytest.raises(Refusal) as refusal:
                await change(office.changer(), message, changes)
            assert refusal.value.status == 422
            assert pointer in [one.pointer for one in refusal.value.problems]
    assert await office.stored(message) == before
    assert sorted(await blobs(office, message)) == ["1", "2", "content.json"]


async def test_files_stay_go_and_come_and_no_number_is_used_again(office: PostOffice) -> None:
    message = await with_files(office, hours=1)
    assert office.file_words == [(message, 1)], "it is uploaded at once"
    await office.settle_files()
    assert await places(office, message) == {1: Place.STORED}
    changer = office.changer()

    await change(changer, message, {"attachments": [{"id": "2", "follow": True}, NEW_FILE]})
    assert await places(office, message) == {1: Place.LEAVING, 2: Place.WAITING}
    await office.settle_files()
    assert await places(office, message) == {1: Place.GONE, 2: Place.STORED}
    row = (await office.stored(message)).message
    content = await load_content(office.organization, row)
    assert [(one.number, one.name, one.follow) for one in content.attachments] == [
        (2, "terms.pdf", True),
        (3, "plan.pdf", False),
    ]
    assert set(await blobs(office, message)) == {"2", "3", f"{row.content}.json"}

    await change(changer, message, {"attachments": [NEW_FILE | {"follow": True}]})
    await office.settle_files()
    assert await places(office, message) == {1: Place.GONE, 2: Place.GONE, 4: Place.STORED}
    office.clock.move(hours=1)
    await office.fire()
    assert (await office.finish(message)).status is Status.SENT
    (mail,) = office.received()
    assert "plan.pdf" in mail["html"] and "offer.pdf" not in mail["html"]
    assert mail["attachments"] == []


async def test_a_file_that_turns_followed_again_comes_back(office: PostOffice) -> None:
    message = await with_files(office)
    await office.settle_files()
    for follow, place in (("off", Place.GONE), ("preferred", Place.STORED)):
        await change(office.changer(), message, {"follow": follow})
        await office.settle_files()
        assert await places(office, message) == {1: place}


async def test_two_changes_at_once_with_new_files_are_both_whole(office: PostOffice) -> None:
    message = await with_files(office)
    files = [{"name": f"{n}.txt", "content": "QUFB" if n else "QkJC"} for n in range(2)]
    await asyncio.gather(
        *(change(office.changer(), message, {"attachments": [file]}) for file in files)
    )
    row = (await office.stored(message)).message
    (one,) = (await load_content(office.organization, row)).attachments
    name = file_name(message, one.number)
    written = {"0.txt": b"BBB", "1.txt": b"AAA"}
    assert await office.organization.blobs.get(CONTAINER, name) == written[one.name]
    assert len(await blobs(office, message)) == 2


async def test_individual_copies_follow_their_recipients(office: PostOffice) -> None:
    people = [{"address": f"{name}@example.com"} for name in ("a", "b", "c")]
    message = await scheduled(office)

    async def recipients() -> list[str | None]:
        stored = await office.stored(message)
        assert stored.message.copies == len(stored.copies)
        return [stored.copies[number].recipient for number in sorted(stored.copies)]

    for changes, expected in (
        ({"to": people, "copies": "individual"}, ["a", "b", "c"]),
        ({"to": people[1:]}, ["b", "c"]),
        ({"draft": True, "to": []}, [None]),
        ({"to": people}, ["a", "b", "c"]),
        ({"copies": "one"}, [None]),
        ({"to": people[:1]}, ["a"]),
    ):
        await change(office.changer(), message, changes)
        assert await recipients() == [one and f"{one}@example.com" for one in expected]
    assert (await office.stored(message)).message.kpis.human_openers == 0


async def test_more_copies_than_change_at_once_are_refused_and_others_left_alone(
    office: PostOffice,
) -> None:
    people = [{"address": f"{number}@example.com"} for number in range(101)]
    order = office.order(draft=True, send_time=None)
    message = await office.accepted(order)
    with pytest.raises(Refusal) as refusal:
        await change(office.changer(), message, {"to": people, "copies": "individual"})
    assert refusal.value.status == 422
    assert "/to" in [one.pointer for one in refusal.value.problems]
    changes: dict[str, Any] = {"copies": "individual"}
    for many in (60, 101):
        await change(office.changer(), message, changes | {"to": people[:many]})
    await change(office.changer(), message, {"subject": "New"})
    stored = await office.stored(message)
    assert [copy.recipient for _, copy in sorted(stored.copies.items())] == [
        one["address"] for one in people
    ]


async def test_a_time_that_is_moved_is_the_only_one_that_counts(office: PostOffice) -> None:
    message = await scheduled(office, hours=1)
    later = office.clock() + timedelta(hours=5)
    await change(office.changer(), message, {"sendAt": later.isoformat()})
    office.clock.move(hours=3)
    assert not await comes_up(office, message)
    sooner = office.clock() + timedelta(hours=1)
    await change(office.changer(), message, {"sendAt": sooner.isoformat()})
    office.clock.move(hours=1)
    assert await comes_up(office, message)
    assert (await office.finish(message)).status is Status.SENT
    office.clock.move(hours=3)
    assert not await comes_up(office, message)
    assert len(office.received()) == 1


async def test_taking_the_time_away_sends_it(office: PostOffice) -> None:
    message = await scheduled(office)
    row = await change(office.changer(), message, {"sendAt": None})
    assert (row.status, row.send_time, office.words) == (Status.ACCEPTED, None, [message])


async def test_a_scheduled_message_can_become_a_draft_again(office: PostOffice) -> None:
    message = await with_files(office, hours=1)
    await office.settle_files()
    row = await change(office.changer(), message, {"draft": True, "to": []})
    assert (row.status, row.due_at) == (Status.DRAFT, None)
    await office.settle_files()
    assert await places(office, message) == {1: Place.GONE}
    office.clock.move(hours=2)
    assert not await comes_up(office, message)
    assert office.received() == []


async def test_send_now_sends_what_is_scheduled_once(office: PostOffice) -> None:
    message = await scheduled(office, hours=1)
    for _ in range(2):
        assert (await send_now(office.changer(), message)).status is Status.ACCEPTED
    assert (await office.finish(message)).status is Status.SENT
    assert (await send_now(office.changer(), message)).status is Status.SENT
    office.clock.move(hours=2)
    assert not await comes_up(office, message)
    assert len(office.received()) == 1


async def test_a_cancelled_message_leaves_onedrive_and_storage_and_is_never_sent(
    office: PostOffice,
) -> None:
    message = await with_files(office, hours=1)
    await office.settle_files()
    for _ in range(2):
        assert (await cancel(office.changer(), message)).status is Status.CANCELLED
    await office.settle_files()
    assert await places(office, message) == {1: Place.GONE}
    assert await blobs(office, message) == ["content.json"]
    office.clock.move(hours=2)
    await office.fire()
    assert await office.deliver(message) is None
    assert (office.received(), office.drafts()) == ([], [])
    for doing in (change(office.changer(), message, {}), send_now(office.changer(), message)):
        assert await refused(doing) == (409, "cancelled")


async def test_once_sending_has_begun_nothing_changes(office: PostOffice) -> None:
    office.faults({"kind": "throttle", "retryAfter": 60, "method": "POST"})
    message = await office.accepted()
    await office.deliver(message)
    changer = office.changer()
    for doing in (change(changer, message, {"subject": "New"}), cancel(changer, message)):
        assert await refused(doing) == (409, "sendingBegan")
    assert (await send_now(changer, message)).status is Status.SENDING
    office.clock.move(minutes=2)
    await office.finish(message)
    for doing in (change(changer, message, {"subject": "New"}), cancel(changer, message)):
        assert await refused(doing) == (409, "sendingBegan")
    (mail,) = office.received()
    assert mail["subject"] == "Offer"


async def test_a_failed_message_is_tried_again_and_not_changed(office: PostOffice) -> None:
    refusal = {"kind": "status", "status": 400, "code": "ErrorInvalidRecipients"}
    office.faults(refusal | {"method": "POST", "path": "/send$"})
    message = await office.accepted()
    await office.finish(message)
    changer = office.changer()
    for doing in (change(changer, message, {}), cancel(changer, message)):
        assert await refused(doing) == (409, "failed")
    assert await refused(send_now(changer, message)) == (409, "failed")


@pytest.mark.parametrize("doing", [change, cancel])
async def test_a_change_and_a_delivery_at_once_are_one_of_the_two(
    office: PostOffice, doing: Any
) -> None:
    message = await office.accepted()
    arguments = ({"subject": "New"},) if doing is change else ()
    results = await asyncio.gather(
        office.deliver(message),
        doing(office.changer(), message, *arguments),
        return_exceptions=True,
    )
    changed = not isinstance(results[1], Refusal)
    row = await office.finish(message)
    subjects = [mail["subject"] for mail in office.received()]
    if doing is cancel and changed:
        assert (row.status, subjects) == (Status.CANCELLED, [])
    else:
        assert (row.status, subjects) == (Status.SENT, ["New" if changed else "Offer"])


async def other_files(changer: Changer, message: str) -> MessageRow:
    return await change(changer, message, {"attachments": [{"id": "2", "follow": True}, NEW_FILE]})


AFTER: dict[Doing, Status] = {
    other_files: Status.SCHEDULED,
    cancel: Status.CANCELLED,
}


@pytest.mark.parametrize("doing", [other_files, cancel], ids=["change", "cancel"])
async def test_a_change_that_is_killed_anywhere_leaves_a_whole_message(
    office: PostOffice, doing: Doing
) -> None:
    """Old or new; the timer does what was to follow, and whoever tries again gets there."""
    for number in range(1, MORE_THAN_THERE_ARE):
        message = await with_files(office)
        office.file_words.clear()
        trouble = Trouble(number, True, Killed)
        async with trouble_in(office, trouble) as theirs:
            await doing(theirs.changer(), message)
        await is_whole(office, message)
        office.clock.move(minutes=2)
        await office.fire()
        assert await office.rows("todo~", message) == []
        row = await doing(office.changer(), message)
        assert row.status is AFTER[doing]
        content = await is_whole(office, message)
        assert content.attachments[0].number == (2 if doing is other_files else 1)
        if not trouble.came:
            return
    raise AssertionError("it makes more calls than any test expects")


async def is_whole(office: PostOffice, message: str) -> Content:
    """Its row and its content belong together, and the bytes of its files are there."""
    row = (await office.stored(message)).message
    content = await load_content(office.organization, row)
    assert [one.number for one in content.attachments] in ([1, 2], [2, 3], [2, 4])
    assert (content.subject, content.html) == (row.subject, BODY)
    for one in content.attachments:
        if row.status is not Status.CANCELLED:
            name = file_name(message, one.number)
            assert await office.organization.blobs.size(CONTAINER, name) == one.size
    return content
