"""Chains of image hits (rule T2): pure, and the same whatever order hits become known in.

GETs of the pixel and of stored images by one program, in one copy, each at most 60 s from the next,
form a chain: somebody has the message open. Its opens are its GETs of the pixel, each with its own
verdict. A chain without one is one open: a person's, when the first image that a person loaded was
asked for, or a machine's, at its first GET.

A GET of the pixel is counted by itself and for good. What can change when a hit is learned late are
the opens that only images prove: chains join, or turn out to have a GET of the pixel. To know
that, nothing but the chains beside the hit is needed. A copy keeps its latest ones in its row, so
that hits that come in time cost no request; `to_look_up` tells which must be looked for among
the stored events.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.messages.chains import Chain, Chains, ImageOpens
from shared.model import Event, EventKind

GAP = timedelta(seconds=60)
KEPT = 300
"""So many chains a copy keeps in its row at most, about 60 characters each: those of the last
minutes, which the next hits may join, where many programs read one copy at the same time."""

KEPT_LONG = 16
"""So many it keeps however old they are."""


class Unclear(Exception):
    """The first or last open that only images prove is gone, or the last quiet time, and what is at
    hand does not tell which is now: all events of the copy do."""


@dataclass(frozen=True, slots=True)
class Get:
    """A GET of the pixel or of an image."""

    agent: str
    at: datetime
    pixel: bool
    human: bool


@dataclass(frozen=True, slots=True)
class Run:
    """From when to when a program's chains must be looked for; a minute around it belongs to it."""

    agent: str
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Edges:
    """The first and the last open that the pixel proves."""

    first_at: datetime | None
    last_at: datetime | None


def get_of(event: Event) -> Get | None:
    """The GET that an event was; None for others, HEAD requests among them."""
    if event.kind not in (EventKind.OPEN, EventKind.IMAGE) or event.inferred:
        return None
    if "headRequest" in event.reasons:
        return None
    return Get(event.agent or "", event.at, event.kind is EventKind.OPEN, not event.automated)


def gets_of(events: Iterable[Event]) -> list[Get]:
    return [get for event in events if (get := get_of(event)) is not None]


def chains_of(gets: Iterable[Get]) -> list[Chain]:
    """The chains that these GETs form, if there are no others."""
    return [chain for links in _by_agent(gets).values() for chain in _merged(links)]


def to_look_up(chains: Chains, gets: Sequence[Get]) -> list[Run]:
    """Where stored events must be asked for chains that `gets` may join and that are not kept."""
    asked, _ = _sorted_out(chains, gets)
    return asked


def joined(
    chains: Chains,
    found: Iterable[Chain],
    gets: Sequence[Get],
    opens: Edges,
    human_opens: Edges,
    kept: int = KEPT,
) -> Chains:
    """The chains with new GETs in them.

    `found` are the chains that were looked up, in whole; `opens` and `human_opens` tell of the
    opens that the pixel proves, the new GETs included. Raises `Unclear`.
    """
    _, passed_over = _sorted_out(chains, gets)
    known = {*chains.kept, *found}
    by_agent: defaultdict[str, list[Chain]] = defaultdict(list)
    for chain in known:
        by_agent[chain.agent].append(chain)
    for agent, links in _by_agent(get for get in gets if get.agent not in passed_over).items():
        by_agent[agent] = _merged([*links, *by_agent[agent]])
    now = {chain for each in by_agent.values() for chain in each}
    with_images = [chain for chain in now if chain.image]
    latest = sorted(now, key=lambda chain: (chain.last_at, chain.agent), reverse=True)
    kept = min(
        kept, max(KEPT_LONG, sum(latest[0].last_at - one.last_at <= 2 * GAP for one in latest))
    )
    gone, new = known - now, now - known
    return Chains(
        kept=tuple(latest[:kept]),
        others_until=max(
            _known(
                chains.others_until,
                *(chain.last_at for chain in latest[kept:]),
                *(get.at for get in gets if get.agent in passed_over),
            ),
            default=None,
        ),
        images_from=min(
            _known(chains.images_from, *(chain.first_at for chain in with_images)), default=None
        ),
        images_until=max(
            _known(chains.images_until, *(chain.last_at for chain in with_images)), default=None
        ),
        opens=_moved(chains.opens, opens, gone, new, latest[:kept], _open_at),
        human_opens=_moved(
            chains.human_opens, human_opens, gone, new, latest[:kept], _human_open_at
        ),
    )


def _open_at(chain: Chain) -> datetime | None:
    """When the open was that only images prove; None where the pixel proves it."""
    return None if chain.pixel else chain.human_at or chain.first_at


def _human_open_at(chain: Chain) -> datetime | None:
    return None if chain.pixel else chain.human_at


# --- Joining ------------------------------------------------------------------------------------


def _by_agent(gets: Iterable[Get]) -> dict[str, list[Chain]]:
    """Each GET as a chain of its own."""
    alone: defaultdict[str, list[Chain]] = defaultdict(list)
    for get in gets:
        alone[get.agent].append(
            Chain(
                get.agent,
                get.at,
                get.at,
                image=not get.pixel,
                pixel=get.pixel,
                human_at=get.at if get.human else None,
            )
        )
    return alone


def _merged(links: Iterable[Chain]) -> list[Chain]:
    """Chains of one program, with those that touch made one."""
    merged: list[Chain] = []
    for link in sorted(links, key=lambda chain: chain.first_at):
        if merged and link.first_at - merged[-1].last_at <= GAP:
            before = merged[-1]
            merged[-1] = Chain(
                link.agent,
                before.first_at,
                max(before.last_at, link.last_at),
                image=before.image or link.image,
                pixel=before.pixel or link.pixel,
                human_at=min(_known(before.human_at, link.human_at), default=None),
            )
        else:
            merged.append(link)
    return merged


def _sorted_out(chains: Chains, gets: Sequence[Get]) -> tuple[list[Run], set[str]]:
    """What must be looked up, and the programs whose GETs need not be remembered.

    The latter are those that asked for the pixel only, far from every image, so that no open
    depends on them: what is not kept of them, the events tell should an image come near later.
    """
    asked: list[Run] = []
    passed_over: set[str] = set()
    for agent, alone in _by_agent(gets).items():
        kept = [chain for chain in chains.kept if chain.agent == agent]
        unknown = [run for run in _merged(alone) if not _is_known(run, kept, chains.others_until)]
        if not unknown:
            continue
        if any(_matters(run, kept, chains) for run in _merged(alone)):
            asked += [Run(agent, run.first_at, run.last_at) for run in unknown]
        else:
            passed_over.add(agent)
    return asked, passed_over


def _is_known(run: Chain, kept: Sequence[Chain], others_until: datetime | None) -> bool:
    """Whether all chains that a run may touch are kept."""
    if others_until is None or run.first_at - GAP > others_until:
        return True
    # Nothing else touches it from before a chain that is kept and reaches it, and what comes after
    # that one begins when all that are not kept have ended.
    return any(
        chain.first_at <= run.first_at <= chain.last_at + GAP
        and chain.last_at + GAP >= others_until
        for chain in kept
    )


def _matters(run: Chain, kept: Sequence[Chain], chains: Chains) -> bool:
    """Whether an open that only images prove may depend on a run."""
    return (
        run.image
        or (
            chains.images_from is not None
            and chains.images_until is not None
            and chains.images_from - GAP <= run.last_at
            and run.first_at <= chains.images_until + GAP
        )
        or any(
            chain.first_at - GAP <= run.last_at and run.first_at <= chain.last_at + GAP
            for chain in kept
        )
    )


# --- Counting the opens that only images prove --------------------------------------------------


def _moved(
    before: ImageOpens,
    by_pixel: Edges,
    gone: Iterable[Chain],
    new: Iterable[Chain],
    kept: Iterable[Chain],
    open_at: Callable[[Chain], datetime | None],
) -> ImageOpens:
    removed, added, at_hand = (
        _known(*(open_at(chain) for chain in chains)) for chains in (gone, new, kept)
    )
    count = before.count - len(removed) + len(added)
    whole = at_hand if len(at_hand) == count else None

    def edge(
        was: datetime | None, limit: datetime | None, outer: Callable[..., datetime]
    ) -> datetime | None:
        """The first or last now; None where the pixel proves one that is further out."""
        candidates = whole if whole is not None else added
        if whole is None and was is not None and was not in removed:
            candidates = [*added, was]
        elif whole is None and was is not None:
            bounds = _known(limit, *added)
            if not bounds or outer(was, *bounds) not in bounds:
                raise Unclear
        found = outer(candidates) if candidates else None
        if found is None or limit is None:
            return found
        return found if found != limit and outer(found, limit) == found else None

    return ImageOpens(
        count,
        edge(before.first_at, by_pixel.first_at, min),
        edge(before.last_at, by_pixel.last_at, max),
    )


def _known(*instants: datetime | None) -> list[datetime]:
    return [instant for instant in instants if instant is not None]


def touching(gets: Iterable[Get], start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """From when to when events must be known for the chains of these GETs to be known in whole,
    where those between `start` and `end` are."""
    for chain in chains_of(gets):
        start, end = min(start, chain.first_at - GAP), max(end, chain.last_at + GAP)
    return start, end
