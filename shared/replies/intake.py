"""Taking in what came: a received mail becomes events of the message that it answers (rule T7).

The events, their counts and a mark that this mail was taken in are one transaction, so a mail that
comes again (told of twice, or in the mailboxes of two sellers) changes nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import dataclass, replace

from shared.errors import Changed, Conflict
from shared.graph.errors import NotFound, Refused
from shared.graph.inbox import Inbox, ReceivedMail
from shared.messages.content import content_to_show
from shared.messages.lookups import (
    Known,
    mail_known_as,
    mails_in_conversation,
    note_bounced,
    note_reached,
)
from shared.messages.rows import TABLE, filled_row
from shared.messages.stored import read_message
from shared.messages.todo import drain_left_behind
from shared.model import Event, EventKind
from shared.organizations import Organization
from shared.replies.delivery_status import Failure, Severity
from shared.replies.kinds import Kind, Recognized, needs_mime, recognize
from shared.replies.mail import IncomingMail, of_received, with_mime
from shared.replies.matching import Answered, Sent, answered, is_own, keys
from shared.storage.tables import Write
from shared.telemetry import about
from shared.tracking.recording import follow_up, record

log = logging.getLogger(__name__)

MOST_FAILURES = 20
"""Addresses of one bounce that are told of."""

_REASONS = {Kind.AUTOMATIC: ("automaticAnswer",), Kind.BOUNCE: ("deliveryReport",)}


async def take_in(
    organization: Organization, inbox: Inbox, mailbox: str, mail: ReceivedMail
) -> None:
    """Recognize the mail, match it to a message of ours, and store the event.

    It may be given the same mail twice, also twice at once. `inbox` gives its MIME where that is
    needed. What is no answer to a message of ours is left alone.
    """
    incoming = of_received(mail)
    if needs_mime(incoming):
        try:
            incoming = with_mime(incoming, await inbox.mime(mailbox, mail.id))
        except (NotFound, Refused):
            # Deleted since, or nothing that Graph can write so; what is at hand says less surely
            # what it was.
            pass
    # In a thread: large reports take long, and pixels are answered in this loop.
    recognized = await asyncio.to_thread(recognize, incoming)
    found = await _answered(organization, incoming, recognized)
    if found is None:
        return
    news = _News(mail, incoming, recognized, found)
    with about(organization=organization.id, message=found.sent.message):
        if await _record(organization, news):
            log.info("the timeline has the %s", recognized.kind.value)
            await _remember(organization, news)


@dataclass(frozen=True)
class _News:
    """A mail, what it is, and the email of ours that it is about."""

    mail: ReceivedMail
    incoming: IncomingMail
    recognized: Recognized
    answered: Answered

    @property
    def id(self) -> str:
        """The same for one mail in whichever mailbox it is found."""
        name = self.mail.internet_message_id or self.mail.id
        return hashlib.sha256(name.encode()).hexdigest()[:32]

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Those of our recipients who were not reached; else, who the report names (rule T7)."""
        ours = self.answered.sent.recipients
        told = self.recognized.failures
        return (tuple(one for one in told if one.address in ours) or told)[:MOST_FAILURES]

    def events(self, *, followed: bool) -> list[Event]:
        """What the timeline tells of it: replies of followed messages, bounces of all."""
        kind = self.recognized.kind
        event = Event(
            id=self.id,
            kind=EventKind(kind.value),
            at=self.mail.received_at,
            copy=self.answered.sent.copy,
            automated=kind is not Kind.REPLY,
            reasons=_REASONS.get(kind, ()),
        )
        if kind is not Kind.BOUNCE:
            author, back = self.recognized.author, self.recognized.returns_on
            return [replace(event, replied_by=author, returns_on=back)] if followed else []
        named: list[str | None] = [failure.address for failure in self.failures]
        addresses = named or [_only(self.answered.sent)]
        return [
            replace(event, id=event.id if number == 0 else f"{event.id}-{number}", failed_address=a)
            for number, a in enumerate(dict.fromkeys(addresses))
        ]


def _only(sent: Sent) -> str | None:
    return next(iter(sent.recipients)) if len(sent.recipients) == 1 else None


async def _answered(
    organization: Organization, incoming: IncomingMail, recognized: Recognized
) -> Answered | None:
    """The email of ours that a mail is about, as it is stored."""
    if recognized.kind is Kind.OTHER:
        return None
    by_id: dict[str, Sent] = {}
    named = keys(incoming, recognized)
    known = await asyncio.gather(
        *(mail_known_as(organization, key.internet_message_id) for key in named)
    )
    for key, one in zip(named, known, strict=True):
        if one is not None and (sent := await _sent(organization, one, incoming)):
            by_id[key.internet_message_id] = sent
            break
    in_conversation: list[Sent | None] = []
    if not by_id and incoming.conversation:
        ours = await mails_in_conversation(organization, incoming.conversation)
        in_conversation = [await _sent(organization, one, incoming) for one in ours]
    there = [sent for sent in in_conversation if sent is not None]
    return answered(incoming, recognized, by_id, there)


async def _sent(organization: Organization, known: Known, incoming: IncomingMail) -> Sent | None:
    """The email as it went out; None where it did not, was erased, or the mail is its seller's."""
    id_, number = known
    stored = await read_message(organization, id_)
    copy = stored.copies.get(number) if stored else None
    if stored is None or copy is None or copy.sending_began_at is None:
        return None
    message = stored.message
    if is_own(incoming, (message.seller, message.from_)):
        return None
    recipients = {copy.recipient} if copy.recipient else set[str]()
    if not recipients:
        content = await content_to_show(organization, message)
        recipients = {one.address for one in content.recipients}
    lower = frozenset(address.lower() for address in recipients)
    return Sent(id_, number, copy.sending_began_at, lower)


async def _record(organization: Organization, news: _News) -> bool:
    """Writes the events with their counts; False where the message tells nothing of them."""
    id_ = news.answered.sent.message
    mark = filled_row(id_, f"mail~{news.id}")
    while True:
        stored = await read_message(organization, id_)
        if stored is None:
            return False
        events = news.events(followed=stored.message.followed)
        if not events:
            return False
        try:
            recorded = await record(organization, stored, events, writes=[Write("insert", mark)])
            await follow_up(organization, stored, recorded)
        except Changed:
            continue
        except Conflict:
            if await organization.tables.get(TABLE, id_, mark["RowKey"]) is None:
                raise
            # It was taken in before, perhaps by somebody who died before doing what follows.
            await drain_left_behind(organization, id_)
        return True


async def _remember(organization: Organization, news: _News) -> None:
    """What the next message to an address should know; may be done twice."""
    if news.recognized.kind is Kind.BOUNCE:
        hard = [one.address for one in news.failures if one.severity is Severity.PERMANENT]
        await note_bounced(organization, hard, news.mail.received_at)
    elif news.recognized.author:
        await note_reached(organization, news.recognized.author, news.mail.received_at)
