"""What a mail that came in is: a person's, an automatic answer, a bounce, or nothing of concern.

The order matters: a bounce is an automatic mail too, and an out-of-office notice may speak of mail
that is not delivered. What no rule claims was written by a person.
"""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from shared.replies import automatic, bounces, mime, return_date, returned, wording
from shared.replies.automatic import AutomaticKind
from shared.replies.delivery_status import Failure
from shared.replies.mail import IncomingMail


class Kind(StrEnum):
    """What a mail is, as the timeline tells it; `OTHER` is not told."""

    REPLY = "reply"
    AUTOMATIC = "autoReply"
    BOUNCE = "bounce"
    OTHER = "other"


class Other(StrEnum):
    """Why a mail is of no concern."""

    DELAYED = "delayed"
    DELIVERED = "delivered"
    CALENDAR = "calendar"
    COMPLAINT = "complaint"
    NEWSLETTER = "newsletter"


@dataclass(frozen=True, slots=True)
class Recognized:
    """What a mail is, and what it says.

    `signs` are what gave it away. `author` is who wrote it: From, whoever sent it for them (RFC
    5322, 3.6.2). `originals` are the Message-IDs that a report names, the surest first; `failures`
    are of a bounce or a delay.
    """

    kind: Kind
    signs: tuple[str, ...] = ()
    author: str | None = None
    automatic: AutomaticKind | None = None
    returns_on: date | None = None
    other: Other | None = None
    failures: tuple[Failure, ...] = ()
    originals: tuple[str, ...] = ()


def recognize(mail: IncomingMail) -> Recognized:
    """What a mail is. It never raises, whatever it is given."""
    author = mail.author or mail.sender
    if mail.is_calendar or _is_calendar(mail):
        return Recognized(Kind.OTHER, author=author, other=Other.CALENDAR)
    if _is_complaint(mail):
        return Recognized(Kind.OTHER, author=author, other=Other.COMPLAINT)
    if not _is_receipt(mail) and (report := bounces.read(mail)):
        return _report(report, author)
    if signs := automatic.signs(mail):
        return _automatic(mail, signs, author)
    if not _answers(mail) and _is_list(mail) and not automatic.repeats(mail):
        return Recognized(Kind.OTHER, author=author, other=Other.NEWSLETTER)
    if not _answers(mail) and _is_bulk(mail):
        return _automatic(mail, ("precedence",), author)
    return Recognized(Kind.REPLY, author=author)


def needs_mime(mail: IncomingMail) -> bool:
    """Whether the whole MIME should be fetched before `recognize`: it may be a bounce.

    Cheap: headers, sender and subject decide, the body is not looked at.
    """
    if mail.mime is not None or mail.is_calendar:
        return False
    if "multipart/report" in (mail.header("content-type") or "").lower():
        return True
    if wording.begins("automatic_subjects", mail.subject):
        return False
    return (
        mail.header("x-failed-recipients") is not None
        or bounces.is_from_a_mail_system(mail)
        or wording.begins("bounce_subjects", mail.subject)
    )


def _report(report: bounces.Returned, author: str | None) -> Recognized:
    failed = report.outcome == "failed"
    return Recognized(
        Kind.BOUNCE if failed else Kind.OTHER,
        (report.sign,),
        author,
        other=None if failed else Other(report.outcome),
        failures=report.failures,
        originals=report.originals,
    )


def _automatic(mail: IncomingMail, signs: tuple[str, ...], author: str | None) -> Recognized:
    kind = automatic.kind_of(mail)
    if _is_list(mail) and not mail.header("in-reply-to") and kind is not _AWAY:
        return Recognized(Kind.OTHER, signs, author, other=Other.NEWSLETTER)
    back = None
    if kind is _AWAY and mail.received_at:
        back = return_date.find(f"{mail.subject}. {mail.text[:4000]}", mail.received_at.date())
    named: tuple[str, ...] = ()
    if kind is AutomaticKind.RECEIPT:
        named = returned.message_ids(mail, mime.parse(mail.mime) if mail.mime else None)
    return Recognized(
        Kind.AUTOMATIC, signs, author, automatic=kind, returns_on=back, originals=named
    )


_AWAY = AutomaticKind.OUT_OF_OFFICE


def _is_receipt(mail: IncomingMail) -> bool:
    """A read receipt (RFC 8098); not a refusal in the form of one (Sieve's `reject`, RFC 5429)."""
    kind = (mail.header("content-type") or "").lower()
    refused = "(rejected)" in (mail.header("auto-submitted") or "").lower()
    return "disposition-notification" in kind and not refused


def _is_calendar(mail: IncomingMail) -> bool:
    kind = (mail.header("content-type") or "").lower()
    return kind.startswith("text/calendar") or bool(
        re.search("calendarmessage", mail.header("content-class") or "", re.IGNORECASE)
    )


def _is_complaint(mail: IncomingMail) -> bool:
    """A feedback report (RFC 5965), or what a provider sends in its place."""
    kind = (mail.header("content-type") or "").lower()
    return "feedback-report" in kind or wording.begins("complaint_subjects", mail.subject)


def _is_list(mail: IncomingMail) -> bool:
    return bool(
        mail.header("list-unsubscribe")
        or mail.header("list-id")
        or (mail.header("precedence") or "").lower() == "list"
    )


def _is_bulk(mail: IncomingMail) -> bool:
    return (mail.header("precedence") or "").lower() in ("bulk", "junk")


def _answers(mail: IncomingMail) -> bool:
    return bool(mail.header("in-reply-to") or mail.header("references"))
