"""A mail that came in, as recognition needs it: as Graph gave it, or from its MIME (`$value`).

Nothing that a stranger sends makes either raise: what is missing or broken is empty.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import getaddresses

from shared.graph.inbox import ReceivedMail
from shared.graph.mail import Person
from shared.replies import mime

LONGEST_TEXT = 64 * 1024
"""Characters of a body that are looked at. What a mail is stands at its beginning."""
_LONGEST_HEADER = 16 * 1024
_MOST_HEADERS = 500


@dataclass(frozen=True, slots=True)
class IncomingMail:
    """One mail of a mailbox; addresses are in lower case.

    `author` is who it is from (From), `sender` who sent it for them (Sender) where that is somebody
    else. `text` is the body without markup, at most `LONGEST_TEXT` of it. `mime` is the whole mail,
    where it was fetched: `kinds.needs_mime` says when that is worth it.
    """

    headers: tuple[tuple[str, str], ...] = ()
    author: str | None = None
    author_name: str = ""
    sender: str | None = None
    subject: str = ""
    text: str = ""
    conversation: str | None = None
    received_at: datetime | None = None
    is_draft: bool = False
    is_calendar: bool = False
    mime: bytes | None = None

    def header(self, name: str) -> str | None:
        """The first header of that name (in lower case), or None."""
        return next(iter(self.all(name)), None)

    def all(self, name: str) -> tuple[str, ...]:
        """The values of every header of that name (in lower case), in their order."""
        return tuple(value for given, value in self.headers if given == name)


def of_received(mail: ReceivedMail) -> IncomingMail:
    """A mail as Graph gave it, without its MIME."""
    author, name = _address(mail.from_), mail.from_[1]
    sender = _address(mail.sender)
    body = mail.body
    return IncomingMail(
        headers=_headers(mail.headers),
        author=author,
        author_name=name,
        sender=sender if sender != author else None,
        subject=mail.subject,
        text=(mime.text_of_html(body.content) if body.is_html else body.content)[:LONGEST_TEXT],
        conversation=mail.conversation_id or None,
        received_at=mail.received_at,
        is_draft=mail.is_draft,
        is_calendar="eventMessage" in mail.type,
    )


def with_mime(incoming: IncomingMail, content: bytes) -> IncomingMail:
    """The same with its MIME, which says what Graph left out."""
    whole = from_mime(content)
    return replace(
        incoming,
        headers=incoming.headers or whole.headers,
        text=incoming.text or whole.text,
        mime=content,
    )


def from_mime(content: bytes) -> IncomingMail:
    """A mail read from its MIME alone."""
    message = mime.parse(content)
    headers = _headers(mime.header_items(message))
    first = dict(reversed(headers))
    name, author = _first_mailbox(first.get("from", ""))
    _, sender = _first_mailbox(first.get("sender", ""))
    return IncomingMail(
        headers=headers,
        author=author,
        author_name=name,
        sender=sender if sender != author else None,
        subject=first.get("subject", ""),
        text=mime.body_text(message)[:LONGEST_TEXT],
        received_at=mime.date(first.get("date", "")),
        mime=content,
    )


def _headers(given: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for name, value in given:
        if len(found) == _MOST_HEADERS:
            break
        found.append((name.strip().lower(), " ".join(value[:_LONGEST_HEADER].split())))
    return tuple(found)


def _address(person: Person) -> str | None:
    return person[0].strip().lower() or None


_ANGLE = re.compile(r"<([^<>\s]*)>")
_COMMENT = re.compile(r"\(([^()]*)\)")


def _first_mailbox(header: str) -> tuple[str, str | None]:
    """The name and the address of the first mailbox, also of headers that break RFC 5322."""
    header = header[:1000]
    for name, address in getaddresses([header]):
        if "@" in address:
            return name, address.strip().lower()
    angle = _ANGLE.search(header)
    comment = _COMMENT.search(header)
    name = comment[1] if comment else header[: angle.start()] if angle else header
    return name.strip(' "'), (angle[1].lower() or None) if angle else None
