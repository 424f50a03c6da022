"""What becomes of a reminder, from what is known of its message (R1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.errors import Refusal
from shared.messages.rows import CopyRow, MessageRow, message_from_row, message_to_row
from shared.messages.stored import Stored
from shared.model import FollowChoice, Kpis, Reminder, ReminderCondition, ReminderState, Status
from shared.organizations import OrganizationSettings
from shared.timing.reminder_requests import read_reminder
from shared.timing.reminders import as_of, decided, look_at, reminder_shown, with_reminder

SET_AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
AT = SET_AT + timedelta(days=3)
LATER = AT + timedelta(minutes=1)
ON = OrganizationSettings()
NO_REPLY_BY, NOT_OPENED_BY, ANYWAY = ReminderCondition
SET, EXPIRED, INVALID = ReminderState.SET, ReminderState.EXPIRED, ReminderState.INVALID


def message(condition: ReminderCondition = NOT_OPENED_BY, **changes: Any) -> MessageRow:
    reminder = Reminder(condition, AT, SET_AT, "Call Li")
    row = MessageRow(
        id="a" * 32,
        status=Status.SENT,
        seller="ana@contoso.com",
        from_="ana@contoso.com",
        subject="Offer",
        to_text="Li Wei",
        recipient_count=1,
        followed=True,
        follow_choice=FollowChoice.PREFERRED,
        reasons=(),
        language="en",
        accepted_at=SET_AT,
        sent_at=SET_AT,
        reminder=reminder,
    )
    return replace(row, **changes)


def stored(row: MessageRow, *replies: datetime) -> Stored:
    copies = {n: CopyRow(n, None, first_reply_at=at) for n, at in enumerate(replies)}
    return Stored(row, copies, {})


def opened(at: datetime) -> Kpis:
    return Kpis(opens=1, human_opens=1, first_opened_at=at, first_human_opened_at=at)


def told(row: MessageRow) -> tuple[ReminderState, str | None]:
    assert row.reminder
    return row.reminder.state, row.reminder.reason


@pytest.mark.parametrize("condition", ReminderCondition)
def test_it_fires_when_nothing_happened_and_says_when(condition: ReminderCondition) -> None:
    row = decided(stored(message(condition)), ON, LATER)
    assert told(row) == (EXPIRED, None)
    assert row.reminder and row.reminder.fired_at == LATER


def test_an_automated_open_is_none_and_one_after_its_time_comes_too_late() -> None:
    automated = Kpis(opens=3, first_opened_at=SET_AT)
    for kpis in (automated, opened(AT + timedelta(milliseconds=1))):
        assert told(decided(stored(message(kpis=kpis)), ON, LATER)) == (EXPIRED, None)
    for condition in (ANYWAY, NO_REPLY_BY):
        assert told(decided(stored(message(condition, kpis=opened(SET_AT))), ON, LATER)) == (
            EXPIRED,
            None,
        )


@pytest.mark.parametrize("state", [SET, EXPIRED])
def test_an_open_until_its_time_makes_it_invalid_also_when_it_is_learned_of_later(
    state: ReminderState,
) -> None:
    row = message(kpis=opened(AT))
    assert row.reminder
    row = replace(row, reminder=replace(row.reminder, state=state))
    assert told(with_reminder(row)) == (INVALID, "opened")


def test_the_first_reply_of_anybody_until_its_time_makes_it_invalid_and_a_later_one_does_not() -> (
    None
):
    after = AT + timedelta(seconds=1)
    for replies, expected in (
        ((after, AT), (INVALID, "replied")),
        ((after,), (EXPIRED, None)),
        ((), (EXPIRED, None)),
    ):
        assert told(decided(stored(message(NO_REPLY_BY), *replies), ON, LATER)) == expected
    for condition in (ANYWAY, NOT_OPENED_BY):
        assert told(decided(stored(message(condition), AT), ON, LATER)) == (EXPIRED, None)


def test_invalid_stays_invalid() -> None:
    row = replace(with_reminder(message(kpis=opened(AT))), kpis=Kpis())
    assert told(with_reminder(row)) == (INVALID, "opened")
    assert told(decided(stored(row), ON, LATER)) == (INVALID, "opened")


CANNOT: list[tuple[dict[str, Any], ReminderCondition, str | None]] = [
    ({"status": Status.CANCELLED}, ANYWAY, "cancelled"),
    ({"status": Status.FAILED}, ANYWAY, "failed"),
    ({"status": Status.PARTLY_SENT}, NO_REPLY_BY, None),
    ({"followed": False}, NO_REPLY_BY, "notFollowed"),
    ({"followed": False}, NOT_OPENED_BY, "notFollowed"),
    ({"followed": False}, ANYWAY, None),
    ({"followed": False, "status": Status.DRAFT}, NOT_OPENED_BY, None),
]


@pytest.mark.parametrize(("changes", "condition", "reason"), CANNOT)
def test_what_can_fire_no_more_is_invalid_and_says_why(
    changes: dict[str, Any], condition: ReminderCondition, reason: str | None
) -> None:
    state = INVALID if reason else SET
    assert told(with_reminder(message(condition, **changes))) == (state, reason)


def test_what_fired_stays_so_when_the_message_is_tried_again_and_fails() -> None:
    fired = decided(stored(message(ANYWAY)), ON, LATER)
    assert told(with_reminder(replace(fired, status=Status.FAILED))) == (EXPIRED, None)


def test_engagement_that_was_off_for_a_while_makes_conditional_ones_invalid_for_good_f6() -> None:
    off = ON.with_engagement(False, SET_AT + timedelta(hours=1))
    on_again = off.with_engagement(True, SET_AT + timedelta(hours=2))
    for settings, reason in ((off, "engagementOff"), (on_again, "notCollected")):
        shown = as_of(stored(message()), settings, SET_AT + timedelta(hours=3))
        assert shown and (shown.state, shown.reason) == (INVALID, reason)
        assert told(decided(stored(message()), settings, LATER)) == (INVALID, reason)
        assert told(decided(stored(message(ANYWAY)), settings, LATER)) == (EXPIRED, None)
    before = ON.with_engagement(False, SET_AT - timedelta(hours=2))
    before = before.with_engagement(True, SET_AT - timedelta(hours=1))
    assert told(decided(stored(message()), before, LATER)) == (EXPIRED, None)
    after = ON.with_engagement(False, AT + timedelta(seconds=1))
    assert told(decided(stored(message()), after, LATER)) == (EXPIRED, None)


def test_without_the_assistant_none_fires_r3() -> None:
    off = ON.with_assistant(False, SET_AT + timedelta(hours=1))
    assert told(decided(stored(message(ANYWAY)), off, LATER)) == (INVALID, "assistantOff")
    shown = as_of(stored(message(ANYWAY)), ON, SET_AT + timedelta(hours=3))
    assert shown and shown.state is SET


def test_a_condition_is_decided_a_little_after_its_time_and_nothing_before_it() -> None:
    for condition, seconds in ((ANYWAY, 0), (NOT_OPENED_BY, 5), (NO_REPLY_BY, 5)):
        assert look_at(Reminder(condition, AT, SET_AT)) == AT + timedelta(seconds=seconds)


def test_a_reminder_is_stored_whole_and_shown_as_the_api_says() -> None:
    for row in (
        message(),
        message(reminder=None),
        decided(stored(message(ANYWAY)), ON, LATER),
        with_reminder(message(status=Status.FAILED)),
    ):
        assert message_from_row(message_to_row(row)).reminder == row.reminder
    assert reminder_shown(with_reminder(message(status=Status.FAILED)).reminder) == {
        "condition": "notOpenedBy",
        "at": "2026-03-05T09:00:00.000Z",
        "comment": "Call Li",
        "state": "invalid",
        "reason": "failed",
    }
    assert reminder_shown(None)["state"] == "notSet"


GOOD: dict[str, Any] = {"condition": "notOpenedBy", "at": "2026-03-05T06:00:00-03:00"}


def read(value: Any, follow: FollowChoice = FollowChoice.PREFERRED) -> Reminder | None:
    return read_reminder(value, follow, SET_AT + timedelta(hours=1), SET_AT)


def test_a_time_is_an_instant_or_what_a_clock_shows_somewhere() -> None:
    local = {"local": "2026-03-05T06:00", "timeZone": "America/Sao_Paulo"}
    for at in (GOOD["at"], local):
        assert read({**GOOD, "at": at}) == Reminder(NOT_OPENED_BY, AT, SET_AT)
    assert read({**GOOD, "comment": "x" * 1250}) == Reminder(NOT_OPENED_BY, AT, SET_AT, "x" * 1250)
    assert read({**GOOD, "comment": " "}) == read(GOOD)
    assert read(None) is None
    assert read({**GOOD, "condition": "anyway"}, FollowChoice.OFF) is not None


MISTAKES: list[tuple[Any, str]] = [
    ("tomorrow", "/reminder"),
    ([], "/reminder"),
    ({"condition": "anyway"}, "/reminder/at"),
    ({"at": GOOD["at"]}, "/reminder/condition"),
    ({**GOOD, "condition": "always"}, "/reminder/condition"),
    ({**GOOD, "condition": 7}, "/reminder/condition"),
    ({**GOOD, "comment": "x" * 1251}, "/reminder/comment"),
    ({**GOOD, "comment": 7}, "/reminder/comment"),
    ({**GOOD, "state": "set"}, "/reminder/state"),
    ({**GOOD, "at": None}, "/reminder/at"),
    ({**GOOD, "at": "recommended"}, "/reminder/at"),
    ({**GOOD, "at": "2026-03-05T06:00:00"}, "/reminder/at"),
    ({**GOOD, "at": "2026-03-01T06:00:00Z"}, "/reminder/at"),
    ({**GOOD, "at": "2026-03-02T10:00:00Z"}, "/reminder/at"),
    ({**GOOD, "at": {"local": "2026-03-05T06:00", "timeZone": "Mars"}}, "/reminder/at/timeZone"),
]


@pytest.mark.parametrize(("value", "pointer"), MISTAKES, ids=lambda one: str(one)[-60:])
def test_a_mistake_is_pointed_at(value: Any, pointer: str) -> None:
    with pytest.raises(Refusal) as refused:
        read(value)
    assert refused.value.status == 422
    assert [one.pointer for one in refused.value.problems] == [pointer]


def test_a_condition_on_a_message_that_shall_not_be_followed_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        read(GOOD, FollowChoice.OFF)
    assert [one.pointer for one in refused.value.problems] == ["/reminder/condition"]
