"""When somebody who is away will be back, where their automatic answer says so.

Months come from the Unicode data of Babel. A date that can be read in two ways is none: 05/06 in
English. A year that is not written is the one in which the date comes next.
"""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache

from babel import Locale

_LANGUAGES = ("en", "pt", "es", "de", "fr", "it", "nl", "pl", "sv", "da", "nb", "ru")
_FAR = timedelta(days=300)
"""How far away a date without its year may be: one that was last week is not next year's."""


def find(text: str, on: date) -> date | None:
    """The day of return that a text names, None where it names none, or several.

    `on` is the day the answer came. Words of coming back count more than those of staying away.
    """
    text = " ".join(text[:6000].split())
    for phrases in (_BACK, _UNTIL):
        days = set(_days_near(phrases, text, on))
        if days:
            return days.pop() if len(days) == 1 else None
    return None


def _days_near(phrases: re.Pattern[str], text: str, on: date) -> Iterator[date]:
    """The days that stand behind such words, or right before those that come last (de, ja, zh)."""
    for phrase in phrases.finditer(text):
        which = phrase.lastgroup or ""
        hit = _behind(text, phrase.end()) if which not in _LAST else None
        if hit is None and which in (*_LAST, "either"):
            hit = _before(text, phrase.start())
        if hit and (day := _day(hit, on, which)):
            yield day


_LAST = ("after", "cjk_after")


def _behind(text: str, end: int) -> re.Match[str] | None:
    near = text[end : end + 60]
    hit = _dates().search(near)
    return hit if hit and _LEADS_TO.fullmatch(near[: hit.start()]) else None


def _before(text: str, start: int) -> re.Match[str] | None:
    near = text[max(0, start - 40) : start]
    found = [hit for hit in _dates().finditer(near) if len(near) - hit.end() <= 12]
    return found[-1] if found else None


_BACK = re.compile(
    r"(?P<en>\b(?:back|return(?:ing|s)?|resume|re-?open(?:ing|s)?|available again"
    r"|be in the office)\b(?: in| to| at)?(?: the| my| work)?(?: office| desk| work)?)"
    r"|(?P<day_first>\b(?:retorn\w+|volt(?:o|arei|aremos)|de volta|regress?\w+|vuelvo|volveré"
    r"|de vuelta|reincorpor\w+|a partir d\w+|wieder (?:\w+ ){0,3}?(?:ab|am)|ab dem|ab"
    r"|de retour|à partir du|reprends?|rientr\w+|torn(?:o|erò)|dal|terug|vanaf|wracam|wrócę|od dnia"
    r"|tillbaka|tilbage|tilbake|вернусь|возвращаюсь|буду (?:на работе|в офисе|доступ\w{1,5})))\b"
    r"|(?P<either>\bzurück\b)|(?P<after>\bwieder\b)"
    r"|(?P<cjk_after>(?:返回|回来|回來|恢复|上班|に(?:復帰|戻|出社|帰)|から(?:出社|復帰|通常|勤務|業務)|より(?:出社|復帰|通常)"
    r"|以降に?(?:対応|返信|ご?連絡|回答)))",
    re.IGNORECASE,
)
_UNTIL = re.compile(
    r"(?P<en>\b(?:until|till|returning|from \D{0,12}\d[^.]{0,30}? (?:to|through|thru))\b)"
    r"|(?P<day_first>\b(?:até|hasta|bis|jusqu.(?:au|à)|fino al?|tot(?: en met)?|do dnia"
    r"|(?:urlopi|nieobecn|zwolnieni)[^.]{0,40}? do|до|till?(?: och med| og med)?|t\.o\.m\."
    r"|(?:del?|desde el) \d[\d/.]{0,9}(?: de [^\W\d]{3,10})?(?: de \d{4})? al?)(?!\w))"
    r"|(?P<cjk>至|(?<=[日\d)])[~～〜到])"
    r"|(?P<cjk_after>まで)",
    re.IGNORECASE,
)
_LEADS_TO = re.compile(
    r"(?:[\s,:.(]|(?:on|o|no|na|em|ao|ab|am|dem|den|zum|einschließlich|inkl\.?|el|la|le|de|del|do|da|al"
    r"|dia|día|the|into|in|to|at|trabalho|escritório|oficina|atividades|trabajo|im|büro|op|met|il"
    r"|den|dnia|на|в|офис|работу|och|og|med|måndag|tisdag|torsdag|fredag|mandag|tirsdag|onsdag"
    r"|monday|tuesday|wednesday|thursday|friday|saturday|sunday|mon|tue|wed|thu|fri|sat|sun"
    r"|segunda|terça|quarta|quinta|sexta|sábado|domingo|feira|-|lunes|martes|miércoles|jueves|viernes"
    r"|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|lundi|mardi|mercredi|jeudi|vendredi"
    r"|maandag|dinsdag|woensdag|donderdag|vrijdag|lunedì|martedì|mercoledì|giovedì|venerdì|office|work"
    r"|e|y|und|and|wieder|erreichbar|uhr|mo|di|mi|do|fr|às|again|next|normalmente|nach|after)\b){0,12}",
    re.IGNORECASE,
)
"""What may stand between "back" and its date: prepositions, weekdays, places. Nothing else."""


@cache
def _months() -> dict[str, int]:
    """The names of months and their short forms in every language, in lower case, without dots."""
    found: dict[str, int] = {}
    for language in _LANGUAGES:
        for form in Locale(language).months.values():
            for width in ("wide", "abbreviated"):
                for number, name in form[width].items():
                    if len(name.strip(".")) > 2:
                        found.setdefault(name.strip(".").lower(), number)
    return found | {"sept": 9}


@cache
def _dates() -> re.Pattern[str]:
    month = "|".join(sorted(map(re.escape, _months()), key=len, reverse=True))
    return re.compile(
        r"(?<!\d)(?:(?P<iso_y>20\d\d)[-/](?P<iso_m>\d\d?)[-/](?P<iso_d>\d\d?)"
        r"|(?:(?P<ja_y>20\d\d)年)?\s?(?P<ja_m>\d\d?)月\s?(?P<ja_d>\d\d?)日"
        rf"|(?P<d>\d\d?)(?:st|nd|rd|th|º|ª|er|\.)?\s?(?:de |of |-)?\s?(?P<m>{month})\b\.?"
        r"(?:,? (?:de |del )?(?P<y>20\d\d)|-(?P<y3>20\d\d))?"
        r"|(?P<dot_d>\d\d?)\.\s?(?P<dot_m>\d\d?)\.(?:\s?(?P<dot_y>(?:20)?\d\d)(?!\d))?"
        r"|(?P<n1>\d\d?)[/-](?P<n2>\d\d?)(?:[/-](?P<n_y>(?:20)?\d\d))?)(?![\d/])"
        rf"|\b(?P<m2>{month})\b\.? (?P<d2>\d\d?)(?:st|nd|rd|th)?(?![\d/])(?:,? (?P<y2>20\d\d))?",
        re.IGNORECASE,
    )


def _day(found: re.Match[str], on: date, which: str) -> date | None:
    part = found.groupdict()
    year = next(
        (part[one] for one in ("iso_y", "ja_y", "y", "y2", "y3", "dot_y", "n_y") if part[one]), ""
    )
    if part["n1"]:
        pair = _numeric(int(part["n1"]), int(part["n2"]), which)
        if pair is None:
            return None
        day, month = pair
    else:
        name = part["m"] or part["m2"]
        months = [part[one] for one in ("iso_m", "ja_m", "dot_m") if part[one]]
        days = [part[one] for one in ("iso_d", "ja_d", "d", "d2", "dot_d") if part[one]]
        month = _months()[name.lower()] if name else int(months[0])
        day = int(days[0])
    return _dated(int(year) + (2000 if len(year) == 2 else 0) if year else None, month, day, on)


def _numeric(first: int, second: int, which: str) -> tuple[int, int] | None:
    """Day and month of 13/02 or 02/13; of 05/06 only where the language has one way."""
    if second > 12 or which.startswith("cjk"):
        return second, first
    return None if which == "en" and first <= 12 and first != second else (first, second)


def _dated(year: int | None, month: int, day: int, on: date) -> date | None:
    for candidate in [year] if year else [on.year, on.year + 1]:
        try:
            found = date(candidate, month, day)
        except ValueError:
            continue
        if year or on <= found <= on + _FAR:
            return found
    return None
