"""The list of messages: what a person chose to see, and what there is to show (rules K1, F6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from shared.errors import Refusal
from shared.messages.feeds import position
from shared.messages.reading import NEWEST_FIRST, Page, Query, read_page
from shared.messages.rows import MessageRow
from shared.model import Status
from shared.organizations import Organization
from shared.pages.addresses import messages_address
from shared.web.requests import cursor_for

PERIODS: Mapping[str, timedelta | None] = {
    "7": timedelta(days=7),
    "30": timedelta(days=30),
    "90": timedelta(days=90),
    "365": timedelta(days=365),
    "all": None,
}
DEFAULT_PERIOD = "30"
_BEFORE_EVERYTHING = datetime(2000, 1, 1, tzinfo=UTC)
LONGEST_SEARCH = 200
PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Column:
    """A column: the end of its sentence's id, its order at the first click and at the second."""

    name: str
    first: str
    second: str
    collected: bool = False
    """Whether it shows what was collected, so that it is empty while engagement is off."""

    @property
    def orders(self) -> tuple[str, str]:
        return (self.first, self.second)


COLUMNS = (
    Column("subject", "subject", "-subject"),
    Column("recipients", "recipients", "-recipients"),
    # Newest first is by acceptance, the one order without end; the other way round is by sending.
    Column("sent", NEWEST_FIRST, "sent"),
    Column("status", "status", "-status"),
    Column("opens", "-opens", "opens", collected=True),
    Column("last-opened", "-lastOpened", "lastOpened", collected=True),
    Column("attachment-views", "-attachmentViews", "attachmentViews", collected=True),
    Column("link-clicks", "-linkClicks", "linkClicks", collected=True),
    Column("replies", "-replies", "replies", collected=True),
)
_ORDERS = {order: column for column in COLUMNS for order in column.orders}


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person chose to see, as the page's address says it; `seen_by` is who they are, where
    that narrows it."""

    search: str = ""
    status: Status | None = None
    followed_only: bool = True
    period: str = DEFAULT_PERIOD
    sort: str = NEWEST_FIRST
    cursor: str = ""
    limit: int = PAGE_SIZE
    seen_by: str | None = None

    @property
    def endless(self) -> bool:
        """Whether this is the order that goes on without end, page by page."""
        return self.sort == NEWEST_FIRST and not self.search

    @property
    def filtered(self) -> bool:
        return bool(self.search or self.status) or self.period != DEFAULT_PERIOD

    def query(self, now: datetime) -> Query:
        """The same question as the API is asked."""
        period = PERIODS[self.period]
        since = now - period if period else None if self.endless else _BEFORE_EVERYTHING
        return Query(
            seen_by=self.seen_by,
            since=since,
            status=self.status,
            followed=True if self.followed_only else None,
            search=self.search,
            sort=self.sort,
            cursor=self.cursor,
            limit=self.limit,
        )

    def address(self, organization: str) -> str:
        """The address of the page that shows this choice."""
        chosen = {
            "search": self.search,
            "status": self.status.value if self.status else "",
            "followed": "" if self.followed_only else "all",
            "period": "" if self.period == DEFAULT_PERIOD else self.period,
            "sort": "" if self.sort == NEWEST_FIRST else self.sort,
            "limit": "" if self.limit == PAGE_SIZE else str(self.limit),
            "cursor": cursor_for(self.cursor) if self.cursor else "",
        }
        return messages_address(organization, **{name: v for name, v in chosen.items() if v})


def choice_of(
    params: Mapping[str, str],
    *,
    cursor: str,
    limit: int,
    engagement: bool,
    seen_by: str | None = None,
) -> Choice:
    """What an address chooses; a value that means nothing is the default, as the form then shows.

    While engagement is off nothing is ordered by what was collected (rule F6).
    """
    status = params.get("status", "")
    period, sort = params.get("period", ""), params.get("sort", "")
    sortable = sort in _ORDERS and (engagement or not _ORDERS[sort].collected)
    return Choice(
        search=params.get("search", "").strip()[:LONGEST_SEARCH],
        status=Status(status) if status in tuple(Status) else None,
        followed_only=params.get("followed") != "all",
        period=period if period in PERIODS else DEFAULT_PERIOD,
        sort=sort if sortable else NEWEST_FIRST,
        cursor=cursor,
        limit=limit,
        seen_by=seen_by,
    )


@dataclass(frozen=True, slots=True)
class Heading:
    """The heading of a column: where a click on it leads, and how the list is ordered by it."""

    column: Column
    address: str | None
    order: str | None
    direction: str | None
    """`ascending`, `descending`, or None where the list is not ordered by this column."""


@dataclass(frozen=True, slots=True)
class MessageList:
    """A page of the list."""

    choice: Choice
    engagement: bool
    headings: Sequence[Heading]
    messages: Sequence[MessageRow]
    first: str
    """The first page of the same."""
    older: str | None = None
    """The next page."""
    beyond: str | None = None
    """What is older than the chosen period, where there is something."""
    too_many: bool = False
    """The period has more messages than can be searched or ordered."""


async def read_list(
    organization: Organization, choice: Choice, now: datetime, *, engagement: bool
) -> MessageList:
    """A page of the list of messages that a person chose."""
    headings = tuple(_headings(organization, choice, engagement))
    first = replace(choice, cursor="").address(organization.id)
    try:
        page = await read_page(organization, choice.query(now), now)
    except Refusal:
        if choice.cursor:
            raise
        return MessageList(choice, engagement, headings, (), first, too_many=True)
    return MessageList(
        choice,
        engagement,
        headings,
        page.messages,
        first,
        older=_older(organization, choice, page),
        beyond=await _beyond(organization, choice, page, now),
    )


def _older(organization: Organization, choice: Choice, page: Page) -> str | None:
    return replace(choice, cursor=page.cursor).address(organization.id) if page.cursor else None


async def _beyond(
    organization: Organization, choice: Choice, page: Page, now: datetime
) -> str | None:
    """At the end of its period, the endless list leads on to what is older, if there is any."""
    if page.cursor or not choice.endless or choice.period == "all":
        return None
    last = position(page.messages[-1]) if page.messages else choice.cursor
    further = replace(choice, period="all", cursor=last)
    query = further.query(now)
    older = await read_page(organization, replace(query, limit=1), now)
    return further.address(organization.id) if older.messages or older.cursor else None


def _headings(organization: Organization, choice: Choice, engagement: bool) -> Iterator[Heading]:
    for column in COLUMNS:
        if column.collected and not engagement:
            yield Heading(column, None, None, None)
            continue
        chosen = choice.sort in column.orders
        order = column.second if choice.sort == column.first else column.first
        yield Heading(
            column,
            replace(choice, sort=order, cursor="").address(organization.id),
            choice.sort if chosen else column.first,
            _direction(choice.sort) if chosen else None,
        )


def _direction(order: str) -> str:
    return "descending" if order.startswith("-") else "ascending"
