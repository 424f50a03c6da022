"""One message, read-only: what is known of it, and its timeline (rules K2, T6, T8, F6)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from shared.graph.errors import UNKNOWN_MAILBOX_CODES
from shared.messages.content import content_to_show
from shared.messages.files import FileRow, read_files
from shared.messages.reading import read_links
from shared.messages.rows import MessageRow
from shared.messages.stored import Stored, read_message
from shared.messages.timeline import Entry, TimelinePage, entries, read_timeline
from shared.model import Content, Failure, Kpis, Link, Recipient, Reminder, Status, Step
from shared.organizations import Organization, OrganizationSettings
from shared.pages.addresses import message_address
from shared.replies.mailboxes import watched
from shared.timing.reminders import as_of
from shared.tracking.counting import counted
from shared.web.requests import cursor_for

EVERYTHING = "include"


@dataclass(frozen=True, slots=True)
class Person:
    """One who got a copy of their own: how it went, and what they did; no KPIs where nothing is
    collected."""

    recipient: Recipient
    status: Status
    failure: Failure | None
    bounced: bool
    kpis: Kpis | None


@dataclass(frozen=True, slots=True)
class MessagePage:
    """A message and a page of its timeline; `kpis` are None where nothing is collected."""

    message: MessageRow
    content: Content
    links: Sequence[Link]
    files: Mapping[int, FileRow]
    """Where its followed attachments are, by their number."""
    kpis: Kpis | None
    engagement: bool
    zone: str | None
    """Of its one recipient, where it was known when it was sent."""
    one_copy_for_several: bool
    automated: str
    people: Mapping[str, Recipient]
    """By their address, as the entries name them."""
    copies: Sequence[Person]
    """Of individual copies (rule S6); none where one copy went to all."""
    reminder: Reminder | None
    bounced: Set[str]
    """Addresses in lower case that bounces named."""
    may_be_retried: bool
    others: Sequence[str] | None
    """Mailboxes of sellers to whom it can be given; None where it cannot, or not by who looks."""
    entries: Sequence[Entry]
    older: str | None
    newest: str | None


async def read_message_page(
    organization: Organization,
    message: str,
    settings: OrganizationSettings,
    now: datetime,
    *,
    automated: str,
    cursor: str,
    limit: int,
    gives: bool,
) -> MessagePage | None:
    """The page of a message; None where there is no such message. `gives` is whether who looks may
    give it to another seller."""
    engagement = settings.engagement
    stored = await read_message(organization, message)
    if stored is None:
        return None
    row = stored.message
    content, links, stored_files, timeline = await asyncio.gather(
        content_to_show(organization, row),
        read_links(organization, row.id),
        read_files(organization, row.id),
        _timeline(organization, row.id, engagement, automated, cursor, limit),
    )
    files = [one.file for one in stored_files]
    failed = _failed_whole(stored)
    may_be_given = failed or row.status is Status.SCHEDULED
    chosen = {} if automated == EVERYTHING else {"automated": automated}
    older = {**chosen, "cursor": cursor_for(timeline.cursor)} if timeline.cursor else None
    return MessagePage(
        message=row,
        content=content,
        links=links,
        kpis=row.kpis if engagement and row.followed else None,
        engagement=engagement,
        zone=_zone(stored),
        one_copy_for_several=len(content.recipients) > 1 and row.copies == 1,
        automated=automated,
        people={one.address: one for one in content.recipients},
        copies=_persons(stored, content, with_kpis=engagement and row.followed),
        reminder=as_of(stored, settings, now),
        bounced={one for copy in stored.copies.values() for one in copy.bounced}
        if engagement
        else set(),
        may_be_retried=failed,
        others=await _others(organization, row, settings) if gives and may_be_given else None,
        files={file.number: file for file in files},
        entries=entries(timeline.events, stored.copies, links, files),
        older=message_address(organization.id, row.id, **older) if older else None,
        newest=message_address(organization.id, row.id, **chosen) if cursor else None,
    )


def _zone(stored: Stored) -> str | None:
    if stored.message.copies > 1:
        return None
    [copy] = stored.copies.values()
    return copy.reader.time_zone if copy.reader else None


def _failed_whole(stored: Stored) -> bool:
    """Whether nothing of it was sent, for sure."""
    return stored.message.status is Status.FAILED and all(
        copy.step is Step.FAILED for copy in stored.copies.values()
    )


async def _others(
    organization: Organization, message: MessageRow, settings: OrganizationSettings
) -> list[str]:
    """The mailboxes known to be there from which it may be sent, but its own."""
    there = [
        one.mailbox.address
        async for one in watched(organization)
        if organization.may_send_from(one.mailbox.address, settings)
        and one.mailbox.problem not in UNKNOWN_MAILBOX_CODES
        and one.mailbox.address != message.from_.lower()
    ]
    return sorted(there)


def _persons(stored: Stored, content: Content, *, with_kpis: bool) -> list[Person]:
    if not content.individual:
        return []
    return [
        Person(
            recipient,
            _STATUSES.get(copy.step, stored.message.status),
            copy.failure,
            bool(copy.bounced) and with_kpis,
            counted(copy) if with_kpis else None,
        )
        for number, recipient in enumerate(content.recipients)
        if (copy := stored.copies.get(number)) is not None
    ]


_STATUSES = {
    Step.SENT: Status.SENT,
    Step.FAILED: Status.FAILED,
    Step.NEEDS_REVIEW: Status.FAILED,
    Step.SENDING: Status.SENDING,
}


async def _timeline(
    organization: Organization,
    message: str,
    engagement: bool,
    automated: str,
    cursor: str,
    limit: int,
) -> TimelinePage:
    if not engagement:
        return TimelinePage((), None)
    return await read_timeline(
        organization, message, automated=automated, cursor=cursor, limit=limit
    )
