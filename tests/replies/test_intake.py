"""What comes in becomes events of the message it answers, once each (rules T7, T8, T9)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.graph.inbox import Inbox, ReceivedMail
from shared.graph.mail import Body
from shared.messages.files import read_files
from shared.messages.lookups import bounced_among
from shared.messages.reading import read_links
from shared.messages.shown import entry_shown
from shared.messages.timeline import entries, read_timeline
from shared.model import FollowChoice, Kpis, Status
from shared.replies.intake import take_in
from shared.tracking.fold import fold_message
from shared.tracking.hits import Hit
from shared.tracking.origins import NetworkKeys
from shared.tracking.rebuild import rebuild_message
from tests.sending.mortality import Killed, Trouble, trouble_in
from tests.sending.post_office import ANA, PostOffice

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # The SDK warns about itself while it is imported.
    pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning"),
]

LI = "li@example.com"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.2.0"
BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
MORE_THAN_THERE_ARE = 20


async def sent(office: PostOffice, recipients: Sequence[str] = (LI,), **changes: Any) -> str:
    """A message that was sent, to each of the recipients a copy of their own."""
    people = [one for address in recipients for one in office.contact(address)]
    order = office.order(*people, individual=len(people) > 1, **changes)
    message = await office.accepted(order)
    row = await office.finish(message)
    assert row.status is Status.SENT
    return message


def answer(office: PostOffice, kind: str = "reply", address: str = LI, text: str = "Yes") -> None:
    """What the recipient, or their server, does with the last mail they got."""
    body = {"messageId": office.received(address)[-1]["id"], "text": text, "kind": kind}
    path = f"{office.graph.address}/_local/mailboxes/{address}/reply"
    office.http.post(path, json=body).raise_for_status()


async def inbox(office: PostOffice) -> list[ReceivedMail]:
    """What is in Ana's mailbox and was not sent by her."""
    reader = Inbox(office.tenant)
    arrivals = [one async for page in reader.received_since(ANA, BEGINNING) for one in page]
    return [await reader.one(ANA, one.id) for one in arrivals if one.from_[0] != ANA]


async def take_all_in(office: PostOffice) -> list[ReceivedMail]:
    mails = await inbox(office)
    for mail in mails:
        await take_in(office.organization, Inbox(office.tenant), ANA, mail)
    return mails


async def timeline(office: PostOffice, message: str) -> list[dict[str, Any]]:
    """The timeline as the API tells it, newest first."""
    page = await read_timeline(office.organization, message)
    stored = await office.stored(message)
    links = await read_links(office.organization, message)
    files = [one.file for one in await read_files(office.organization, message)]
    return [entry_shown(one) for one in entries(page.events, stored.copies, links, files)]


async def kpis(office: PostOffice, message: str) -> Kpis:
    """The KPIs of a message, which are those that its events give (T9)."""
    assert await rebuild_message(office.organization, message) == []
    stored = (await office.stored(message)).message
    (listed,) = [one for one in await office.listed() if one.id == message]
    assert listed.kpis == stored.kpis
    return stored.kpis


async def test_a_reply_is_counted_and_proves_an_open(office: PostOffice) -> None:
    message = await sent(office)
    answer(office)
    await take_all_in(office)
    reply, opened = await timeline(office, message)
    assert (reply["kind"], reply["automated"], reply["repliedBy"]) == ("reply", False, LI)
    assert (opened["kind"], opened["inferred"], opened["automated"]) == ("open", True, False)
    counts = await kpis(office, message)
    assert (counts.replies, counts.opens, counts.human_opens) == (1, 1, 1)


async def test_a_reply_after_a_seen_open_proves_nothing_more(office: PostOffice) -> None:
    message = await sent(office)
    settings = await office.organization.settings()
    at = round(datetime(2026, 3, 3, tzinfo=UTC).timestamp() * 1000)
    hit = Hit("a" * 32, at, "open", message, 0, 0, "GET", AGENT)
    await fold_message(office.organization, settings, message, [hit], NetworkKeys())
    answer(office)
    await take_all_in(office)
    assert [one["kind"] for one in await timeline(office, message)] == ["reply", "open"]
    assert (await kpis(office, message)).human_opens == 1


async def test_an_automatic_answer_is_told_and_is_no_reply(office: PostOffice) -> None:
    message = await sent(office)
    answer(office, "outOfOffice", text="I am away and back on 15 January 2027.")
    await take_all_in(office)
    (event,) = await timeline(office, message)
    assert (event["kind"], event["automated"], event["repliedBy"]) == ("autoReply", True, LI)
    assert event["reasons"] == ["automaticAnswer"]
    assert event["returnsOn"] == "2027-01-15"
    assert await kpis(office, message) == Kpis(human_openers=0)


async def test_a_bounce_names_the_address_and_is_remembered(office: PostOffice) -> None:
    message = await sent(office)
    answer(office, "bounce")
    await take_all_in(office)
    (event,) = await timeline(office, message)
    assert (event["kind"], event["automated"], event["failedAddress"]) == ("bounce", True, LI)
    assert (await office.stored(message)).copies[0].bounced == (LI,)
    assert await kpis(office, message) == Kpis(human_openers=0)
    again = await office.send(office.order())
    assert [(one["code"], one["address"]) for one in again["warnings"]] == [("addressBounced", LI)]
    assert LI in again["warnings"][0]["message"]
    await office.finish(again["id"])
    answer(office, text="I am back.")
    reply = (await inbox(office))[-1]
    # Graph tells seconds only, and both came in one.
    later = replace(reply, received_at=reply.received_at + timedelta(seconds=1))
    await take_in(office.organization, Inbox(office.tenant), ANA, later)
    assert await bounced_among(office.organization, [LI]) == ()
    assert (await office.send(office.order()))["warnings"] == []


async def test_of_several_copies_it_is_the_one_that_was_answered(office: PostOffice) -> None:
    message = await sent(office, (LI, "bo@example.com"))
    answer(office, address="bo@example.com")
    await take_all_in(office)
    reply, opened = await timeline(office, message)
    assert (reply["recipient"], opened["recipient"]) == ("bo@example.com", "bo@example.com")
    assert (await kpis(office, message)).human_openers == 1


async def test_somebody_to_whom_it_was_forwarded_is_shown_as_themselves(
    office: PostOffice,
) -> None:
    message = await sent(office)
    answer(office)
    (mail,) = await inbox(office)
    forwarded = replace(mail, from_=("noor@example.net", "Noor"), sender=("noor@example.net", ""))
    await take_in(office.organization, Inbox(office.tenant), ANA, forwarded)
    reply, _ = await timeline(office, message)
    assert reply["repliedBy"] == "noor@example.net"


async def test_a_mail_without_headers_is_matched_by_its_conversation(office: PostOffice) -> None:
    message = await sent(office)
    answer(office)
    (mail,) = await inbox(office)
    await take_in(office.organization, Inbox(office.tenant), ANA, replace(mail, headers=()))
    assert [one["kind"] for one in await timeline(office, message)] == ["reply", "open"]


async def test_what_has_nothing_to_do_with_us_changes_nothing(office: PostOffice) -> None:
    message = await sent(office)
    before = await office.stored(message)
    answer(office)
    (mail,) = await inbox(office)
    reader = Inbox(office.tenant)
    elsewhere = replace(mail, headers=(("In-Reply-To", "<a@b.example>"),), conversation_id="other")
    own = replace(mail, from_=(ANA.upper(), ""), sender=(ANA, ""))
    empty = replace(
        mail, headers=(), conversation_id="", internet_message_id="", body=Body("", is_html=False)
    )
    for one in (elsewhere, own, empty):
        await take_in(office.organization, reader, ANA, one)
    assert await office.stored(message) == before


async def test_only_bounces_are_told_of_a_message_that_is_not_followed(office: PostOffice) -> None:
    message = await sent(office, follow=FollowChoice.OFF)
    answer(office)
    answer(office, "outOfOffice")
    answer(office, "bounce")
    await take_all_in(office)
    assert [one["kind"] for one in await timeline(office, message)] == ["bounce"]


async def test_the_same_mail_twice_and_at_once_is_one_reply(office: PostOffice) -> None:
    message = await sent(office)
    answer(office)
    (mail,) = await inbox(office)
    reader = Inbox(office.tenant)
    elsewhere = replace(mail, id="in Bruno's", received_at=mail.received_at.replace(microsecond=0))
    await asyncio.gather(
        *(take_in(office.organization, reader, ANA, one) for one in (mail, mail, elsewhere))
    )
    assert (await kpis(office, message)).replies == 1
    assert await office.rows("todo~", message) == []


@pytest.mark.parametrize("kind", ["reply", "bounce"])
async def test_a_mail_whose_taking_in_is_killed_anywhere_is_told_once(
    office: PostOffice, kind: str
) -> None:
    message = await sent(office)
    answer(office, kind)
    mails = await inbox(office)
    reader = Inbox(office.tenant)
    for number in range(1, MORE_THAN_THERE_ARE):
        trouble = Trouble(number, number % 2 == 0, Killed)
        async with trouble_in(office, trouble) as theirs:
            for mail in mails:
                await take_in(theirs.organization, reader, ANA, mail)
        if not trouble.came:
            break
    else:
        raise AssertionError("it makes more calls than any test expects")
    told = [one["kind"] for one in await timeline(office, message)]
    assert told == (["reply", "open"] if kind == "reply" else ["bounce"])
    assert (await kpis(office, message)).replies == (1 if kind == "reply" else 0)
    assert await office.rows("todo~", message) == []


async def test_an_answer_that_comes_before_we_know_that_it_was_sent_is_not_lost(
    office: PostOffice,
) -> None:
    message = await office.accepted()
    office.faults({"method": "POST", "path": "/send$", "kind": "gatewayTimeoutAfterDone"})
    assert await office.deliver(message)
    answer(office)
    await take_all_in(office)
    assert (await kpis(office, message)).replies == 1
    assert (await office.finish(message)).kpis.replies == 1
