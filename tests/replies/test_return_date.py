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
        ("Closed from 24 December to 2 January, reopening on 3 January.", "2027-01-03"),
        ("I am away from June 8 through June 12.", "2026-06-12"),
        ("Estou em férias no período de 01/06/2026 a 20/06/2026.", "2026-06-20"),
        ("Estoy de vacaciones del 8 al 19 de junio.", "2026-06-19"),
        ("Ich kehre am 15. Juni zurück.", "2026-06-15"),
        ("Jestem na urlopie do 15 czerwca.", "2026-06-15"),
        ("Jag är tillbaka den 15 juni.", "2026-06-15"),
        ("Jeg er på ferie til 15. juni.", "2026-06-15"),
        ("Я в отпуске до 15 июня.", "2026-06-15"),
        ("我将于6月15日返回办公室。", "2026-06-15"),
        ("不在期間：6月8日～6月12日", "2026-06-12"),
        ("6/5から通常業務に戻ります。", "2026-06-05"),
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
        "Sobre a reunião do dia 15 de junho: estou ausente.",
        "不在です。6月8日のメールは受け取りました。",
        "休假。已收到6月8日的邮件。",
        "Call me back at 555 12",
        "",
    ],
)
def test_a_day_that_is_not_given_or_can_be_read_in_two_ways_is_none(text: str) -> None:
    assert find(text, TODAY) is None
