from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.host.schedules import read_schedule

# Expectations follow from NCrontab's rules (fields are all ANDed) and from the calendar.
CASES = [
    ("*/15 * * * * *", "2026-11-23T10:00:00", "2026-11-23T10:00:15"),
    ("*/15 * * * * *", "2026-11-23T10:00:59", "2026-11-23T10:01:00"),
    ("0 */5 * * * *", "2026-11-23T10:04:59", "2026-11-23T10:05:00"),
    ("0 */5 * * * *", "2026-11-23T10:05:00", "2026-11-23T10:10:00"),
    ("*/5 * * * *", "2026-11-23T10:05:00", "2026-11-23T10:10:00"),
    ("0 30 9 * * 1-5", "2026-11-20T09:30:00", "2026-11-23T09:30:00"),
    ("0 30 9 * * Mon-Fri", "2026-11-20T09:30:00", "2026-11-23T09:30:00"),
    ("0 0 0 1 1 *", "2026-11-23T10:00:00", "2027-01-01T00:00:00"),
    ("0 0 12 29 2 *", "2026-11-23T10:00:00", "2028-02-29T12:00:00"),
    ("0 0 0 31 * *", "2026-11-23T10:00:00", "2026-12-31T00:00:00"),
    ("0 0 0 31 4,6,12 *", "2027-01-01T00:00:00", "2027-12-31T00:00:00"),
    # A day and a weekday: both must hold. Cron would take either.
    ("0 0 0 13 * 5", "2026-11-23T10:00:00", "2027-08-13T00:00:00"),
    ("0 0 0 1 1 0", "2026-11-23T10:00:00", "2034-01-01T00:00:00"),
    ("10/20 0 0 * * *", "2026-11-23T00:00:10", "2026-11-23T00:00:30"),
    ("50-10/20 * * * * *", "2026-11-23T00:00:10", "2026-11-23T00:00:30"),
    ("0 0 22,6 * dec sun", "2026-11-23T10:00:00", "2026-12-06T06:00:00"),
    ("0 0 0 * j *", "2026-11-23T10:00:00", "2027-01-01T00:00:00"),
    ("0 0 0 * * s", "2026-11-23T10:00:00", "2026-11-29T00:00:00"),
    ("59 59 23 31 12 *", "2026-12-31T23:59:59", "2027-12-31T23:59:59"),
]


@pytest.mark.parametrize(("text", "moment", "due"), CASES)
def test_the_next_instant_is_the_one_that_azure_takes(text: str, moment: str, due: str) -> None:
    found = read_schedule(text).next_after(datetime.fromisoformat(moment).replace(tzinfo=UTC))
    assert found == datetime.fromisoformat(due).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["0 0 0 30 2 *", "0 0 0 31 4 *"])
def test_a_day_that_no_calendar_has_never_comes(text: str) -> None:
    assert read_schedule(text).next_after(datetime(2026, 11, 23, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    "text",
    [
        "* * * *",
        "* * * * * * *",
        "60 * * * * *",
        "* * 24 * * *",
        "* * * 0 * *",
        "* * * * 13 *",
        "0 0 0 * * 7",
        "0 0 0 L * *",
        "0 0 0 ? * 1",
        "0 0 0 * * 1#2",
        "0 0 0 * * nonday",
        "*/x * * * * *",
        "1,,2 * * * * *",
        "@daily",
        "00:00:15",
    ],
)
def test_what_azure_refuses_is_refused_with_the_schedule_named(text: str) -> None:
    with pytest.raises(ValueError, match="the schedule"):
        read_schedule(text)


moments = st.integers(1_600_000_000, 2_200_000_000).map(lambda at: datetime.fromtimestamp(at, UTC))


@st.composite
def fields(draw: st.DrawFn, low: int, high: int) -> str:
    kind = draw(st.sampled_from(["*", "value", "list", "range", "step"]))
    values = sorted(draw(st.lists(st.integers(low, high), min_size=2, max_size=4)))
    match kind:
        case "value":
            return str(values[0])
        case "list":
            return ",".join(map(str, values))
        case "range":
            return f"{values[0]}-{values[-1]}"
        case "step":
            return f"*/{draw(st.integers(1, high))}"
    return "*"


def taken(field: str, low: int, high: int) -> set[int]:
    """The values of a field, by a reading of its own."""
    if field.startswith("*/"):
        return set(range(low, high + 1, int(field[2:])))
    if field == "*":
        return set(range(low, high + 1))
    first, _, last = field.partition("-")
    return set(range(int(first), int(last) + 1)) if last else {int(v) for v in field.split(",")}


@given(fields(0, 59), fields(0, 59), fields(0, 23), fields(0, 6), moments)
def test_what_is_found_fits_every_field_and_nothing_that_fits_lies_before(
    second: str, minute: str, hour: str, weekday: str, moment: datetime
) -> None:
    schedule = read_schedule(f"{second} {minute} {hour} * * {weekday}")

    def fits(instant: datetime) -> bool:
        return (
            instant.second in taken(second, 0, 59)
            and instant.minute in taken(minute, 0, 59)
            and instant.hour in taken(hour, 0, 23)
            and instant.isoweekday() % 7 in taken(weekday, 0, 6)
        )

    found = schedule.next_after(moment)
    assert found is not None
    assert found > moment
    assert fits(found)
    # Stepping back from what was found, second by second, for as long as a test can afford.
    for seconds in range(1, 120):
        earlier = found - timedelta(seconds=seconds)
        if earlier <= moment:
            break
        assert not fits(earlier)


def test_the_time_zone_of_the_question_is_that_of_the_answer() -> None:
    zone = timezone(timedelta(hours=-3))
    found = read_schedule("0 0 9 * * *").next_after(datetime(2026, 11, 23, 10, tzinfo=zone))
    assert found == datetime(2026, 11, 24, 9, tzinfo=zone)
