"""Messages as callers see them: a page of a list, and one message whole."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.errors import Refusal
from shared.messages.feeds import EVERYBODY, Listed, read_feed, seller_feed
from shared.messages.rows import TABLE as MESSAGES
from shared.messages.rows import MessageRow, link_from_row
from shared.messages.stored import Stored, read_message
from shared.model import Link, Status
from shared.organizations import Organization

DEFAULT_PERIOD = timedelta(days=30)
MOST_IN_A_PERIOD = 10_000
"""Any order but the newest first, and a search, look at every message of the period."""

_MOST_LOOKED_AT = 2_000
"""A page of a filtered list is short rather than slow: at most this many rows are looked at."""

NEWEST_FIRST = "-accepted"

STATUSES = tuple(status.value for status in Status)

_BEGINNING = datetime(1970, 2, 1, tzinfo=UTC)
_EARLIEST = "0001"
_PLACE = re.compile(r"[0-9]{13}~[0-9a-f]{32}")
_COUNTED = re.compile(r"at:([0-9]{1,5})")
_NOT_THIS_LISTS = "This cursor is none of a list in this order; use the one from the page before."
_SORTS: Mapping[str, Callable[[MessageRow], Any]] = {
    "accepted": lambda m: m.accepted_at,
    "sent": lambda m: m.sent_at.isoformat() if m.sent_at else _EARLIEST,
    "subject": lambda m: m.subject.casefold(),
    "recipients": lambda m: m.to_text.casefold(),
    "seller": lambda m: m.seller,
    "status": lambda m: m.status.value,
    "opens": lambda m: m.kpis.human_opens,
    "lastOpened": lambda m: (
        m.kpis.last_human_opened_at.isoformat() if m.kpis.last_human_opened_at else _EARLIEST
    ),
    "attachmentViews": lambda m: m.kpis.human_attachment_views,
    "linkClicks": lambda m: m.kpis.human_link_clicks,
    "replies": lambda m: m.kpis.replies,
}
SORTS = tuple(f"{sign}{name}" for name in _SORTS for sign in ("", "-"))


def is_seen(message: MessageRow, seen_by: str | None) -> bool:
    """Whether a seller sees a message: one that is followed, or their own (rule A3)."""
    return seen_by is None or message.followed or message.seller == seen_by


async def read_seen(organization: Organization, message: str, seen_by: str | None) -> Stored:
    """A message that a caller may see; `Refusal` 404 where there is none for them."""
    stored = await read_message(organization, message)
    if stored is None or not is_seen(stored.message, seen_by):
        raise Refusal(404, "There is no such message.")
    return stored


@dataclass(frozen=True, slots=True)
class Query:
    """Which messages, in which order. `cursor` is the place after which the page begins.

    `seen_by` is a seller who sees followed messages and their own; None sees all (rule A3).
    """

    seller: str | None = None
    seen_by: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    status: str | None = None
    followed: bool | None = None
    search: str = ""
    sort: str = NEWEST_FIRST
    cursor: str = ""
    limit: int = 50

    def wants(self, message: MessageRow) -> bool:
        words = self.search.casefold()
        return (
            is_seen(message, self.seen_by)
            and (self.status is None or message.status.value == self.status)
            and (self.followed is None or message.followed is self.followed)
            and (not words or words in f"{message.subject}\n{message.to_text}".casefold())
        )


@dataclass(frozen=True, slots=True)
class Page:
    """Messages, and the cursor of the next page; None at the end. A page may be short."""

    messages: Sequence[MessageRow]
    cursor: str | None


async def read_page(organization: Organization, query: Query, now: datetime) -> Page:
    """A page of the list of messages."""
    if query.sort == NEWEST_FIRST and not query.search:
        return await _newest_first(organization, query)
    return await _of_period(organization, query, now)


async def _newest_first(organization: Organization, query: Query) -> Page:
    found: list[MessageRow] = []
    looked_at = 0
    a_time = min(max(query.limit, 50), 1000)
    async for listed in _feed(organization, query, after=query.cursor, a_time=a_time):
        looked_at += 1
        if query.wants(listed.message):
            found.append(listed.message)
        if len(found) == query.limit or looked_at == _MOST_LOOKED_AT:
            return Page(found, listed.position)
    return Page(found, None)


async def _of_period(organization: Organization, query: Query, now: datetime) -> Page:
    since = query.since or max(query.until or now, _BEGINNING) - DEFAULT_PERIOD
    found: list[MessageRow] = []
    looked_at = 0
    async for listed in _feed(organization, replace(query, since=since), after="", a_time=1000):
        looked_at += 1
        if looked_at > MOST_IN_A_PERIOD:
            raise Refusal(
                422,
                f"There are more than {MOST_IN_A_PERIOD:,} messages in this period. "
                "Choose a shorter one with since and until, or one seller.",
                code="periodTooLong",
            )
        if query.wants(listed.message):
            found.append(listed.message)
    name, descending = query.sort.lstrip("-"), query.sort.startswith("-")
    # The sort is stable, also in reverse: those that are alike stay newest first.
    found.sort(key=_SORTS[name], reverse=descending)
    start = _start(query.cursor, len(found))
    end = start + query.limit
    return Page(found[start:end], f"at:{end}" if end < len(found) else None)


def _start(cursor: str, most: int) -> int:
    if not cursor:
        return 0
    number = _COUNTED.fullmatch(cursor)
    if number is None:
        raise Refusal(422, _NOT_THIS_LISTS)
    return min(int(number[1]), most)


def _feed(
    organization: Organization, query: Query, *, after: str, a_time: int
) -> AsyncIterator[Listed]:
    if after and not _PLACE.fullmatch(after):
        raise Refusal(422, _NOT_THIS_LISTS)
    return read_feed(
        organization,
        seller_feed(query.seller) if query.seller else EVERYBODY,
        after=after,
        since=query.since,
        until=query.until,
        a_time=a_time,
    )


async def read_links(organization: Organization, message: str, copy: int = 0) -> list[Link]:
    """The links of a copy in the order they stand in it; none before it was composed."""
    prefix = f"link~{copy:04d}~"
    rows = [
        read.row
        async for read in organization.tables.rows(
            MESSAGES, message, after=prefix, below=prefix + "~"
        )
    ]
    return [link_from_row(row) for row in sorted(rows, key=lambda row: row["place"])]
