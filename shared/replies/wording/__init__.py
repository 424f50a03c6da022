"""How programs put it: the words of bounces and automatic answers, in the languages of their users.

Each file beside this one holds patterns, one a line, whatever their case; `#` begins a comment.
They are matched against one line or a bounded text, so none may repeat without a limit.
"""

import re
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent


@cache
def pattern(name: str) -> re.Pattern[str]:
    """The patterns of one file as one."""
    lines = (_HERE / f"{name}.txt").read_text("utf-8").splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    return re.compile("|".join(f"(?:{one})" for one in wanted), re.IGNORECASE)


def says(name: str, text: str) -> bool:
    """Whether a text holds one of them."""
    return pattern(name).search(text) is not None


def begins(name: str, text: str) -> bool:
    """Whether a text begins with one of them, after at most ten marks that are no letters."""
    marks = re.match(r"\W{0,10}", text)
    start = marks.end() if marks else 0
    return any(pattern(name).match(text, at) is not None for at in {0, start})
