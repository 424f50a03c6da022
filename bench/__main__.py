"""Measures, and says what the numbers mean. Without names everything, within two minutes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from bench import first_hit, hits, imports

MEASUREMENTS: dict[str, Callable[[], None]] = {
    "imports": imports.measure,
    "first_hit": first_hit.measure,
    "hits": hits.measure,
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="dev.py bench",
        description=__doc__,
        epilog="\n".join(
            f"  {name:<11}{measure.__doc__}" for name, measure in MEASUREMENTS.items()
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to measure, see below")
    names = parser.parse_args(arguments).names
    unknown = sorted(set(names) - set(MEASUREMENTS))
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; choose from {', '.join(MEASUREMENTS)}")
    for name in names or MEASUREMENTS:
        MEASUREMENTS[name]()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
