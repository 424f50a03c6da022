"""One message, read-only: what is known of it, and its timeline (rules K2, T6, T8, F6)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.messages.content import load_content
from shared.messages.files import FileRow, read_files
from shared.messages.reading import read_links
from shared.messages.rows import MessageRow
from shared.messages.stored import read_message
from shared.messages.timeline import Entry, TimelinePage, entries, read_timeline
from shared.model import Content, Kpis, Link, Recipient
from shared.organizations import Organization
from shared.pages.addresses import message_address
from shared.web.requests import cursor_for

EVERYTHING = "include"


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
    one_copy_for_several: bool
    automated: str
    people: Mapping[str, Recipient]
    """By their address, as the entries name them."""
    entries: Sequence[Entry]
    older: str | None
    newest: str | None


async def read_message_page(
    organization: Organization,
    message: str,
    *,
    engagement: bool,
    automated: str,
    cursor: str,
    limit: int,
) -> MessagePage | None:
    """The page of a message; None where there is no such message."""
    stored = await read_message(organization, message)
    if stored is None:
        return None
    row = stored.message
    content, links, stored_files, timeline = await asyncio.gather(
        load_content(organization, row),
        read_links(organization, row.id),
        read_files(organization, row.id),
        _timeline(organization, row.id, engagement, automated, cursor, limit),
    )
    files = [one.file for one in stored_files]
    chosen = {} if automated == EVERYTHING else {"automated": automated}
    older = {**chosen, "cursor": cursor_for(timeline.cursor)} if timeline.cursor else None
    return MessagePage(
        message=row,
        content=content,
        links=links,
        kpis=row.kpis if engagement and row.followed else None,
        engagement=engagement,
        one_copy_for_several=len(content.recipients) > 1 and row.copies == 1,
        automated=automated,
        people={one.address: one for one in content.recipients},
        files={file.number: file for file in files},
        entries=entries(timeline.events, stored.copies, links, files),
        older=message_address(organization.id, row.id, **older) if older else None,
        newest=message_address(organization.id, row.id, **chosen) if cursor else None,
    )


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
