"""The assistant's page: a person's own cards, and what was just put away (rules R2–R4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.assistant.cards import StoredCard, last_change, read_cards
from shared.assistant.shown import same_tag, tag_of
from shared.organizations import Organization
from shared.pages.addresses import cards_address
from shared.web.requests import cursor_for


@dataclass(frozen=True, slots=True)
class CardsPage:
    """A page of cards; `put_away` is the one that was just snoozed or dismissed."""

    tag: str
    cards: list[StoredCard]
    put_away: str | None
    older: str | None
    newest: str | None


async def read_cards_page(
    organization: Organization,
    sellers: tuple[str, ...],
    shown_in: tuple[str, ...],
    now: datetime,
    *,
    engagement: bool,
    tags: str,
    put_away: str | None,
    cursor: str,
) -> CardsPage | str:
    """The page, or the one of these tags under which the person has it already; `shown_in` are the
    language and the clock."""
    asked = ("page", organization.id, *sellers, *shown_in, put_away or "", cursor)
    change = await last_change(organization, sellers)
    same = same_tag(tags, change, asked, now)
    if same is not None:
        return same
    page = await read_cards(
        organization, sellers, now, engagement=engagement, after=cursor, limit=50
    )
    older = cards_address(organization.id, cursor=cursor_for(page.cursor)) if page.cursor else None
    return CardsPage(
        tag=tag_of(change, asked, now, page.same_until),
        cards=page.cards,
        put_away=put_away,
        older=older,
        newest=cards_address(organization.id) if cursor else None,
    )
