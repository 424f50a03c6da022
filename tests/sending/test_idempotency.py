"""The same Idempotency-Key is the same message, for 30 days, whatever happened since (S1)."""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from shared.errors import Refusal
from shared.model import FollowChoice, Record, RecordRef, Status
from shared.records.store import store_record
from shared.sending.accept import IdempotencyKey, accept
from shared.sending.idempotency import fingerprint
from tests.sending.mortality import Trouble, pausing, trouble_in
from tests.sending.post_office import PostOffice, to
from tests.web.running_service import RunningService

# The SDK warns about itself while it is imported.
pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning")

MESSAGE: dict[str, Any] = {
    "from": "ana@contoso.com",
    "to": [{"address": "li@example.com", "name": "Lí ✓"}],
    "subject": "Offer",
    "html": "<p>…</p>",
}


async def test_the_same_key_gives_the_same_answer_and_one_message(new_office: PostOffice) -> None:
    first = await new_office.send(new_office.order(), "k-1")
    for _ in range(3):
        assert await new_office.send(new_office.order(), "k-1") == first
    assert [message.id for message in await new_office.listed()] == [first["id"]]
    assert new_office.words == [first["id"]]


async def test_the_same_key_with_another_body_is_a_409(new_office: PostOffice) -> None:
    await new_office.send(new_office.order(), "k-1")
    with pytest.raises(Refusal) as refusal:
        await new_office.send(new_office.order(), "k-1", body="another")
    assert (refusal.value.status, refusal.value.code) == (409, "idempotencyKeyReused")
    assert len(await new_office.listed()) == 1


async def test_two_keys_are_two_messages_and_no_key_is_a_new_one_each_time(
    new_office: PostOffice,
) -> None:
    for key in ("a", "A", " a", None, None):
        await new_office.send(new_office.order(), key)
    assert len(await new_office.listed()) == 5


def test_json_that_is_written_differently_is_the_same_body() -> None:
    texts = [
        json.dumps(MESSAGE),
        json.dumps(MESSAGE, indent=4, ensure_ascii=False),
        json.dumps(dict(reversed(MESSAGE.items()))),
        json.dumps(MESSAGE).replace("<", "\\u003c").replace("O", "\\u004F"),
    ]
    assert len({fingerprint(json.loads(text)) for text in texts}) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"subject": "offer"},
        {"cc": []},
        {"subject": "Offer "},
        {"draft": False},
        {"to": [{"address": "li@example.com", "name": None}]},
        {"to": MESSAGE["to"] * 2},
    ],
    ids=str,
)
def test_json_that_says_something_else_is_another_body(change: dict[str, Any]) -> None:
    assert fingerprint(MESSAGE | change) != fingerprint(MESSAGE)


async def test_twenty_at_once_make_one_message(new_office: PostOffice) -> None:
    answers = await asyncio.gather(
        *(new_office.send(new_office.order(), "twins") for _ in range(20))
    )
    assert len({json.dumps(answer) for answer in answers}) == 1
    assert [message.id for message in await new_office.listed()] == [answers[0]["id"]]
    await new_office.finish(answers[0]["id"])
    assert len(new_office.received()) == 1


async def test_what_changed_since_does_not_change_the_answer(new_office: PostOffice) -> None:
    order = new_office.order(*to("li@example.com"), follow=FollowChoice.REQUIRED)
    contact = Record(RecordRef("contact", "c-1"), addresses=("li@example.com",))
    await store_record(new_office.organization, contact)
    first = await new_office.send(order, "k")
    assert first["followed"] is True

    await new_office.switch_engagement(on=False)
    await store_record(new_office.organization, replace(contact, follow_email=False))
    await new_office.organization.change_settings(
        lambda settings: replace(settings, sending_mailboxes=("bruno@contoso.com",))
    )
    assert await new_office.send(order, "k") == first
    await new_office.finish(first["id"])
    assert await new_office.send(replace(order, language="es"), "k") == first


async def test_a_key_is_free_again_after_30_days_and_not_before(new_office: PostOffice) -> None:
    first = await new_office.send(new_office.order(), "k")
    new_office.clock.move(days=30)
    assert await new_office.send(new_office.order(), "k") == first
    new_office.clock.move(seconds=1)
    second = await new_office.send(new_office.order(), "k", body="another")
    assert second["id"] != first["id"]
    assert await new_office.send(new_office.order(), "k", body="another") == second
    new_office.clock.move(days=29)
    assert await new_office.send(new_office.order(), "k", body="another") == second


async def test_twenty_at_once_with_an_expired_key_make_one_message(new_office: PostOffice) -> None:
    await new_office.send(new_office.order(), "k")
    new_office.clock.move(days=31)
    answers = await asyncio.gather(*(new_office.send(new_office.order(), "k") for _ in range(20)))
    assert len({answer["id"] for answer in answers}) == 1
    assert len(await new_office.listed()) == 2


async def test_a_twin_that_is_still_at_work_is_waited_for_then_told_of(
    new_office: PostOffice,
) -> None:
    async with trouble_in(new_office, Trouble(1, after=True)) as first:
        await first.send(new_office.order(), "k")
    began = time.monotonic()
    with pytest.raises(Refusal) as refusal:
        await new_office.send(new_office.order(), "k")
    assert (refusal.value.status, refusal.value.code) == (409, "underWay")
    assert refusal.value.retry_after
    assert 1.5 < time.monotonic() - began < 6
    assert await new_office.listed() == []


async def test_a_twin_that_comes_to_its_end_gives_its_answer_to_the_other(
    new_office: PostOffice,
) -> None:
    reserved, go_on = asyncio.Event(), asyncio.Event()

    async def wait_after_reserving() -> None:
        reserved.set()
        await go_on.wait()

    async with pausing(new_office, wait_after_reserving) as slow:
        first = asyncio.create_task(slow.send(new_office.order(), "k"))
        await reserved.wait()
        second = asyncio.create_task(new_office.send(new_office.order(), "k"))
        await asyncio.sleep(0.3)
        assert not second.done()
        go_on.set()
        assert await first == await second
    assert len(await new_office.listed()) == 1


async def test_of_two_bodies_at_once_with_one_key_the_first_is_sent_and_the_other_is_a_409(
    new_office: PostOffice,
) -> None:
    for n in range(6):
        orders = {
            name: new_office.order(*to(f"{name}{n}@example.com"), subject=name)
            for name in ("one", "two")
        }
        answers = await asyncio.gather(
            *(new_office.send(order, f"k-{n}", body=name) for name, order in orders.items()),
            return_exceptions=True,
        )
        ((first, answer),) = (
            (name, one)
            for name, one in zip(orders, answers, strict=True)
            if not isinstance(one, BaseException)
        )
        (refusal,) = (one for one in answers if isinstance(one, Refusal))
        assert (refusal.status, refusal.code) == (409, "idempotencyKeyReused")
        row = await new_office.finish(answer["id"])
        assert (row.status, row.subject) == (Status.SENT, first)
        sent = {name: len(new_office.received(f"{name}{n}@example.com")) for name in orders}
        assert sent == {name: int(name == first) for name in orders}
    assert len(await new_office.listed()) == 6


async def test_another_body_that_looked_the_key_up_before_it_was_taken_gets_no_further(
    new_office: PostOffice,
) -> None:
    """The first has reserved the key and not stored its message: its content must stay its own."""
    reserved, go_on = asyncio.Event(), asyncio.Event()

    async def wait_after_reserving() -> None:
        reserved.set()
        await go_on.wait()

    async with pausing(new_office, wait_after_reserving) as slow:
        first = asyncio.create_task(slow.send(new_office.order(subject="one"), "k", body="one"))
        await reserved.wait()
        with pytest.raises(Refusal) as refusal:
            await accept(
                new_office.organization,
                new_office.order(subject="two"),
                IdempotencyKey("k", "two"),
                clock=new_office.clock,
                new_id=lambda: uuid.uuid4().hex,
                words=new_office.said,
            )
        go_on.set()
        answer = await first
    assert (refusal.value.status, refusal.value.code) == (409, "idempotencyKeyReused")
    await new_office.finish(answer["id"])
    assert [mail["subject"] for mail in new_office.received()] == ["one"]


@pytest.mark.processes
def test_one_key_with_two_bodies_from_two_connections_is_a_202_and_a_409(
    service: RunningService,
) -> None:
    with ThreadPoolExecutor(2) as threads:
        for n in range(6):
            headers = {"idempotency-key": f"two bodies {n}"}
            bodies = [MESSAGE | {"subject": f"{name} {n}"} for name in ("one", "two")]
            answers = list(
                threads.map(
                    lambda body, headers=headers: service.call(
                        "POST", "messages", body, headers=headers
                    ),
                    bodies,
                )
            )
            assert sorted(answer.status_code for answer in answers) == [202, 409]
            (accepted,) = (
                (body, answer.json()["id"])
                for body, answer in zip(bodies, answers, strict=True)
                if answer.status_code == 202
            )
            shown = service.call("GET", f"messages/{accepted[1]}").json()
            assert shown["subject"] == accepted[0]["subject"]


async def test_keys_of_two_organizations_have_nothing_to_do_with_each_other(
    new_office: PostOffice, fabrikam: Any
) -> None:
    theirs = replace(new_office, organization=fabrikam, words=[])
    order = new_office.order(from_="ana@fabrikam.com", seller="ana@fabrikam.com")
    first = await new_office.send(new_office.order(), "k")
    other = await theirs.send(order, "k", body="another")
    assert first["id"] != other["id"]
    assert other["links"]["self"].startswith("/api/orgs/fabrikam/")


async def test_any_characters_make_a_key(new_office: PostOffice) -> None:
    keys = ["a/b\\c#d?e", "~", "'; drop", "é✓", "\t", "x" * 128, "..", "%2F"]
    random.Random(0).shuffle(keys)
    first = {key: (await new_office.send(new_office.order(), key))["id"] for key in keys}
    assert len(set(first.values())) == len(keys)
    for key, message in first.items():
        assert (await new_office.send(new_office.order(), key))["id"] == message


async def test_the_message_may_be_finished_and_the_answer_stays_accepted(
    new_office: PostOffice,
) -> None:
    first = await new_office.send(new_office.order(), "k")
    row = await new_office.finish(first["id"])
    assert row.status is Status.SENT
    assert (await new_office.send(new_office.order(), "k"))["status"] == "accepted"
