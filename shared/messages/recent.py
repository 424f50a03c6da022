"""What a copy remembers of its latest hits, as values and as text of its row: hits that come within
seconds are judged together (rule T8), and mostly come in one fold after the other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.model import Event, EventKind

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Recent:
    """The latest hits of a copy, as far as verdicts and counts need them.

    A click or a view of a file that is not among `hits` happened at `clicks_until` or before, an
    open or a load of an image at `opens_until` or before; None where all are.
    """

    hits: tuple[Event, ...] = ()
    clicks_until: datetime | None = None
    opens_until: datetime | None = None


NOTHING_RECENT = Recent()


def recent_to_text(recent: Recent) -> str | None:
    """As the copy's row has it; None where there is nothing to remember."""
    if recent == NOTHING_RECENT:
        return None
    value = {
        "hits": [
            [
                *(hit.id, _ms(hit.at), hit.kind.value, _index(hit), hit.automated),
                *(" ".join(hit.reasons), " ".join(hit.signs), hit.agent, hit.network, hit.country),
            ]
            for hit in recent.hits
        ],
        "clicks": _ms(recent.clicks_until),
        "opens": _ms(recent.opens_until),
    }
    return json.dumps(value, separators=(",", ":"))


def recent_from_text(text: str | None, copy: int) -> Recent:
    if not text:
        return NOTHING_RECENT
    value = json.loads(text)
    return Recent(
        tuple(_hit(copy, *hit) for hit in value["hits"]), _at(value["clicks"]), _at(value["opens"])
    )


def _hit(
    copy: int,
    id_: str,
    at: int,
    kind_: str,
    index: int | None,
    automated: bool,
    reasons: str,
    signs: str,
    agent: str | None,
    network: str | None,
    country: str | None = None,
) -> Event:
    kind = EventKind(kind_)
    return Event(
        id=id_,
        kind=kind,
        at=_EPOCH + timedelta(milliseconds=at),
        copy=copy,
        automated=automated,
        reasons=tuple(reasons.split()),
        signs=tuple(signs.split()),
        link=index if kind is EventKind.CLICK else None,
        attachment=index if kind is EventKind.ATTACHMENT_VIEW else None,
        image=index if kind is EventKind.IMAGE else None,
        agent=agent,
        network=network,
        country=country,
    )


def _index(hit: Event) -> int | None:
    for index in (hit.link, hit.attachment, hit.image):
        if index is not None:
            return index
    return None


def _ms(instant: datetime | None) -> int | None:
    return None if instant is None else (instant - _EPOCH) // timedelta(milliseconds=1)


def _at(ms: int | None) -> datetime | None:
    return None if ms is None else _EPOCH + timedelta(milliseconds=ms)
