"""What several hits of one copy tell together (rule T8): pure, and the same whatever order hits
become known in.

A gateway that hides behind a browser's agent cannot be told from a person by one hit. It shows
itself by what it does within seconds:

    burst         three links or more within 10 s, or every one of several
    secondLink    two links within 10 s: a sign only, people do that, too
    sameScanner   the open of a program that followed links as a scanner does, within 10 s
    fetchedAgain  a link that somebody from another network followed up to 10 s before: one click of
                  a person whose gateway looks at the same, and counted once. Only where the copy
                  went to one person.

Links are those of files, too. A hit that is a machine's by itself is explained and tells nothing of
others. So a verdict depends on hits at most `NEIGHBOURHOOD` away, and may be corrected until all of
these are known.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shared.model import Event, EventKind
from shared.tracking.classify import weighed
from shared.tracking.origins import hour_of

AT_ONCE = timedelta(seconds=10)
MANY_LINKS = 3
NEIGHBOURHOOD = 2 * AT_ONCE
"""An open depends on clicks 10 s away, which depend on others as far away."""

TOGETHER = frozenset({"burst", "secondLink", "sameScanner", "fetchedAgain"})

CLICKS = (EventKind.CLICK, EventKind.ATTACHMENT_VIEW)
OPENS = (EventKind.OPEN, EventKind.IMAGE)

_Clicks = Sequence[Event]
_Network = tuple[str | None, int]
"""The hash of a network, and the hour within which it can be compared."""


def is_hit(event: Event) -> bool:
    """Whether it is a request of a recipient's program; not what a click proves, or a reply."""
    return event.kind in (*CLICKS, *OPENS) and not event.inferred


def judged(hits: Iterable[Event], links: int | None, *, one_person: bool) -> dict[str, Event]:
    """The hits of a copy by their ids, each with the verdict that all of them make together.

    `links` is how many links the copy has; `one_person` whether it went to one.
    """
    alone = sorted((_alone(hit) for hit in hits), key=lambda hit: (hit.at, hit.id))
    found: defaultdict[str, set[str]] = defaultdict(set)
    clicks = [hit for hit in alone if hit.kind in CLICKS and not hit.automated]
    for code, hit in (*_bursts(clicks, links), *(_again(clicks) if one_person else ())):
        found[hit.id].add(code)
    scanned = [hit for hit in clicks if is_scan(_with(hit, found.get(hit.id, ())))]
    for hit in _of_scanners([hit for hit in alone if hit.kind in OPENS], scanned):
        found[hit.id].add("sameScanner")
    return {hit.id: _with(hit, found.get(hit.id, ())) for hit in alone}


def is_scan(hit: Event) -> bool:
    """Whether only what it did together with others shows that a click is a scanner's."""
    codes = {*hit.reasons, *hit.signs} - {"fetchedAgain"}
    return hit.kind in CLICKS and not TOGETHER.isdisjoint(codes) and weighed(codes).automated


def _alone(hit: Event) -> Event:
    if TOGETHER.isdisjoint(hit.reasons) and TOGETHER.isdisjoint(hit.signs):
        return hit
    return _weighed(hit, {*hit.reasons, *hit.signs} - TOGETHER)


def _with(hit: Event, codes: Iterable[str]) -> Event:
    return _weighed(hit, {*hit.reasons, *hit.signs, *codes}) if codes else hit


def _weighed(hit: Event, codes: Iterable[str]) -> Event:
    verdict = weighed(codes)
    return replace(hit, automated=verdict.automated, reasons=verdict.reasons, signs=verdict.signs)


def _link(click: Event) -> tuple[str, int | None]:
    return click.kind.value, click.link if click.kind is EventKind.CLICK else click.attachment


def _bursts(clicks: _Clicks, links: int | None) -> Iterator[tuple[str, Event]]:
    """For each click what the 10 s are like in which the most links were followed: all stretches of
    10 s that begin with a click are looked at."""
    followed: Counter[tuple[str, int | None]] = Counter()
    end = burst_until = pair_until = 0
    for start, first in enumerate(clicks):
        while end < len(clicks) and clicks[end].at - first.at <= AT_ONCE:
            followed[_link(clicks[end])] += 1
            end += 1
        if len(followed) >= MANY_LINKS or ((links or 0) > 1 and len(followed) == links):
            yield from (("burst", click) for click in clicks[max(start, burst_until) : end])
            burst_until = end
        if len(followed) > 1:
            yield from (("secondLink", click) for click in clicks[max(start, pair_until) : end])
            pair_until = end
        followed[_link(first)] -= 1
        if not followed[_link(first)]:
            del followed[_link(first)]


def _again(clicks: _Clicks) -> Iterator[tuple[str, Event]]:
    """The clicks on a link that somebody from another network followed shortly before."""
    last: defaultdict[tuple[str, int | None], dict[str, datetime]] = defaultdict(dict)
    for click in clicks:
        if click.network is None:
            continue
        networks = last[_link(click)]
        others = (at for network, at in networks.items() if network != click.network)
        if any(click.at - at <= AT_ONCE and hour_of(at) == hour_of(click.at) for at in others):
            yield "fetchedAgain", click
        # Newest last: with many networks those that are long gone are not looked at for ever.
        networks.pop(click.network, None)
        networks[click.network] = click.at
        while click.at - next(iter(networks.values())) > AT_ONCE:
            del networks[next(iter(networks))]


def _of_scanners(opens: Sequence[Event], scans: _Clicks) -> Iterator[Event]:
    """The opens by a program that, within seconds, followed links as a scanner does."""
    by_agent: defaultdict[str | None, dict[_Network, list[datetime]]] = defaultdict(dict)
    for scan in scans:
        by_agent[scan.agent].setdefault((scan.network, hour_of(scan.at)), []).append(scan.at)
    for hit in opens:
        if any(_is_near(hit.at, times) for times in _same_network(hit, by_agent.get(hit.agent))):
            yield hit


def _same_network(
    hit: Event, networks: Mapping[_Network, list[datetime]] | None
) -> Iterator[list[datetime]]:
    """When this program followed links, from this network as far as that is known."""
    for (network, hour), times in (networks or {}).items():
        known = None not in (network, hit.network) and hour == hour_of(hit.at)
        if not known or network == hit.network:
            yield times


def _is_near(at: datetime, times: list[datetime]) -> bool:
    place = bisect_left(times, at - AT_ONCE)
    return place < len(times) and times[place] <= at + AT_ONCE
