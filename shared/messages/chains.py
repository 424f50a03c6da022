"""What a copy remembers of its chains of image hits (rule T2), as values and as text of its row."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Chain:
    """GETs of the pixel and of images by one program, each at most a minute from the next.

    `image` and `pixel` tell whether there is one of that kind; `human_at` is the first that is a
    person's.
    """

    agent: str
    first_at: datetime
    last_at: datetime
    image: bool
    pixel: bool
    human_at: datetime | None


@dataclass(frozen=True, slots=True)
class ImageOpens:
    """Opens that nothing but images proves.

    `first_at` and `last_at` are None where an open that the pixel proves was as early, or as late.
    """

    count: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Chains:
    """The chains of a copy that are at hand. Nothing, before the first image was loaded.

    A chain that is not among `kept` ended at `others_until` or before; all chains with images lie
    between `images_from` and `images_until`. `opens` and `human_opens` are of all chains.
    """

    kept: tuple[Chain, ...] = ()
    others_until: datetime | None = None
    images_from: datetime | None = None
    images_until: datetime | None = None
    opens: ImageOpens = ImageOpens()
    human_opens: ImageOpens = ImageOpens()


NO_CHAINS = Chains()


def chains_to_text(chains: Chains) -> str | None:
    """As the copy's row has it; None where there is nothing to remember."""
    if chains == NO_CHAINS:
        return None
    value = {
        "kept": [
            [
                chain.agent,
                _ms(chain.first_at),
                _ms(chain.last_at),
                chain.image | chain.pixel << 1,
                _ms(chain.human_at),
            ]
            for chain in chains.kept
        ],
        "until": _ms(chains.others_until),
        "images": [_ms(chains.images_from), _ms(chains.images_until)],
        "opens": _counts(chains.opens),
        "human": _counts(chains.human_opens),
    }
    return json.dumps(value, separators=(",", ":"))


def chains_from_text(text: str | None) -> Chains:
    if not text:
        return NO_CHAINS
    value = json.loads(text)
    return Chains(
        kept=tuple(
            Chain(
                agent,
                _EPOCH + timedelta(milliseconds=first),
                _EPOCH + timedelta(milliseconds=last),
                image=bool(said & 1),
                pixel=bool(said & 2),
                human_at=_at(human),
            )
            for agent, first, last, said, human in value["kept"]
        ),
        others_until=_at(value["until"]),
        images_from=_at(value["images"][0]),
        images_until=_at(value["images"][1]),
        opens=_opens(value["opens"]),
        human_opens=_opens(value["human"]),
    )


def _counts(opens: ImageOpens) -> list[int | None]:
    return [opens.count, _ms(opens.first_at), _ms(opens.last_at)]


def _opens(value: list[int]) -> ImageOpens:
    return ImageOpens(value[0], _at(value[1]), _at(value[2]))


def _ms(instant: datetime | None) -> int | None:
    return None if instant is None else (instant - _EPOCH) // timedelta(milliseconds=1)


def _at(ms: int | None) -> datetime | None:
    return None if ms is None else _EPOCH + timedelta(milliseconds=ms)
