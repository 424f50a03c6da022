"""Sending: the 202, the move to Sent Items, what recipients get, and what is never sent."""

from __future__ import annotations

import asyncio
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest

from tests.local.graph.mail import (
    ANA,
    IMMUTABLE,
    created,
    draft,
    person,
    received,
    refused,
    sent,
    shown,
    until,
)
from tests.running_graph import running_graph


def test_every_recipient_receives_a_copy_and_nobody_sees_bcc(http: httpx.Client) -> None:
    message = sent(
        http,
        toRecipients=[person("li@example.com", "Li Wei"), person("BRUNO@contoso.com")],
        ccRecipients=[person("cc@example.com")],
        bccRecipients=[person("hidden@example.com"), person("LI@example.com")],
        internetMessageHeaders=[{"name": "x-campaign", "value": "outono"}],
        importance="high",
    )
    for address in ("li@example.com", "bruno@contoso.com", "cc@example.com", "hidden@example.com"):
        (copy,) = received(http, address)
        assert copy["subject"] == "Offer"
        assert copy["html"] == draft()["body"]["content"]
        assert copy["text"] == "See it<https://a.example/>\n"
        assert copy["attachments"] == []
        assert copy["headers"]["Message-ID"] == message["internetMessageId"]
        assert copy["headers"]["x-campaign"] == "outono"
        assert copy["headers"]["From"] == "Ana <ana@contoso.com>"
        assert copy["headers"]["To"] == "Li Wei <li@example.com>, BRUNO@contoso.com"
        assert copy["headers"]["Importance"] == "high"
        assert "hidden" not in str(copy)
    inbox = http.get("/v1.0/users/bruno@contoso.com/messages").json()["value"]
    assert [(m["isDraft"], m["isRead"], m["bccRecipients"]) for m in inbox] == [(False, False, [])]


def test_the_answer_comes_before_the_move_and_the_immutable_id_stays(
    tmp_path: Path,
) -> None:
    with running_graph(tmp_path / "g.db", move_after=0.6) as graph:
        with httpx.Client(base_url=graph.address) as http:
            message = created(http)
            ordinary = http.get(f"{ANA}/{message['id']}").json()["id"]
            answer = http.post(f"{ANA}/{message['id']}/send", headers=IMMUTABLE)
            assert (answer.status_code, answer.content) == (202, b"")
            # Whoever looks too early sees a draft; sending it again is refused, not repeated.
            assert shown(http, message["id"])["isDraft"] is True
            assert received(http, "li@example.com") == []
            refused(http.post(f"{ANA}/{message['id']}/send"), 404, "ErrorItemNotFound")
            until(lambda: not shown(http, message["id"])["isDraft"])
            after = shown(http, message["id"])
            assert after["id"] == message["id"]
            assert after["internetMessageId"] == message["internetMessageId"]
            assert after["sentDateTime"] >= message["sentDateTime"]
            assert after["parentFolderId"] != message["parentFolderId"]
            refused(http.get(f"{ANA}/{ordinary}"), 404, "ErrorItemNotFound")
            assert len(received(http, "li@example.com")) == 1


def test_what_was_sent_cannot_be_sent_again(http: httpx.Client) -> None:
    message = sent(http)
    refused(http.post(f"{ANA}/{message['id']}/send"), 404, "ErrorItemNotFound")
    assert len(received(http, "li@example.com")) == 1


def test_a_deleted_draft_is_gone_and_is_not_sent(http: httpx.Client) -> None:
    item = created(http)["id"]
    http.post(f"{ANA}/{item}/permanentDelete")
    refused(http.post(f"{ANA}/{item}/send"), 404, "ErrorItemNotFound")
    assert received(http, "li@example.com") == []


def test_deleting_a_message_under_way_does_not_call_it_back(tmp_path: Path) -> None:
    with running_graph(tmp_path / "g.db", move_after=0.3) as graph:
        with httpx.Client(base_url=graph.address) as http:
            item = created(http)["id"]
            http.post(f"{ANA}/{item}/send")
            assert http.post(f"{ANA}/{item}/permanentDelete").status_code == 204
            until(lambda: len(received(http, "li@example.com")) == 1)
            assert http.get(ANA).json()["value"] == []


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"toRecipients": []}, 400, "ErrorInvalidRecipients"),
        ({"toRecipients": [person("nobody")]}, 400, "ErrorInvalidRecipients"),
        ({"bccRecipients": [person("a b@example.com")]}, 400, "ErrorInvalidRecipients"),
        ({"ccRecipients": [{"emailAddress": {"name": "Li"}}]}, 400, "ErrorInvalidRecipients"),
        ({"from": person("bruno@contoso.com")}, 403, "ErrorSendAsDenied"),
        ({"sender": person("bruno@contoso.com")}, 403, "ErrorSendAsDenied"),
    ],
)
def test_what_exchange_would_not_submit_stays_a_draft(
    http: httpx.Client, changes: dict[str, object], status: int, code: str
) -> None:
    item = created(http, **changes)["id"]
    refused(http.post(f"{ANA}/{item}/send"), status, code)
    assert shown(http, item)["isDraft"] is True


def test_a_text_message_has_no_html(http: httpx.Client) -> None:
    sent(
        http,
        body={"contentType": "text", "content": "Hello\nLi"},
        **{"from": person("ANA@contoso.com", "Ana S.")},
    )
    (copy,) = received(http, "li@example.com")
    assert (copy["html"], copy["text"]) == (None, "Hello\nLi")
    assert copy["headers"]["From"] == '"Ana S." <ANA@contoso.com>'


def test_what_was_accepted_leaves_after_a_kill(tmp_path: Path) -> None:
    with running_graph(tmp_path / "g.db", move_after=0.5) as graph:
        with httpx.Client(base_url=graph.address) as http:
            waiting, kept = created(http)["id"], created(http, subject="Kept")["id"]
            http.post(f"{ANA}/{waiting}/send")
        graph.restart()
        with httpx.Client(base_url=graph.address) as http:
            until(lambda: len(received(http, "li@example.com")) == 1)
            assert shown(http, kept)["isDraft"] is True


def test_messages_come_oldest_first(http: httpx.Client) -> None:
    for subject in ("one", "two", "three"):
        sent(http, subject=subject)
    assert [m["subject"] for m in received(http, "LI@example.com")] == ["one", "two", "three"]


def test_local_delete_forgets_everything(http: httpx.Client) -> None:
    sent(http)
    http.post("/_local/faults", json={"faults": [{"kind": "throttle"}]})
    assert http.delete("/_local").status_code == 204
    assert received(http, "li@example.com") == []
    assert http.get("/_local/faults").json() == {"faults": []}
    assert http.get("/_local/requests").json() == {"count": 0, "items": []}
    assert http.get(ANA).json()["value"] == []


class SmtpServer:
    """A small SMTP server that keeps what it was handed."""

    def __init__(self) -> None:
        self.taken: asyncio.Queue[tuple[list[str], bytes]] = asyncio.Queue()
        self.bye = asyncio.Event()
        """A talk is over, and its connection closed."""
        self.port = 0

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._talk, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recipients: list[str] = []
        writer.write(b"220 test\r\n")
        while line := await reader.readline():
            command = line.strip().decode().upper()
            if command.startswith("RCPT"):
                recipients.append(line.decode().split("<")[1].split(">")[0])
            if command == "DATA":
                writer.write(b"354 go on\r\n")
                data = await reader.readuntil(b"\r\n.\r\n")
                self.taken.put_nowait((recipients, data[:-3]))
            writer.write(b"221 bye\r\n" if command == "QUIT" else b"250 ok\r\n")
            if command == "QUIT":
                break
        writer.close()
        await writer.wait_closed()
        self.bye.set()


async def test_the_smtp_server_gets_real_mime_also_when_it_was_away(tmp_path: Path) -> None:
    smtp = SmtpServer()
    (await smtp.start()).close()
    with running_graph(tmp_path / "g.db", smtp=f"127.0.0.1:{smtp.port}") as graph:
        async with httpx.AsyncClient(base_url=graph.address) as http:
            body = {
                "subject": "Café às 9h",
                "body": {"contentType": "html", "content": "<p>Olá</p><img src='cid:logo'>"},
                "toRecipients": [person("li@example.com", "Lí")],
                "bccRecipients": [person("hidden@example.com")],
                "internetMessageHeaders": [{"name": "x-a", "value": "b"}],
            }
            item = (await http.post(ANA, json=body)).json()["id"]
            for name, inline in (("logo.png", True), ("offer.pdf", False)):
                attachment = {
                    "@odata.type": "#microsoft.graph.fileAttachment",
                    "name": name,
                    "contentType": "image/png" if inline else "application/pdf",
                    "contentBytes": "AAEC",
                    "isInline": inline,
                    "contentId": "logo" if inline else None,
                }
                answer = await http.post(f"{ANA}/{item}/attachments", json=attachment)
                assert answer.status_code == 201, answer.text
            assert (await http.post(f"{ANA}/{item}/send")).status_code == 202
            inbox = "/_local/mailboxes/hidden@example.com/messages"
            while not (await http.get(inbox)).json()["items"]:
                await asyncio.sleep(0.02)
        server = await smtp.start()
        async with server, asyncio.timeout(20):
            recipients, data = await smtp.taken.get()
            await smtp.bye.wait()
    assert recipients == ["li@example.com", "hidden@example.com"]
    mail = message_from_bytes(data, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    assert (mail["Subject"], mail["x-a"], mail["Bcc"]) == ("Café às 9h", "b", None)
    assert mail["To"].addresses[0].display_name == "Lí"
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None and "[cid:logo]" in text.get_content()
    assert html is not None and "<p>Olá</p>" in html.get_content()
    kinds = [part.get_content_type() for part in mail.walk()]
    assert kinds == [
        *("multipart/mixed", "multipart/alternative", "text/plain", "multipart/related"),
        *("text/html", "image/png", "application/pdf"),
    ]
    (file,) = mail.iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("offer.pdf", b"\x00\x01\x02")
