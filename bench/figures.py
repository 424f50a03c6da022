"""Printing what was measured: a small table, and a sentence on what it means."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from statistics import median


def say(text: str = "") -> None:
    print(text, flush=True)


def under_way(text: str) -> None:
    """Tells a person at a terminal what takes so long; nothing of it stays."""
    if sys.stdout.isatty():
        print(f"\r\033[K{text}", end="", flush=True)


def show(title: str, unit: str, measured: Mapping[str, Sequence[float]]) -> None:
    """A line for each thing that was measured: median, least, most."""
    under_way("")
    say(title)
    say(f"  {'':<34}{'median':>10}{'least':>10}{'most':>10}   {unit}")
    for name, values in measured.items():
        numbers = (median(values), min(values), max(values))
        say(f"  {name:<34}" + "".join(f"{number:>10.1f}" for number in numbers))


def ratio(of: Sequence[float], to: Sequence[float]) -> float:
    """The median of the ratios of what was measured in pairs, one right after the other.

    A machine that slows down for a while slows both of a pair.
    """
    return median(one / other for one, other in zip(of, to, strict=True))
