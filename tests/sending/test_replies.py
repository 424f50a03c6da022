"""A message that continues a conversation: in its thread on both sides, with what it quotes, once,
whatever happens on the way (S1, S2, T3)."""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import product
from typing import Any

import pytest

from shared.errors import Refusal
from shared.graph.mail import Draft, FoundMessage, Mail
from shared.messages.rows import CopyRow
from shared.model import FollowChoice, Recipient, Status, Step
from shared.sending.conversation import refuse_unknown
from tests.sending.mortality import Killed, Trouble, TroubledMail
from tests.sending.post_office import ANA, PUBLIC_ADDRESS, WORD_COMES_BACK_S, PostOffice

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # The SDK warns about itself while it is imported.
    pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning"),
]

BRUNO = "bruno@contoso.com"
MORE_THAN_THERE_ARE = 20


async def sent(office: PostOffice, address: str = BRUNO, **changes: Any) -> str:
    """A message of ours that has arrived."""
    message = await office.accepted(office.order(*office.contact(address), **changes))
    assert (await office.finish(message)).status is Status.SENT
    office.received(address)
    return message


async def answer(office: PostOffice, to: str, address: str = BRUNO, **changes: Any) -> str:
    order = office.order(
        *office.contact(address), subject="Re: Offer", in_reply_to=to, html="<p>More</p>", **changes
    )
    return await office.accepted(order)


async def sole_copy(office: PostOffice, message: str) -> CopyRow:
    return (await office.stored(message)).copies[0]


async def from_bruno(office: PostOffice, body: str, *, is_html: bool = True) -> str:
    """The `<Message-ID>` of a mail that Ana got."""
    mail, to = office.mail, ((ANA, "Ana"),)
    made = await mail.create_draft(BRUNO, Draft("Offer", body, is_html, to, "bruno's"))
    await mail.send_draft(BRUNO, made.id)
    office.received(ANA)
    assert made.internet_message_id is not None
    return made.internet_message_id


def conversations(office: PostOffice, address: str) -> set[str]:
    items = office.http.get(f"{office.graph.base_url}/users/{address}/messages").json()["value"]
    return {item["conversationId"] for item in items}


async def test_an_answer_is_in_the_thread_of_the_seller_and_of_the_recipient_s1(
    office: PostOffice,
) -> None:
    first = await sent(office)
    second = await answer(office, first)
    assert (await office.finish(second)).status is Status.SENT
    third = await answer(office, second)
    assert (await office.finish(third)).status is Status.SENT
    copies = [await sole_copy(office, message) for message in (first, second, third)]
    headers = [mail["headers"] for mail in office.received(BRUNO)]
    ids = [copy.internet_message_id for copy in copies]
    assert [one.get("In-Reply-To") for one in headers] == [None, ids[0], ids[1]]
    assert headers[2]["References"].split() == ids[:2]
    assert len({copy.conversation_id for copy in copies}) == 1
    assert len(conversations(office, BRUNO)) == len(conversations(office, ANA)) == 1
    assert office.drafts() == []


async def test_an_answer_says_what_was_given_above_what_it_quotes_to_whom_it_was_given_t3(
    office: PostOffice,
) -> None:
    second = await answer(office, await sent(office), "li@example.com", signature="<p>Ana</p>")
    assert (await office.finish(second)).followed
    (mail,) = office.received("li@example.com")
    assert (mail["subject"], len(office.received(BRUNO))) == ("Re: Offer", 1)
    assert mail["html"].startswith("<p>More</p><br><div><p>Ana</p></div><br><hr")
    assert "ana@contoso.com" in mail["html"]
    assert re.findall(r'href="([^"]*)"', mail["html"]) == [
        "https://example.com/offer?a=1&amp;b=2"
    ], "a redirect of ours in the quote leads where it led, and is not followed again"
    assert mail["html"].count(f"{PUBLIC_ADDRESS}/o/") == 1
    assert await office.rows("link~", second) == []


async def test_a_mail_that_somebody_else_sent_is_answered_by_its_message_id_s1(
    office: PostOffice,
) -> None:
    theirs = await from_bruno(office, '<body dir="rtl"><a href="https://bruno.example/">x</a>')
    message = await answer(office, theirs)
    assert (await office.finish(message)).status is Status.SENT
    (mail,) = office.received(BRUNO)
    assert mail["headers"]["In-Reply-To"] == theirs
    assert '<div dir="rtl"' in mail["html"]
    (link,) = await office.rows("link~", message)
    assert link["url"] == "https://bruno.example/"


async def test_a_text_is_answered_in_html_and_html_in_text(office: PostOffice) -> None:
    theirs = await from_bruno(office, "1 < 2\nBruno", is_html=False)
    await office.finish(await answer(office, theirs))
    order = office.order(*office.contact(BRUNO), html=None, text="In text", in_reply_to=theirs)
    await office.finish(await office.accepted(order))
    in_html, in_text = office.received(BRUNO)
    assert "1 &lt; 2<br>" in in_html["html"]
    assert in_text["html"] is None
    assert in_text["text"].startswith("In text\n\n____")
    assert "1 < 2\nBruno" in in_text["text"]


async def test_a_mail_that_is_not_in_the_mailbox_cannot_be_answered_and_nothing_is_sent_s1(
    office: PostOffice,
) -> None:
    message = await answer(office, "<gone@example.com>")
    row = await office.finish(message)
    assert row.failure is not None
    assert (row.failure.code, row.failure.values) == ("conversationNotFound", {"address": ANA})
    assert (office.drafts(), office.received(BRUNO)) == ([], [])


async def test_a_message_of_ours_that_is_not_in_sent_items_yet_is_waited_for_and_then_given_up(
    office: PostOffice,
) -> None:
    first = await sent(office)
    draft_id = (await sole_copy(office, first)).draft_id
    assert draft_id is not None
    await office.mail.delete_message(ANA, draft_id)
    began = office.clock()
    row = await office.finish(await answer(office, first))
    assert row.failure is not None and row.failure.code == "conversationNotFound"
    assert 100 <= (office.clock() - began).total_seconds() <= 140


async def test_what_was_not_sent_or_is_not_to_be_seen_cannot_be_answered_a1(
    office: PostOffice,
) -> None:
    waiting = await office.accepted()
    theirs = await sent(office, follow=FollowChoice.OFF)
    recipients = office.contact(BRUNO)
    for unknown, seen_by in (("0" * 32, None), (waiting, None), (theirs, BRUNO)):
        with pytest.raises(Refusal) as refused:
            await refuse_unknown(office.organization, unknown, recipients, seen_by)
        assert refused.value.status == 422
        assert [problem.pointer for problem in refused.value.problems] == ["/inReplyTo"]
    for known in (theirs, "<of-somebody@example.com>", None):
        await refuse_unknown(office.organization, known, recipients, ANA)


async def test_of_individual_copies_a_person_is_answered_and_quoted_their_own_only_s6(
    office: PostOffice,
) -> None:
    li, bo, cy = (Recipient("to", f"{name}@example.com") for name in ("li", "bo", "cy"))
    first = await office.accepted(office.order(li, bo, individual=True))
    await office.finish(first)
    second = await office.accepted(office.order(bo, cy, li, individual=True, in_reply_to=first))
    assert (await office.finish(second)).status is Status.PARTLY_SENT
    answered = (await office.stored(first)).copies
    for number, person in enumerate((li, bo)):
        mail = office.received(person.address)[1]
        assert mail["headers"]["In-Reply-To"] == answered[number].internet_message_id
        assert person.address in mail["html"]
        assert not any(one.address in mail["html"] for one in (li, bo, cy) if one != person)
    failure = (await office.stored(second)).copies[1].failure
    assert failure is not None and failure.code == "conversationNotFound"
    assert office.received(cy.address) == []


async def is_one_whole_answer(office: PostOffice, message: str, address: str, to: str) -> None:
    stored = await office.stored(message)
    assert (stored.message.status, stored.copies[0].step) == (Status.SENT, Step.SENT)
    (mail,) = office.received(address)
    assert mail["headers"]["Message-ID"] == stored.copies[0].internet_message_id
    assert mail["headers"]["In-Reply-To"] == to
    assert mail["html"].startswith('<p>Hello <a href="')
    assert mail["html"].count("<hr") == 1
    assert mail["html"].count(f"{PUBLIC_ADDRESS}/o/") == int(stored.message.followed)
    assert len(await office.rows("link~", message)) == int(stored.message.followed)


@pytest.mark.thorough
async def test_an_answer_killed_at_any_step_ends_as_one_whole_mail_in_its_thread_s2(
    office: PostOffice,
) -> None:
    """Before and after each request to Graph, so with all or nothing written down in between."""
    first = await sent(office)
    to = (await sole_copy(office, first)).internet_message_id
    assert to is not None
    messages: dict[str, str] = {}
    for number, after in product(range(1, MORE_THAN_THERE_ARE), (False, True)):
        address = f"{number}-{after}@example.com"
        order = office.order(*office.contact(address), in_reply_to=first)
        message, trouble = await office.accepted(order), Trouble(number, after)
        messages[message] = address
        with suppress(Killed):
            await office.deliver(message, TroubledMail(office.mail.graph, trouble))
        if not trouble.came:
            break
    assert len(messages) > 10
    office.clock.move(seconds=WORD_COMES_BACK_S)
    for message, address in messages.items():
        await office.finish(message)
        await is_one_whole_answer(office, message, address, to)
    assert office.drafts() == []


@pytest.mark.thorough
async def test_whatever_graph_answers_an_answer_is_one_whole_mail_s2(office: PostOffice) -> None:
    first = await sent(office)
    to = (await sole_copy(office, first)).internet_message_id
    assert to is not None
    office.faults(
        *(
            {"kind": kind, "path": path, "method": method}
            for method, path in (
                ("POST", "/createReply$"),
                ("GET", "/messages/[^/]+$"),
                ("PATCH", "/messages/[^/]+$"),
            )
            for kind in ("dropBefore", "throttle", "dropAfterDone", "gatewayTimeoutAfterDone")
        )
    )
    message = await office.accepted(
        office.order(*office.contact("li@example.com"), in_reply_to=first)
    )
    await office.finish(message)
    await is_one_whole_answer(office, message, "li@example.com", to)
    assert office.drafts() == []
    assert [method for method, _ in office.requests()].count("PATCH") > 2


async def test_a_whole_draft_that_the_seller_deleted_is_made_anew_and_whole(
    office: PostOffice,
) -> None:
    """Killed before the new one is changed, it must not go out as Exchange made it."""
    first = await sent(office)
    to = (await sole_copy(office, first)).internet_message_id
    assert to is not None
    office.faults({"kind": "throttle", "path": "/send$", "retryAfter": 1})
    message = await office.accepted(
        office.order(*office.contact("li@example.com"), in_reply_to=first)
    )
    assert await office.deliver(message)
    (draft,) = office.drafts()
    await office.mail.delete_message(ANA, draft["id"])
    office.clock.move(seconds=10)
    with pytest.raises(Killed):
        await office.deliver(message, KilledBeforeChange(office.mail.graph))
    office.clock.move(minutes=3)
    await office.finish(message)
    await is_one_whole_answer(office, message, "li@example.com", to)
    assert office.drafts() == []


class KilledBeforeChange(Mail):
    """Mail of a process that dies where a draft would be changed."""

    async def update_draft(self, mailbox: str, draft_id: str, draft: Draft) -> FoundMessage:
        raise Killed
