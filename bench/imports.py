"""What a cold start pays for importing the app."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.figures import ratio, say, show, under_way

ROUNDS = 11
BOUND = 1.5
ROOT = Path(__file__).parent.parent

_APP = "import function_app"
_LIBRARIES = "import azure.functions, azure.data.tables.aio"


def measure() -> None:
    """import function_app, against the two libraries that it cannot do without"""
    app: list[float] = []
    libraries: list[float] = []
    for _ in range(2):  # writes the byte code, fills the disk's cache
        _import_ms(_APP), _import_ms(_LIBRARIES)
    for number in range(ROUNDS):
        under_way(f"imports: round {number + 1} of {ROUNDS}")
        pair = [(app, _APP), (libraries, _LIBRARIES)]
        for times, program in pair if number % 2 else reversed(pair):
            times.append(_import_ms(program))
    show(
        f"Import time, {ROUNDS} fresh interpreters each",
        "ms",
        {"function_app": app, "azure.functions, azure.data.tables": libraries},
    )
    factor = ratio(app, libraries)
    say(f"  ratio {factor:.2f} (at most {BOUND}): {'holds' if factor <= BOUND else 'TOO MUCH'}\n")


def _import_ms(program: str) -> float:
    """Milliseconds that an import takes by itself, in an interpreter that has just started."""
    timed = (
        "import sys, time; before = time.perf_counter(); "
        f"{program}; print((time.perf_counter() - before) * 1000)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", timed], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return float(answer.stdout)
