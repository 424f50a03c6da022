"""The day of return in an out-of-office notice: read where it is given, never guessed."""

from datetime import date

import pytest

from shared.replies.return_date import find

TODAY = date(2026, 6, 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I will be back on June 15.", "2026-06-15"),
        (
            "I'm away May 25 through May 29. I will be back in the office on Monday, June 8th.",
            "2026-06-08",
        ),
        ("Out of the office until 15 June 2026", "2026-06-15"),
        ("I am out of the office until Monday 15th of June.", "2026-06-15"),
        ("returning 2026-06-15", "2026-06-15"),
        ("I will return on 06/15/2026", "2026-06-15"),
        ("I will return on 15/06/2026", "2026-06-15"),
        ("away until 06/06/2026", "2026-06-06"),
        ("Estarei ausente até o dia 15 de junho.", "2026-06-15"),
        ("Retorno em 05/06/2026.", "2026-06-05"),
        ("Estarei de volta na segunda-feira, 15/06.", "2026-06-15"),
        ("Estoy de vacaciones hasta el 15 de junio de 2026", "2026-06-15"),
        ("Vuelvo el lunes 15 de junio", "2026-06-15"),
        ("Ich bin bis zum 15. Juni 2026 nicht im Büro.", "2026-06-15"),
        ("Ich bin am 15.06. wieder erreichbar.", "2026-06-15"),
        ("Ab dem 15.6.26 bin ich wieder da.", "2026-06-15"),
        ("6月15日まで休暇をいただいております。", "2026-06-15"),
        ("2026年6月15日に復帰いたします。", "2026-06-15"),
        ("de retour le 15 juin", "2026-06-15"),
        ("Back on 4 January", "2027-01-04"),
    ],
)
def test_a_day_that_is_given_is_read(text: str, expected: str) -> None:
    assert str(find(text, TODAY)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "I will be back on 05/06/2026.",
        "I will be back next Monday.",
        "I am away. Our offer ends on June 15.",
        "Back on June 8 or, if the trains do not run, back on June 9.",
        "I was back on 20 May",
        "Back on 31 June 2026",
        "Ich bin im Urlaub.",
        "Call me back at 555 12",
        "",
    ],
)
def test_a_day_that_is_not_given_or_can_be_read_in_two_ways_is_none(text: str) -> None:
    assert find(text, TODAY) is None
