"""Sizes of files as a reader of a language writes them."""

from __future__ import annotations

_STEP = 1024
_UNITS = ("B", "KB", "MB", "GB")


def size_text(language: str, size: int) -> str:
    """`size` bytes in three digits or so: 1.2 MB, 340 KB."""
    from babel.numbers import format_decimal

    amount, unit = float(size), 0
    while amount >= _STEP and unit < len(_UNITS) - 1:
        amount, unit = amount / _STEP, unit + 1
    pattern = "#,##0.#" if unit and amount < 100 else "#,##0"
    number = format_decimal(amount, format=pattern, locale=language.replace("-", "_"))
    # A no-break space: the two belong on one line.
    return f"{number}\N{NO-BREAK SPACE}{_UNITS[unit]}"
