"""The message that a report returns: which one it was, and to whom it went.

Reports carry it whole, or its headers, or cut off; inside another report, or as text after a line
of dashes; or they only name it in a field.
"""

import re
from collections.abc import Iterator
from email.message import Message
from itertools import pairwise

from shared.replies import mime
from shared.replies.delivery_status import addresses_in
from shared.replies.mail import IncomingMail

_MOST = 50
_ID = re.compile(r"<([^<>\s]{1,998})>")
_ID_LINE = re.compile(
    r"[\s>|]{0,20}(?:(?:x-)?original-)?message-id\s{0,5}:\s{0,20}(<[^<>\s]{1,998}>)", re.IGNORECASE
)


def message_ids(
    mail: IncomingMail, message: Message | None, reported: str | None = None
) -> tuple[str, ...]:
    """The Message-IDs that a report or a read receipt names, the surest first, at most 50.

    `message` is its MIME, where there is one; `reported` the field of the report that names one.
    """
    found: list[str] = []
    if message and (original := _original(message)):
        found += _ID.findall(str(original["message-id"] or ""))
    found += _ID.findall(reported or "")
    for text in [mail.text, *(_texts(message) if message else ())]:
        for line, after in pairwise([*text.splitlines(), ""]):
            if hit := _ID_LINE.match(line[:1100] + " " + after.strip()[:1000]):
                found += _ID.findall(hit[1])
    for name, value in mail.headers:
        if name.endswith("original-message-id"):
            found += _ID.findall(value)
    for name in ("in-reply-to", "references"):
        found += reversed(_ID.findall(mail.header(name) or ""))
    return tuple(dict.fromkeys(f"<{one}>" for one in found))[:_MOST]


def carries_one(message: Message | None) -> bool:
    """Whether a mail carries another, whole or its headers."""
    return message is not None and _original(message) is not None


def recipients(message: Message) -> list[str]:
    """To whom the returned message was addressed."""
    original = _original(message)
    return addresses_in(str(original["to"] or "")) if original else []


def _texts(message: Message) -> Iterator[str]:
    """Parts in which the returned message hides: quoted, cut off, or with its type forgotten."""
    for part in mime.parts(message):
        if mime.is_text(part) or part.get_content_type() == "text/rfc822":
            yield mime.text_of(part)
        elif part.get_content_type() in _NAMES_ONE:
            for piece in mime.inside(part):
                yield "\n".join(f"{name}: {value}" for name, value in piece.items())
            if not part.is_multipart():
                yield mime.text_of(part)


_NAMES_ONE = {
    "message/partial",
    "message/disposition-notification",
    "message/global-disposition-notification",
}
_CARRIES = {
    *("message/rfc822", "message/rfc822-headers", "message/partial"),
    *("message/global", "message/global-headers"),  # RFC 6532, RFC 6533
}


def _original(message: Message) -> Message | None:
    """The returned message or its headers, of the innermost report."""
    for part in mime.parts(message):
        carried = mime.inside(part)
        if part.get_content_type() in _CARRIES and carried:
            inner = carried[0]
            return (_original(inner) if _is_report(inner) else None) or inner
        if part.get_content_type() == "text/rfc822-headers":
            return mime.parse(mime.text_of(part).encode("utf-8", "replace"))
    return None


def _is_report(message: Message) -> bool:
    return any(one.get_content_type().endswith("delivery-status") for one in mime.parts(message))
