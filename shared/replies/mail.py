"""A mail that came in, as recognition needs it: from Graph's JSON, or from the MIME of `$value`.

Nothing that a stranger sends makes either raise: what is missing or broken is empty.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import getaddresses
from typing import Any

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


def from_graph(message: Mapping[str, Any], mime_content: bytes | None = None) -> IncomingMail:
    """A `message` of Graph v1.0 as `$select` gave it, and its `$value` where that was fetched."""
    given = message.get("internetMessageHeaders")
    headers = _headers(
        (str(one.get("name", "")), str(one.get("value", "")))
        for one in (given if isinstance(given, list) else [])
        if isinstance(one, Mapping)
    )
    body = _mapping(message.get("body"))
    content = _text(body.get("content"))
    author, name = _mailbox(message.get("from"))
    sender, _ = _mailbox(message.get("sender"))
    whole = from_mime(mime_content) if mime_content else None
    html = _text(body.get("contentType")).lower() == "html"
    return IncomingMail(
        headers=headers or (whole.headers if whole else ()),
        author=author,
        author_name=name,
        sender=sender if sender != author else None,
        subject=_text(message.get("subject")),
        text=(mime.text_of_html(content) if html else content)[:LONGEST_TEXT]
        or (whole.text if whole else ""),
        conversation=_text(message.get("conversationId")) or None,
        received_at=_instant(message.get("receivedDateTime")),
        is_draft=message.get("isDraft") is True,
        is_calendar="eventMessage" in _text(message.get("@odata.type")),
        mime=mime_content,
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


def _headers(given: Any) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for name, value in given:
        if len(found) == _MOST_HEADERS:
            break
        found.append((name.strip().lower(), " ".join(value[:_LONGEST_HEADER].split())))
    return tuple(found)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _mailbox(recipient: object) -> tuple[str | None, str]:
    mailbox = _mapping(_mapping(recipient).get("emailAddress"))
    return _text(mailbox.get("address")).strip().lower() or None, _text(mailbox.get("name"))


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


def _instant(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(_text(value))
    except ValueError:
        return None
