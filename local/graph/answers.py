"""What a recipient, or their server, answers to a mail: a reply, an absence, a bounce.

Each is a real MIME message, written as the programs of the world write it, and delivered into the
inbox of the mail's sender.
"""

from __future__ import annotations

import html
import json
import secrets
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import Parser
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from typing import Any, Literal

from . import mailboxes, sending
from .store import Store

Kind = Literal["reply", "outOfOffice", "bounce"]
KINDS: Sequence[Kind] = ("reply", "outOfOffice", "bounce")
# The name under which Exchange sends its own mail; the digits are the same in every tenant.
_EXCHANGE = "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e"
_NOT_FOUND = "The address was not found. Check it, and send the message again."


def answer(store: Store, original: sqlite3.Row, kind: Kind, text: str, now: datetime) -> str:
    """Deliver the answer to the mail's sender; answers its immutable id in that mailbox."""
    mail, sender = _WRITERS[kind](original, text, now), _sender(original)
    references = str(mail["References"]).split()
    with store.transaction():
        return _deliver(store, sender, mail, references, now)


def _deliver(
    store: Store, mailbox: str, mail: EmailMessage, references: Sequence[str], now: datetime
) -> str:
    plain, rich = mail.get_body(("plain",)), mail.get_body(("html", "plain"))
    assert plain is not None and rich is not None
    at, item = mailboxes.graph_time(now), mailboxes.new_id("AAkA", 50)
    sender = {"emailAddress": _person(mail["From"].addresses[0])}
    resource = {
        "subject": str(mail["Subject"]),
        "isRead": False,
        "from": sender,
        "sender": sender,
        "toRecipients": [{"emailAddress": _person(one)} for one in mail["To"].addresses],
        "body": {
            "contentType": "html" if rich.get_content_subtype() == "html" else "text",
            "content": rich.get_content(),
        },
    }
    key = store.insert(
        "messages",
        mailbox=mailbox,
        folder="inbox",
        id=mailboxes.new_id("AAMk", 110),
        immutable_id=item,
        internet_message_id=str(mail["Message-ID"]),
        conversation_id=sending.conversation(store, mailbox, references),
        change_key=mailboxes.new_id("CQAA", 14),
        created_at=at,
        modified_at=at,
        received_at=at,
        sent_at=at,
        is_draft=0,
        resource=json.dumps(resource),
        headers=json.dumps([[name, str(value)] for name, value in mail.items()]),
        plain_text=plain.get_content(),
    )
    store.insert("mimes", message=key, bytes=mail.as_bytes())
    return item


def _reply(original: sqlite3.Row, text: str, now: datetime) -> EmailMessage:
    """As Gmail on the web writes it: the answer on top, the whole mail quoted below."""
    stored = json.loads(original["resource"])
    subject = stored.get("subject") or ""
    mail = _begun(original, now)
    mail["Subject"] = subject if subject[:3].lower() == "re:" else f"Re: {subject}"
    sender = formataddr((_name(stored["from"]), _sender(original)))
    said = f"On {format_datetime(now)}, {sender} wrote:"
    quoted = "\n".join(f"> {line}" for line in (original["plain_text"] or "").splitlines())
    mail.set_content(f"{text}\n\n{said}\n\n{quoted}\n")
    body = stored.get("body") or {"contentType": "text", "content": ""}
    before = body["content"] if body["contentType"] == "html" else _as_html(body["content"])
    mail.add_alternative(
        f'<div dir="ltr">{_as_html(text)}</div><br><div class="gmail_quote">'
        f'<div dir="ltr" class="gmail_attr">{html.escape(said)}<br></div>'
        '<blockquote class="gmail_quote" style="margin:0 0 0 0.8ex;border-left:1px solid #ccc;'
        f'padding-left:1ex">{before}</blockquote></div>\n',
        subtype="html",
    )
    return mail


def _out_of_office(original: sqlite3.Row, text: str, now: datetime) -> EmailMessage:
    """As Exchange answers for somebody who is away."""
    mail = _begun(original, now)
    mail["Subject"] = f"Automatic reply: {json.loads(original['resource']).get('subject') or ''}"
    mail["Auto-Submitted"] = "auto-replied"
    mail["X-Auto-Response-Suppress"] = "All"
    mail["X-MS-Exchange-Inbox-Rules-Loop"] = original["mailbox"]
    mail["Return-Path"] = "<>"
    away = text or "I am out of the office."
    mail.set_content(f"{away}\n")
    mail.add_alternative(f"<html><body><p>{_as_html(away)}</p></body></html>\n", subtype="html")
    return mail


def _bounce(original: sqlite3.Row, text: str, now: datetime) -> EmailMessage:
    """As Exchange reports that the mail did not arrive (RFC 3464)."""
    address = original["mailbox"]
    server = f"mail.{mailboxes.domain(address)}"
    told = f"Your message to {address} couldn't be delivered.\n\n{text or _NOT_FOUND}\n"
    mail = _begun(original, now)
    mail.replace_header("From", f"Microsoft Outlook <{_EXCHANGE}@{_domain_of(original)}>")
    mail["Subject"] = f"Undeliverable: {json.loads(original['resource']).get('subject') or ''}"
    mail["Auto-Submitted"] = "auto-replied"
    mail["X-MS-Exchange-Message-Is-Ndr"] = "1"
    mail["Return-Path"] = "<>"
    mail["MIME-Version"] = "1.0"
    mail["Content-Type"] = 'multipart/report; report-type="delivery-status"'
    human = EmailMessage(policy=SMTP)
    human.set_content(told)
    human.add_alternative(f"<html><body><p>{_as_html(told)}</p></body></html>\n", subtype="html")
    status = (
        f"Reporting-MTA: dns;{server}\nArrival-Date: {format_datetime(now)}\n\n"
        f"Final-Recipient: rfc822;{address}\nAction: failed\nStatus: 5.1.10\n"
        "Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound;"
        " not found by SMTP address lookup\n"
    )
    headers = EmailMessage(policy=SMTP)
    for name, value in json.loads(original["headers"]):
        headers[name] = value
    mail.attach(human)
    mail.attach(_part("message/delivery-status", status))
    mail.attach(_part("text/rfc822-headers", headers.as_bytes().decode("ascii")))
    return mail


def _part(kind: str, content: str) -> EmailMessage:
    return Parser(EmailMessage, policy=SMTP).parsestr(f"Content-Type: {kind}\n\n{content}")


def _begun(original: sqlite3.Row, now: datetime) -> EmailMessage:
    """A mail from the recipient to the sender, in the thread (RFC 5322, 3.6.4)."""
    stored, address = json.loads(original["resource"]), original["mailbox"]
    headers = {name.lower(): value for name, value in json.loads(original["headers"])}
    before = headers.get("references") or headers.get("in-reply-to") or ""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = _written(_name_of(stored, address), address)
    mail["To"] = _written(_name(stored["from"]), _sender(original))
    mail["Date"] = now
    mail["Message-ID"] = f"<{secrets.token_hex(16)}@{mailboxes.domain(address)}>"
    mail["In-Reply-To"] = original["internet_message_id"]
    mail["References"] = " ".join([*before.split(), original["internet_message_id"]])
    return mail


def _sender(original: sqlite3.Row) -> str:
    stored = json.loads(original["resource"])
    return str(stored["from"]["emailAddress"]["address"]).lower()


def _domain_of(original: sqlite3.Row) -> str:
    return mailboxes.domain(_sender(original))


def _name_of(stored: dict[str, Any], address: str) -> str:
    for name in sending.RECIPIENT_PROPERTIES:
        for recipient in stored.get(name) or []:
            if (recipient["emailAddress"].get("address") or "").lower() == address:
                return _name(recipient)
    return ""


def _name(recipient: dict[str, Any]) -> str:
    return recipient["emailAddress"].get("name") or ""


def _written(name: str, address: str) -> Address:
    username, _, domain = address.rpartition("@")
    return Address(" ".join(name.split()), username, domain)


def _person(address: Address) -> dict[str, str]:
    return {"name": address.display_name or address.addr_spec, "address": address.addr_spec}


def _as_html(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")


_WRITERS: Mapping[Kind, Callable[[sqlite3.Row, str, datetime], EmailMessage]] = {
    "reply": _reply,
    "outOfOffice": _out_of_office,
    "bounce": _bounce,
}
