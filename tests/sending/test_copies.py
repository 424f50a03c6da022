"""Individual copies: everybody gets a mail of their own, and each ends by itself (rule S6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.errors import Refusal
from shared.messages.content import load_content
from shared.model import Reader, Recipient, RecordRef, Status, Step
from shared.sending.accept import Order
from shared.sending.again import retry
from shared.sending.requests import MessageRequest, check
from shared.timing.history import read_history
from shared.tracking.tokens import Kind, Sound, Target
from shared.web.requests import parse
from tests.sending.mortality import Killed
from tests.sending.post_office import SIGNER, WORD_COMES_BACK_S, PostOffice
from tests.sending.test_crashes import TROUBLES, attempt, every

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # The SDK warns about itself while it is imported.
    pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning"),
]

PEOPLE = ("li@example.com", "bo@example.com", "cy@example.com")
CREATE = {"method": "POST", "path": "/messages$"}
SEND = {"method": "POST", "path": "/send$"}
REFUSED = {"kind": "status", "status": 400, "code": "ErrorInvalidRecipients"}


NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def each(office: PostOffice, *addresses: str, **changes: Any) -> Order:
    """An order of which everybody gets a copy."""
    people = tuple(Recipient("to", one, "", RecordRef("contact", one)) for one in addresses)
    return office.order(*people, individual=True, **changes)


async def outcome(office: PostOffice, message: str) -> list[Step]:
    stored = await office.stored(message)
    return [stored.copies[number].step for number in sorted(stored.copies)]


async def test_everybody_gets_one_mail_addressed_to_them_alone(office: PostOffice) -> None:
    message = await office.accepted(each(office, *PEOPLE))
    row = await office.finish(message)
    assert (row.status, row.copies, row.kpis.human_openers) == (Status.SENT, 3, 0)
    stored = await office.stored(message)
    keys = set()
    for number, address in enumerate(PEOPLE):
        (mail,) = office.received(address)
        assert mail["headers"]["To"] == address
        assert not any(other in str(mail) for other in PEOPLE if other != address)
        copy = stored.copies[number]
        assert (copy.recipient, copy.step) == (address, Step.SENT)
        assert mail["headers"]["Message-ID"] == copy.internet_message_id
        keys.add(copy.internet_message_id)
        token = mail["html"].split("/o/")[1].split(".gif")[0]
        verdict = SIGNER.verify(Kind.OPEN, token)
        assert isinstance(verdict, Sound)
        assert verdict.target == Target("contoso", message, number)
    assert len(keys) == 3
    assert office.drafts() == []
    assert await office.due() == []


async def test_every_copy_teaches_when_its_own_person_reads_once_all_are_sent_d2(
    office: PostOffice,
) -> None:
    zones = ("Asia/Kathmandu", "Asia/Tokyo", None)
    order = each(office, *PEOPLE)
    people = [
        replace(one, time_zone=zone)
        for one, zone in zip(order.content.recipients, zones, strict=True)
    ]
    order = replace(order, content=replace(order.content, recipients=tuple(people)))
    message = await office.accepted(order)
    assert (await office.finish(message)).followed
    copies = (await office.stored(message)).copies
    later = office.clock() + timedelta(weeks=3)
    for number, (address, zone) in enumerate(zip(PEOPLE, zones, strict=True)):
        assert copies[number].reader == (Reader(address, zone) if zone else None)
        history = await read_history(office.organization, address, later)
        assert (sum(history.recipient.lay) > 0) is (zone is not None)


async def test_a_copy_that_is_refused_does_not_keep_the_others(office: PostOffice) -> None:
    office.faults(SEND | REFUSED | {"after": 1})
    message = await office.accepted(each(office, *PEOPLE))
    row = await office.finish(message)
    assert row.status is Status.PARTLY_SENT
    assert row.failure is not None and row.failure.code == "someNotSent"
    assert await outcome(office, message) == [Step.SENT, Step.FAILED, Step.SENT]
    failure = (await office.stored(message)).copies[1].failure
    assert failure is not None
    assert (failure.code, failure.values) == ("recipientRefused", {"who": "bo@example.com"})
    assert [len(office.received(one)) for one in PEOPLE] == [1, 0, 1]
    assert office.drafts() == []
    assert await office.due() == []


async def test_the_failed_copies_of_a_partly_sent_message_are_sent_when_tried_again(
    office: PostOffice,
) -> None:
    office.faults(SEND | REFUSED | {"after": 1})
    message = await office.accepted(each(office, *PEOPLE))
    await office.finish(message)
    status = await retry(
        office.organization,
        message,
        even_if_sent=False,
        now=office.clock(),
        deliver=office.enqueue,
    )
    assert status is Status.ACCEPTED
    row = await office.finish(message)
    assert (row.status, row.failure) == (Status.SENT, None)
    assert [len(office.received(one)) for one in PEOPLE] == [1, 1, 1]
    with pytest.raises(Refusal, match="was sent"):
        await retry(
            office.organization,
            message,
            even_if_sent=False,
            now=office.clock(),
            deliver=office.enqueue,
        )


async def test_what_is_wrong_with_the_mailbox_ends_all_copies_at_once(office: PostOffice) -> None:
    office.faults(CREATE | {"kind": "status", "status": 403, "code": "ErrorAccessDenied"})
    message = await office.accepted(each(office, *PEOPLE))
    row = await office.finish(message)
    assert row.status is Status.FAILED
    assert row.failure is not None and row.failure.code == "mailboxOutOfScope"
    assert await outcome(office, message) == [Step.FAILED] * 3
    assert [path for method, path in office.requests() if method == "POST"] == [
        "/v1.0/users/ana@contoso.com/messages"
    ]


async def test_a_copy_that_is_unclear_does_not_hold_up_the_others(office: PostOffice) -> None:
    office.faults(SEND | {"kind": "gatewayTimeoutAfterDone", "after": 1})
    message = await office.accepted(each(office, *PEOPLE))
    later = await office.deliver(message)
    assert later is not None
    assert await outcome(office, message) == [Step.SENT, Step.SENDING, Step.SENT]
    office.clock.move(seconds=later.seconds)
    row = await office.finish(message)
    assert row.status is Status.SENT
    assert [len(office.received(one)) for one in PEOPLE] == [1, 1, 1]


async def test_copies_not_begun_are_not_looked_up(office: PostOffice) -> None:
    office.faults(CREATE | {"kind": "throttle", "retryAfter": 5, "after": 1})
    message = await office.accepted(each(office, *PEOPLE))
    await office.finish(message)
    looked_up = [path for method, path in office.requests() if method == "GET"]
    assert len(looked_up) == 1, "the one that was begun before it was throttled"


@pytest.mark.thorough
@pytest.mark.parametrize("error", TROUBLES)
async def test_copies_in_trouble_at_any_step_arrive_once_each(
    office: PostOffice, error: str
) -> None:
    messages: dict[str, tuple[str, str]] = {}
    for trouble in every(TROUBLES[error]):
        number = len(messages)
        people = (f"{number}-{error[:4]}-a@example.com", f"{number}-{error[:4]}-b@example.com")
        message = await office.accepted(each(office, *people))
        messages[message] = people
        await attempt(office, message, trouble)
        if not trouble.came:
            break
    office.clock.move(seconds=WORD_COMES_BACK_S)
    for message, people in messages.items():
        row = await office.finish(message)
        assert row.status is Status.SENT
        assert [len(office.received(one)) for one in people] == [1, 1]
    await office.finish_by_timer(minutes=4)
    assert office.drafts() == []
    assert await office.due() == []


@pytest.mark.thorough
async def test_the_end_of_copies_that_failed_may_be_killed_anywhere(office: PostOffice) -> None:
    office.faults(SEND | REFUSED | {"times": 1_000})
    messages = []
    for trouble in every(Killed):
        messages.append(await office.accepted(each(office, *PEOPLE[:2])))
        await attempt(office, messages[-1], trouble)
        if not trouble.came:
            break
    office.clock.move(seconds=WORD_COMES_BACK_S)
    for message in messages:
        row = await office.finish(message)
        assert row.status is Status.FAILED
        assert row.failure is not None and row.failure.code == "recipientRefused"
    await office.finish_by_timer(minutes=4)
    assert await office.due() == []
    assert office.drafts() == []


@pytest.mark.thorough
async def test_more_copies_than_a_transaction_takes_are_made_end_and_begin_again(
    office: PostOffice,
) -> None:
    people = [f"{number}@example.com" for number in range(150)]
    message = await office.accepted(each(office, *people))
    assert len((await office.stored(message)).copies) == 150
    row = (await office.stored(message)).message
    assert len((await load_content(office.organization, row)).recipients) == 150
    office.faults(
        CREATE | {"kind": "status", "status": 404, "code": "ErrorInvalidUser", "times": 2}
    )
    row = await office.finish(message)
    assert row.failure is not None and row.failure.code == "mailboxUnknown"
    assert set(await outcome(office, message)) == {Step.FAILED}
    assert (
        await retry(
            office.organization,
            message,
            even_if_sent=False,
            now=office.clock(),
            deliver=office.enqueue,
        )
        is Status.ACCEPTED
    )
    assert set(await outcome(office, message)) == {Step.ACCEPTED}
    assert (await office.finish(message)).status is Status.FAILED
    await office.finish_by_timer(minutes=4)
    assert await office.due() == []


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"cc": [{"address": "cc@example.com"}]}, "/cc"),
        ({"bcc": [{"address": "bcc@example.com"}]}, "/bcc"),
        ({"to": [{"address": "Li@example.com"}, {"address": "li@example.com"}]}, "/to/1/address"),
    ],
)
async def test_what_does_not_go_with_individual_copies_is_said(
    changes: dict[str, Any], pointer: str
) -> None:
    request = {
        "from": "ana@contoso.com",
        "to": [{"address": "li@example.com"}],
        "subject": "Offer",
        "html": "<p>Hello</p>",
        "copies": "individual",
    }
    check(parse(MessageRequest, request), NOW)
    with pytest.raises(Refusal) as refused:
        check(parse(MessageRequest, request | changes), NOW)
    assert [problem.pointer for problem in refused.value.problems] == [pointer]
