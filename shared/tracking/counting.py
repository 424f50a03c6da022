"""Counting events (rule T9): pure, so that the same numbers come out when they are rebuilt.

The order in which events become known does not matter: every count is a function of the set of
events alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shared.messages.rows import CopyRow
from shared.model import Event, EventKind, Kpis

SAME_READING = timedelta(seconds=60)
"""An open that is seen this soon after a click is the open that the click proves."""


def count(copy: CopyRow, event: Event) -> CopyRow:
    """The copy with one more event counted; each event is counted once only."""
    copy = replace(copy, kpis=copy.kpis.with_event(event))
    if event.automated:
        return copy
    if event.kind is EventKind.OPEN:
        copy = replace(copy, first_human_open_at=_earliest(copy.first_human_open_at, event.at))
    elif event.kind is EventKind.CLICK:
        copy = replace(copy, first_human_click_at=_earliest(copy.first_human_click_at, event.at))
    return replace(copy, inferred_open_at=_inferred(copy))


def inferred_open(copy: CopyRow, at: datetime) -> Event:
    """The open that only a click proves: whoever clicked had opened (rule T8)."""
    return Event(
        id=f"inferred-{copy.number:04d}",
        kind=EventKind.OPEN,
        at=at,
        copy=copy.number,
        automated=False,
        inferred=True,
    )


def counted(copy: CopyRow) -> Kpis:
    """The KPIs of one copy, the inferred open included."""
    if copy.inferred_open_at is None:
        return copy.kpis
    return copy.kpis.with_event(inferred_open(copy, copy.inferred_open_at))


def total(copies: Sequence[CopyRow]) -> Kpis:
    """The KPIs of a message: the sum of its copies' (rule S6)."""
    each = [counted(copy) for copy in copies]
    named = all(copy.recipient for copy in copies)
    return Kpis(
        opens=sum(kpis.opens for kpis in each),
        human_opens=sum(kpis.human_opens for kpis in each),
        link_clicks=sum(kpis.link_clicks for kpis in each),
        human_link_clicks=sum(kpis.human_link_clicks for kpis in each),
        attachment_views=sum(kpis.attachment_views for kpis in each),
        human_attachment_views=sum(kpis.human_attachment_views for kpis in each),
        replies=sum(kpis.replies for kpis in each),
        first_opened_at=min(_known(kpis.first_opened_at for kpis in each), default=None),
        last_opened_at=max(_known(kpis.last_opened_at for kpis in each), default=None),
        first_human_opened_at=min(
            _known(kpis.first_human_opened_at for kpis in each), default=None
        ),
        last_human_opened_at=max(_known(kpis.last_human_opened_at for kpis in each), default=None),
        human_openers=sum(kpis.human_opens > 0 for kpis in each) if named else None,
    )


def _inferred(copy: CopyRow) -> datetime | None:
    """When the inferred open happened: at the first human click, unless a seen open explains it.

    Images may load a moment after the click that they belong to, hence `SAME_READING`.
    """
    clicked, opened = copy.first_human_click_at, copy.first_human_open_at
    if clicked is None or (opened is not None and opened <= clicked + SAME_READING):
        return None
    return clicked


def _earliest(known: datetime | None, other: datetime) -> datetime:
    return other if known is None else min(known, other)


def _known(instants: Iterable[datetime | None]) -> list[datetime]:
    return [instant for instant in instants if instant is not None]
