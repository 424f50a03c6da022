"""A message on its way through Graph: what arrives, and what every fault of Graph makes of it (S2).

In the end there is one mail in the recipient's mailbox, or the message failed with its reason and
there is none; only where Graph cannot tell, a message "may have been sent".
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from shared.errors import Busy
from shared.graph.mail import Draft
from shared.messages.reading import read_links
from shared.model import FollowChoice, Recipient, Status, Step
from shared.sending.attempt import LEASE
from shared.sending.deliver import Later
from tests.sending.post_office import ANA, BODY, PUBLIC_ADDRESS, PostOffice, to

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # The SDK warns about itself while it is imported.
    pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning"),
]

Fault = dict[str, Any]
CREATE: Fault = {"method": "POST", "path": "/messages$"}
SEND: Fault = {"method": "POST", "path": "/send$"}
LOOK_UP: Fault = {"method": "GET", "path": "filter"}
DELETION: Fault = {"method": "POST", "path": "/permanentDelete$"}
ANY_PLACE: dict[str, Fault] = {"create": CREATE, "send": SEND}

NOTHING_DONE: dict[str, Fault] = {
    "throttled, told how long": {"kind": "throttle", "retryAfter": 7},
    "throttled, told at once": {"kind": "throttle", "retryAfter": 0},
    "throttled, not told": {"kind": "status", "status": 429, "code": "ApplicationThrottled"},
    "unavailable, told how long": {"kind": "unavailable", "retryAfter": 30},
    "unavailable, not told": {"kind": "unavailable"},
    "dropped before": {"kind": "dropBefore"},
}
DONE_OR_NOT: dict[str, Fault] = {
    "dropped after it was done": {"kind": "dropAfterDone"},
    "504 after it was done": {"kind": "gatewayTimeoutAfterDone"},
    "500 with nothing done": {"kind": "status", "status": 500, "code": "InternalServerError"},
    "502 with nothing done": {"kind": "status", "status": 502, "code": "BadGateway"},
}
REFUSED: dict[str, Fault] = {
    "mailboxUnknown": {"kind": "status", "status": 404, "code": "ErrorInvalidUser"},
    "mailboxOutOfScope": {"kind": "status", "status": 403, "code": "ErrorAccessDenied"},
    "mailboxFull": {"kind": "status", "status": 507, "code": "QuotaExceededException"},
    "sendingBlocked": {"kind": "status", "status": 403, "code": "ErrorMessageSubmissionBlocked"},
    "messageTooLarge": {"kind": "status", "status": 413, "code": "ErrorMessageSizeExceeded"},
    "recipientRefused": {"kind": "status", "status": 400, "code": "ErrorInvalidRecipients"},
    "graphRefused": {"kind": "status", "status": 400, "code": "ErrorInvalidRequest"},
}
NOT_FOR_LONG = NOTHING_DONE | DONE_OR_NOT


async def sent_once(office: PostOffice, message: str) -> None:
    """The message is sent: one mail, no draft left, nothing more to do, and the lists know."""
    stored = await office.stored(message)
    assert (stored.message.status, stored.message.failure) == (Status.SENT, None)
    assert stored.copies[0].step is Step.SENT
    (mail,) = office.received()
    assert mail["headers"]["Message-ID"] == stored.copies[0].internet_message_id
    assert office.drafts() == []
    await nothing_is_left_to_do(office, message)


async def failed_as(office: PostOffice, message: str, code: str) -> None:
    """The message failed for that reason: no mail, no draft left, nothing more to do."""
    row = (await office.stored(message)).message
    assert row.failure is not None
    assert (row.status, row.failure.code, row.sent_at) == (Status.FAILED, code, None)
    assert office.received() == []
    assert office.drafts() == []
    await nothing_is_left_to_do(office, message)


async def nothing_is_left_to_do(office: PostOffice, message: str) -> None:
    row = (await office.stored(message)).message
    assert (row.due_at, row.lease_owner) == (None, "")
    assert await office.rows("todo~", message) == []
    assert [key for key in await office.due() if message in key] == []
    assert [one for one in await office.listed() if one.id == message] == [row]


async def nothing_differs_in_the_lists(office: PostOffice, message: str) -> None:
    row = (await office.stored(message)).message
    assert [one for one in await office.listed() if one.id == message] == [row]


async def test_the_recipient_gets_the_mail_and_the_message_is_sent(office: PostOffice) -> None:
    order = office.order(
        Recipient("to", "li@example.com", "Li Wei"),
        Recipient("cc", "bo@example.com"),
        Recipient("bcc", "secret@example.com"),
    )
    message = await office.accepted(order)
    began = office.clock()
    assert await office.deliver(message) is None

    await sent_once(office, message)
    for address in ("li@example.com", "bo@example.com", "secret@example.com"):
        (mail,) = office.received(address)
        assert mail["subject"] == "Offer"
        assert mail["from"] == ANA
        assert mail["html"] == BODY, "nobody here is a contact, so it goes as it is"
        assert mail["headers"]["To"] == "Li Wei <li@example.com>"
        assert mail["headers"]["Cc"] == "bo@example.com"
        assert "secret" not in str(mail["headers"])
    stored = await office.stored(message)
    assert stored.message.sent_at == began
    assert stored.copies[0].sending_began_at == began
    assert stored.copies[0].conversation_id


async def test_a_followed_mail_has_its_links_and_its_pixel_and_their_rows(
    office: PostOffice,
) -> None:
    message = await office.accepted()
    await office.deliver(message)
    (mail,) = office.received()
    assert f'href="{PUBLIC_ADDRESS}/r/' in mail["html"]
    assert mail["html"].count(f"{PUBLIC_ADDRESS}/o/") == 1
    (link,) = await office.rows("link~", message)
    assert (link["url"], link["text"]) == ("https://example.com/offer?a=1&b=2", "our offer")


async def test_a_link_of_any_length_is_sent_as_it_is_and_named(office: PostOffice) -> None:
    """Longer than a property of a row may be."""
    url = "https://example.com/?d=" + "a" * 40_000
    html = f'<p><a href="{url}">far</a> <a href="https://example.com/near">near</a></p>'
    message = await office.accepted(office.order(html=html))
    assert await office.deliver(message) is None
    await sent_once(office, message)
    (mail,) = office.received()
    assert f'<a href="{url}">far</a>' in mail["html"]
    far, near = await read_links(office.organization, message)
    assert (far.index, far.text, far.not_followed) == (None, "far", "tooLong")
    assert url.startswith(far.url) and len(far.url) > 3_500
    assert (near.index, near.url, near.not_followed) == (0, "https://example.com/near", None)


async def test_a_text_message_arrives_as_text(office: PostOffice) -> None:
    message = await office.accepted(office.order(html=None, text="Hello <b>Li</b>"))
    await office.deliver(message)
    (mail,) = office.received()
    assert (mail["html"], mail["text"].strip()) == (None, "Hello <b>Li</b>")


async def test_only_the_first_attempt_goes_without_a_look_up(office: PostOffice) -> None:
    message = await office.accepted()
    await office.deliver(message)
    assert [method for method, path in office.requests() if "filter" in path] == []


@pytest.mark.parametrize("place", ANY_PLACE)
@pytest.mark.parametrize("fault", NOT_FOR_LONG)
async def test_a_fault_that_passes_ends_in_one_mail(
    office: PostOffice, place: str, fault: str
) -> None:
    office.faults(ANY_PLACE[place] | NOT_FOR_LONG[fault])
    message = await office.accepted()
    await office.finish(message)
    await sent_once(office, message)


@pytest.mark.parametrize("before", ["create", "send"])
@pytest.mark.parametrize("fault", NOT_FOR_LONG)
async def test_a_fault_of_the_look_up_ends_in_one_mail(
    office: PostOffice, before: str, fault: str
) -> None:
    office.faults(ANY_PLACE[before] | {"kind": "dropAfterDone"}, LOOK_UP | NOT_FOR_LONG[fault])
    message = await office.accepted()
    await office.finish(message)
    await sent_once(office, message)


@pytest.mark.parametrize("place", ANY_PLACE)
@pytest.mark.parametrize("code", REFUSED)
async def test_a_refusal_ends_the_message_with_its_reason(
    office: PostOffice, place: str, code: str
) -> None:
    office.faults(ANY_PLACE[place] | REFUSED[code])
    message = await office.accepted()
    await office.finish(message)
    await failed_as(office, message, code)


@pytest.mark.parametrize("code", ["mailboxUnknown", "mailboxOutOfScope"])
async def test_a_mailbox_that_vanishes_after_the_draft_was_asked_for_ends_the_message(
    office: PostOffice, code: str
) -> None:
    office.faults(CREATE | {"kind": "dropBefore"}, LOOK_UP | REFUSED[code])
    message = await office.accepted()
    await office.finish(message)
    await failed_as(office, message, code)


@pytest.mark.parametrize("code", ["mailboxUnknown", "mailboxOutOfScope"])
async def test_a_mailbox_that_vanishes_after_an_unclear_send_leaves_it_unclear(
    office: PostOffice, code: str
) -> None:
    office.faults(SEND | {"kind": "dropAfterDone"}, LOOK_UP | REFUSED[code])
    message = await office.accepted()
    row = await office.finish(message)
    assert len(office.received()) == 1
    assert row.failure is not None and row.failure.code == "mayHaveBeenSent"
    assert (await office.stored(message)).copies[0].step is Step.NEEDS_REVIEW


async def test_a_draft_that_a_person_sent_or_took_away_is_not_sent_anew(
    office: PostOffice,
) -> None:
    office.faults(SEND | {"kind": "dropBefore"})
    message = await office.accepted()
    later = await office.deliver(message)
    assert later is not None
    (draft,) = office.drafts()
    await office.mail.delete_message(ANA, draft["id"])
    office.clock.move(seconds=later.seconds)
    row = await office.finish(message)
    assert row.failure is not None and row.failure.code == "mayHaveBeenSent"
    assert office.received() == []


@pytest.mark.parametrize(
    "trouble",
    [{"kind": kind} for kind in ("unavailable", "gatewayTimeoutAfterDone", "dropBefore")],
)
@pytest.mark.parametrize("at", [LOOK_UP, DELETION], ids=["look-up", "deletion"])
async def test_a_draft_that_cannot_be_deleted_now_is_deleted_later(
    office: PostOffice, at: Fault, trouble: dict[str, Any]
) -> None:
    refused = {"kind": "status", "status": 400, "code": "ErrorInvalidRecipients", "times": 2}
    office.faults(SEND | refused, at | trouble)
    message = await office.accepted()
    row = await office.finish(message)
    assert row.failure is not None and row.failure.code == "recipientRefused"
    assert (office.received(), office.drafts()) == ([], [])


async def test_a_draft_that_can_never_be_deleted_does_not_keep_its_message_from_failing(
    office: PostOffice,
) -> None:
    office.faults(
        SEND | {"kind": "status", "status": 400, "code": "ErrorInvalidRecipients", "times": 999},
        DELETION | {"kind": "unavailable", "times": 999},
    )
    message = await office.accepted()
    row = await office.finish(message)
    assert (row.status, row.failure is not None) == (Status.FAILED, True)
    assert (office.received(), len(office.drafts())) == ([], 1)


async def test_a_seller_without_a_mailbox_is_told_so(office: PostOffice) -> None:
    nobody = "nobody@contoso.com"
    message = await office.accepted(office.order(from_=nobody, seller=nobody))
    row = await office.finish(message)
    assert row.failure is not None
    assert (row.failure.code, row.failure.values) == ("mailboxUnknown", {"address": nobody})


@pytest.mark.parametrize("place", ANY_PLACE)
@pytest.mark.parametrize("kind", ["throttle", "unavailable"])
async def test_throttling_waits_as_told(office: PostOffice, place: str, kind: str) -> None:
    office.faults(ANY_PLACE[place] | {"kind": kind, "retryAfter": 77})
    assert await office.deliver(await office.accepted()) == Later(77)


@pytest.mark.parametrize("place", ANY_PLACE)
async def test_a_second_word_for_a_message_that_waits_does_not_ask_graph_again(
    office: PostOffice, place: str
) -> None:
    """Retry-After is Graph's word, whatever else is on the queue; the first word comes in time."""
    office.faults(ANY_PLACE[place] | {"kind": "throttle", "retryAfter": 3_600})
    message = await office.accepted()
    assert await office.deliver(message) == Later(3_600)
    asked = len(office.requests())
    for _ in range(3):
        assert await office.deliver(message) is None
        office.clock.move(seconds=1_199)
    assert len(office.requests()) == asked
    office.clock.move(seconds=3)
    assert await office.deliver(message) is None
    await sent_once(office, message)


async def test_a_message_that_waits_for_graph_is_listed_as_being_sent(office: PostOffice) -> None:
    office.faults(SEND | {"kind": "throttle", "retryAfter": 60})
    message = await office.accepted()
    await office.deliver(message)
    assert [one.status for one in await office.listed() if one.id == message] == [Status.SENDING]
    await nothing_differs_in_the_lists(office, message)


async def test_without_being_told_each_wait_is_longer_than_the_last(office: PostOffice) -> None:
    office.faults(CREATE | {"kind": "unavailable", "times": 9})
    message = await office.accepted()
    waits: list[float] = []
    while later := await office.deliver(message):
        waits.append(later.seconds)
        office.clock.move(seconds=later.seconds)
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (20, 600)
    await sent_once(office, message)


async def test_an_unclear_send_is_looked_up_after_minutes_not_at_once(office: PostOffice) -> None:
    office.faults(SEND | {"kind": "gatewayTimeoutAfterDone"})
    message = await office.accepted()
    later = await office.deliver(message)
    assert later == Later(120)
    office.clock.move(seconds=30)
    assert await office.deliver(message) is None
    assert not [path for _, path in office.requests() if "filter" in path]
    office.clock.move(seconds=90)
    assert await office.deliver(message) is None
    await sent_once(office, message)


async def test_a_message_that_reaches_sent_items_late_is_not_sent_again(
    office: PostOffice,
) -> None:
    office.faults(
        SEND | {"kind": "gatewayTimeoutAfterDone"},
        SEND | {"kind": "status", "status": 404, "code": "ErrorItemNotFound"},
    )
    message = await office.accepted()
    await office.finish(message)
    await sent_once(office, message)


@pytest.mark.parametrize("kind", ["lateSentItems", "newIdOnSend"])
async def test_how_graph_files_a_sent_message_does_not_matter(
    office: PostOffice, kind: str
) -> None:
    office.faults(SEND | {"kind": kind, "seconds": 0.2})
    message = await office.accepted()
    assert await office.deliver(message) is None
    await sent_once(office, message)


async def test_of_several_drafts_the_oldest_is_sent_and_the_others_go(office: PostOffice) -> None:
    office.faults(CREATE | {"kind": "dropAfterDone"})
    message = await office.accepted()
    await office.deliver(message)
    for _ in range(2):
        await office.mail.create_draft(ANA, draft_of(office, message))
    assert len(office.drafts()) == 3
    office.clock.move(seconds=60)
    await office.finish(message)
    await sent_once(office, message)


async def test_a_draft_beside_the_sent_message_goes(office: PostOffice) -> None:
    office.faults(SEND | {"kind": "dropAfterDone"})
    message = await office.accepted()
    await office.deliver(message)
    await office.mail.create_draft(ANA, draft_of(office, message))
    office.clock.move(minutes=3)
    await office.finish(message)
    await sent_once(office, message)


def draft_of(office: PostOffice, message: str) -> Draft:
    """A second draft of a message, as an attempt leaves it that nobody has heard of again."""
    send_key = f"{office.organization.id}/{message}/0"
    return Draft("Offer", BODY, True, [("li@example.com", "")], send_key)


async def test_after_a_day_without_graph_the_message_fails_and_nothing_was_sent(
    office: PostOffice,
) -> None:
    office.faults(CREATE | {"kind": "unavailable", "times": 10_000, "retryAfter": 5_000})
    message = await office.accepted()
    began = office.clock()
    await office.finish(message)
    assert 24 * 3600 < (office.clock() - began).total_seconds() < 26 * 3600
    await failed_as(office, message, "graphUnavailable")


async def test_after_a_day_of_unclear_sends_nobody_claims_that_nothing_was_sent(
    office: PostOffice,
) -> None:
    office.faults(
        SEND | {"kind": "dropAfterDone"},
        LOOK_UP | {"kind": "unavailable", "times": 10_000, "retryAfter": 20_000},
    )
    message = await office.accepted()
    row = await office.finish(message)
    assert row.failure is not None and row.failure.code == "mayHaveBeenSent"
    assert len(office.received()) == 1


async def test_a_wait_that_is_longer_than_anybody_lives_does_not_last(office: PostOffice) -> None:
    office.faults(CREATE | {"kind": "throttle", "retryAfter": 1e15})
    message = await office.accepted()
    later = await office.deliver(message)
    assert later is not None and later.seconds <= 24 * 3600
    office.clock.move(seconds=later.seconds)
    await office.finish(message)
    assert len(office.received()) <= 1


async def test_ten_deliveries_at_once_send_one_mail(office: PostOffice) -> None:
    message = await office.accepted()
    first = await asyncio.gather(*(office.deliver(message) for _ in range(10)))
    assert first.count(None) >= 1
    for later in first:
        assert later is None or 0 < later.seconds <= LEASE.total_seconds() + 1
    office.clock.move(seconds=LEASE.total_seconds() + 1)
    await asyncio.gather(*(office.deliver(message) for _ in range(10)))
    await sent_once(office, message)


async def test_a_delivery_whose_lease_lapsed_while_it_waited_sends_nothing_more(
    office: PostOffice,
) -> None:
    """The first delivery hangs in the creation of its draft until its lease is over."""
    office.faults(CREATE | {"kind": "delay", "seconds": 1.0})
    message = await office.accepted()
    slow = asyncio.create_task(office.deliver(message))
    while not [path for _, path in office.requests() if path.endswith("/messages")]:
        await asyncio.sleep(0.02)
    office.clock.move(seconds=LEASE.total_seconds() + 1)
    await office.deliver(message)
    await asyncio.gather(slow, return_exceptions=True)
    assert (await office.stored(message)).message.status is Status.SENT
    assert len(office.received()) == 1


async def test_a_finished_message_is_delivered_no_more(office: PostOffice) -> None:
    message = await office.accepted()
    await office.deliver(message)
    asked = len(office.requests())
    for _ in range(3):
        assert await office.deliver(message) is None
    assert len(office.requests()) == asked
    await sent_once(office, message)


async def test_a_word_about_a_message_that_does_not_exist_is_passed_over(
    office: PostOffice,
) -> None:
    assert await office.deliver("0" * 32) is None
    await office.poison("0" * 32)


@pytest.mark.parametrize("times", [1, 2])
async def test_a_message_nobody_can_deliver_ends_as_failed(
    office: PostOffice, times: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The poison queue: a word that broke its function again and again."""
    office.faults(SEND | {"kind": "throttle"})
    message = await office.accepted()
    await office.deliver(message)
    for _ in range(times):
        await office.poison(message)
    await failed_as(office, message, "unexpected")
    assert caplog.text.count(f"message {message} of contoso ends with a failure: unexpected") == 1


async def test_a_message_that_somebody_is_delivering_is_not_ended_beside_them(
    office: PostOffice,
) -> None:
    """The poison queue's word comes while a delivery sends, and again when it is done."""
    office.faults(SEND | {"kind": "delay", "seconds": 0.7})
    message = await office.accepted()
    sending = asyncio.create_task(office.deliver(message))
    while not [path for _, path in office.requests() if path.endswith("/send")]:
        await asyncio.sleep(0.02)
    with pytest.raises(Busy):
        await office.poison(message)
    assert await sending is None
    await office.poison(message)
    await sent_once(office, message)


async def test_a_message_whose_delivery_died_is_ended_when_its_lease_is_over(
    office: PostOffice,
) -> None:
    office.faults(CREATE | {"kind": "delay", "seconds": 30.0})
    message = await office.accepted()
    dying = asyncio.create_task(office.deliver(message))
    while not [path for _, path in office.requests() if path.endswith("/messages")]:
        await asyncio.sleep(0.02)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    with pytest.raises(Busy):
        await office.poison(message)
    office.clock.move(seconds=LEASE.total_seconds())
    await office.poison(message)
    await failed_as(office, message, "unexpected")


async def test_a_message_nobody_can_deliver_may_have_been_sent_where_its_send_is_unclear(
    office: PostOffice,
) -> None:
    office.faults(SEND | {"kind": "dropAfterDone"})
    message = await office.accepted()
    await office.deliver(message)
    await office.poison(message)
    row = (await office.stored(message)).message
    assert row.failure is not None and row.failure.code == "mayHaveBeenSent"


async def test_a_sent_message_stays_sent_whatever_the_poison_queue_says(
    office: PostOffice,
) -> None:
    message = await office.accepted()
    await office.deliver(message)
    await office.poison(message)
    await sent_once(office, message)


async def test_a_required_message_is_delivered_like_any_other(office: PostOffice) -> None:
    message = await office.accepted(office.order(follow=FollowChoice.REQUIRED))
    await office.finish(message)
    await sent_once(office, message)


async def test_names_are_written_as_given(office: PostOffice) -> None:
    name = 'Müller, "Hans" <boss>'
    message = await office.accepted(
        office.order(*to("li@example.com", "bo@example.com", name=name))
    )
    await office.finish(message)
    (mail,) = office.received()
    assert "Hans" in mail["headers"]["To"]
    assert len(office.received("bo@example.com")) == 1


async def test_a_recipient_that_the_mail_server_refuses_is_named(office: PostOffice) -> None:
    message = await office.accepted(office.order(*to("li@example.com", "用户@例子.公司")))
    row = await office.finish(message)
    assert row.failure is not None and row.failure.code == "recipientRefused"
    assert "用户@例子.公司" in row.failure.values["who"]
    await failed_as(office, message, "recipientRefused")
