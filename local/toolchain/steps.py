"""The steps of preparing a machine: one line each, their output kept aside unless they fail."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local.locks import FileLock
from local.tied import needs_pipe, tied

# What pip, npm and apt print when no registry could be asked.
_SIGNS_OF_NO_NETWORK = (
    "name resolution",
    "getaddrinfo",
    "newconnectionerror",
    "failed to establish a new connection",
    "connection refused",
    "network is unreachable",
    "connecttimeout",
    "readtimeout",
    "proxyerror",
    "enotfound",
    "eai_again",
    "econnrefused",
    "enetunreach",
    "etimedout",
    "could not resolve",
    "unable to connect",
)


class Stop(Exception):
    """What the person is told instead of a traceback: a sentence, and what to do."""


class ToolFailed(Exception):
    """A tool ended with an error; carries the last lines of what it printed."""

    def __init__(self, output: str) -> None:
        super().__init__(output)
        self.last_lines = "\n".join(f"    {line}" for line in output.splitlines()[-6:])
        self.no_network = any(sign in output.lower() for sign in _SIGNS_OF_NO_NETWORK)


def say(sentence: str) -> None:
    """Prints for the person at the terminal, at once; a closed terminal is no error."""
    try:
        print(sentence, flush=True)
    except OSError:
        pass


@contextmanager
def step(sentence: str) -> Iterator[None]:
    """One progress line: what is being done, then how long it took."""
    started = time.monotonic()
    print(f"{sentence} … ", end="", flush=True)
    try:
        yield
    except BaseException:
        print("failed", flush=True)
        raise
    print(f"{time.monotonic() - started:.0f} s", flush=True)


def run_tool(
    command: list[str], log: Path, *, environment: Mapping[str, str] | None = None, folder: Path
) -> None:
    """Runs a tool to its end with its output in `log`; it ends with us, however we end.

    Raises ToolFailed with the last lines if its exit code is not 0.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            tied(command),
            stdin=subprocess.PIPE if needs_pipe() else subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
        try:
            code = process.wait()
        except BaseException:
            _kill(process)
            raise
    if code != 0:
        raise ToolFailed(log.read_text(encoding="utf-8", errors="replace"))


def _kill(process: subprocess.Popen[bytes]) -> None:
    try:
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One `dev.py` at a time prepares a checkout; the others say so once and wait."""
    folder.mkdir(exist_ok=True)
    lock = FileLock(folder / "lock")
    _wait_for(lock.try_take)
    try:
        yield
    finally:
        lock.release()


def _wait_for(try_take: Callable[[], bool]) -> None:
    if try_take():
        return
    say("Another dev.py is preparing this checkout: waiting for it …")
    while not try_take():
        time.sleep(0.2)
