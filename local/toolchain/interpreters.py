"""Which Python the project runs on: 3.13, as on Azure, where the machine has one."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local.toolchain.steps import Stop

PREFERRED = "3.13"
OLDEST = (3, 11)

# Also asks whether a virtual environment can be made: Debian packs that part separately. Inside
# a virtual environment the answer is the interpreter it was made from, which outlives it.
_ASK = "import sys, venv, ensurepip; print(*sys.version_info[:3]); print(sys._base_executable)"


@dataclass(frozen=True)
class Interpreter:
    """A Python that really runs and can make virtual environments."""

    path: Path
    version: tuple[int, int, int]

    @property
    def series(self) -> str:
        """Major and minor version, as in "3.13"."""
        return f"{self.version[0]}.{self.version[1]}"


def choose(wanted: str | None) -> Interpreter:
    """The interpreter for a version ("3.12") or a path; without a wish 3.13, else this one.

    Raises Stop with a sentence where there is none, or it is too old.
    """
    if wanted is None:
        return find(PREFERRED) or _this_one()
    is_version = re.fullmatch(r"3\.\d+", wanted) is not None
    found = find(wanted) if is_version else _ask([wanted])
    if found is None:
        where = "No Python" if is_version else "No usable Python at"
        raise Stop(f"{where} {wanted} was found on this machine; leave --python away or name one.")
    if found.version < OLDEST:
        raise Stop(f"Python {found.series} is too old: 3.11 or newer is needed.")
    return found


def find(series: str) -> Interpreter | None:
    """The first interpreter of a series ("3.13") that really runs, or None."""
    for command in _candidates(series):
        interpreter = _ask(command)
        if interpreter is not None and interpreter.series == series:
            return interpreter
    return None


def _candidates(series: str) -> Iterator[list[str]]:
    if series == f"{sys.version_info[0]}.{sys.version_info[1]}":
        yield [sys.executable]
    # pyenv first: its folders are exact, while its shims on PATH may refuse to run.
    for home, pattern in (
        (Path(os.environ.get("PYENV_ROOT", "~/.pyenv")), f"versions/{series}*"),
        (
            Path(os.environ.get("UV_PYTHON_INSTALL_DIR", "~/.local/share/uv/python")),
            f"cpython-{series}*",
        ),
    ):
        for version in sorted(home.expanduser().glob(pattern), reverse=True):
            for name in (f"bin/python{series}", "python.exe"):
                if (version / name).exists():
                    yield [str(version / name)]
    on_path = shutil.which(f"python{series}")
    if on_path is not None:
        yield [on_path]
    if sys.platform == "win32" and shutil.which("py") is not None:
        yield ["py", f"-{series}"]


def _this_one() -> Interpreter:
    interpreter = _ask([sys.executable])
    if interpreter is None:
        raise Stop(
            "This Python cannot make virtual environments: install its venv module "
            "(on Debian: apt-get install python3-venv) and start again."
        )
    return interpreter


def _ask(command: list[str]) -> Interpreter | None:
    try:
        answer = subprocess.run(
            [*command, "-I", "-c", _ASK],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
            stdin=subprocess.DEVNULL,
        ).stdout.splitlines()
        major, minor, micro = (int(part) for part in answer[0].split())
        return Interpreter(Path(answer[1]), (major, minor, micro))
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None
