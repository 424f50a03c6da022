"""Bounces: was it one, whom does it name, and which message of ours came back.

The RFCs' delivery reports are read by `delivery_status`. What writes none of those is recognized
by who sent it and how it puts it; the addresses in it are found by flufl.bounce, which knows the
formats of some twenty mail systems, and then by the forms that nearly all of them use.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.message import Message

from shared.replies import delivery_status, mime, returned, wording
from shared.replies.delivery_status import Failure, Report, Severity, addresses_in, severity_of
from shared.replies.mail import IncomingMail

_MOST_LINES = 1000
_MOST_ADDRESSES = 50


@dataclass(frozen=True, slots=True)
class Returned:
    """A delivery report of any form: what became of the message, whose failures, which message.

    `outcome` is `failed`, `delayed` or `delivered`; `originals` are Message-IDs, the surest first.
    """

    outcome: str
    failures: tuple[Failure, ...]
    originals: tuple[str, ...]
    sign: str


def read(mail: IncomingMail) -> Returned | None:
    """The report that a mail is, or None where it is none."""
    message = mime.parse(mail.mime) if mail.mime else None
    report = delivery_status.read(message) if message else None
    if report and not _is_reporting(mail):
        report = None  # A person who passes a report on, or quotes one.
    lines = _own_lines(mail.text)
    said = [failure.diagnostic or "" for failure in report.failures] if report else []
    if any(wording.says("challenges", line) for line in (*lines, *said)):
        return None
    sign = "delivery-status" if report else _sign(mail, lines, message)
    if sign is None:
        return None
    if report is None and message:
        report = _carried_report(message)
    report = report or delivery_status.read_lines(mail.text.splitlines()[:_MOST_LINES])
    outcome = _outcome(mail, lines, report)
    failures = report.failures if report else ()
    if not failures and outcome != "delivered":
        failures = _failures(mail, lines, message, outcome)
    named = returned.message_ids(mail, message, report.original if report else None)
    return Returned(outcome, failures, named, sign)


def _outcome(mail: IncomingMail, lines: list[str], report: Report | None) -> str:
    """What became of the message. Reports are of failures, unless they say something else."""
    if report:
        is_delay = "delayed" in report.actions
        return "failed" if report.failed else "delayed" if is_delay else "delivered"
    if _is_delay(mail, lines):
        return "delayed"
    if wording.begins("bounce_subjects", mail.subject):
        return "failed"
    reached = any(wording.says("deliveries", line) for line in (mail.subject, *lines))
    return "delivered" if reached else "failed"


def is_from_a_mail_system(mail: IncomingMail) -> bool:
    """Whether a mail server may have sent it: it says so, or it names nobody to answer."""
    return _calls_itself_a_mail_system(mail) or has_no_return_path(mail)


def has_no_return_path(mail: IncomingMail) -> bool:
    """Whether the envelope names nobody to answer, as RFC 5321 (4.5.5) asks of reports."""
    return any(value.strip(" <>") == "" for value in mail.all("return-path"))


def _calls_itself_a_mail_system(mail: IncomingMail) -> bool:
    return _has_its_address(mail) or wording.says("mail_system_names", mail.author_name)


def _has_its_address(mail: IncomingMail) -> bool:
    return bool(
        wording.begins("mail_system_addresses", mail.author or "")
        or wording.begins("mail_system_addresses", mail.header("return-path") or "")
        or (mail.author is None and mail.header("from") is not None)
    )


def _is_reporting(mail: IncomingMail) -> bool:
    """Whether the mail itself is the report, rather than somebody's words with one attached."""
    if "multipart/report" in (mail.header("content-type") or "").lower():
        return True
    return is_from_a_mail_system(mail) or wording.begins("bounce_subjects", mail.subject)


def _sign(mail: IncomingMail, lines: list[str], message: Message | None) -> str | None:
    """What makes a mail without a delivery-status part a bounce, None where nothing does."""
    if mail.header("x-failed-recipients"):
        return "x-failed-recipients"
    if re.search(r"\((failure|rejected)\)", mail.header("auto-submitted") or ""):
        return "auto-submitted"
    kind = (mail.header("content-type") or "").lower()
    said = any(wording.says("bounces", line) for line in lines)
    subject = bool(wording.begins("bounce_subjects", mail.subject) or _is_delay(mail, lines))
    if "multipart/report" in kind and "delivery-status" in kind:
        return "report-type"
    if subject and is_from_a_mail_system(mail):
        return "sender and subject"
    names_one = said and (_tells_where(mail, lines) or returned.carries_one(message))
    # No return path is not enough here: out-of-office notices have none, and many words. Nor is a
    # name alone: administrators are people, too.
    if said and (_has_its_address(mail) or (names_one and _calls_itself_a_mail_system(mail))):
        return "sender and words"
    if subject and names_one:
        return "subject and words"
    answers = mail.header("in-reply-to") or mail.header("references")
    first = [line for line in lines if line.strip()][:8]
    if not answers and any(wording.begins("bounce_beginnings", line) for line in first):
        return "words"
    return None


def _tells_where(mail: IncomingMail, lines: list[str]) -> bool:
    """Whether a code of a server or somebody else's address stands there: goods fail, too."""
    return any(severity_of(line) or set(addresses_in(line)) - {mail.author} for line in lines)


def _is_delay(mail: IncomingMail, lines: list[str]) -> bool:
    if wording.begins("delay_subjects", mail.subject):
        return True
    return any(wording.says("delays", line) for line in lines)


def _own_lines(text: str) -> list[str]:
    """The lines that the mail system wrote, before the message that it returns."""
    own: list[str] = []
    for line in text.splitlines()[:_MOST_LINES]:
        if own and wording.pattern("originals").match(line):
            break
        own.append(line[:1000].replace("\xa0", " "))
    return own


def _carried_report(message: Message) -> Report | None:
    """The report inside a report that a filter passed on as its own."""
    for part in mime.parts(message):
        carried = part.get_payload()
        if part.get_content_type() == "message/rfc822" and isinstance(carried, list):
            for inner in carried:
                if isinstance(inner, Message) and (report := delivery_status.read(inner)):
                    return report
    return None


# --- Whom it names ----------------------------------------------------------------------------


def _failures(
    mail: IncomingMail, lines: list[str], message: Message | None, outcome: str
) -> tuple[Failure, ...]:
    named = [
        address for value in mail.all("x-failed-recipients") for address in addresses_in(value)
    ]
    named = named or _known_forms(mail, lines) or list(_in_text(mail, lines))
    if not named and message and len(written_to := returned.recipients(message)) == 1:
        named = written_to
    found = list(dict.fromkeys(named))[:_MOST_ADDRESSES]
    if len(found) == 1:
        return (_failure(found[0], _words([*_near(found[0], lines), *lines]), outcome),)
    return tuple(
        _failure(one, _words(_near(one, lines)) or _words(lines), outcome) for one in found
    )


def _failure(address: str, said: str, outcome: str) -> Failure:
    severity = Severity.DELAYED
    if outcome == "failed":
        passing = Severity.TEMPORARY if wording.says("passing", said) else Severity.PERMANENT
        severity = severity_of(said) or passing
    return Failure(address, severity, delivery_status.status_in(said), delivery_status.tidy(said))


def _near(address: str, lines: list[str]) -> list[str]:
    """The first lines that name an address, each with the four after it and the three before."""
    places = [n for n, line in enumerate(lines) if address in line.lower()][:5]
    after = [line for n in places for line in lines[n : n + 5]]
    return after + [line for n in places for line in reversed(lines[max(0, n - 3) : n])]


def _words(lines: list[str]) -> str:
    """The first line with a server's code in it, or else the first that tells of a failure."""
    coded = next((line for line in lines if severity_of(line)), "")
    return coded or next((line for line in lines if wording.says("bounces", line)), "")


_RECIPIENT_FORMS = tuple(
    re.compile(one, re.IGNORECASE)
    for one in (
        r"^\s*<([^<>\s]+@[^<>\s]+)>:?(?:\s|$)",
        r"^\s*(?:(?:failed |intended )?(?:recipient|address|addressed to|error-for|to whom)"
        r"s?(?: address)?|target mail address|unknown user|destinatário|destinatario|empfänger)"
        r"\s*:?\s*[<\[]?(?:smtp:)?([^\s<>\]]+@[^\s<>\]]+)",
        r"rcpt to:\s*<?([^\s<>]+@[^\s<>]+)",
        r"(?:delivered to|(?:your )?message to|deliver(?:y)? (?:to|message to)|sent mail to|reach"
        r"|entregue a|entregada? a)"
        r":?\s+[<'\"]?([^\s<>'\"]+@[^\s<>'\"]+)",
        r"^\s*[-*>]*\s*([^\s<>@]+@[^\s<>@]+?)\s*(?:$|:|\(|\[|\son\s)",
        r"(?:^|\s)<?([^\s<>@]+@[^\s<>@]+)>?.{0,200}\b[45]\d\d\b",
        r"\b[45]\d\d\b.{0,200}?<([^\s<>@]+@[^\s<>@]+)>",
    )
)
"""How lines name a recipient, the surest form first."""


def _known_forms(mail: IncomingMail, lines: list[str]) -> list[str]:
    """What flufl.bounce finds.

    It is given the mail system's own lines only, without words longer than an address can be: its
    patterns take the square of a word's length.
    """
    from flufl.bounce import all_failures

    given = Message()
    # It reads the first mailbox of From, and there must be one.
    given["From"] = (mail.author or "nobody@invalid")[:300]
    for name in ("subject", "x-mailer"):
        given[name] = (mail.header(name) or "")[:300]
    text = Message()
    text.set_payload("\n".join(re.sub(r"\S{256,}|\s{80,}", " ", line) for line in lines[:300]))
    if (mail.header("content-type") or "").lower().startswith("multipart/"):
        given.add_header("Content-Type", "multipart/mixed", boundary="=_parts")
        given.set_payload([text])
    else:
        given.set_payload(text.get_payload())
    try:
        temporary, permanent = all_failures(given)
    except (IndexError, KeyError, TypeError, ValueError, AttributeError):
        return []  # Made for sound mail; a bounce in which it sees no address is still a bounce.
    found = [raw.decode("utf-8", "replace") for raw in sorted(permanent) + sorted(temporary)]
    return [address for one in found for address in addresses_in(one)]


def _in_text(mail: IncomingMail, lines: list[str]) -> Iterator[str]:
    """The addresses of the surest form that the lines have: alone, after RCPT TO, by an error."""
    ours = set(addresses_in(" ".join((*mail.all("to"), *mail.all("delivered-to")))))
    ours |= {mail.author or ""}

    def others(found: Iterable[str]) -> list[str]:
        return [
            one
            for one in found
            if one not in ours and not wording.begins("mail_system_addresses", one)
        ]

    for form in _RECIPIENT_FORMS:
        found = others(
            address
            for line in lines
            if (hit := form.search(line))
            for address in addresses_in(hit[1])
        )
        if found:
            yield from found
            return
    yield from others(address for line in lines for address in addresses_in(line))
