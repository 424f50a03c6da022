"""Reminders fire once, never early, from everything that happened until their time (R1, S3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.assistant.cards import StoredCard, read_cards
from shared.errors import Refusal
from shared.model import (
    CardKind,
    FollowChoice,
    Reminder,
    ReminderCondition,
    Seller,
    SendTime,
    Status,
)
from shared.sellers.store import store_seller
from shared.sending.changes import cancel, change, send_now
from shared.timing.reminding import PARTITION, TABLE, fire_reminders
from tests.replies.test_intake import answer, take_all_in
from tests.sending.mortality import Trouble, trouble_in
from tests.sending.post_office import ANA, PostOffice
from tests.tracking.conftest import TakeIn
from tests.tracking.followed_messages import PROGRAM, fold_all, hit

# The SDK warns about itself while it is imported.
pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning")

NO_REPLY_BY, NOT_OPENED_BY, ANYWAY = ReminderCondition
HOUR = timedelta(hours=1)


class Reminders:
    """Messages of Ana's that remind her, and the timer."""

    def __init__(self, office: PostOffice, take_in: TakeIn) -> None:
        self.office, self.clock, self._take_in = office, office.clock, take_in
        self.asked: list[str] = []

    async def accepted(
        self, condition: ReminderCondition, after: timedelta = HOUR, **changes: Any
    ) -> str:
        now = self.clock()
        reminder = Reminder(condition, now + after, now, "Call Li")
        return await self.office.accepted(self.office.order(reminder=reminder, **changes))

    async def sent(self, condition: ReminderCondition, **changes: Any) -> str:
        message = await self.accepted(condition, **changes)
        await self.office.finish(message)
        return message

    async def opens(self, message: str, at: datetime | None = None, **more: Any) -> None:
        await self._take_in(self.office.organization, hit(message, at or self.clock(), **more))

    async def fold(self) -> None:
        await fold_all(self.office.organization, self.clock)

    async def fire(self, readable: bool = True) -> None:
        """The timer; Ana's mailbox is asked for replies, where it can be read."""

        async def ask(mailbox: str) -> bool:
            self.asked.append(mailbox)
            if readable:
                await take_all_in(self.office)
            return readable

        await fire_reminders(self.office.organization, self.clock(), ask)

    async def after(self, **by: float) -> None:
        self.clock.move(**by)
        await self.fire()

    async def told(self, message: str) -> tuple[str, str | None]:
        reminder = (await self.office.stored(message)).message.reminder
        assert reminder
        return reminder.state.value, reminder.reason

    async def cards(self) -> list[StoredCard]:
        page = await read_cards(
            self.office.organization, (ANA,), self.clock(), engagement=True, limit=50
        )
        return [card for card in page.cards if card.is_urgent]

    async def change(self, message: str, reminder: Any, **changes: Any) -> None:
        await change(self.office.changer(), message, {"reminder": reminder, **changes})

    async def waiting(self) -> list[str]:
        rows = self.office.organization.tables.rows(TABLE, PARTITION)
        return [read.row["message"] async for read in rows]


@pytest.fixture
def reminders(new_office: PostOffice, take_in: TakeIn) -> Reminders:
    return Reminders(new_office, take_in)


def wanted(at: datetime, condition: str = "anyway", **more: Any) -> dict[str, Any]:
    return {"condition": condition, "at": at.isoformat(), **more}


async def test_it_fires_at_its_time_once_and_not_before(reminders: Reminders) -> None:
    message = await reminders.sent(ANYWAY)
    due_at = (await reminders.office.stored(message)).message.reminder
    assert due_at
    reminders.clock.now = due_at.at - timedelta(milliseconds=1)
    await reminders.fire()
    assert (await reminders.told(message), await reminders.cards()) == (("set", None), [])
    for _ in range(3):
        await reminders.after(seconds=15)
    (card,) = await reminders.cards()
    assert (card.id, card.comment) == (f"{message}-reminderDue", "Call Li")
    assert await reminders.told(message) == ("expired", None)
    assert await reminders.waiting() == []


async def test_after_an_outage_what_was_missed_fires_once(reminders: Reminders) -> None:
    message = await reminders.sent(NO_REPLY_BY)
    await reminders.after(days=3)
    await reminders.after(seconds=15)
    assert [card.message for card in await reminders.cards()] == [message]


async def test_only_a_human_open_until_its_time_keeps_it_from_firing(reminders: Reminders) -> None:
    opened, scanned = await reminders.sent(NOT_OPENED_BY), await reminders.sent(NOT_OPENED_BY)
    reminders.clock.move(minutes=30)
    await reminders.opens(opened)
    await reminders.opens(scanned, agent=PROGRAM)
    await reminders.fold()
    assert await reminders.told(opened) == ("invalid", "opened")
    await reminders.after(hours=1)
    assert [card.message for card in await reminders.cards()] == [scanned]


async def test_hits_that_wait_to_be_folded_are_waited_for(
    reminders: Reminders,
) -> None:
    message, other = await reminders.sent(NOT_OPENED_BY), await reminders.sent(ANYWAY)
    await reminders.opens(message)
    await reminders.after(hours=1, seconds=5)
    assert [card.message for card in await reminders.cards()] == [other]
    await reminders.fold()
    await reminders.fire()
    assert await reminders.told(message) == ("invalid", "opened")
    assert len(await reminders.cards()) == 1
    assert await reminders.waiting() == []


async def test_a_reply_that_nobody_told_of_is_found_when_the_time_comes(
    reminders: Reminders,
) -> None:
    """The mailbox is asked once, however many reminders wait for it."""
    silent = await reminders.sent(NO_REPLY_BY)
    answered = await reminders.sent(NO_REPLY_BY)
    answer(reminders.office)
    reminders.clock.now = datetime.now(UTC) + HOUR
    await reminders.change(silent, wanted(reminders.clock() + HOUR, "noReplyBy"))
    await reminders.change(answered, wanted(reminders.clock() + HOUR, "noReplyBy"))
    await reminders.after(hours=2)
    assert await reminders.told(answered) == ("invalid", "replied")
    assert [card.message for card in await reminders.cards()] == [silent]
    assert reminders.asked == [ANA]


async def test_a_mailbox_that_cannot_be_read_is_waited_for_an_hour_and_corrects_the_card_later(
    reminders: Reminders,
) -> None:
    message = await reminders.sent(NO_REPLY_BY)
    answer(reminders.office)
    reminders.clock.now = datetime.now(UTC)
    await reminders.change(message, wanted(reminders.clock() + HOUR, "noReplyBy"))
    for passed in (timedelta(days=3), timedelta(minutes=59)):  # after an outage, first asked now
        reminders.clock.now += passed
        await reminders.fire(readable=False)
        assert await reminders.cards() == []
    reminders.clock.move(minutes=2)
    await reminders.fire(readable=False)
    assert len(await reminders.cards()) == 1
    await take_all_in(reminders.office)
    assert await reminders.told(message) == ("invalid", "replied")
    assert await reminders.cards() == []


async def test_a_bounce_and_a_reply_are_told_to_who_wants_it_r2(reminders: Reminders) -> None:
    office = reminders.office
    seller = Seller(ANA, cards={CardKind.REPLIED: True, CardKind.OPENED: False})
    await store_seller(office.organization, seller)
    for kind in ("reply", "bounce", "outOfOffice"):
        await office.finish(await office.accepted(office.order()))
        answer(office, kind)
    await take_all_in(office)
    reminders.clock.now = datetime.now(UTC) + HOUR
    page = await read_cards(
        office.organization, (ANA,), reminders.clock(), engagement=True, limit=50
    )
    assert sorted((card.kind.value, card.recipient) for card in page.cards) == [
        ("bounced", "li@example.com"),
        ("replied", "li@example.com"),
    ]


async def test_hits_after_its_time_are_not_waited_for(reminders: Reminders) -> None:
    message = await reminders.sent(NOT_OPENED_BY)
    reminders.clock.move(hours=1, seconds=6)
    await reminders.opens(message)
    await reminders.fire()
    await reminders.fold()
    assert await reminders.told(message) == ("expired", None)


async def test_an_open_that_is_learned_of_later_withdraws_the_card(reminders: Reminders) -> None:
    message = await reminders.sent(NOT_OPENED_BY)
    opened_at = reminders.clock.move(minutes=30)
    await reminders.after(hours=1)
    assert len(await reminders.cards()) == 1
    await reminders.opens(message, reminders.clock())
    await reminders.fold()
    assert len(await reminders.cards()) == 1
    await reminders.opens(message, opened_at)
    await reminders.fold()
    assert await reminders.told(message) == ("invalid", "opened")
    assert await reminders.cards() == []


async def test_with_individual_copies_it_means_that_nobody_opened_s6(reminders: Reminders) -> None:
    office = reminders.office
    people = [*office.contact("li@example.com"), *office.contact("bo@example.com")]
    content = replace(office.order(*people).content, individual=True)
    messages = [await reminders.sent(NOT_OPENED_BY, content=content) for _ in range(2)]
    reminders.clock.move(minutes=5)
    await reminders.opens(messages[0], copy=1)
    await reminders.fold()
    await reminders.after(hours=1)
    assert [card.message for card in await reminders.cards()] == [messages[1]]


async def test_a_time_that_has_passed_when_the_message_is_finally_sent_fires_then(
    reminders: Reminders,
) -> None:
    message = await reminders.accepted(ANYWAY)
    for _ in range(5):
        await reminders.after(hours=1)
        await reminders.fire()
    assert await reminders.told(message) == ("set", None)
    assert await reminders.waiting() == [message]
    assert (await reminders.office.finish(message)).status is Status.SENT
    await reminders.fire()
    assert await reminders.told(message) == ("expired", None)
    await reminders.after(minutes=2)
    assert await reminders.waiting() == []


@pytest.mark.parametrize("ends", [Status.FAILED, Status.CANCELLED])
async def test_a_message_that_is_not_sent_reminds_nobody(
    reminders: Reminders, ends: Status
) -> None:
    office = reminders.office
    later = SendTime(reminders.clock() + timedelta(minutes=30))
    message = await reminders.accepted(ANYWAY, send_time=later)
    if ends is Status.CANCELLED:
        await cancel(office.changer(), message)
    else:
        office.faults({"method": "POST", "path": "/messages$", "kind": "status", "status": 403})
        reminders.clock.move(minutes=30)
        await office.fire()
        assert (await office.finish(message)).status is Status.FAILED
    assert await reminders.told(message) == ("invalid", ends.value)
    await reminders.after(hours=2)
    assert await reminders.cards() == []


async def test_a_message_that_goes_out_unfollowed_has_no_conditional_reminder(
    reminders: Reminders,
) -> None:
    office = reminders.office
    never = await reminders.accepted(NOT_OPENED_BY, follow=FollowChoice.OFF)
    assert await reminders.told(never) == ("invalid", "notFollowed")
    in_time = await reminders.accepted(NO_REPLY_BY)
    await office.switch_engagement(on=False)
    await office.finish(in_time)
    assert await reminders.told(in_time) == ("invalid", "notFollowed")


async def test_without_the_assistant_nothing_fires_and_it_says_so_r3(reminders: Reminders) -> None:
    message = await reminders.sent(ANYWAY)
    now = reminders.clock.move(minutes=5)
    await reminders.office.organization.change_settings(
        lambda before: before.with_assistant(False, now)
    )
    await reminders.after(hours=1)
    assert await reminders.told(message) == ("invalid", "assistantOff")
    assert await reminders.cards() == []


async def test_it_is_moved_removed_and_set_anew_before_and_after_the_sending(
    reminders: Reminders,
) -> None:
    office, clock = reminders.office, reminders.clock
    later = SendTime(clock() + timedelta(minutes=30))
    message = await reminders.accepted(ANYWAY, send_time=later)
    with pytest.raises(Refusal) as refused:
        await reminders.change(message, wanted(later.at))
    assert [one.pointer for one in refused.value.problems] == ["/reminder/at"]
    moved = {"sendAt": (clock() + 2 * HOUR).isoformat()}
    with pytest.raises(Refusal):
        await change(office.changer(), message, moved)
    await reminders.change(message, wanted(clock() + 3 * HOUR, comment="Ask"))
    await change(office.changer(), message, {"subject": "Better offer"})
    await send_now(office.changer(), message)
    assert (await office.finish(message)).status is Status.SENT
    await reminders.after(hours=2)
    assert await reminders.told(message) == ("set", None)

    await reminders.change(message, wanted(clock() + 3 * HOUR))
    await reminders.after(hours=2)
    assert await reminders.cards() == []
    await reminders.after(hours=1)
    assert len(await reminders.cards()) == 1
    await reminders.change(message, wanted(clock() + HOUR))
    assert await reminders.cards() == []
    await reminders.change(message, None)
    await reminders.after(hours=2)
    assert (await office.stored(message)).message.reminder is None
    assert (await reminders.cards(), await reminders.waiting()) == ([], [])
    with pytest.raises(Refusal) as refused:
        await reminders.change(message, wanted(clock() + HOUR), subject="Too late")
    assert refused.value.status == 409


async def test_a_cancelled_message_gets_no_reminder(reminders: Reminders) -> None:
    later = SendTime(reminders.clock() + HOUR)
    message = await reminders.office.accepted(reminders.office.order(send_time=later))
    await cancel(reminders.office.changer(), message)
    with pytest.raises(Refusal) as refused:
        await reminders.change(message, wanted(reminders.clock() + 2 * HOUR))
    assert refused.value.status == 409


async def test_a_draft_reminds_nobody_until_it_is_sent(reminders: Reminders) -> None:
    message = await reminders.accepted(NOT_OPENED_BY, draft=True)
    await reminders.after(hours=2)
    assert (await reminders.told(message), await reminders.waiting()) == (("set", None), [])
    await send_now(reminders.office.changer(), message)
    await reminders.office.finish(message)
    await reminders.after(seconds=5)
    assert [card.message for card in await reminders.cards()] == [message]


Step = Callable[[Reminders, str], Awaitable[None]]


async def fires(reminders: Reminders, message: str) -> None:
    await reminders.fire()


async def is_moved(reminders: Reminders, message: str) -> None:
    await reminders.change(message, wanted(reminders.clock() + HOUR))


@pytest.mark.parametrize(("step", "writes"), [(fires, 5), (is_moved, 7)])
async def test_killed_after_any_write_it_still_fires_once(
    new_office: PostOffice, take_in: TakeIn, step: Step, writes: int
) -> None:
    whole = Reminders(new_office, take_in)
    for number in range(1, writes + 1):
        message = await whole.sent(ANYWAY)
        whole.clock.move(hours=1)
        trouble = Trouble(number, after=True)
        async with trouble_in(new_office, trouble) as office:
            await step(Reminders(office, take_in), message)
        for _ in range(4):
            whole.clock.move(minutes=30)
            await new_office.fire()
            await whole.fire()
        assert trouble.came
        cards = [card.message for card in await whole.cards()]
        assert cards.count(message) == 1, (number, trouble.calls)
        assert await whole.told(message) == ("expired", None)
    assert await whole.waiting() == []
