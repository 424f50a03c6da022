"""Counting events (rule T9): pure, so that the same numbers come out when they are rebuilt.

The order in which events become known does not matter: every count is a function of the set of
events alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.messages.chains import NO_CHAINS, Chain, Chains
from shared.messages.rows import MOST_BOUNCED, CopyRow
from shared.model import Event, EventKind, Kpis
from shared.tracking import chains
from shared.tracking.chains import KEPT, Edges, Run, gets_of

QUIET = timedelta(days=7)
"""Who opens after so long without any open has come back to it (rule R2)."""

SAME_READING = timedelta(seconds=60)
"""An open that is seen this soon after a click (or a reply) is the open that it proves."""


def count(
    copy: CopyRow, events: Sequence[Event], found: Iterable[Chain] = (), kept: int = KEPT
) -> CopyRow:
    """The copy with more events counted; each event is counted once only.

    `found` are the chains that `to_look_up` asked for. Raises `Unclear` where only all events of
    the copy together tell: then `recounted` does.
    """
    before = chains_at_hand(copy)
    for event in events:
        copy = _with(copy, event)
    gets = gets_of(events)
    if before.images_until is not None or any(not get.pixel for get in gets):
        kpis = copy.kpis
        now = chains.joined(
            before,
            found,
            gets,
            Edges(kpis.first_opened_at, kpis.last_opened_at),
            Edges(kpis.first_human_opened_at, kpis.last_human_opened_at),
            kept,
        )
        copy = replace(copy, chains=now)
    return replace(copy, inferred_open_at=_inferred(copy))


def recounted(copy: CopyRow, events: Iterable[Event]) -> CopyRow:
    """The copy with all of its events counted anew; inferred ones are made, not counted."""
    nothing = replace(
        copy,
        kpis=Kpis(),
        first_human_open_at=None,
        first_human_click_at=None,
        first_human_view_at=None,
        first_bounce_at=None,
        last_human_open_at=None,
        quiet=None,
        places={},
        first_reply_at=None,
        bounced=(),
        inferred_open_at=None,
        chains=NO_CHAINS,
    )
    seen = [event for event in events if not event.inferred]
    return count(nothing, sorted(seen, key=lambda event: event.at))


def to_look_up(copy: CopyRow, events: Sequence[Event]) -> list[Run]:
    """Where stored events must be asked for chains before `count`; mostly nowhere."""
    gets = gets_of(events)
    if copy.chains.images_until is None and all(get.pixel for get in gets):
        return []
    return chains.to_look_up(chains_at_hand(copy), gets)


def chains_at_hand(copy: CopyRow) -> Chains:
    """Before the first image was loaded nothing was kept of those who asked for the pixel."""
    if copy.chains.images_until is None:
        return Chains(others_until=copy.kpis.last_opened_at)
    return copy.chains


def inferred_open(copy: CopyRow, at: datetime) -> Event:
    """The open that only a click or a reply proves: whoever did that had opened (rule T8)."""
    return Event(
        id=f"inferred-{copy.number:04d}",
        kind=EventKind.OPEN,
        at=at,
        copy=copy.number,
        automated=False,
        inferred=True,
    )


def counted(copy: CopyRow) -> Kpis:
    """The KPIs of one copy, the opens that only a click, a reply or images prove included."""
    kpis = copy.kpis
    if copy.chains.opens.count:
        kpis = _with_images(kpis, copy.chains)
    if copy.inferred_open_at is None:
        return kpis
    return kpis.with_event(inferred_open(copy, copy.inferred_open_at))


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


def _with(copy: CopyRow, event: Event) -> CopyRow:
    return replace(copy, kpis=copy.kpis.with_event(event), **_known_by(copy, event))


def _known_by(copy: CopyRow, event: Event) -> dict[str, Any]:
    """What changes of a copy, beside its counts."""
    at = event.at
    if event.kind is EventKind.BOUNCE:
        failed = {event.failed_address} if event.failed_address else set()
        # Sorted before they are cut off: the order in which they become known does not matter.
        bounced = tuple(sorted({*copy.bounced, *failed})[:MOST_BOUNCED])
        return {"first_bounce_at": _earliest(copy.first_bounce_at, at), "bounced": bounced}
    if event.automated:
        return {}
    if event.kind in (EventKind.OPEN, EventKind.IMAGE):
        return _opened(copy, event)
    if event.kind is EventKind.CLICK:
        first = copy.first_human_click_at
        places = _placed(copy.places, "click", first, event)
        return {"first_human_click_at": _earliest(first, at), "places": places}
    if event.kind is EventKind.ATTACHMENT_VIEW:
        first = copy.first_human_view_at
        places = _placed(copy.places, "view", first, event)
        return {"first_human_view_at": _earliest(first, at), "places": places}
    if event.kind is EventKind.REPLY:
        return {"first_reply_at": _earliest(copy.first_reply_at, at)}
    return {}


def _opened(copy: CopyRow, event: Event) -> dict[str, Any]:
    at, first, last = event.at, copy.first_human_open_at, copy.last_human_open_at
    quiet, places = _quiet(copy, at), copy.places
    if quiet is None:
        places = _with_place(places, "again", None)
    elif quiet[1] == first:
        places = _with_place(places, "again", places.get("open"))
    elif quiet[1] == at:
        ended = copy.quiet[1] if copy.quiet else None
        places = _placed(places, "again", ended if ended == at else None, event)
    return {
        "first_human_open_at": _earliest(first, at),
        "last_human_open_at": max(last or at, at),
        "quiet": quiet,
        "places": _placed(places, "open", first, event),
    }


def _placed(
    places: Mapping[str, str], what: str, first: datetime | None, event: Event
) -> Mapping[str, str]:
    """The places with that of an event, where it is the first; of several at one instant, the first
    by its name."""
    if first is not None and event.at > first:
        return places
    known = [places[what]] if event.at == first and what in places else []
    return _with_place(places, what, min([*known, *filter(None, [event.country])], default=None))


def _with_place(places: Mapping[str, str], what: str, place: str | None) -> Mapping[str, str]:
    others = {name: one for name, one in places.items() if name != what}
    return {**others, what: place} if place else others


def _quiet(copy: CopyRow, at: datetime) -> tuple[datetime, datetime] | None:
    """The last quiet time between two opens that are known now, with one more at this instant.
    Raises `Unclear` where that breaks it, and there may be one before it."""
    known, first, last = copy.quiet, copy.first_human_open_at, copy.last_human_open_at
    if first is None or last is None:
        return None
    if known and known[0] < at < known[1]:
        for span in ((at, known[1]), (known[0], at)):
            if span[1] - span[0] >= QUIET:
                return span
        if known[0] - first >= QUIET:
            raise chains.Unclear
        return None
    if at > last and at - last >= QUIET:
        return last, at
    if at < first and not known and first - at >= QUIET:
        return at, first
    return known


def _with_images(kpis: Kpis, opened: Chains) -> Kpis:
    all_, human = opened.opens, opened.human_opens
    return replace(
        kpis,
        opens=kpis.opens + all_.count,
        human_opens=kpis.human_opens + human.count,
        first_opened_at=min(_known((kpis.first_opened_at, all_.first_at)), default=None),
        last_opened_at=max(_known((kpis.last_opened_at, all_.last_at)), default=None),
        first_human_opened_at=min(
            _known((kpis.first_human_opened_at, human.first_at)), default=None
        ),
        last_human_opened_at=max(_known((kpis.last_human_opened_at, human.last_at)), default=None),
    )


def _inferred(copy: CopyRow) -> datetime | None:
    """When the inferred open happened: at the first human click or reply, unless a seen open
    explains it.

    Images may load a moment after the click that they belong to, hence `SAME_READING`.
    """
    proofs = _known((copy.first_human_click_at, copy.first_reply_at))
    proven, opened = min(proofs, default=None), copy.first_human_open_at
    if proven is None or (opened is not None and opened <= proven + SAME_READING):
        return None
    return proven


def _earliest(known: datetime | None, other: datetime) -> datetime:
    return other if known is None else min(known, other)


def _known(instants: Iterable[datetime | None]) -> list[datetime]:
    return [instant for instant in instants if instant is not None]
