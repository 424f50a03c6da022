"""Delivery reports as RFC 3464 writes them: which address, what became of it, and why.

Written by hundreds of programs, they come with blank lines inside a recipient's fields, with the
fields in any order, encoded, or without the part that should hold them. So fields are read one
after the other, and a field that comes again belongs to the next recipient.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.message import Message
from enum import StrEnum

from shared.replies import mime


class Severity(StrEnum):
    """What a sender may expect of an address after this."""

    PERMANENT = "permanent"
    TEMPORARY = "temporary"
    DELAYED = "delayed"


@dataclass(frozen=True, slots=True)
class Failure:
    """An address that was not reached, as we wrote to it; in lower case.

    `status` is the enhanced status code (RFC 3463) where one was given; `diagnostic` is what the
    last server said, in its own words, at most 500 characters.
    """

    address: str
    severity: Severity
    status: str | None = None
    diagnostic: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a delivery report says of its recipients, and of the message that it is about."""

    failures: tuple[Failure, ...]
    actions: frozenset[str]
    original: str | None = None

    @property
    def failed(self) -> bool:
        return "failed" in self.actions


_FIELD = re.compile(
    r"(original-recipient|final-recipient|action|status|diagnostic-code"
    r"|x-original-message-id|x-actual-recipient)\s*:\s*(.*)",
    re.IGNORECASE,
)
_MOST_RECIPIENTS = 500
_RECIPIENT = {"original-recipient", "final-recipient"}
_ACTIONS = ("failed", "delayed", "delivered", "relayed", "expanded")
_ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_REPLY = re.compile(r"(?<![\d.\-])([45])[0-7]\d(?=[\s,;:#]|-(?!\d\d\d)|$)")
_NOT_INSIDE = r"\s@<>()\[\]\\,;:\"'，；：。、（）＜＞「」【】《》“”‘’"
ADDRESS = re.compile(rf"[^{_NOT_INSIDE}]{{1,128}}@[^{_NOT_INSIDE}=]{{1,253}}")
"""An address as reports write it, more generous than RFC 5322 about what is inside, and apart from
the marks of any script around it."""


def read(message: Message) -> Report | None:
    """The report of a mail's delivery-status parts, or None where it has none."""
    lines: list[str | None] = []
    for part in mime.parts(message):
        if part.get_content_type().endswith("delivery-status"):
            lines.extend(_lines(part))
    return read_lines(lines)


def read_lines(lines: Iterable[str | None]) -> Report | None:
    """The report in these lines (None stands between groups), or None where they hold none."""
    recipients: list[dict[str, str]] = [{}]
    original: str | None = None
    last: str | None = None
    at_start_of_group = True
    for line in lines:
        if line is None:
            at_start_of_group, last = True, None
            continue
        found = _FIELD.match(line)
        if not found:
            if last and line[:1] in " \t":
                recipients[-1][last] += " " + line.strip()
            elif line.strip():
                last = None
            continue
        name, value = found[1].lower(), found[2].strip()
        if name == "x-original-message-id":
            original = value
            continue
        current = recipients[-1]
        another = at_start_of_group and name in _RECIPIENT and _RECIPIENT & current.keys()
        if name in current or another:
            if len(recipients) == _MOST_RECIPIENTS:
                break
            recipients.append(current := {})
        current[name] = value
        at_start_of_group, last = False, name
    told = [one for one in recipients if _is_told(one)]
    if not told:
        return None
    actions = frozenset(_action(one) for one in told)
    failures = [failure for one in told if (failure := _failure(one))]
    return Report(tuple(dict.fromkeys(failures)), actions, original)


def severity_of(text: str) -> Severity | None:
    """What the codes in a server's answer say, or None where there are none."""
    code = _ENHANCED.search(text) or _REPLY.search(text)
    if code is None or code[1] == "2":
        return None
    return Severity.PERMANENT if code[1] == "5" else Severity.TEMPORARY


def status_in(text: str) -> str | None:
    """The enhanced status code in a server's answer."""
    code = _ENHANCED.search(text)
    return code[0] if code else None


def tidy(text: str) -> str | None:
    """A server's words as one line of at most 500 characters, None where it said nothing."""
    return " ".join(text[:2000].split())[:500] or None


def addresses_in(text: str) -> list[str]:
    """The addresses in a line or a header, in lower case."""
    found = (one.strip(".*?").lower() for one in ADDRESS.findall(text[:2000]))
    return [one.removeprefix("smtp=") for one in found]


def address_in(text: str) -> str | None:
    """The first address in a text, in lower case."""
    return next(iter(addresses_in(text)), None)


def _lines(part: Message) -> Iterator[str | None]:
    """The lines of a delivery-status part; the library reads its groups as headers."""
    carried = part.get_payload()
    if part.get("content-transfer-encoding", "").strip().lower() in ("base64", "quoted-printable"):
        carried = _decoded(part)
    if isinstance(carried, str):
        carried = [carried]
    for group in carried if isinstance(carried, list) else []:
        yield None
        if isinstance(group, Message):
            for name, value in group.items():
                yield f"{name}: {mime.decoded_words(' '.join(str(value).split()))}"
            group = group.get_payload()
        if isinstance(group, str):
            for line in group.splitlines():
                yield line if line.strip() else None


def _decoded(part: Message) -> str:
    """An encoded report: forbidden (RFC 3464, 2.1), and sent all the same."""
    inside = part.get_payload()
    whole = Message()
    whole["Content-Transfer-Encoding"] = part["content-transfer-encoding"]
    pieces = inside if isinstance(inside, list) else [inside]
    texts = [one.get_payload() if isinstance(one, Message) else one for one in pieces]
    whole.set_payload("\n".join(text for text in texts if isinstance(text, str)))
    content = whole.get_payload(decode=True)
    return content.decode("utf-8", "replace") if isinstance(content, bytes) else ""


def _is_told(fields: dict[str, str]) -> bool:
    return bool(_RECIPIENT & fields.keys() or {"action", "status"} <= fields.keys())


def _action(fields: dict[str, str]) -> str:
    given = fields.get("action", "").lower()
    for action in _ACTIONS:
        if action in given:
            return action
    if "fail" in given or severity_of(_codes(fields)):
        return "failed"
    return "delivered" if fields.get("status", "").startswith("2") else given or "failed"


def _codes(fields: dict[str, str]) -> str:
    return f"{fields.get('status', '')} {fields.get('diagnostic-code', '')}"


def _failure(fields: dict[str, str]) -> Failure | None:
    action = _action(fields)
    if action not in ("failed", "delayed"):
        return None
    address = _recipient(fields)
    if address is None:
        return None
    said = fields.get("diagnostic-code", "")
    severity = Severity.DELAYED
    if action == "failed":
        severity = severity_of(_codes(fields)) or Severity.PERMANENT
    status = status_in(fields.get("status", ""))
    if status is None or status.endswith(".0.0"):
        status = status_in(said) or status
    words = said.partition(";")[2] if re.match(r"[\w-]+\s*;", said) else said
    return Failure(address, severity, status, tidy(words))


def _recipient(fields: dict[str, str]) -> str | None:
    """The address that was written to: the final one may be where it was forwarded to."""
    for name in ("original-recipient", "final-recipient", "x-actual-recipient"):
        value = fields.get(name, "").rpartition(";")[2]
        if "+40" in value and "@" not in value:
            value = value.replace("+40", "@")  # xtext, RFC 3461
        if address := address_in(value):
            return address
    return address_in(fields.get("diagnostic-code", ""))
