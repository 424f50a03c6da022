"""A message that failed is tried again because somebody asks for it; nothing is sent twice (S2)."""

from __future__ import annotations

import asyncio

import pytest

from shared.errors import Refusal
from shared.model import Status
from shared.sending.again import retry
from tests.sending.post_office import ANA, PostOffice
from tests.sending.test_delivery import (
    CREATE,
    LOOK_UP,
    REFUSED,
    SEND,
    failed_as,
    sent_once,
)

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # The SDK warns about itself while it is imported.
    pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning"),
]


async def again(office: PostOffice, message: str, *, even_if_sent: bool = False) -> Status:
    return await retry(
        office.organization,
        message,
        even_if_sent=even_if_sent,
        now=office.clock(),
        deliver=office.enqueue,
    )


async def failed(office: PostOffice, code: str = "mailboxOutOfScope") -> str:
    office.faults(CREATE | REFUSED[code])
    message = await office.accepted()
    await office.finish(message)
    await failed_as(office, message, code)
    return message


async def unclear(office: PostOffice) -> str:
    """One that was sent, though nobody could tell when it was looked up."""
    office.faults(SEND | {"kind": "dropAfterDone"}, LOOK_UP | REFUSED["mailboxOutOfScope"])
    message = await office.accepted()
    await office.finish(message)
    return message


async def test_what_an_administrator_put_right_is_sent(office: PostOffice) -> None:
    message = await failed(office)
    office.clock.move(hours=50)
    assert await again(office, message) is Status.ACCEPTED
    assert message in office.words
    await office.finish(message)
    await sent_once(office, message)


async def test_a_day_passes_anew_before_it_is_given_up(office: PostOffice) -> None:
    message = await failed(office)
    office.clock.move(hours=50)
    await again(office, message)
    office.faults(CREATE | {"kind": "unavailable", "times": 3, "retryAfter": 3_600})
    await office.finish(message)
    await sent_once(office, message)


async def test_it_may_fail_again_with_another_reason(office: PostOffice) -> None:
    message = await failed(office)
    await again(office, message)
    office.faults(CREATE | REFUSED["recipientRefused"])
    await office.finish(message)
    await failed_as(office, message, "recipientRefused")


async def test_asked_by_several_at_once_it_is_sent_once(office: PostOffice) -> None:
    message = await failed(office)
    answers = await asyncio.gather(*(again(office, message) for _ in range(5)))
    assert set(answers) == {Status.ACCEPTED}
    for _ in range(2):
        await asyncio.gather(*(office.deliver(message) for _ in range(3)))
    await office.finish(message)
    await sent_once(office, message)


async def test_the_timer_brings_it_up_where_no_word_was_heard(office: PostOffice) -> None:
    # The timer also brings up what other tests left, hence an address of its own.
    office.faults(CREATE | REFUSED["mailboxOutOfScope"])
    order = office.order(*office.contact("timer@example.com"))
    message = await office.accepted(order)
    await office.finish(message)
    await again(office, message)
    await office.finish_by_timer()
    assert (await office.stored(message)).message.status is Status.SENT
    assert len(office.received("timer@example.com")) == 1


async def test_what_was_sent_is_not_tried_again(office: PostOffice) -> None:
    message = await office.accepted()
    await office.finish(message)
    with pytest.raises(Refusal) as refused:
        await again(office, message, even_if_sent=True)
    assert refused.value.status == 409
    await sent_once(office, message)


async def test_what_may_have_been_sent_needs_a_clear_word(office: PostOffice) -> None:
    message = await unclear(office)
    with pytest.raises(Refusal) as refused:
        await again(office, message)
    assert (refused.value.status, refused.value.code) == (409, "mayHaveBeenSent")
    assert (await office.stored(message)).message.status is Status.FAILED


async def test_a_copy_that_was_sent_after_all_is_found_and_not_sent_again(
    office: PostOffice,
) -> None:
    message = await unclear(office)
    await again(office, message, even_if_sent=True)
    await office.finish(message)
    await sent_once(office, message)


async def test_a_copy_that_vanished_is_sent_when_somebody_says_so(office: PostOffice) -> None:
    office.faults(SEND | {"kind": "dropBefore"})
    message = await office.accepted()
    later = await office.deliver(message)
    assert later is not None
    (draft,) = office.drafts()
    await office.mail.delete_message(ANA, draft["id"])
    office.clock.move(seconds=later.seconds)
    await office.finish(message)
    await again(office, message, even_if_sent=True)
    await office.finish(message)
    await sent_once(office, message)


async def test_a_message_that_does_not_exist_is_not_found(office: PostOffice) -> None:
    with pytest.raises(Refusal) as refused:
        await again(office, "0" * 32)
    assert refused.value.status == 404
