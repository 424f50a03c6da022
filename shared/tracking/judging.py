"""The verdicts on new hits of a message, and those on stored ones that change with them (rule T8).

Each hit is judged by itself, then together with those around it. Those are mostly remembered in the
copy's row; where they are not (a hit that comes late), stored events are asked for a stretch
around. In a crowd, where a row cannot remember all that happens within seconds, hits are judged by
what it remembers.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import itemgetter

from shared.messages.recent import Recent
from shared.messages.rows import CopyRow, instant_of
from shared.messages.stored import Stored
from shared.messages.timeline import events_of
from shared.model import Event, EventKind
from shared.organizations import Organization, OrganizationSettings
from shared.tracking.classify import Signals, classify
from shared.tracking.clients import describe
from shared.tracking.hits import Hit, agent_digest
from shared.tracking.neighbours import REMEMBERED, crowded_from
from shared.tracking.origins import NetworkKeys, address_of, country_of, is_among, kept_of
from shared.tracking.together import (
    AT_ONCE,
    CLICKS,
    NEIGHBOURHOOD,
    OPENS,
    is_hit,
    is_scan,
    judged,
)

THREAD_FROM = 20
"""More hits of a message than this are judged in a thread: those with strange agents take long, and
pixels are answered in this loop. For fewer the thread costs more than they do."""

MOST_ASKED = 500
"""Stored events of a stretch that are asked for, the newest. Where more happened within a minute or
so, nobody reads: hits are judged with these, and none is corrected whose neighbours were not all
seen. So a flood costs little, however strong it is."""

_ELSEWHERE = frozenset({"imageProxy", "gmailPrefetch", "applePrivacy"})
"""With these the mail service's machine fetched: where it stands says nothing of the person."""

_NOT_SENT_YET = datetime.max.replace(tzinfo=UTC)

Stretch = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Judged:
    """New events, and stored ones whose verdict is another now."""

    new: Sequence[Event]
    corrected: Sequence[Event]


def events_from(
    hits: Sequence[Hit],
    copies: Mapping[int, CopyRow],
    settings: OrganizationSettings,
    keys: NetworkKeys,
) -> list[Event]:
    """The events that hits stand for, each judged by itself."""
    return [_event(hit, copies[hit.copy], settings, keys) for hit in hits]


def _event(hit: Hit, copy: CopyRow, settings: OrganizationSettings, keys: NetworkKeys) -> Event:
    at, kind, address = instant_of(hit.at), EventKind(hit.kind), address_of(hit.address)
    verdict = classify(
        Signals(
            method="HEAD" if hit.method == "HEAD" else "GET",
            agent=hit.agent,
            headers=dict(hit.signals),
            at=at,
            # From when sending began, because a mail can be read before we know that it was sent.
            delivered_at=copy.sending_began_at or _NOT_SENT_YET,
            kind=kind,
            own_network=is_among(address, settings.own_networks),
        )
    )
    client = describe(hit.agent)
    elsewhere = not _ELSEWHERE.isdisjoint(verdict.reasons)
    return Event(
        id=hit.id,
        kind=kind,
        at=at,
        copy=hit.copy,
        automated=verdict.automated,
        reasons=verdict.reasons,
        signs=verdict.signs,
        link=hit.index if kind is EventKind.CLICK else None,
        attachment=hit.index if kind is EventKind.ATTACHMENT_VIEW else None,
        image=hit.index if kind is EventKind.IMAGE else None,
        agent=agent_digest(hit.agent),
        network=keys.hashed(address, at, hit.message),
        address=kept_of(address, settings.ip_handling),
        client=client.name,
        device=client.device,
        country=None if elsewhere else country_of(hit.country),
    )


async def judge(organization: Organization, stored: Stored, events: Sequence[Event]) -> Judged:
    """The verdicts on new events, and what they change of stored ones."""
    by_copy: defaultdict[int, list[Event]] = defaultdict(list)
    for event in events:
        by_copy[event.copy].append(event)
    each = [
        await _judge_copy(organization, stored.message.id, stored.copies[number], new)
        for number, new in by_copy.items()
    ]
    return Judged(
        [event for one in each for event in one.new],
        [event for one in each for event in one.corrected],
    )


async def _judge_copy(
    organization: Organization, message: str, copy: CopyRow, new: Sequence[Event]
) -> Judged:
    ids = {event.id for event in new}
    around = {hit.id: hit for hit in copy.recent.hits if hit.id not in ids}
    asked: list[Stretch] = []
    unseen = _crowded_out(copy.recent)
    found: dict[str, Event] = {}
    wanted = _late(copy.recent, new)
    while wanted or not found:
        for since, until in wanted:
            number = 0
            async for event in events_of(organization, message, since, until, MOST_ASKED):
                if event.copy == copy.number and is_hit(event) and event.id not in ids:
                    around.setdefault(event.id, event)
                number += 1
                if number == MOST_ASKED:
                    unseen.append((since, event.at))
                    break
        found = await _judged(copy, [*around.values(), *new])
        asked += wanted
        wanted = _scanned_before(copy.recent, found, new, asked)
    changing = _stretches([event.at for event in new], NEIGHBOURHOOD)
    corrected = [
        found[hit.id]
        for hit in around.values()
        if found[hit.id] != hit
        and _is_in(hit.at, changing)
        and not any(
            since - NEIGHBOURHOOD <= hit.at <= until + NEIGHBOURHOOD for since, until in unseen
        )
    ]
    return Judged([found[event.id] for event in new], corrected)


async def _judged(copy: CopyRow, hits: Sequence[Event]) -> dict[str, Event]:
    if len(hits) > THREAD_FROM:
        return await asyncio.to_thread(judged, hits, copy.links, one_person=bool(copy.recipient))
    return judged(hits, copy.links, one_person=bool(copy.recipient))


def _late(recent: Recent, new: Sequence[Event]) -> list[Stretch]:
    """Where clicks must be asked for that the copy does not remember: around hits that are not so
    much later than those. Not where it remembers as many as it can: these tell enough."""
    until, crowd_from = recent.clicks_until, crowded_from(recent, CLICKS)
    if until is None:
        return []
    late = (hit.at for hit in new if hit.at - REMEMBERED <= until)
    return _stretches([at for at in late if crowd_from is None or at < crowd_from], REMEMBERED)


def _crowded_out(recent: Recent) -> list[Stretch]:
    """When clicks happened that a crowd of later ones made the copy forget."""
    crowd_from, until = crowded_from(recent, CLICKS), recent.clicks_until
    if crowd_from is None or until is None:
        return []
    return [(crowd_from - REMEMBERED, until)]


def _scanned_before(
    recent: Recent, found: Mapping[str, Event], new: Sequence[Event], asked: Iterable[Stretch]
) -> list[Stretch]:
    """Where opens must be asked for that the copy does not remember: beside clicks that turned out
    to be a scanner's."""
    until, crowd_from = recent.opens_until, crowded_from(recent, OPENS)
    if until is None:
        return []
    changing = _stretches([event.at for event in new], NEIGHBOURHOOD)
    scans = [
        hit.at
        for hit in found.values()
        if is_scan(hit)
        and hit.at - AT_ONCE <= until
        and (crowd_from is None or hit.at < crowd_from)
        and _is_in(hit.at, changing)
        and not any(since <= hit.at - AT_ONCE and hit.at + AT_ONCE <= end for since, end in asked)
    ]
    return _stretches(scans, REMEMBERED)


def _is_in(at: datetime, stretches: Sequence[Stretch]) -> bool:
    """Whether an instant lies in one of these pieces, which do not touch and are in their order."""
    place = bisect_right(stretches, at, key=itemgetter(0)) - 1
    return place >= 0 and at <= stretches[place][1]


def _stretches(instants: Iterable[datetime], around: timedelta) -> list[Stretch]:
    """The time around these instants, in as few pieces as it has."""
    pieces: list[Stretch] = []
    for at in sorted(instants):
        if pieces and at - around <= pieces[-1][1]:
            pieces[-1] = (pieces[-1][0], at + around)
        else:
            pieces.append((at - around, at + around))
    return pieces
