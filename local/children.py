"""Processes that this one keeps: started tied to it, started again when they die, ended in time."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.tied import needs_pipe, tied

QUICK_DEATH = 30.0
"""Seconds: a process that lives shorter has not started well."""
QUICK_DEATHS_ALLOWED = 5


class GaveUp(Exception):
    """A process cannot be kept alive, or did not do its work; with its last lines."""


@dataclass
class Restarts:
    """Decides whether and when a process that died is started again."""

    quick_deaths: int = 0

    def after_death(self, lived: float) -> float | None:
        """Seconds to wait before the next start, or None to give up; `lived` in seconds."""
        if lived >= QUICK_DEATH:
            self.quick_deaths = 0
            return 0.0
        self.quick_deaths += 1
        if self.quick_deaths >= QUICK_DEATHS_ALLOWED:
            return None
        # The first death may be somebody's kill: that one costs no waiting.
        return 0.5 * (2.0 ** (self.quick_deaths - 1) - 1.0)


@dataclass
class Child:
    """One process: its command, its environment, its log."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    log: Path
    folder: Path
    process: asyncio.subprocess.Process | None = field(default=None, init=False)

    async def start(self) -> None:
        """Starts it in a session of its own, so that the terminal's Ctrl-C reaches only us."""
        with self.log.open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(
                *tied(self.command),
                stdin=asyncio.subprocess.PIPE if needs_pipe() else asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(self.environment),
                cwd=self.folder,
                start_new_session=True,
            )

    async def ended(self) -> int:
        """Its exit code, once it ends; negative for a signal."""
        assert self.process is not None
        return await self.process.wait()

    async def stop(self, patience: float) -> None:
        """Asks it to end; after `patience` seconds ends it and everything it started."""
        if self.process is None:
            return
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), patience)
        except TimeoutError:
            pass
        self.kill()
        await self.process.wait()

    def kill(self) -> None:
        """Ends it and everything it started, at once."""
        self._signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)

    def last_lines(self, count: int = 12) -> str:
        """The end of its log, indented for the terminal."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]
        return "\n".join(f"    {line}" for line in lines) or "    (it said nothing)"

    def _signal(self, number: signal.Signals) -> None:
        if self.process is None:
            return
        try:
            if sys.platform == "win32":
                self.process.send_signal(number)
            else:
                # The whole session: what the process started goes with it, even where it is gone.
                os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass


async def keep(
    child: Child, say: Callable[[str], None], on_restart: Callable[[], None] = lambda: None
) -> None:
    """Starts a child, and again whenever it dies, until cancelled. Raises GaveUp."""
    restarts = Restarts()
    while True:
        started = time.monotonic()
        await child.start()
        code = await child.ended()
        # What it had started must not hold its port when it starts again.
        child.kill()
        wait = restarts.after_death(time.monotonic() - started)
        if wait is None:
            raise GaveUp(
                f"{child.name} ended {QUICK_DEATHS_ALLOWED} times within {QUICK_DEATH:.0f} s of "
                f"its start ({how(code)}). The last lines of {child.log}:\n{child.last_lines()}"
            )
        say(f"{child.name} ended unexpectedly ({how(code)}): starting it again.")
        await asyncio.sleep(wait)
        on_restart()


def how(code: int) -> str:
    """How a process ended, for people."""
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
