"""A message is sent at the recommended time, and says what that rested on (D1, D3, S3)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from shared.errors import Refusal
from shared.model import Recipient, RecordRef, SendTime, Status
from shared.sending.changes import change, send_now
from shared.timing.local_times import installed_rules
from shared.timing.recommended import recommended_send_time
from tests.sending.post_office import PostOffice, to

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # The SDK warns about itself while it is imported.
    pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning"),
]

SATURDAY = datetime.fromisoformat("2027-03-06T12:00:00Z")
MONDAY = datetime.fromisoformat("2027-03-08T12:00:00Z")

LISBON = {"type": "contact", "id": "c-1", "timeZone": "Europe/Lisbon"}
TOKYO = {"type": "contact", "id": "c-2", "timeZone": "Asia/Tokyo"}


def contact(zone: str) -> tuple[Recipient, ...]:
    return to("li@example.com", record=RecordRef("contact", "c-1"), time_zone=zone)


async def recommended(office: PostOffice, *people: Recipient) -> SendTime:
    return await recommended_send_time(office.organization, people, office.clock(), "en")


async def waiting(office: PostOffice, **changes: Any) -> str:
    """A message whose recommended time is Monday at eight in Lisbon."""
    office.clock.now = SATURDAY
    people = contact("Europe/Lisbon")
    time = await recommended(office, *people)
    return await office.accepted(office.order(*people, send_time=time, **changes))


async def test_outside_business_hours_it_waits_for_the_next_by_the_recipients_clock_d3(
    office: PostOffice,
) -> None:
    row = (await office.stored(await waiting(office))).message
    assert row.status is Status.SCHEDULED and row.send_time and row.send_time.local
    assert row.due_at == row.send_time.at == datetime.fromisoformat("2027-03-08T08:00:00Z")
    assert (row.send_time.local.text, row.send_time.local.time_zone) == (
        "2027-03-08T08:00",
        "Europe/Lisbon",
    )
    assert row.send_time.recommended is not None
    assert row.send_time.recommended["source"] == "record"
    assert row.send_time.recommended["evidence"]["decidedBy"] == "businessHours"
    assert installed_rules().renewed(row.send_time) == row.send_time
    (listed,) = [one for one in await office.listed() if one.id == row.id]
    assert listed == row


async def test_inside_business_hours_it_is_sent_at_once_and_says_that_this_was_recommended_d1(
    office: PostOffice,
) -> None:
    office.clock.now = MONDAY
    people = contact("Europe/Lisbon")
    time = await recommended(office, *people)
    answer = await office.send(office.order(*people, send_time=time))
    row = (await office.stored(answer["id"])).message
    assert (answer["status"], row.status) == ("accepted", Status.ACCEPTED)
    assert row.send_time and row.send_time.local is None
    assert row.send_time.recommended == time.recommended is not None


@pytest.mark.parametrize(
    ("people", "code"),
    [
        ([{"address": "a@example.com"}], "noTimeZone"),
        (
            [{"address": f"{one}@example.com", "record": LISBON} for one in "ab"],
            "severalRecipients",
        ),
    ],
)
async def test_other_recipients_for_whom_there_is_no_time_are_refused_and_nothing_changes(
    office: PostOffice, people: Any, code: str
) -> None:
    message = await waiting(office)
    before = await office.stored(message)
    with pytest.raises(Refusal) as refusal:
        await change(office.changer(), message, {"to": people})
    assert (refusal.value.status, refusal.value.code) == (422, code)
    assert [one.pointer for one in refusal.value.problems] == ["/sendAt"]
    assert await office.stored(message) == before
    later = {"to": people, "sendAt": "2027-03-09T09:00:00Z"}
    row = await change(office.changer(), message, later)
    assert row.send_time and row.send_time.recommended is None


async def test_another_recipient_gets_it_at_their_own_recommended_time_d1(
    office: PostOffice,
) -> None:
    message = await waiting(office)
    office.clock.move(hours=1)
    row = await change(office.changer(), message, {"subject": "Another subject"})
    assert row.send_time and row.send_time.at == datetime.fromisoformat("2027-03-08T08:00:00Z")
    people = [{"address": "an@example.com", "record": TOKYO}]
    row = await change(office.changer(), message, {"to": people})
    assert row.send_time and row.send_time.at == datetime.fromisoformat("2027-03-07T23:00:00Z")
    assert row.due_at == row.send_time.at and row.send_time.recommended


async def test_a_draft_is_sent_at_the_time_that_is_recommended_when_it_is_sent_s3(
    office: PostOffice,
) -> None:
    message = await waiting(office, draft=True)
    office.clock.move(days=7)
    row = await change(office.changer(), message, {"draft": False})
    assert row.status is Status.SCHEDULED and row.send_time
    assert row.send_time.at == datetime.fromisoformat("2027-03-15T08:00:00Z")
    row = await send_now(office.changer(), message)
    assert (row.status, row.send_time) == (Status.ACCEPTED, None)


async def test_a_scheduled_message_is_moved_to_the_recommended_time_s3(office: PostOffice) -> None:
    office.clock.now = SATURDAY
    time = SendTime(datetime.fromisoformat("2027-03-10T20:00:00Z"))
    message = await office.accepted(office.order(*contact("Europe/Lisbon"), send_time=time))
    row = await change(office.changer(), message, {"sendAt": "recommended"})
    assert row.send_time == await recommended(office, *contact("Europe/Lisbon"))
    assert row.send_time.at < time.at
