"""What is wrong with a message is said by status and pointer, and nothing of it is stored (S1)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.web.running_service import RunningService

pytestmark = pytest.mark.processes

GOOD: dict[str, Any] = {
    "from": "ana@contoso.com",
    "to": [{"address": "li@example.com", "record": {"type": "contact", "id": "c-1"}}],
    "subject": "Offer",
    "html": "<p>Hello</p>",
}
MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Wrong:
    """A body with a mistake, and what the answer says of it."""

    what: str
    body: dict[str, Any]
    pointer: str
    says: str = ""
    status: int = 422


def but(what: str, pointer: str, says: str = "", status: int = 422, **changes: Any) -> Wrong:
    """The good body with some fields changed; a change to `...` takes the field away."""
    named = {("from" if name == "from_" else name): value for name, value in changes.items()}
    body = {name: value for name, value in (GOOD | named).items() if value is not ...}
    return Wrong(what, body, pointer, says, status)


def to(**fields: Any) -> list[dict[str, Any]]:
    return [{"address": "li@example.com", **fields}]


def record(**fields: Any) -> list[dict[str, Any]]:
    return to(record={"type": "contact", "id": "c-1", **fields})


def files(changes: dict[str, Any]) -> list[dict[str, Any]]:
    """A small file, with some fields changed or, by `...`, taken away."""
    one = {"name": "a.pdf", "contentType": "application/pdf", "content": "AAEC"} | changes
    return [{name: value for name, value in one.items() if value is not ...}]


UNKNOWN_FIELDS = [
    but("an unknown field", "/color", "not known", color="red"),
    but("a field with an underscore", "/send_at", "not known", send_at=None),
    but("another capital", "/Subject", "not known", Subject="Offer"),
    but("a Python name", "/from_address", "not known", from_address="ana@contoso.com"),
    but("an unknown field of a recipient", "/to/0/phone", "not known", to=to(phone="1")),
    but("an unknown field of a record", "/to/0/record/name", "not known", to=record(name="Li")),
    but(
        "an unknown field of an address",
        "/to/0/record/address/street",
        "not known",
        to=record(address={"street": "Main"}),
    ),
    but(
        "an unknown field of regarding",
        "/regarding/name",
        "not known",
        regarding={"type": "lead", "id": "1", "name": "x"},
    ),
    but("a name that needs escaping in a pointer", "/a~1b~0c", "not known", **{"a/b~c": 1}),
]
WRONG_TYPES = [
    but("to as an object", "/to", to={"address": "li@example.com"}),
    but("to as a text", "/to", to="li@example.com"),
    but("to as null", "/to", to=None),
    but("a recipient as a text", "/to/0", to=["li@example.com"]),
    but("a recipient as null", "/cc/0", cc=[None]),
    but("an address as a number", "/bcc/0/address", bcc=[{"address": 7}]),
    but("a record as a text", "/to/0/record", to=to(record="contact/c-1")),
    but("a record id as a number", "/to/0/record/id", to=record(id=1)),
    but("followEmail as a text", "/to/0/record/followEmail", to=record(followEmail="false")),
    but("followEmail as a number", "/to/0/record/followEmail", to=record(followEmail=0)),
    but("subject as a number", "/subject", subject=7),
    but("subject as null", "/subject", subject=None),
    but("html as a list", "/html", html=["<p>"]),
    but("html as true", "/html", html=True),
    but("draft as a text", "/draft", draft="false"),
    but("signature as a number", "/signature", signature=1),
    but("follow as true", "/follow", follow=True),
    but("regarding as a text", "/regarding", regarding="o-7"),
    but("from as an object", "/from", from_={"address": "ana@contoso.com"}),
    but("seller as a list", "/seller", seller=["ana@contoso.com"]),
]  # fmt: skip
VALUES = [
    but("no from", "/from", "required", from_=...),
    but("a recipient without an address", "/to/0/address", "required", to=[{"name": "Li"}]),
    but("a record without an id", "/to/0/record/id", "required",
        to=to(record={"type": "contact"})),
    but("a record without a type", "/to/0/record/type", "required", to=to(record={"id": "1"})),
    but("no recipient at all", "/to", "at least one recipient", to=...),
    but("empty lists of recipients", "/to", "at least one recipient", to=[], cc=[], bcc=[]),
    but("more than 500 in one list", "/to",
        to=[{"address": f"p{n}@example.com"} for n in range(501)]),
    but("more than 500 together", "/to", "at most 500",
        to=[{"address": f"p{n}@example.com"} for n in range(300)],
        bcc=[{"address": f"q{n}@example.com"} for n in range(201)]),
    but("a line break in the subject", "/subject", "control characters", subject="A\nBcc: x@y.zz"),
    but("a tab in the subject", "/subject", "control characters", subject="A\tB"),
    but("a NUL in the subject", "/subject", "control characters", subject="A\0B"),
    but("a DEL in a name", "/to/0/name", "control characters", to=to(name="Li\x7f")),
    but("a line break in a name", "/cc/0/name", "control characters",
        cc=[{"address": "li@example.com", "name": "Li\r\nWei"}]),
    but("a line separator in the subject", "/subject", "control characters", subject="A\u2028B"),
    but("a next-line in a name", "/to/0/name", "control characters", to=to(name="Li\x85Wei")),
    but("a line break in a record id", "/to/0/record/id", "control characters",
        to=record(id="c\n1")),
    but("a subject too long", "/subject", subject="x" * 999),
    but("a name too long", "/to/0/name", to=to(name="x" * 257)),
    but("no subject", "/subject", "needs a subject", subject=...),
    but("a subject of spaces", "/subject", "needs a subject", subject="   "),
    but("an unknown follow", "/follow", "required", follow="always"),
    but("follow in capitals", "/follow", follow="OFF"),
    but("unknown copies", "/copies", copies="two"),
    but("neither html nor text", "/html", "needs html, or text", html=...),
    but("html and text both null", "/html", "needs html, or text", html=None, text=None),
    but("html and text", "/text", "not both", text="Hello"),
    but("an empty record id", "/to/0/record/id", to=record(id="")),
    but("a long record id", "/to/0/record/id", to=record(id="x" * 201)),
    but("a record type with a space", "/to/0/record/type", to=record(type="a b")),
    but("an empty record type", "/to/0/record/type", to=record(type="")),
    but("a time zone that does not exist", "/to/0/record/timeZone", "time zone",
        to=record(timeZone="Mars/Olympus")),
    but("a time zone that is a path", "/to/0/record/timeZone", "time zone",
        to=record(timeZone="../../etc/passwd")),
    but("a phone too long", "/to/0/record/phone", to=record(phone="1" * 65)),
    but("from outside the sending mailboxes", "/from", "sending mailboxes",
        from_="ana@fabrikam.com"),
    but("from a subdomain", "/from", "sending mailboxes", from_="ana@mail.contoso.com"),
    but("from a look-alike", "/from", "sending mailboxes", from_="ana@notcontoso.com"),
]  # fmt: skip
ADDRESSES = [
    but(f"the address {address[:30]!r}", "/to/0/address", "not a mail address",
        to=[{"address": address}])
    for address in (
        "", " ", "li", "@example.com", "li@", "li@@example.com", "li @example.com",
        "li@exa mple.com", " li@example.com", "li@example.com ", "Li <li@example.com>",
        "li@example.com,bo@example.com", "li@example.com;bo@example.com", "li@-example.com",
        "li@example..com", ".li@example.com", "li..w@example.com", "li@[127.0.0.1]",
        "li@example.com\n", "li@exam\0ple.com", "li@example.com\r\nBcc: x@example.com",
        "javascript:alert(1)", f"{'x' * 65}@example.com",
    )
] + [
    but("an address of 255 characters", "/to/0/address",
        to=[{"address": f"li@{'x' * 60}.{'y' * 60}.{'z' * 60}.{'w' * 60}.example.com"}]),
    but("a bad from", "/from", "not a mail address", from_="ana"),
    but("a bad seller", "/seller", "not a mail address", seller="ana"),
    but("a bad address in bcc", "/bcc/1/address", "not a mail address",
        bcc=[{"address": "bo@example.com"}, {"address": "bo"}]),
]  # fmt: skip
LATER = [
    but("a template", "/template", "not available yet", template={"id": "t", "data": {}}),
    but("a template beside nothing else", "/template", "not available yet",
        template={"id": "t"}, subject=..., html=...),
    but("a reminder that has passed", "/reminder/at", "passed",
         reminder={"condition": "anyway", "at": "2020-11-25T09:00:00-03:00"}),
]  # fmt: skip
TIMES = [
    but("sendAt false", "/sendAt", "with its offset", sendAt=False),
    but("a sendAt without offset", "/sendAt", "with its offset", sendAt="2026-11-25T09:00:00"),
    but("a date as sendAt", "/sendAt", "with its offset", sendAt="2026-11-25"),
    but("a number as sendAt", "/sendAt", "with its offset", sendAt=1_800_000_000),
    but("a day that is none", "/sendAt", "no such time", sendAt="2027-02-30T09:00:00Z"),
    but("a time that has passed", "/sendAt", "has passed", sendAt="2026-01-05T09:00:00Z"),
    but("a time decades ahead", "/sendAt", "5 years", sendAt="2099-01-05T09:00:00Z"),
    but("the last day of the calendar", "/sendAt", sendAt="9999-12-31T23:59:59-12:00"),
    but("a local time without zone", "/sendAt/timeZone", "required",
        sendAt={"local": "2099-01-05T09:00"}),
    but("a local time in no zone", "/sendAt/timeZone", "no time zone",
        sendAt={"local": "2099-01-05T09:00", "timeZone": "Mars/Olympus"}),
    but("a zone that only sounds like one of Windows", "/sendAt/timeZone", "no time zone",
        sendAt={"local": "2099-01-05T09:00", "timeZone": "W. Atlantis Standard Time"}),
    but("a local time with an offset", "/sendAt/local",
        sendAt={"local": "2099-01-05T09:00Z", "timeZone": "Europe/Lisbon"}),
    but("a local day that is none", "/sendAt/local", "no such time",
        sendAt={"local": "2099-02-30T09:00", "timeZone": "Europe/Lisbon"}),
    but("a local time that has passed", "/sendAt", "has passed",
        sendAt={"local": "2020-01-05T09:00", "timeZone": "Europe/Lisbon"}),
    but("an unknown field of a local time", "/sendAt/zone", "not known",
        sendAt={"local": "2099-01-05T09:00", "timeZone": "Europe/Lisbon", "zone": 1}),
    but("a draft's bad sendAt", "/sendAt", draft=True, sendAt="tomorrow"),
    but("a draft's bad address", "/to/0/address", draft=True, to=[{"address": "li"}]),
    but("a draft with two bodies", "/text", "not both", draft=True, text="Hello"),
    but("a file by its id", "/attachments/0/id", "not known", attachments=[{"id": "1"}]),
]  # fmt: skip
ANSWERS = [
    but("an answer to a number", "/inReplyTo", inReplyTo=1),
    *(
        but(f"an answer to {one!r}", "/inReplyTo", "neither the id", inReplyTo=one)
        for one in ("", "x", "a" * 31, "A" * 32, "a@b", "<>", "<nobody>", "<a@b> ", "<a@b><c@d>",
                    "<a b@c>", "<a@b>\r\nBcc: x@y", "<a'@b>\0", f"<{'a' * 501}@b>", "<é@b>")
    ),
    but("an answer to nothing", "/inReplyTo", "no such message", inReplyTo="0" * 32),
]  # fmt: skip
FILES = [
    but("files that are an object", "/attachments", attachments={}),
    but("51 files", "/attachments", "at most 50", attachments=files({}) * 51),
    but("a file without name", "/attachments/0/name", "needs a name",
        attachments=files({"name": ...})),
    but("a file without bytes", "/attachments/0", "content, or",
        attachments=files({"content": ...})),
    but("a file given twice", "/attachments/0", "content, or",
        attachments=files({"upload": "0" * 32})),
    but("bytes that are no base64", "/attachments/0/content", "not base64",
        attachments=files({"content": "a,b"})),
    but("base64 of URLs", "/attachments/0/content", "not base64",
        attachments=files({"content": "-_-_"})),
    but("a name with a folder", "/attachments/0/name", "none of /",
        attachments=files({"name": "../a.pdf"})),
    but("a name with a line break", "/attachments/0/name", "Line breaks",
        attachments=files({"name": "a\r\nX: b.pdf"})),
    but("a name of nothing", "/attachments/0/name", "at least 1", attachments=files({"name": ""})),
    but("a type that is none", "/attachments/0/contentType",
        attachments=files({"contentType": "text/html\r\nX: y"})),
    but("an unknown field of a file", "/attachments/0/size", "not known",
        attachments=files({"size": 3})),
    but("a follow that is a text", "/attachments/0/follow", attachments=files({"follow": "yes"})),
    but("a followed part of the body", "/attachments/0/follow", "cannot be followed",
        attachments=files({"contentId": "logo", "follow": True})),
    but("two parts with one id", "/attachments/1/contentId", "Another file",
        attachments=files({"contentId": "logo"}) * 2),
    but("an upload that never was", "/attachments/0/upload", "no such upload",
        attachments=[{"upload": "0" * 32}]),
    but("an upload's id that cannot be one", "/attachments/0/upload",
        attachments=[{"upload": "../messages"}]),
    but("an upload with another name", "/attachments/0", "those it was made with",
        attachments=[{"upload": "0" * 32, "name": "b.pdf"}]),
]  # fmt: skip
TOO_LARGE = [
    but("html over 1 MB", "/html", "1 MB", 413, html="x" * (MEGABYTE + 1)),
    but("html over 1 MB in bytes", "/html", "1 MB", 413, html="é" * (MEGABYTE // 2 + 1)),
    but("text over 1 MB", "/text", "1 MB", 413, html=..., text="x" * (MEGABYTE + 1)),
    but("html over 1 MB in a message with other mistakes", "/html", "1 MB", 413,
        html="x" * (MEGABYTE + 1), to=[], color="red"),
    but("files over 3 MB together", "/attachments", "3 MB", 413,
        attachments=files({"content": "AAAA" * (MEGABYTE // 2 + 1)}) * 2),
]  # fmt: skip
EVERYTHING = [
    *UNKNOWN_FIELDS,
    *WRONG_TYPES,
    *VALUES,
    *ADDRESSES,
    *LATER,
    *TIMES,
    *ANSWERS,
    *FILES,
    *TOO_LARGE,
]

NOT_JSON = {
    "nothing": b"",
    "half an object": json.dumps(GOOD).encode()[:-1],
    "two objects": b"{} {}",
    "single quotes": b"{'from': 'ana@contoso.com'}",
    "a trailing comma": b'{"from": "ana@contoso.com",}',
    "a form": b"from=ana%40contoso.com",
    "not UTF-8": json.dumps(GOOD).encode().replace(b"Offer", b"Offer\xff"),
    "UTF-16": json.dumps(GOOD).encode("utf-16"),
    "a byte order mark within": b"{\xef\xbb\xbf}",
    "an array": b"[]",
    "a text": b'"ana"',
    "null": b"null",
    "a number": b"7",
    "NaN": b'{"draft": NaN}',
    "Infinity": b'{"draft": -Infinity}',
    "nesting without end": b'{"template":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    **{
        f"nesting of {depth}": b'{"template":' + b"[" * depth + b"]" * depth + b"}"
        for depth in (50, 190, 210, 900, 970, 990, 1_000, 1_500, 5_000)
    },
    "a lone surrogate": json.dumps(GOOD).encode().replace(b"Offer", b"Offer \\ud83d"),
    "a name twice": b'{"html": "a", "html": "b"}',
    "a name twice within": b'{"to": [{"address": "a@example.com", "address": "b@example.com"}]}',
    "a raw line break in a text": b'{"subject": "A\nB"}',
    "an endless number": b'{"draft": ' + b"9" * 5_000 + b"}",
}


def post(service: RunningService, body: Any, **more: Any) -> httpx.Response:
    return service.call("POST", "messages", body, **more)


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The answer as problem+json (RFC 9457)."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    value: dict[str, Any] = answer.json()
    assert value["status"] == status
    assert value["title"] and value["detail"].endswith((".", "?"))
    return value


@pytest.mark.parametrize("wrong", EVERYTHING, ids=lambda wrong: wrong.what)
def test_a_mistake_is_pointed_at(service: RunningService, wrong: Wrong) -> None:
    value = problem(post(service, wrong.body), wrong.status)
    errors = {error["pointer"]: error["detail"] for error in value["errors"]}
    assert wrong.pointer in errors
    assert wrong.says in errors[wrong.pointer]
    assert errors[wrong.pointer].endswith(".")


@pytest.mark.parametrize("content", NOT_JSON.values(), ids=NOT_JSON)
def test_what_cannot_be_read_is_a_400_with_a_sentence(
    service: RunningService, content: bytes
) -> None:
    value = problem(post(service, None, content=content), 400)
    assert "sys." not in value["detail"]


def test_every_mistake_is_told_at_once(service: RunningService) -> None:
    body = GOOD | {"subject": 7, "color": 1, "to": [{"address": "li"}, {"address": "bo"}]}
    value = problem(post(service, body), 422)
    assert {error["pointer"] for error in value["errors"]} == {
        "/subject",
        "/color",
        "/to/0/address",
        "/to/1/address",
    }


@pytest.mark.parametrize("path", ["messages", "follow-check"])
def test_more_recipients_than_a_message_has_are_refused_before_they_are_looked_up(
    service: RunningService, path: str
) -> None:
    """Also where no list alone has too many."""
    crowd = {
        field: [{"address": f"{field}{n}@example.com"} for n in range(500)]
        for field in ("to", "cc", "bcc")
    }
    body = crowd if path == "follow-check" else GOOD | crowd
    value = problem(service.call("POST", path, body), 422)
    assert [error["detail"] for error in value["errors"]] == [
        "A message has at most 500 recipients."
    ]


def test_a_request_of_more_than_8_mb_is_refused_whatever_is_in_it(service: RunningService) -> None:
    value = problem(post(service, None, content=b"x" * (8 * MEGABYTE + 1)), 413)
    assert "8,388,609 bytes" in value["detail"]


@pytest.mark.parametrize("key", ["k" * 129, ""], ids=["too long", "empty"])
def test_an_idempotency_key_has_1_to_128_characters(service: RunningService, key: str) -> None:
    value = problem(post(service, GOOD, headers={"idempotency-key": key}), 422)
    assert "128" in value["detail"]


def test_a_query_value_that_nobody_reads_is_refused(service: RunningService) -> None:
    assert "darft" in problem(service.call("POST", "messages?darft=true", GOOD), 422)["detail"]


def test_a_refused_message_leaves_nothing_behind(service: RunningService) -> None:
    before = service.stored()
    for number, wrong in enumerate(EVERYTHING):
        post(service, wrong.body, headers={"idempotency-key": f"refused-{number}"})
    for number, content in enumerate(NOT_JSON.values()):
        post(service, None, content=content, headers={"idempotency-key": f"unread-{number}"})
    post(service, GOOD, key="local-fabrikam")
    post(service, GOOD, key="nobody")
    assert service.stored() == before


def test_a_key_that_came_with_a_refused_message_is_free_for_the_mended_one(
    service: RunningService,
) -> None:
    headers = {"idempotency-key": "mended"}
    problem(post(service, GOOD | {"subject": ""}, headers=headers), 422)
    assert post(service, GOOD, headers=headers).status_code == 202


@pytest.mark.parametrize(
    "field",
    [
        *({name: None} for name in ("template", "attachments", "sendAt", "reminder")),
        *({"inReplyTo": one} for one in (None, "<a.b-c+d=$1@x.example>", '<"q"@[10.0.0.1]>')),
        {"attachments": []},
        {"copies": "one"},
        {"draft": False},
        {"signature": True},
        {"signature": False},
        {"text": None},
        {"seller": None},
        {"regarding": None},
        {"cc": [], "bcc": []},
    ],
    ids=str,
)
def test_the_value_a_field_has_anyway_may_be_said(
    service: RunningService, field: dict[str, Any]
) -> None:
    assert post(service, GOOD | field).status_code == 202


@pytest.mark.parametrize(
    "address",
    [
        "li@example.com", "LI@EXAMPLE.COM", "li+offers@example.com", "o'neil@example.com",
        "josé@exemplo.com.br", "li@bücher.example", "li@xn--bcher-kva.example", "用户@例子.公司",
        "a@b.co", f"{'x' * 64}@example.com", "li_w-1.x@sub.example.com",
    ],
)  # fmt: skip
def test_real_addresses_of_all_kinds_are_taken(service: RunningService, address: str) -> None:
    answer = post(service, GOOD | {"to": [{"address": address}]})
    assert answer.status_code == 202, answer.text


def test_a_byte_order_mark_is_passed_over(service: RunningService) -> None:
    content = b"\xef\xbb\xbf" + json.dumps(GOOD).encode()
    assert post(service, None, content=content).status_code == 202


def test_html_of_exactly_1_mb_is_taken(service: RunningService) -> None:
    assert post(service, GOOD | {"html": "é" * (MEGABYTE // 2)}).status_code == 202
