"""Measures, and says what the numbers mean. Without names everything, within four minutes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from bench import (
    cards,
    first_hit,
    folding,
    hits,
    imports,
    partitions,
    redirect,
    scheduled,
    sending,
    sustained,
    wide,
)

_DESCRIBED = {
    "imports": imports.measure,
    "first_hit": first_hit.measure,
    "hits": hits.measure,
    "redirect": redirect.measure,
    "folding": folding.measure,
    "wide": wide.measure,
    "sustained": sustained.measure,
    "cards": cards.measure,
    "sending": sending.measure,
    "scheduled": scheduled.measure,
    "partitions": partitions.measure,
}


def main(arguments: list[str]) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(_DESCRIBED))
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; choose from {', '.join(_DESCRIBED)}")
    part = 1 if options.names else 2
    events = options.events or folding.EVENTS // part
    minutes = options.minutes or sustained.MINUTES / part
    measurements: dict[str, Callable[[], None]] = {
        "imports": imports.measure,
        "first_hit": first_hit.measure,
        "hits": hits.measure,
        "redirect": redirect.measure,
        "folding": lambda: folding.measure(events),
        "wide": lambda: wide.measure(options.events or wide.MESSAGES // (part * part)),
        "sustained": lambda: sustained.measure(minutes, options.rate),
        "cards": cards.measure,
        "sending": sending.measure,
        "scheduled": lambda: scheduled.measure(scheduled.MESSAGES // (part * part)),
        "partitions": partitions.measure,
    }
    for name in options.names or measurements:
        measurements[name]()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dev.py bench",
        description=__doc__,
        epilog="\n".join(f"  {name:<11}{measure.__doc__}" for name, measure in _DESCRIBED.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to measure, see below")
    parser.add_argument(
        "--events",
        type=_between(1, 1_000_000, int),
        help="folding: how many opens (default 2000, beside all others half of them); "
        "wide: how many messages (default 100000, beside all others a quarter of them)",
    )
    parser.add_argument(
        "--minutes",
        type=_between(0.1, 60, float),
        help="sustained: for how long (default 1, beside all others half of one)",
    )
    parser.add_argument(
        "--rate",
        type=_between(1, 10_000, float),
        default=sustained.A_SECOND,
        help="sustained: hits a second (default %(default)s)",
    )
    return parser


def _between(least: float, most: float, kind: type[int] | type[float]) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = kind(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between {least} and {most}")
        return value

    read.__name__ = "number"
    return read


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
