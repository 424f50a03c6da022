"""Sending driven by hand: accept, deliver, come again when told to, with a clock that is moved."""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import httpx

from shared.attachments.onedrive import Porter, settle
from shared.graph.client import GraphTenant
from shared.graph.drive import Drive
from shared.graph.mail import Mail
from shared.messages.feeds import EVERYBODY, read_feed
from shared.messages.rows import TABLE, MessageRow
from shared.messages.stored import Stored, read_message
from shared.model import Content, FollowChoice, Recipient, RecordRef
from shared.organizations import Organization
from shared.sending import pace
from shared.sending.accept import IdempotencyKey, Order, accept
from shared.sending.attempt import Workshop
from shared.sending.changes import Changer
from shared.sending.compose import recognizer
from shared.sending.deliver import Later, deliver, end_as_unexpected
from shared.sending.due import PARTITION as DUE
from shared.sending.due import TABLE as SCHEDULE
from shared.sending.due import Deliver, fire_due
from shared.sending.idempotency import known_answer
from shared.sending.sequel import Words
from shared.storage.tables import Write
from shared.tracking.tokens import Addresses, Signer
from tests.running_graph import RunningGraph
from tests.running_storage import MovableClock
from tests.web.running_service import soon

ANA = "ana@contoso.com"
PUBLIC_ADDRESS = "http://follow.example"
BODY = '<p>Hello <a href="https://example.com/offer?a=1&amp;b=2">our offer</a></p>'
SIGNER = Signer({"k1": b"a key for tests, 32 bytes or more"})

WORD_COMES_BACK_S = 30.0
"""How long the queue hides a word whose function died (host.json)."""

A_DAY_AND_MORE = 200
"""Attempts after which a message that is still not finished never will be."""


def to(*addresses: str, **preferences: Any) -> tuple[Recipient, ...]:
    return tuple(Recipient("to", address, **preferences) for address in addresses)


async def let_hurry(organization: Organization) -> None:
    """Mailboxes send as fast as they can, and the dead among those at work take no places."""
    await organization.change_settings(
        lambda before: replace(before, sends_a_minute=1000, sends_at_once=50)
    )


async def nothing_said(message: str, about: Any = None) -> None:
    """A word that nobody hears."""


def words_to(deliver: Deliver) -> Words:
    """Words about deliveries; the others are not heard."""
    return Words(deliver, nothing_said, nothing_said)


@dataclass
class PostOffice:
    """One organization's sending, its mail at the local Graph, and the words on its queue."""

    organization: Organization
    graph: RunningGraph
    clock: MovableClock
    http: httpx.Client
    words: list[str] = field(default_factory=list)
    file_words: list[tuple[str, int]] = field(default_factory=list)
    announced: list[tuple[str, datetime]] = field(default_factory=list)

    @property
    def tenant(self) -> GraphTenant:
        return GraphTenant(self.organization.entry.tenant, self.graph.base_url, 10.0)

    @property
    def mail(self) -> Mail:
        return Mail(self.tenant)

    def order(self, *recipients: Recipient, **changes: Any) -> Order:
        """An order with a link in it, to a contact that is not stored; `changes` are of either."""
        content = Content("Offer", BODY, None, recipients or self.contact("li@example.com"))
        names = {"subject", "html", "text", "attachments", "individual", "signature", "in_reply_to"}
        content = replace(content, **{n: changes.pop(n) for n in names & set(changes)})
        return replace(Order(content, ANA, ANA, FollowChoice.PREFERRED, "en"), **changes)

    def contact(self, address: str) -> tuple[Recipient, ...]:
        """A contact whose id is known to the CRM alone: followable, with the default preference."""
        return (Recipient("to", address, "Li Wei", RecordRef("contact", f"of {address}")),)

    async def switch_engagement(self, *, on: bool) -> None:
        now = self.clock()
        await self.organization.change_settings(lambda before: before.with_engagement(on, now))

    async def send(
        self,
        order: Order,
        key: str | None = None,
        body: str = "body",
        new_id: str | None = None,
        deliver: Deliver | None = None,
    ) -> dict[str, Any]:
        """What the API does with a request: the first answer again, or the message accepted."""
        given = IdempotencyKey(key, body) if key else None
        if given is not None:
            known = await known_answer(self.organization, given.key, given.body, self.clock)
            if known is not None:
                return known
        return await accept(
            self.organization,
            order,
            given,
            clock=self.clock,
            new_id=lambda: new_id or uuid.uuid4().hex,
            words=replace(self.said, deliver=deliver or self.enqueue),
        )

    async def accepted(self, order: Order | None = None) -> str:
        """The id of a message that was accepted."""
        answer = await self.send(order or self.order())
        message: str = answer["id"]
        return message

    @property
    def said(self) -> Words:
        return Words(self.enqueue, self.announce, self.enqueue_file)

    def changer(self) -> Changer:
        """Changes messages as the API does; the words land with the others."""
        return Changer(self.organization, self.said, self.clock, lambda: uuid.uuid4().hex, "en")

    async def announce(self, message: str, due_at: datetime) -> None:
        self.announced.append((message, due_at))

    async def enqueue(self, message: str) -> None:
        self.words.append(message)

    def workshop(self, mail: Mail | None = None) -> Workshop:
        return Workshop(
            organization=self.organization,
            mail=mail or self.mail,
            drive=Drive(self.tenant),
            addresses=Addresses(SIGNER, PUBLIC_ADDRESS),
            own=recognizer(SIGNER, frozenset({PUBLIC_ADDRESS})),
            owner=uuid.uuid4().hex,
            clock=self.clock,
            upload=self.enqueue_file,
        )

    async def enqueue_file(self, message: str, number: int) -> None:
        self.file_words.append((message, number))

    @property
    def porter(self) -> Porter:
        return Porter(self.organization, Drive(self.tenant), self.clock, self.enqueue)

    async def settle_files(self) -> None:
        """Answers every word about files, and comes again as told, until none is left."""
        for _ in range(A_DAY_AND_MORE):
            if not self.file_words:
                return
            message, number = self.file_words.pop(0)
            seconds = await settle(self.porter, message, number)
            if seconds is not None:
                self.clock.move(seconds=seconds)
                self.file_words.append((message, number))
        raise AssertionError("files are on their way and never arrive")

    async def deliver(self, message: str, mail: Mail | None = None) -> Later | None:
        """One attempt."""
        return await deliver(self.workshop(mail), message)

    async def finish(self, message: str) -> MessageRow:
        """Comes again whenever it is told to, until the message is finished."""
        for _ in range(A_DAY_AND_MORE):
            later = await self.deliver(message)
            if self.file_words and later is None:
                self.words.clear()
                await self.settle_files()
                if self.words:
                    continue
            if later is None:
                return (await self.stored(message)).message
            self.clock.move(seconds=later.seconds)
        raise AssertionError(f"message {message} does not come to an end")

    async def finish_by_timer(self, minutes: int = 15) -> None:
        """No word on the queue is heard of again; only the timer brings messages up."""
        for _ in range(minutes):
            self.words.clear()
            await fire_due(self.organization, self.clock(), self.enqueue, self.announce)
            for message in self.words:
                await self.deliver(message)
            self.clock.move(minutes=1)

    async def fire(self) -> list[str]:
        """What the timer hands to delivery now."""
        fired: list[str] = []

        async def deliver(message: str) -> None:
            fired.append(message)

        await fire_due(self.organization, self.clock(), deliver, self.announce)
        return fired

    async def poison(self, message: str) -> None:
        await end_as_unexpected(self.workshop(), message)

    async def stored(self, message: str) -> Stored:
        found = await read_message(self.organization, message)
        assert found is not None, f"there is no message {message}"
        return found

    async def rows(self, prefix: str, message: str) -> list[dict[str, Any]]:
        """The rows of a message whose keys begin with the prefix."""
        tables = self.organization.tables
        return [r.row async for r in tables.rows(TABLE, message, after=prefix, below=prefix + "~~")]

    async def insert(self, table: str, rows: list[dict[str, Any]]) -> None:
        """Up to a hundred rows of one partition, at once."""
        await self.organization.tables.transact(table, [Write("insert", row) for row in rows])

    async def due(self) -> list[str]:
        """The keys of everything that is scheduled to be looked at."""
        return [r.row["RowKey"] async for r in self.organization.tables.rows(SCHEDULE, DUE)]

    async def listed(self, feed: str = EVERYBODY) -> list[MessageRow]:
        return [one.message async for one in read_feed(self.organization, feed)]

    def received(self, address: str = "li@example.com") -> list[dict[str, Any]]:
        """The mails of a recipient, once nothing is on its way any more."""
        soon(self._nothing_on_its_way)
        items: list[dict[str, Any]] = self.http.get(
            f"{self.graph.address}/_local/mailboxes/{address}/messages"
        ).json()["items"]
        return items

    def drafts(self, seller: str = ANA) -> list[dict[str, Any]]:
        """What is left in a seller's drafts, once nothing is on its way any more."""
        soon(self._nothing_on_its_way)
        items = self.http.get(
            f"{self.graph.base_url}/users/{seller}/messages", params={"$top": 1000}
        ).json()["value"]
        return [item for item in items if item["isDraft"]]

    def forget_mail(self) -> None:
        """A local Graph without mail and without faults."""
        self.http.delete(f"{self.graph.address}/_local").raise_for_status()

    async def forget_pace(self) -> None:
        """The clock of the tests before was another."""
        tables = self.organization.tables
        keys = [read.row["RowKey"] async for read in tables.rows(pace.TABLE, pace.PARTITION)]
        await tables.delete_all(pace.TABLE, pace.PARTITION, keys)

    def faults(self, *faults: dict[str, Any]) -> None:
        """What fails next at Graph, in this order."""
        answer = self.http.post(f"{self.graph.address}/_local/faults", json={"faults": faults})
        answer.raise_for_status()

    def requests(self) -> list[tuple[str, str]]:
        """The requests Graph got so far: method, and path without the item's id."""
        items = self.http.get(f"{self.graph.address}/_local/requests").json()["items"]
        return [(item["method"], item["path"]) for item in items]

    def _nothing_on_its_way(self) -> bool:
        with closing(sqlite3.connect(f"file:{self.graph.database}?mode=ro", uri=True)) as store:
            return not store.execute("SELECT 1 FROM messages WHERE send_due IS NOT NULL").fetchall()
