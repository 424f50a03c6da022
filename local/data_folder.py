"""The folder that `dev.py run --data` names: what is kept there, and who may empty it."""

import os
import shutil
from pathlib import Path

from local.deployment import Secrets, new_secrets
from local.locks import FileLock

_LOCK = "in-use.lock"
_MARKER = "made-by-dev-py-run.txt"
_MARKER_TEXT = "`dev.py run` made this folder and keeps its data here; `--fresh` empties it.\n"
_SECRETS = "secrets.json"
_PORT = "port.txt"


class Refused(Exception):
    """The folder cannot be used or emptied; a sentence says why."""


class DataFolder:
    """A data folder that is held by this process until it ends."""

    def __init__(self, path: Path, lock: FileLock) -> None:
        self.path = path
        self._lock = lock

    @staticmethod
    def open(path: Path, *, fresh: bool = False) -> "DataFolder":
        """Takes hold of the folder, made where it is absent; `fresh` empties it.

        Only a folder that was empty when it was first used is ever emptied. Raises Refused.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
            was_empty = not any(path.iterdir())
            is_ours = was_empty or (path / _MARKER).is_file()
            if fresh and not is_ours:
                raise Refused(
                    f"--fresh would delete files in {path} that this project did not make: "
                    "empty that folder yourself, or name another with --data."
                )
            lock = FileLock(path / _LOCK)
            if not lock.try_take():
                raise Refused(
                    f"Another dev.py run works with the data in {path}: "
                    "stop it, or name another folder with --data."
                )
            if fresh:
                _empty(path)
            if is_ours:
                (path / _MARKER).write_text(_MARKER_TEXT, encoding="utf-8")
        except OSError as error:
            raise Refused(f"The data folder {path} cannot be used: {error.strerror}.") from error
        return DataFolder(path, lock)

    def secrets(self) -> Secrets:
        """The keys of this folder, made at the first call and the same ever after."""
        file = self.path / _SECRETS
        if file.exists():
            return secrets_of(self.path)
        made = new_secrets()
        # Written beside and renamed: a kill in between leaves no half a key.
        draft = file.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as output:
            output.write(made.to_json())
            output.flush()
            os.fsync(output.fileno())
        draft.replace(file)
        return made

    def remember(self, port: int) -> None:
        """Keeps where the service listens, for who looks for it later."""
        (self.path / _PORT).write_text(str(port), encoding="utf-8")

    def log(self, name: str) -> Path:
        """The log file of a process; the one of the run before is kept as `….previous.log`."""
        folder = self.path / "logs"
        folder.mkdir(exist_ok=True)
        log = folder / f"{name}.log"
        if log.exists():
            log.replace(folder / f"{name}.previous.log")
        return log

    def release(self) -> None:
        """Lets go of the folder before the process ends."""
        self._lock.release()


def was_used(path: Path) -> bool:
    """Whether a run has kept its data in this folder."""
    return (path / _SECRETS).is_file()


def secrets_of(path: Path) -> Secrets:
    """The keys of a folder that was used."""
    return Secrets.from_json((path / _SECRETS).read_text(encoding="utf-8"))


def last_port(path: Path) -> int | None:
    """Where the last run listened that used this folder."""
    file = path / _PORT
    return int(file.read_text(encoding="utf-8")) if file.is_file() else None


def _empty(path: Path) -> None:
    for entry in path.iterdir():
        if entry.name in (_LOCK, _MARKER):
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
