"""Measures, and says what the numbers mean. Without names everything, within four minutes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from bench import first_hit, hits, imports, redirect

MEASUREMENTS: dict[str, Callable[[], None]] = {
    "imports": imports.measure,
    "first_hit": first_hit.measure,
    "hits": hits.measure,
    "redirect": redirect.measure,
}


def main(arguments: list[str]) -> int:
    names = arguments
    for name in names or MEASUREMENTS:
        MEASUREMENTS[name]()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
