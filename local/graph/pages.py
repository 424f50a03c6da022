"""The pages on which one plays the recipient: mailboxes, mail, and a message as a client shows it.

A message's HTML is served from an address of its own with ``CSP: sandbox``, so that a script in
mail never runs and mail never reads this page; images load and links open in a new tab. ``/demo``
stands for a seller's own web site, so that the pictures and links of the demo's newsletter lead
somewhere without a network.
"""

from __future__ import annotations

import json
import re
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from . import answers
from .downloads import download_headers
from .mailboxes import SELLERS
from .store import Store, store_of

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# What a mail client lets a message do: show itself, load images and fonts, open links.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "style-src 'unsafe-inline'; img-src * data:; font-src *; media-src *; frame-ancestors 'self'"
)
ANSWERS: dict[answers.Kind, str] = {
    "reply": "Reply",
    "outOfOffice": "Answer as out of office",
    "bounce": "Bounce it",
}
FOLDERS = {"inbox": "Inbox", "drafts": "Drafts", "sentitems": "Sent Items"}
VIEWS = {"html": "HTML", "text": "Text", "headers": "Headers"}

_HERE = Path(__file__).parent / "templates"
_TEMPLATES = Environment(
    loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_TEMPLATES.filters["segment"] = lambda text: quote(text, safe="@")
_DOCTYPE = re.compile(r"^\s*<!doctype[^>]*>", re.IGNORECASE)


def routes() -> list[BaseRoute]:
    message = "/mailboxes/{address}/messages/{item}"
    return [
        Route("/", show_mailboxes),
        Route("/mail.css", style),
        Mount("/demo", StaticFiles(directory=_HERE.parent / "demo")),
        Route("/mailboxes/{address}", show_mailbox),
        Route(message, show_message),
        Route(message + "/html", show_html),
        Route(message + "/answer", answer, methods=["POST"]),
        Route(message + "/attachments/{attachment}", download),
    ]


async def show_mailboxes(request: Request) -> Response:
    counted = {
        row["mailbox"]: dict(row)
        for row in store_of(request).rows(
            "SELECT mailbox, sum(folder = 'inbox') AS received, max(key) AS latest"
            " FROM messages WHERE folder != 'deleted' GROUP BY mailbox"
        )
    }
    recipients = sorted(
        (address for address in counted if address not in SELLERS),
        key=lambda address: -counted[address]["latest"],
    )
    return _page("mailboxes.html", sellers=list(SELLERS), recipients=recipients, counted=counted)


async def show_mailbox(request: Request) -> Response:
    address = request.path_params["address"].lower()
    folder = request.query_params.get("folder", "inbox")
    if folder not in FOLDERS:
        raise HTTPException(404, "There is no such folder.")
    rows = store_of(request).rows(
        "SELECT * FROM shown_messages WHERE mailbox = ? AND folder = ? ORDER BY key DESC LIMIT 200",
        address,
        folder,
    )
    return _page(
        "mailbox.html",
        address=address,
        folder=folder,
        folders=FOLDERS if address in SELLERS else {},
        messages=[_summary(row) for row in rows],
    )


async def show_message(request: Request) -> Response:
    store, row = _message(request)
    stored = json.loads(row["resource"])
    body = stored.get("body") or {"contentType": "text", "content": ""}
    has_html = body["contentType"] == "html"
    view = request.query_params.get("view", "html" if has_html else "text")
    if view not in VIEWS or (view == "html" and not has_html):
        raise HTTPException(404, "There is no such view of this message.")
    headers = json.loads(row["headers"] or "[]")
    return _page(
        "message.html",
        message=_summary(row),
        folder=row["folder"],
        folders=FOLDERS,
        view=view,
        views={name: title for name, title in VIEWS.items() if has_html or name != "html"},
        text=row["plain_text"] or ("" if has_html else body["content"]),
        headers=headers,
        answers=ANSWERS if row["folder"] == "inbox" else {},
        answered=request.query_params.get("answered") in ANSWERS,
        attachments=store.rows("SELECT * FROM attachments WHERE message = ?", row["key"]),
    )


async def answer(request: Request) -> Response:
    """The form below a received message: the sender gets what the recipient answers."""
    if request.headers.get("origin") != str(request.base_url).rstrip("/"):
        raise HTTPException(403, "Only the pages of this machine may answer.")
    store, row = _message(request)
    form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
    kind = next((one for one in ANSWERS if one == form.get("kind")), None)
    if kind is None or row["folder"] != "inbox":
        raise HTTPException(400, "This cannot be answered so.")
    # A form sends the line ends of the web; mail has one kind of its own.
    text = form.get("text", "").replace("\r\n", "\n")
    answers.answer(store, row, kind, text, datetime.now(UTC))
    here = request.url.path.removesuffix("/answer")
    return RedirectResponse(f"{here}?answered={kind}", 303)


async def show_html(request: Request) -> Response:
    """The message's own HTML, sandboxed even where it is opened outside its frame."""
    store, row = _message(request)
    body = json.loads(row["resource"]).get("body") or {}
    if body.get("contentType") != "html":
        raise HTTPException(404, "This message has no HTML.")
    html = _with_inline_images(store, row, request.url.path.removesuffix("/html"), body["content"])
    headers = {
        "Content-Security-Policy": MAIL_POLICY,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(opening_in_new_tabs(html), headers=headers)


async def download(request: Request) -> Response:
    store, row = _message(request)
    attachment = store.row(
        "SELECT attachments.*, contents.bytes FROM attachments JOIN contents"
        " ON contents.key = attachments.content WHERE message = ? AND id = ?",
        row["key"],
        request.path_params["attachment"],
    )
    if attachment is None:
        raise HTTPException(404, "There is no such attachment.")
    headers = download_headers(attachment["name"], attachment["content_type"])
    return Response(attachment["bytes"], headers=headers)


async def style(request: Request) -> Response:
    return Response((_HERE / "mail.css").read_bytes(), media_type="text/css")


def opening_in_new_tabs(html: str) -> str:
    """``html`` whose links open a new tab; a doctype stays first, so the rendering mode stays."""
    doctype = _DOCTYPE.match(html)
    at = doctype.end() if doctype else 0
    return html[:at] + '<base target="_blank">' + html[at:]


def _with_inline_images(store: Store, row: sqlite3.Row, base: str, html: str) -> str:
    for part in store.rows(
        "SELECT * FROM attachments WHERE message = ? AND content_id IS NOT NULL", row["key"]
    ):
        html = html.replace(f"cid:{part['content_id']}", f"{base}/attachments/{part['id']}")
    return html


def _message(request: Request) -> tuple[Store, sqlite3.Row]:
    store = store_of(request)
    row = store.row(
        "SELECT * FROM shown_messages WHERE mailbox = ? AND immutable_id = ?",
        request.path_params["address"].lower(),
        request.path_params["item"],
    )
    if row is None or row["folder"] == "deleted":
        raise HTTPException(404, "There is no such message.")
    return store, row


def _summary(row: sqlite3.Row) -> dict[str, Any]:
    stored = json.loads(row["resource"])
    sender = stored.get("from") or {"emailAddress": {"address": row["mailbox"]}}
    return {
        "id": row["immutable_id"],
        "mailbox": row["mailbox"],
        "subject": stored.get("subject") or "(no subject)",
        "from": _people([sender]),
        "to": _people(stored.get("toRecipients")),
        "cc": _people(stored.get("ccRecipients")),
        "at": row["received_at"],
        "preview": " ".join((row["plain_text"] or "")[:1000].split())[:140],
        "has_attachments": bool(row["ordinary_attachments"]),
    }


def _people(recipients: list[dict[str, Any]] | None) -> str:
    shown = []
    for recipient in recipients or []:
        person = recipient.get("emailAddress") or {}
        name, address = person.get("name"), person.get("address") or ""
        shown.append(f"{name} <{address}>" if name else address)
    return ", ".join(shown)


def _page(template: str, **values: Any) -> Response:
    headers = {"Content-Security-Policy": PAGE_POLICY, "Referrer-Policy": "no-referrer"}
    return HTMLResponse(_TEMPLATES.get_template(template).render(values), headers=headers)
