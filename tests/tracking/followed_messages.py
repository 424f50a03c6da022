"""Messages that were sent and are followed, the hits on them, and what came of those."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.messages.feeds import EVERYBODY, list_message, read_feed, seller_feed
from shared.messages.rows import (
    TABLE,
    CopyRow,
    MessageRow,
    copy_from_row,
    event_from_row,
    link_to_row,
    message_from_row,
)
from shared.messages.stored import create_message
from shared.model import Event, EventKind, FollowChoice, Kpis, Link, Reader, Status, Step
from shared.organizations import Organization
from shared.timing.history import note
from shared.tracking.counting import total
from shared.tracking.fold import fold
from shared.tracking.hits import Hit
from tests.running_storage import MovableClock

PERSON = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Thunderbird/140.2.0"
PROGRAM = "curl/8.5.0"
SELLER = "ana@contoso.com"


async def followed_message(
    organization: Organization,
    sent_at: datetime,
    *,
    copies: Sequence[str | None] = ("li@example.com",),
    links: Sequence[str] = ("https://example.com/offer",),
    readers: Sequence[Reader] = (),
) -> str:
    """Stores a message that was sent then; each copy went to the one it names, `readers` are those
    of the first ones. Returns its id."""
    rows = [
        CopyRow(
            number,
            recipient,
            Step.SENT,
            step_at=sent_at,
            sending_began_at=sent_at - timedelta(seconds=2),
            sent_at=sent_at,
            links=len(links),
            reader=readers[number] if number < len(readers) else None,
        )
        for number, recipient in enumerate(copies)
    ]
    message = MessageRow(
        id=uuid.uuid4().hex,
        status=Status.SENT,
        seller=SELLER,
        from_=SELLER,
        subject="Offer",
        to_text="Li Wei",
        recipient_count=len(copies),
        followed=True,
        follow_choice=FollowChoice.PREFERRED,
        reasons=(),
        language="en",
        accepted_at=sent_at - timedelta(seconds=5),
        copies=len(copies),
        sent_at=sent_at,
        kpis=total(rows),
    )
    await create_message(organization, message, rows)
    await note(organization, message, rows)
    await list_message(organization, message)
    for number in range(len(copies)):
        for index, url in enumerate(links):
            link = link_to_row(message.id, number, index, Link(index, url, "Read on"))
            await organization.tables.insert(TABLE, link)
    return message.id


def hit(
    message: str,
    at: datetime,
    kind: str = "open",
    *,
    copy: int = 0,
    index: int = 0,
    agent: str = PERSON,
    method: str = "GET",
    id: str | None = None,
) -> Hit:
    """A request that a recipient's program made: a person's, unless it says otherwise."""
    ms = round(at.timestamp() * 1000)
    return Hit(id or uuid.uuid4().hex, ms, kind, message, copy, index, method, agent)


async def fold_all(organization: Organization, clock: MovableClock) -> bool:
    """Folds everything that is in, as one run of the queue function does."""
    return await fold(organization, uuid.uuid4().hex, clock, until=clock() + timedelta(minutes=2))


@dataclass(frozen=True)
class Followed:
    """What is stored of a message."""

    message: MessageRow
    copies: dict[int, CopyRow]
    events: list[Event]
    todo: list[str]

    @property
    def kpis(self) -> Kpis:
        return self.message.kpis

    @property
    def told(self) -> list[tuple[str, datetime, int, bool, bool]]:
        """The timeline without what differs by chance, newest first."""
        events = sorted(self.events, key=lambda e: (e.at, e.id), reverse=True)
        return [(e.kind.value, e.at, e.copy, e.automated, e.inferred) for e in events]


async def read_followed(organization: Organization, message: str) -> Followed:
    rows = [read.row async for read in organization.tables.rows(TABLE, message)]
    copies = [copy_from_row(row) for row in rows if row["RowKey"].startswith("copy~")]
    (stored,) = (message_from_row(row) for row in rows if row["RowKey"] == "message")
    return Followed(
        stored,
        {copy.number: copy for copy in copies},
        [event_from_row(row) for row in rows if row["RowKey"].startswith("event~")],
        [row["RowKey"] for row in rows if row["RowKey"].startswith("todo~")],
    )


async def exact(organization: Organization, message: str) -> Followed:
    """What is stored of a message; asserts that all of it agrees with its events (rule T9)."""
    followed = await read_followed(organization, message)
    assert followed.kpis == recounted(followed.events, followed.copies)
    assert followed.todo == []
    for feed in (EVERYBODY, seller_feed(SELLER)):
        listed = [
            listed.message
            async for listed in read_feed(organization, feed)
            if listed.message.id == message
        ]
        assert listed == [followed.message]
    return followed


def recounted(events: Sequence[Event], copies: dict[int, CopyRow]) -> Kpis:
    """The KPIs as rules T2 and T9 define them, counted from nothing but the events."""
    opens = [event for event in events if event.kind is EventKind.OPEN]
    opens += _opens_by_images(events)
    human_opens = [event for event in opens if not event.automated]
    clicks = [event for event in events if event.kind is EventKind.CLICK]
    views = [event for event in events if event.kind is EventKind.ATTACHMENT_VIEW]
    named = all(copy.recipient for copy in copies.values())
    return Kpis(
        opens=len(opens),
        human_opens=len(human_opens),
        link_clicks=len(clicks),
        human_link_clicks=sum(not click.automated for click in clicks),
        attachment_views=len(views),
        human_attachment_views=sum(not view.automated for view in views),
        first_opened_at=min((event.at for event in opens), default=None),
        last_opened_at=max((event.at for event in opens), default=None),
        first_human_opened_at=min((event.at for event in human_opens), default=None),
        last_human_opened_at=max((event.at for event in human_opens), default=None),
        human_openers=len({event.copy for event in human_opens}) if named else None,
    )


def _opens_by_images(events: Sequence[Event]) -> list[Event]:
    """For each chain without a pixel the event that opened it."""
    gets = [
        event
        for event in events
        if event.kind in (EventKind.OPEN, EventKind.IMAGE)
        and not event.inferred
        and "headRequest" not in event.reasons
    ]
    opens = []
    for who in {(get.copy, get.agent) for get in gets}:
        chain: list[Event] = []
        mine = sorted((get for get in gets if (get.copy, get.agent) == who), key=lambda e: e.at)
        for get in [*mine, None]:
            if chain and (get is None or (get.at - chain[-1].at).total_seconds() > 60):
                if all(one.kind is EventKind.IMAGE for one in chain):
                    people = [one for one in chain if not one.automated]
                    opens.append((people or chain)[0])
                chain = []
            if get is not None:
                chain.append(get)
    return opens


def at(clock: MovableClock, seconds: float) -> datetime:
    """So many seconds after the clock's time."""
    return (clock() + timedelta(seconds=seconds)).astimezone(UTC)
