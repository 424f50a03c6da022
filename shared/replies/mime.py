"""MIME as it really arrives: read with the standard library, and never given up on.

Every function takes what strangers send: wrong charsets, missing boundaries, parts inside parts
inside parts. The work grows with the size and no faster; what is beyond a limit is not looked at.
"""

import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Any

LONGEST = 512 * 1024
"""Bytes of a mail that are read: a report stands before the mail that it returns."""
_LONGEST_HTML = 256 * 1024
_DEEPEST = 20
_MOST_PARTS = 200
_MOST_BOUNDARIES = 60
_BOUNDARY = re.compile(rb"boundary\s*=", re.IGNORECASE)

_REFUSED = re.compile(r"idna|punycode|unicode.?escape|undefined", re.IGNORECASE)
"""Codecs of Python that are no charsets, and slow or noisy on bytes that are not theirs."""


class _Part(Message):
    """A part whose text can be had whatever its charset is called."""

    def get_payload(self, *args: Any, **options: Any) -> Any:
        try:
            return super().get_payload(*args, **options)
        except UnicodeError:
            # The library decodes text that is not ASCII on the way, and some of Python's codecs
            # raise although they are told to replace.
            content = super().get_payload(decode=True)
            return content.decode("latin-1") if isinstance(content, bytes) else ""


def parse(content: bytes) -> Message:
    """The mail as a tree; one that is nested beyond reason is read as its headers and its text."""
    content = content[:LONGEST]
    if b"\n" not in content:
        content = content.replace(b"\r", b"\n")
    # The library compares every line with the boundary of every part around it.
    if len(_BOUNDARY.findall(content)) <= _MOST_BOUNDARIES:
        with contextlib.suppress(RecursionError):
            return message_from_bytes(content, _Part)
    head, _, body = content.partition(b"\n\n")
    kept = [line for line in head.split(b"\n") if not line.lower().startswith(b"content-")]
    return message_from_bytes(b"\n".join(kept) + b"\n\n" + body, _Part)


def parts(message: Message) -> Iterator[Message]:
    """Every part of a mail in its order, without what is inside of mails that it carries."""
    waiting = [(message, 0)]
    for _ in range(_MOST_PARTS):
        if not waiting:
            return
        part, depth = waiting.pop()
        yield part
        if depth < _DEEPEST and is_multipart(part):
            waiting.extend(reversed([(one, depth + 1) for one in inside(part)]))


def inside(part: Message) -> list[Message]:
    """What a part carries: the parts of a multipart, a forwarded or returned mail."""
    carried = part.get_payload() if part.is_multipart() else ()
    return [one for one in carried if isinstance(one, Message)]


def is_multipart(part: Message) -> bool:
    return part.get_content_maintype() == "multipart"


def text_of(part: Message) -> str:
    """The text of one part, whatever its transfer encoding and charset say."""
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    text = decoded(content, part.get_content_charset() or "utf-8")
    return text_of_html(text) if part.get_content_type() == "text/html" else text


def body_text(message: Message) -> str:
    """What a person would read: the first plain text, or else the first HTML as text.

    Where there is neither, as in a multipart without its boundary, the raw body.
    """
    texts = [part for part in parts(message) if is_text(part)]
    plain = [part for part in texts if part.get_content_type() == "text/plain"]
    for part in plain + [part for part in texts if part not in plain]:
        if (text := text_of(part)).strip():
            return text
    broken = message.get_payload()
    if isinstance(broken, str):
        return broken
    return str(message.preamble or message.epilogue or "")


def is_text(part: Message) -> bool:
    return (
        part.get_content_type() in ("text/plain", "text/html")
        and part.get_content_disposition() != "attachment"
    )


def text_of_html(html: str) -> str:
    """HTML as lines of text."""
    from turbohtml import parse as parse_html

    return parse_html(html[:_LONGEST_HTML]).to_text()


def header_items(message: Message) -> Iterator[tuple[str, str]]:
    """Names and values of the headers in their order, encoded words decoded.

    Bytes outside ASCII are UTF-8 (RFC 6532), or else what the mail's text is written in: older mail
    systems write such headers, though no RFC lets them.
    """
    charset = message.get_content_charset() or "cp1252"
    for name, value in message.raw_items():
        yield name, decoded_words(_unescaped(str(value), charset))


def _unescaped(value: str, charset: str) -> str:
    """A header as `parse` keeps it, whose bytes outside ASCII are lone surrogates (PEP 383)."""
    if value.isascii():
        return value
    content = value.encode("utf-8", "surrogateescape")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return decoded(content, charset)


def decoded_words(value: str) -> str:
    """A header's value with its encoded words (RFC 2047) as text; as it is where they are broken.

    A value longer than a line may be is left alone: the library's time grows with its square.
    """
    if "=?" not in value or len(value) > 2000:
        return value
    try:
        pieces = decode_header(value)
    except (HeaderParseError, ValueError):
        return value
    return "".join(
        piece if isinstance(piece, str) else decoded(piece, charset or "latin-1")
        for piece, charset in pieces
    )


def decoded(content: bytes, charset: str) -> str:
    """Bytes as text: by their charset where there is such a one, else as UTF-8."""
    if charset.lower() == "unicode-1-1-utf-7":
        charset = "utf-7"
    try:
        if not _REFUSED.search(charset):
            return content.decode(charset, "replace")
    except (LookupError, ValueError):
        pass  # Nobody knows that charset: most of the text is ASCII anyway.
    return content.decode("utf-8", "replace")


def date(value: str) -> datetime | None:
    """The instant of a Date header, or None where it is none."""
    try:
        at = parsedate_to_datetime(value[:200])
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
