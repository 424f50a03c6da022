"""Whether what is stored of messages agrees with itself: counted here anew, by other code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from shared.messages.feeds import EVERYBODY, read_feed, seller_feed
from shared.model import Event, EventKind, Kpis
from shared.organizations import Organization
from tests.tracking.followed_messages import Followed, read_followed


async def contradictions(organization: Organization, messages: Sequence[str]) -> list[str]:
    """Everything that is not as it must be once all is folded, in sentences; none is right."""
    found = []
    for name in ("hits", "aside"):
        left = await organization.tables.page("ingest", name, limit=1000)
        if left:
            found.append(f"{organization.id} has {len(left)} rows left in the partition {name}")
    for message in messages:
        followed = await read_followed(organization, message)
        found += [f"{organization.id}/{message}: {each}" for each in _of_message(followed)]
    return found + await _of_feeds(organization, messages)


def _of_message(followed: Followed) -> list[str]:
    found = []
    twice = [id for id, times in Counter(e.id for e in followed.events).items() if times > 1]
    if twice:
        found.append(f"events {twice} are there twice")
    if followed.kpis != (recounted := kpis_of(followed)):
        found.append(f"KPIs are {followed.kpis}, its events say {recounted}")
    if followed.todo:
        found.append(f"{followed.todo} are left to do")
    return found


async def _of_feeds(organization: Organization, messages: Sequence[str]) -> list[str]:
    found = []
    lists: dict[str, dict[str, object]] = {}
    for message in messages:
        row = (await read_followed(organization, message)).message
        for feed in (EVERYBODY, seller_feed(row.seller)):
            if feed not in lists:
                lists[feed] = {
                    listed.message.id: listed.message
                    async for listed in read_feed(organization, feed)
                }
            if lists[feed].get(message) != row:
                found.append(f"{organization.id}/{message}: the list {feed} says something else")
    return found


def kpis_of(followed: Followed) -> Kpis:
    """The KPIs that the message's events add up to (rule T9)."""
    opens = _of_kind(followed.events, EventKind.OPEN)
    clicks = _of_kind(followed.events, EventKind.CLICK)
    views = _of_kind(followed.events, EventKind.ATTACHMENT_VIEW)
    at, human_at = [e.at for e in opens], [e.at for e in opens if not e.automated]
    named = all(copy.recipient for copy in followed.copies.values())
    openers = {e.copy for e in opens if not e.automated}
    return Kpis(
        opens=len(opens),
        human_opens=len(human_at),
        link_clicks=len(clicks),
        human_link_clicks=sum(not e.automated for e in clicks),
        attachment_views=len(views),
        human_attachment_views=sum(not e.automated for e in views),
        replies=len(_of_kind(followed.events, EventKind.REPLY)),
        first_opened_at=min(at, default=None),
        last_opened_at=max(at, default=None),
        first_human_opened_at=min(human_at, default=None),
        last_human_opened_at=max(human_at, default=None),
        human_openers=len(openers) if named else None,
    )


def _of_kind(events: Sequence[Event], kind: EventKind) -> list[Event]:
    return [event for event in events if event.kind is kind]
