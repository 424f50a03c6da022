"""The pages as a person meets them: the real local host over a real Azurite, and what it stores."""

from __future__ import annotations

import asyncio
import itertools
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import TypeVar

import httpx
import turbohtml

from local.deployment import ORGANIZATIONS
from shared.assistant.cards import TABLE as CARDS
from shared.assistant.facts import Card
from shared.assistant.making import make_cards
from shared.messages.content import store_content
from shared.messages.feeds import TABLE as FEEDS
from shared.messages.feeds import list_message
from shared.messages.files import FileRow
from shared.messages.rows import (
    TABLE as MESSAGES,
)
from shared.messages.rows import (
    CopyRow,
    MessageRow,
    event_to_row,
    link_to_row,
)
from shared.messages.stored import create_message, read_message
from shared.model import (
    Attachment,
    CardKind,
    Content,
    Event,
    EventKind,
    FollowChoice,
    Kpis,
    Link,
    Reason,
    Recipient,
    Status,
    Step,
)
from shared.organizations import Organization, Organizations
from shared.settings import Settings
from shared.storage.tables import Write

NOW = datetime.now(UTC).replace(microsecond=0)
LI = Recipient("to", "li@example.com", "Li Wei")
JOANA = Recipient("to", "joana@example.com", "Joana Prado")
HOSTILE = """"'><script>window.hit = 1</script><img src=x onerror="window.hit = 1">{{ 7 * 7 }}"""
EVIL_PERSON = {
    "name": HOSTILE,
    "address": "mallory@contoso.com",
    "tenant": ORGANIZATIONS[0].tenant,
    "roles": ["seller"],
}
NO_ROLE = {
    "name": "Dora",
    "address": "dora@contoso.com",
    "tenant": ORGANIZATIONS[0].tenant,
    "roles": [],
}
NOBODYS_TENANT = {
    "name": "Eve",
    "address": "eve@elsewhere.example",
    "tenant": "33333333-3333-3333-3333-333333333333",
    "roles": ["seller"],
}
T = TypeVar("T")
_later = itertools.count()


def ago(**given: float) -> datetime:
    return NOW - timedelta(**given)


@dataclass
class Told:
    """A message as a test tells it; what it leaves out is ordinary."""

    subject: str = "Offer"
    recipients: Sequence[Recipient] = (LI,)
    at: datetime = field(default_factory=lambda: ago(hours=1, seconds=-next(_later)))
    """When it was accepted; an hour ago, each a second after the one told before."""
    events: Sequence[Event] = ()
    links: Sequence[Link] = ()
    attachments: Sequence[Attachment] = ()
    files: Sequence[FileRow] = ()
    followed: bool = True
    reasons: tuple[Reason, ...] = ()
    copies: Sequence[CopyRow] = ()
    """Individual copies, one for each recipient; none: one copy for all."""
    more: Mapping[str, object] = field(default_factory=dict)
    """Further properties of the message's row."""

    def row(self) -> MessageRow:
        shown = [
            f"{one.name} <{one.address}>" if one.name else one.address for one in self.recipients
        ]
        told = MessageRow(
            id=uuid.uuid4().hex,
            status=Status.SENT,
            seller="ana@contoso.com",
            from_="ana@contoso.com",
            subject=self.subject,
            to_text=", ".join(shown),
            recipient_count=len(self.recipients),
            followed=self.followed,
            follow_choice=FollowChoice.PREFERRED,
            reasons=self.reasons,
            language="en",
            accepted_at=self.at,
            sent_at=self.at + timedelta(seconds=2),
            kpis=reduce(Kpis.with_event, self.events, Kpis()),
        )
        return replace(told, **self.more)  # type: ignore[arg-type]


def event(kind: EventKind = EventKind.OPEN, **more: object) -> Event:
    """An event a quarter of an hour ago, by a person unless told otherwise."""
    given: dict[str, object] = {"at": ago(minutes=15), "automated": False, **more}
    return Event(id=uuid.uuid4().hex, kind=kind, copy=0, **given)  # type: ignore[arg-type]


def text_of(element: turbohtml.Element) -> str:
    """What a person reads there, with single spaces; neighbouring elements are apart."""
    return " ".join(" ".join(element.stripped_strings).split())


class Page:
    """A page that was answered, as HTML."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.html = turbohtml.parse(answer.text)

    @property
    def text(self) -> str:
        body = self.html.select_one("body")
        assert body is not None
        return text_of(body)

    def texts(self, selector: str) -> list[str]:
        """The texts of what the selector finds."""
        return [text_of(one) for one in self.html.select(selector)]

    def address(self, text: str) -> str:
        """Where the link with that text leads."""
        found = [one for one in self.html.select("a") if text_of(one) == text]
        assert len(found) == 1, f"{len(found)} links say {text!r}"
        return str(found[0].attrs["href"])

    def column(self, name: str) -> list[str]:
        """The texts of one column of the list, from top to bottom."""
        return self.texts(f"tbody .{name}")


class Site:
    """The service, what its storage is told, and the people who visit."""

    def __init__(self, address: str, settings: Settings) -> None:
        self.address = address
        self._settings = settings
        self._clients: list[httpx.Client] = []

    def visitor(self, person: str | None = "ana@contoso.com", language: str = "en") -> Visitor:
        """A browser of somebody who has signed in, or of a stranger."""
        client = httpx.Client(
            base_url=self.address, headers={"accept-language": language}, timeout=30
        )
        self._clients.append(client)
        if person is not None:
            answer = client.post("/.auth/login/aad", data={"person": person})
            assert answer.status_code == 302, answer.text
        return Visitor(client)

    def say_goodbye(self) -> None:
        """Ends what the visitors of a test left open."""
        while self._clients:
            self._clients.pop().close()

    def tell(self, told: Told, organization: str = "contoso") -> str:
        """Stores a message as if it had been sent and folded; its id."""
        row = told.row()
        self.with_organization(organization, lambda one: _store(one, told, row))
        return row.id

    def card(
        self,
        message: str,
        kind: CardKind,
        *,
        at: datetime,
        comment: str | None = None,
        country: str | None = None,
    ) -> None:
        """Tells the seller of the message so; later than everything told before."""
        card = Card(kind, at, at, "li@example.com", comment=comment, country=country)

        async def make(organization: Organization) -> None:
            stored = await read_message(organization, message)
            assert stored
            told = replace(stored.message, version=next(_later) + 2)
            await make_cards(organization, told, {kind: card})

        self.with_organization("contoso", make)

    def forget(self) -> None:
        """Empties the lists of both organizations, and turns engagement on."""
        for organization in ("contoso", "fabrikam"):
            self.with_organization(organization, _forget)
            self.engagement(on=True, organization=organization)

    def engagement(self, *, on: bool, organization: str = "contoso") -> None:
        self.with_organization(
            organization,
            lambda one: one.change_settings(lambda before: before.with_engagement(on, NOW)),
        )

    def with_organization(self, id_: str, work: Callable[[Organization], Awaitable[T]]) -> T:
        async def done() -> T:
            organizations = Organizations(
                self._settings.organizations, self._settings.local_storage_keys
            )
            try:
                organization = organizations.get(id_)
                assert organization is not None
                return await work(organization)
            finally:
                await organizations.close()

        # Playwright's loop may run in this thread, and a second one may not.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(lambda: asyncio.run(done())).result()


class Visitor:
    """Somebody's browser, without its eyes."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    @property
    def cookie(self) -> str:
        """What the browser keeps of having signed in."""
        return "; ".join(f"{name}={value}" for name, value in self.client.cookies.items())

    def asks(self, address: str, **headers: str) -> httpx.Response:
        return self.client.get(address, headers=headers)

    def sees(self, address: str) -> Page:
        """The page at that address; it is there."""
        answer = self.asks(address)
        assert answer.status_code == 200, answer.text
        return Page(answer)

    def sees_messages(self, **chosen: str) -> Page:
        """The list of Contoso's messages."""
        return self.sees(str(httpx.URL("/orgs/contoso/messages", params=chosen)))

    def sees_message(self, message: str, **chosen: str) -> Page:
        return self.sees(str(httpx.URL(f"/orgs/contoso/messages/{message}", params=chosen)))


async def _store(organization: Organization, told: Told, row: MessageRow) -> None:
    alone = told.recipients[0].address if len(told.recipients) == 1 else None
    copies = told.copies or [CopyRow(0, alone, Step.SENT, row.sent_at)]
    await create_message(organization, row, copies, told.files)
    content = Content(
        told.subject,
        "<p>…</p>",
        None,
        tuple(told.recipients),
        attachments=tuple(told.attachments),
        individual=bool(told.copies),
    )
    await store_content(organization, row.id, content)
    rows = [link_to_row(row.id, 0, place, link) for place, link in enumerate(told.links)]
    rows += [event_to_row(row.id, one) for one in told.events]
    if rows:
        await organization.tables.transact(MESSAGES, [Write("insert", one) for one in rows])
    await list_message(organization, row)


async def _forget(organization: Organization) -> None:
    for table, partition in (
        (FEEDS, "all"),
        (FEEDS, "seller:ana@contoso.com"),
        (CARDS, "seller:ana@contoso.com"),
    ):
        async for read in organization.tables.rows(table, partition):
            await organization.tables.delete(table, partition, read.row["RowKey"])


def people(ours: Sequence[Mapping[str, object]]) -> str:
    """LOCAL_PEOPLE: the demo's people, and those of whom tests tell."""
    return json.dumps([*ours, EVIL_PERSON, NO_ROLE, NOBODYS_TENANT])
