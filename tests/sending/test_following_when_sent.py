"""Following is decided again when sending begins (F1), and what goes out unfollowed holds nothing
of ours (F4)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from shared.model import FollowChoice, Record, RecordRef, Status
from shared.records.store import store_record
from shared.sending.wording import reasons_shown
from tests.sending.post_office import PUBLIC_ADDRESS, PostOffice, to

# The SDK warns about itself while it is imported.
pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning")

LI = Record(RecordRef("contact", "c-1"), "Li Wei", ("li@example.com",))
MAILS = sorted((Path(__file__).parent.parent / "mail").glob("*.html"))


async def switched_off(office: PostOffice) -> None:
    await office.switch_engagement(on=False)


async def opted_out(office: PostOffice) -> None:
    await store_record(office.organization, replace(LI, follow_email=False))


async def lower_limit(office: PostOffice) -> None:
    await office.organization.change_settings(lambda s: replace(s, recipient_limit=1))


async def address_moved(office: PostOffice) -> None:
    await store_record(office.organization, replace(LI, addresses=("li@elsewhere.example",)))


async def became_an_opportunity(office: PostOffice) -> None:
    await address_moved(office)
    await store_record(
        office.organization, Record(RecordRef("opportunity", "o-1"), None, ("li@example.com",))
    )


Change = Callable[[PostOffice], Awaitable[None]]
CHANGES: list[tuple[Change, str]] = [
    (switched_off, "engagementOff"),
    (opted_out, "recipientOptedOut"),
    (lower_limit, "bulk"),
    (address_moved, "noRecord"),
    (became_an_opportunity, "otherRecordTypes"),
]
changes = pytest.mark.parametrize(
    ("change", "reason"), CHANGES, ids=[change.__name__ for change, _ in CHANGES]
)


async def followed_so_far(office: PostOffice, follow: FollowChoice) -> str:
    """A message that is followed when it is accepted, to two addresses."""
    await store_record(office.organization, LI)
    bo = Record(RecordRef("contact", "c-2"), "Bo", ("bo@example.com",))
    await store_record(office.organization, bo)
    answer = await office.send(office.order(*to("li@example.com", "bo@example.com"), follow=follow))
    assert answer["followed"] is True
    message: str = answer["id"]
    return message


@changes
async def test_what_is_no_longer_true_sends_a_preferred_message_unfollowed(
    new_office: PostOffice, change: Change, reason: str
) -> None:
    message = await followed_so_far(new_office, FollowChoice.PREFERRED)
    await change(new_office)
    row = await new_office.finish(message)
    assert (row.status, row.followed) == (Status.SENT, False)
    assert reason in [one.code for one in row.reasons]
    assert reasons_shown(row.reasons, "pt-BR")
    (mail,) = new_office.received()
    assert PUBLIC_ADDRESS not in mail["html"]
    assert await new_office.listed() == [row]


@changes
async def test_what_is_no_longer_true_fails_a_required_message(
    new_office: PostOffice, change: Change, reason: str
) -> None:
    message = await followed_so_far(new_office, FollowChoice.REQUIRED)
    await change(new_office)
    row = await new_office.finish(message)
    assert row.failure is not None
    assert (row.status, row.failure.code) == (Status.FAILED, "cannotFollow")
    assert (new_office.received(), new_office.drafts()) == ([], [])


@pytest.mark.parametrize("follow", [FollowChoice.PREFERRED, FollowChoice.REQUIRED])
async def test_a_followed_draft_of_an_earlier_attempt_is_not_what_is_sent(
    new_office: PostOffice, follow: FollowChoice
) -> None:
    new_office.faults({"kind": "unavailable", "method": "POST", "path": "/send$"})
    message = await followed_so_far(new_office, follow)
    assert await new_office.deliver(message)
    (draft,) = new_office.drafts()
    assert PUBLIC_ADDRESS in draft["body"]["content"]
    await opted_out(new_office)
    new_office.clock.move(minutes=10)
    await new_office.finish(message)
    assert new_office.drafts() == []
    received = [mail["html"] for mail in new_office.received()]
    assert received == ([new_office.order().content.html] if follow != "required" else [])
    assert await new_office.rows("link~", message) == []


async def test_a_message_that_went_out_unfollowed_does_not_become_followed_again(
    new_office: PostOffice,
) -> None:
    new_office.faults({"kind": "unavailable", "method": "POST", "path": "/send$"})
    message = await followed_so_far(new_office, FollowChoice.PREFERRED)
    await switched_off(new_office)
    assert await new_office.deliver(message)
    await new_office.switch_engagement(on=True)
    new_office.clock.move(minutes=10)
    row = await new_office.finish(message)
    assert row.followed is False
    assert PUBLIC_ADDRESS not in new_office.received()[0]["html"]


async def test_engagement_that_is_back_before_sending_begins_changes_nothing(
    new_office: PostOffice,
) -> None:
    message = await followed_so_far(new_office, FollowChoice.REQUIRED)
    await switched_off(new_office)
    await new_office.switch_engagement(on=True)
    row = await new_office.finish(message)
    assert (row.status, row.followed) == (Status.SENT, True)


async def test_an_unfollowed_answer_to_a_followed_mail_leads_nowhere_through_us_f4(
    new_office: PostOffice,
) -> None:
    """A seller answers a mail of ours, with all of it quoted below."""
    html = '<html>\r\n<body>é<p><a href="https://e.com/?a=1&b=2">x</a></p>\t</body></html>\r\n'
    first = await new_office.accepted(new_office.order(html=html))
    assert (await new_office.finish(first)).followed is True
    (sent,) = new_office.received()
    assert sent["html"].count(PUBLIC_ADDRESS) == 2

    quoting = "<DIV>I agree&nbsp;<br></DIV>\r\n<blockquote>{}</blockquote>"
    answer = new_office.order(
        *new_office.contact("answer@example.com"),
        html=quoting.format(sent["html"]),
        follow=FollowChoice.OFF,
    )
    second = await new_office.accepted(answer)
    assert (await new_office.finish(second)).followed is False
    (received,) = new_office.received("answer@example.com")
    put_back = html.replace("a=1&b=2", "a=1&amp;b=2")
    assert received["html"] == quoting.format(put_back)
    assert await new_office.rows("link~", second) == []


async def test_an_unfollowed_body_arrives_byte_for_byte_f4(new_office: PostOffice) -> None:
    for path in MAILS:
        html, address = path.read_text("utf-8"), f"{path.stem}@example.com"
        contact = new_office.contact(address)
        order = new_office.order(*contact, html=html, follow=FollowChoice.OFF)
        message = await new_office.accepted(order)
        await new_office.finish(message)
        (received,) = new_office.received(address)
        assert received["html"] == html, path.stem
        assert await new_office.rows("link~", message) == []
