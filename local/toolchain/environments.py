"""The project's virtual environments: `.venv/<version>/`, made once, then ready in an instant.

A stamp says what an environment was filled from. `unfinished` lies beside it while an installation
is under way: an environment that still has it was interrupted and is made anew.
"""

import hashlib
import json
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from local.toolchain import ROOT
from local.toolchain.interpreters import PREFERRED, Interpreter, choose
from local.toolchain.steps import Stop, ToolFailed, alone, run_tool, step

Purpose = Literal["run", "develop"]

_FILES: dict[Purpose, tuple[str, ...]] = {
    "run": ("requirements.txt", "requirements-local.txt"),
    "develop": ("requirements.txt", "requirements-local.txt", "requirements-dev.txt"),
}
NO_NETWORK = (
    "The package registries cannot be reached: connect this machine to the network "
    "(or set your mirror in pip's and npm's settings) and start again."
)


@dataclass(frozen=True)
class Environment:
    """A virtual environment, by its folder."""

    folder: Path

    @property
    def series(self) -> str:
        return self.folder.name

    @property
    def python(self) -> Path:
        if sys.platform == "win32":
            return self.folder / "Scripts" / "python.exe"
        return self.folder / "bin" / "python"

    @property
    def packages(self) -> Path:
        """The folder that pip installs into."""
        if sys.platform == "win32":
            return self.folder / "Lib" / "site-packages"
        return self.folder / "lib" / f"python{self.series}" / "site-packages"

    @property
    def unfinished(self) -> Path:
        return self.folder / "unfinished"

    @property
    def stamp(self) -> Path:
        return self.folder / "filled.json"

    @property
    def log(self) -> Path:
        return self.folder.with_name(f"{self.series}.log")

    @property
    def checkout(self) -> Path:
        return self.folder.parents[1]


def prepare(wanted: str | None, purpose: Purpose, checkout: Path = ROOT) -> Environment:
    """The environment for an interpreter, filled for a purpose; made or mended where needed.

    `wanted` is a version, a path, or None for the preferred one. Raises Stop with a sentence.
    """
    if wanted is None or re.fullmatch(r"3\.\d+", wanted):
        # The usual case needs no look around for interpreters.
        environment = Environment(checkout / ".venv" / (wanted or PREFERRED))
        if _is_filled(environment, purpose):
            return environment
    interpreter = choose(wanted)
    environment = Environment(checkout / ".venv" / interpreter.series)
    with alone(environment.folder.parent):
        if not (_is_filled(environment, purpose) and _was_made_by(environment, interpreter)):
            _fill(environment, interpreter, purpose)
    return environment


def requirements_hash(purpose: Purpose, checkout: Path) -> str:
    """What a purpose is filled from, as one value that changes with any of its files."""
    digest = hashlib.sha256()
    for name in _FILES[purpose]:
        digest.update(name.encode() + b"\0" + (checkout / name).read_bytes() + b"\0")
    return digest.hexdigest()


def _fill(environment: Environment, interpreter: Interpreter, purpose: Purpose) -> None:
    usable = environment.python.exists() and not environment.unfinished.exists()
    if not (usable and _was_made_by(environment, interpreter)):
        with step(f"Making a virtual environment of Python {interpreter.series}"):
            _make(environment, interpreter)
    environment.unfinished.touch()
    try:
        with step(f"Installing the packages to {purpose} (the first time, about a minute)"):
            _install(environment, _FILES[purpose][-1])
    except ToolFailed as failure:
        # pip ended by itself and left what was installed as it was.
        environment.unfinished.unlink()
        what_to_do = (
            NO_NETWORK if failure.no_network else "pip could not install the project's packages."
        )
        raise Stop(f"{what_to_do} pip's last lines:\n{failure.last_lines}") from failure
    _stamp(environment, interpreter, purpose)
    environment.unfinished.unlink()


def _make(environment: Environment, interpreter: Interpreter) -> None:
    if environment.folder.exists():
        shutil.rmtree(environment.folder)
    environment.folder.mkdir(parents=True)
    environment.unfinished.touch()
    try:
        run_tool(
            [str(interpreter.path), "-I", "-m", "venv", str(environment.folder)],
            environment.log,
            folder=environment.checkout,
        )
    except ToolFailed as failure:
        raise Stop(
            f"{interpreter.path} could not make a virtual environment:\n{failure.last_lines}"
        ) from failure


def _install(environment: Environment, requirements: str) -> None:
    pip = [str(environment.python), "-I", "-m", "pip", "install", "--no-input", "--retries", "2"]
    pip += ["--disable-pip-version-check", "--progress-bar", "off", "--requirement", requirements]
    run_tool(pip, environment.log, folder=environment.checkout)


def _is_filled(environment: Environment, purpose: Purpose) -> bool:
    if environment.unfinished.exists() or not environment.python.exists():
        return False
    stamp = _read(environment.stamp)
    hashed = requirements_hash(purpose, environment.checkout)
    return stamp.get(purpose) == hashed and _interpreter_stays(stamp)


def _was_made_by(environment: Environment, interpreter: Interpreter) -> bool:
    stamp = _read(environment.stamp)
    return stamp.get("interpreter") == str(interpreter.path) and _interpreter_stays(stamp)


def _stamp(environment: Environment, interpreter: Interpreter, purpose: Purpose) -> None:
    # What develops also runs. An older hash of the other purpose may stay: it proves itself stale.
    fields = _read(environment.stamp) | {
        "interpreter": str(interpreter.path),
        "changed": _changed(interpreter.path),
        "run": requirements_hash("run", environment.checkout),
        purpose: requirements_hash(purpose, environment.checkout),
    }
    environment.stamp.write_text(json.dumps(fields, indent=1), encoding="utf-8")


def _interpreter_stays(stamp: dict[str, str]) -> bool:
    """Whether the interpreter is the file it was: an upgraded one asks for a new environment."""
    return stamp.get("changed") == _changed(Path(stamp.get("interpreter", "")))


def _changed(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return "gone"
    return f"{status.st_mtime_ns}/{status.st_size}"


def _read(stamp: Path) -> dict[str, str]:
    try:
        return dict(json.loads(stamp.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}
