"""People read sentences in their own language, and never an id or a hole."""

import re
from pathlib import Path

import pytest
from fluent.syntax import FluentParser, ast, visitor
from hypothesis import given
from hypothesis import strategies as st

import shared.languages
from shared.languages import LANGUAGES, SentenceMissing, Value, choose, say, sentence_id
from shared.model import EventKind, ReminderCondition, Status
from shared.tracking.classify import REASONS

FOLDER = Path(shared.languages.__file__).parent

FOLLOW_REASONS = [
    "engagementOff",
    "noFollowableRecipient",
    "otherRecordTypes",
    "noRecord",
    "recipientOptedOut",
    "sellerChoseNot",
    "textOnly",
    "bulk",
]
API = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
FAILURES = re.findall(
    r"`([a-zA-Z]+)`", API.split("Failure codes: ")[1].split("; each comes with a sentence")[0]
)
CODE = re.compile(r'Failure\(\s*"([a-zA-Z]+)"')
REMINDERS = [
    *("replied", "opened", "failed", "cancelled", "notFollowed", "notCollected"),
    *("engagementOff", "assistantOff"),
]
SAMPLES: dict[str, Value] = {
    "who": ["ana@contoso.com", "li@example.com"],
    "address": "x@example.com",
    "limit": 20,
    "name": "offer.pdf",
    "code": "ErrorInvalidRequest",
    "day": "1/5",
    "date": "1 June 2026",
    "time": "1/5, 9:00",
    "zone": "Europe/Lisbon",
    "count": "2",
    "what": "Opened",
    "subject": "Offer",
    "seller": "ana@contoso.com",
}


class _Variables(visitor.Visitor):
    def __init__(self) -> None:
        self.names: set[str] = set()

    def visit_VariableReference(self, node: ast.VariableReference) -> None:  # noqa: N802
        self.names.add(node.id.name)


def _sentences(language: str) -> dict[str, set[str]]:
    resource = FluentParser().parse((FOLDER / f"{language}.ftl").read_text("utf-8"))
    assert not [entry for entry in resource.body if isinstance(entry, ast.Junk)]
    found: dict[str, set[str]] = {}
    for entry in resource.body:
        if isinstance(entry, ast.Message):
            assert entry.id.name not in found, f"{entry.id.name} is there twice in {language}"
            variables = _Variables()
            variables.visit(entry)
            found[entry.id.name] = variables.names
    return found


ENGLISH = _sentences("en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_sentences_with_the_same_values(language: str) -> None:
    assert _sentences(language) == ENGLISH


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_can_be_said(language: str) -> None:
    for message_id, variables in ENGLISH.items():
        needed = {name.removesuffix("-count") for name in variables}
        text = say(language, message_id, **{name: SAMPLES[name] for name in needed})
        assert text.strip()
        assert not {"{", "$"}.intersection(text)


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_no_sentence_was_left_in_english(language: str) -> None:
    for message_id, variables in ENGLISH.items():
        if not variables:
            assert say(language, message_id) != say("en", message_id), message_id


@pytest.mark.parametrize(
    ("group", "codes"),
    [
        ("verdict", list(REASONS)),
        ("follow", FOLLOW_REASONS),
        ("failure", FAILURES),
        ("reminder", [*REMINDERS, *ReminderCondition]),
        ("status", [*Status, "draft", "scheduled", "partlySent", "cancelled"]),
        ("event", [*EventKind, "autoReply", "bounce", "withdrawn", "dataRemoved"]),
    ],
)
def test_every_code_has_its_sentence(group: str, codes: list[str]) -> None:
    missing = [code for code in codes if sentence_id(group, code) not in ENGLISH]
    assert missing == []


@pytest.mark.parametrize(
    ("language", "one", "several"),
    [
        ("en", "ana@a.com is set", "ana@a.com, bo@b.com, and li@c.com are set"),
        ("pt-BR", "ana@a.com está", "ana@a.com, bo@b.com e li@c.com estão"),
        ("es", "ana@a.com tiene", "ana@a.com, bo@b.com y li@c.com tienen"),
    ],
)
def test_people_are_listed_as_the_language_does_it(language: str, one: str, several: str) -> None:
    sentence = "follow-recipient-opted-out"
    assert say(language, sentence, who=["ana@a.com"]).startswith(one)
    who = ["ana@a.com", "bo@b.com", "li@c.com"]
    assert say(language, sentence, who=who).startswith(several)


def test_spanish_says_e_before_the_sound_of_y() -> None:
    said = say("es", "follow-recipient-opted-out", who=["ana@a.com", "ines@b.com"])
    assert said.startswith("ana@a.com e ines@b.com tienen")


def test_an_unknown_sentence_is_a_loud_error() -> None:
    with pytest.raises(SentenceMissing, match="no-such-sentence"):
        say("en", "no-such-sentence")


def test_a_missing_value_is_a_loud_error() -> None:
    with pytest.raises(SentenceMissing, match="failure-mailbox-unknown"):
        say("en", "failure-mailbox-unknown")


def test_an_unknown_language_is_a_loud_error() -> None:
    with pytest.raises(SentenceMissing, match="tlh"):
        say("tlh", "event-open")


HOSTILE = [
    "{ $who }",
    "{ event-open }",
    '{ "x" }',
    "<script>alert(1)</script>",
    "{0}{1}",
    "%s%(x)s",
    "a\nb = c",
    "\\u0041",
    "*[other]",
]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("value", HOSTILE)
def test_what_a_stranger_wrote_is_shown_as_written(language: str, value: str) -> None:
    assert value in say(language, "failure-mailbox-unknown", address=value)
    assert say(language, "follow-recipient-opted-out", who=[value, "x"]).startswith(value)


@given(value=st.text())
def test_any_value_stands_in_the_sentence_unchanged(value: str) -> None:
    assert value in say("pt-BR", "failure-mailbox-unknown", address=value)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "en"),
        ("", "en"),
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt-BR"),
        ("pt", "pt-BR"),
        ("pt-PT", "pt-BR"),
        ("es-MX,es;q=0.9", "es"),
        ("es-419", "es"),
        ("en-GB", "en"),
        ("de-DE, es;q=0.4, pt;q=0.6", "pt-BR"),
        ("en;q=0.3, es;q=0.8", "es"),
        ("ES-ar ; q=1.0", "es"),
        ("de, fr;q=0.9", "en"),
        ("*", "en"),
        ("*, pt;q=0.5", "en"),
        ("pt;q=0.5, *;q=0.1", "pt-BR"),
        ("en;q=0, *", "pt-BR"),
        ("pt;q=0, en;q=0", "es"),
        ("en;q=0, pt;q=0, es;q=0", "en"),
        ("pt-PT;q=0, pt;q=0.8", "pt-BR"),
        ("es;q=high, pt;q=0.2", "pt-BR"),
        ("es;q=2, pt;q=0.2", "pt-BR"),
        (",,;;q=1,=", "en"),
    ],
)
def test_a_reader_gets_the_language_they_like_best(header: str | None, expected: str) -> None:
    assert choose(header) == expected


def test_the_default_is_the_organizations() -> None:
    assert choose("de", default="es") == "es"
    assert choose("*;q=0.5", default="pt-BR") == "pt-BR"


@given(header=st.text(alphabet="enptsq=0.19;,-* \t", max_size=60) | st.text())
def test_any_header_leads_to_a_language_that_there_is(header: str) -> None:
    assert choose(header) in LANGUAGES


def test_every_failure_there_is_stands_in_the_api_and_no_other() -> None:
    code = FOLDER.parent.rglob("*.py")
    given_ = {name for path in code for name in CODE.findall(path.read_text(encoding="utf-8"))}
    assert given_ == set(FAILURES)
