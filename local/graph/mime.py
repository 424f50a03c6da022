"""One message as it travels: real MIME, with the text part Exchange derives."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from .plaintext import plain_text

# Exchange refuses more; what travels is counted, so attachments count as base64.
LARGEST_MESSAGE_BYTES = 35 * 1024 * 1024

_ADDRESS = re.compile(r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?:[A-Za-z0-9-]+\.)*[A-Za-z0-9-]+$")
_PRIORITY = {"low": "5", "high": "1"}


@dataclass(frozen=True)
class Part:
    """An attachment. ``content_id`` is set where the HTML shows it by ``cid:``."""

    name: str
    content_type: str
    content_id: str | None
    is_inline: bool
    content: bytes


def is_address(text: str) -> bool:
    """Whether Exchange would try to deliver to ``text``."""
    local, _, domain = text.rpartition("@")
    dots = ".." in text or local.startswith(".") or local.endswith(".")
    return bool(_ADDRESS.match(text)) and not dots and not domain.startswith("-")


def addresses(resource: dict[str, Any], *properties: str) -> list[str]:
    """The addresses in the recipient properties named, in order, as written."""
    return [
        (recipient.get("emailAddress") or {}).get("address") or ""
        for name in properties
        for recipient in resource.get(name) or []
    ]


def build(
    resource: dict[str, Any],
    message_id: str,
    sent_at: datetime,
    text: str,
    parts: Sequence[Part],
    references: Sequence[str] = (),
) -> EmailMessage:
    """The message for the wire. Bcc is not in it: who else got it stays hidden.

    ``references`` are the ids of the thread it answers in, the one it answers last.
    """
    mail = EmailMessage(policy=SMTP)
    mail["From"] = _person(resource["from"])
    for header, name in (("To", "toRecipients"), ("Cc", "ccRecipients"), ("Reply-To", "replyTo")):
        if resource.get(name):
            mail[header] = [_person(recipient) for recipient in resource[name]]
    mail["Subject"] = " ".join((resource.get("subject") or "").splitlines())
    mail["Date"] = sent_at
    mail["Message-ID"] = message_id
    if references:
        mail["In-Reply-To"] = references[-1]
        mail["References"] = " ".join(references)
    importance = resource.get("importance") or "normal"
    if importance != "normal":
        mail["Importance"] = importance
        mail["X-Priority"] = _PRIORITY[importance]
    for entry in resource.get("internetMessageHeaders") or []:
        mail[entry["name"]] = entry.get("value") or ""
    _fill(mail, resource.get("body") or {}, text, parts)
    return mail


def text_of(body: dict[str, Any]) -> str:
    """The text part for a body of either kind."""
    content = body.get("content") or ""
    return plain_text(content) if body.get("contentType") == "html" else content


def _fill(mail: EmailMessage, body: dict[str, Any], text: str, parts: Sequence[Part]) -> None:
    mail.set_content(text)
    inline: list[Part] = []
    if body.get("contentType") == "html":
        mail.add_alternative(body.get("content") or "", subtype="html")
        inline = [part for part in parts if part.is_inline and part.content_id]
        html = mail.get_payload()[1]  # type: ignore[index]
        for part in inline:
            main, sub = _kind(part)
            html.add_related(  # type: ignore[union-attr]
                part.content, main, sub, cid=f"<{part.content_id}>", filename=part.name
            )
    for part in parts:
        if part not in inline:
            main, sub = _kind(part)
            mail.add_attachment(part.content, main, sub, filename=part.name)


def _kind(part: Part) -> tuple[str, str]:
    main, _, sub = part.content_type.partition(";")[0].strip().partition("/")
    if not sub or main in ("text", "message", "multipart"):
        # The library would re-encode these; a file travels as the bytes it is.
        return "application", "octet-stream"
    return main, sub


def _person(recipient: dict[str, Any]) -> Address:
    person = recipient.get("emailAddress") or {}
    name = " ".join((person.get("name") or "").split())
    username, _, domain = (person.get("address") or "").rpartition("@")
    return Address(display_name=name, username=username, domain=domain)
