"""Whatever a stranger sends: nothing raises, and nothing takes long."""

from collections.abc import Callable
from datetime import UTC
from time import process_time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.graph.inbox import ReceivedMail
from shared.graph.mail import Body
from shared.replies.kinds import Kind, Recognized, needs_mime, recognize
from shared.replies.mail import from_mime, of_received
from shared.replies.matching import MOST_KEYS, keys
from tests.mail.replies import table

HEADER = (
    b"From: MAILER-DAEMON@example.com\nTo: ana@contoso.com\nSubject: Undeliverable: x\n"
    b"Return-Path: <>\nContent-Type: "
)
REPORT = HEADER + b"multipart/report; report-type=delivery-status; boundary=b\n\n"
FRAGMENTS = (
    *(b"Content-Type: multipart/mixed; boundary=b\n", b"--b\n", b"--b--\n", b"\n", b"\r", b"\0"),
    *(b"Content-Type: message/rfc822\n\n", b"Content-Type: message/delivery-status\n\n"),
    *(b"Final-Recipient: rfc822; ", b"a@b.example\n", b"Action: failed\n", b"Status: 5.1.1\n"),
    *(b"Content-Transfer-Encoding: base64\n", b"=?utf-8?B?\xff?=", b"Subject: Undeliverable\n"),
    *(b"From: <>\n", b"From: postmaster@b.example\n", b"References: <", b"Message-ID: <a@b>\n"),
    *(b"Content-Type: text/plain; charset=punycode\n", b"Content-Type: text/html\n\n<p>"),
    *(b"Date: Mon, 99 Foo 2026\n", b"until 31 February 2026", b"Auto-Submitted: auto-replied\n"),
    *(
        b"X-Failed-Recipients: @@,<,a@b\n",
        "不在 6月31日に戻ります".encode(),
        b"Content-Type: a/b; c*0*=x''%\n",
    ),
)


def read(content: bytes) -> Recognized:
    mail = from_mime(content)
    needs_mime(mail)
    recognized = recognize(mail)
    assert len(keys(mail, recognized)) <= MOST_KEYS
    return recognized


@settings(max_examples=100, deadline=None)
@example([b"Content-Type: text/plain; charset=punycode\n", b"\x80"])
@given(st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=40)), max_size=30))
def test_no_mail_makes_recognition_raise(pieces: list[bytes]) -> None:
    assert read(b"".join(pieces)).kind in Kind


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_mail_that_was_cut_or_garbled_on_its_way_makes_recognition_raise(
    data: st.DataObject,
) -> None:
    content = table.mail(data.draw(st.sampled_from(sorted(table.MAILS))))
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, len(content)))
    assert read(content[:start] + data.draw(st.binary(max_size=20)) + content[end:]).kind in Kind


PEOPLE = st.tuples(st.text(max_size=20), st.text(max_size=20))


@settings(max_examples=30, deadline=None)
@given(
    st.builds(
        ReceivedMail,
        id=st.just("AAMk"),
        type=st.sampled_from(["#microsoft.graph.message", ""]),
        received_at=st.datetimes(timezones=st.just(UTC)),
        is_draft=st.booleans(),
        from_=PEOPLE,
        sender=PEOPLE,
        to=st.just(()),
        subject=st.text(max_size=40),
        internet_message_id=st.text(max_size=20),
        conversation_id=st.text(max_size=20),
        headers=st.lists(PEOPLE, max_size=4).map(tuple),
        body=st.builds(Body, st.text(max_size=60), is_html=st.booleans()),
    )
)
def test_no_mail_of_graph_makes_recognition_raise(received: ReceivedMail) -> None:
    mail = of_received(received)
    assert needs_mime(mail) in (True, False)
    assert recognize(mail).kind in Kind


def many(piece: bytes) -> bytes:
    return piece * (1_000_000 // len(piece))


def lines(piece: bytes) -> bytes:
    return many(piece * (900 // len(piece)) + b"\n")


def nested(depth: int) -> bytes:
    opened = (
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(depth)
    )
    return b"From: MAILER-DAEMON@x.example\n" + b"".join(opened) + b"x\n" * 1000


HUGE: dict[str, Callable[[], bytes]] = {
    "one long word": lambda: HEADER + b"text/plain\n\n" + many(b"a"),
    "addresses": lambda: HEADER + b"text/plain\n\n" + lines(b"a@b.c "),
    "words around an at": lambda: HEADER + b"text/plain\n\n" + lines(b"a@"),
    "codes": lambda: HEADER + b"text/plain\n\n" + lines(b"550 "),
    "recipients": lambda: (
        REPORT
        + b"--b\nContent-Type: message/delivery-status\n\n"
        + many(b"Final-Recipient: rfc822; a@b.example\nAction: failed\n\n")
    ),
    "headers": lambda: many(b"X: y\n") + b"\nhello",
    "one long header": lambda: b"Subject: " + many(b"=?utf-8?q?") + b"\n\nhello",
    "references": lambda: b"From: a@b.example\nReferences: " + many(b"<a@b> ") + b"\n\nhello",
    "carried mails": lambda: (
        REPORT + many(b"--b\nContent-Type: message/rfc822\n\nSubject: x\n\nx\n")
    ),
    "mails in mails": lambda: b"Content-Type: message/rfc822\n\n" * 5000,
    "parts in parts": lambda: nested(3000),
    "many lines in parts in parts": lambda: nested(300) + many(b"\n"),
    "html in html": lambda: HEADER + b"text/html\n\n" + many(b"<div>"),
    "tables": lambda: HEADER + b"text/html\n\n" + many(b"<table><tr><td>"),
    "dates": lambda: b"From: a@b.example\nSubject: Out of Office\n\n" + many(b"back on until "),
    "quotes": lambda: b"From: a@b.example\nSubject: Re: x\n\n" + many(b"> > > on a \n"),
}


@pytest.mark.parametrize("name", HUGE)
def test_a_mail_of_megabytes_is_read_in_seconds(name: str) -> None:
    """Anything that grows with the square of the size would take minutes."""
    content = HUGE[name]()
    begun = process_time()
    read(content)
    assert process_time() - begun < 5
