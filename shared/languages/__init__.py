"""The sentences that people read, in the three languages of the product (Project Fluent).

Programs carry stable codes; a code becomes a sentence here, at the last moment, in the reader's
language. The sentences are in the `.ftl` files beside this one. Values go into a sentence as they
are: whoever shows it escapes it like any other text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fluent.runtime import FluentBundle

LANGUAGES = ("en", "pt-BR", "es")

Value = str | int | list[str] | tuple[str, ...]


class SentenceMissing(KeyError):
    """There is no such sentence, or not all of its values were given. Always a mistake of ours."""


def say(language: str, message_id: str, **values: Value) -> str:
    """The sentence in one of `LANGUAGES`.

    A list becomes "Ana, Li and Bo" in the language's own way, and with a value `who` its sentence
    also has `who-count`. Raises SentenceMissing for an unknown language or id, or a missing value:
    no page shows an id.
    """
    bundle = _bundle(language)
    sentence = bundle.get_message(message_id) if bundle.has_message(message_id) else None
    if sentence is None or sentence.value is None:
        raise SentenceMissing(f"{message_id} in {language}")
    given = {name: _value(language, value) for name, value in values.items()}
    given |= {f"{name}-count": _count(value) for name, value in values.items()}
    text, errors = bundle.format_pattern(sentence.value, given)
    if errors:
        raise SentenceMissing(f"{message_id} in {language}: {errors[0]}")
    return str(text)


def sentence_id(group: str, code: str) -> str:
    """The id of a code's sentence: ("failure", "mailboxUnknown") → "failure-mailbox-unknown"."""
    return f"{group}-" + re.sub("[A-Z]", lambda letter: "-" + letter[0].lower(), code)


def choose(accept_language: str | None, default: str = "en") -> str:
    """The language for a reader, by their `Accept-Language` (RFC 9110 §12.5.4).

    The best-liked language that there is, whatever its region; else `default`, unless refused.
    """
    liked: dict[str, float] = {}
    for wanted, likes in _ranges(accept_language or ""):
        liked[wanted] = max(likes, liked.get(wanted, 0.0))
    served = dict.fromkeys((default, *LANGUAGES))
    others = liked.pop("*", 0.0)
    for language in served:
        if others:
            liked.setdefault(_primary(language), others)
    best = max((one for one in served if liked.get(_primary(one))), default=None, key=_rank(liked))
    return best or next((one for one in served if _primary(one) not in liked), default)


def _rank(liked: dict[str, float]) -> Callable[[str], tuple[float, int]]:
    """Orders languages by how much they are liked, then as the header names them."""
    named = list(liked)
    return lambda one: (liked[_primary(one)], -named.index(_primary(one)))


def _ranges(header: str) -> Iterator[tuple[str, float]]:
    """Each language without its region, and how much it is liked; nonsense is passed over."""
    for item in header.lower().split(","):
        wanted, _, weight = (part.strip() for part in item.partition(";"))
        likes = _WEIGHT.fullmatch(weight)
        value = float(likes[1]) if likes else 1.0
        another_region = wanted not in _NAMES and "-" in wanted
        if wanted and (likes or not weight) and (value or not another_region):
            yield _primary(wanted), value


_WEIGHT = re.compile(r"q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")
_NAMES = {language.lower() for language in LANGUAGES}


def _primary(language: str) -> str:
    return language.partition("-")[0]


def _count(value: Value) -> int:
    return 1 if isinstance(value, str | int) else len(value)


def _value(language: str, value: Value) -> str | int:
    if isinstance(value, str | int):
        return value
    from babel.lists import format_list

    joined = format_list(list(value), locale=language.replace("-", "_"))
    if language == "es" and len(value) > 1 and _SOUNDS_LIKE_Y.match(value[-1]):
        # "Ana e Inés": "y" gives way before its own sound, which Babel does not know.
        joined = joined.removesuffix(f" y {value[-1]}") + f" e {value[-1]}"
    return joined


_SOUNDS_LIKE_Y = re.compile(r"h?[ií](?![aeo])", re.IGNORECASE)


@cache
def _bundle(language: str) -> FluentBundle:
    # Fluent brings Babel along, 0.1 s: loaded with the first sentence, not with this module.
    from fluent.runtime import FluentBundle, FluentResource

    if language not in LANGUAGES:
        raise SentenceMissing(f"no language {language!r}")
    # Isolating marks are for mixing right-to-left text in; here they would be pasted into mails.
    bundle = FluentBundle([language], use_isolating=False)
    sentences = (Path(__file__).parent / f"{language}.ftl").read_text("utf-8")
    bundle.add_resource(FluentResource(sentences))
    return bundle
