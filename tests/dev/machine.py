"""What the tests of one machine share: started commands, tiny programs, who is still alive."""

import asyncio
import os
import re
import signal
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Run:
    """A command that was started, what it prints, and every process that descends from it."""

    process: asyncio.subprocess.Process
    mark: str
    printed: list[str] = field(default_factory=list)

    async def prints(self, pattern: str, within: float = 60.0) -> re.Match[str]:
        """Waits for a line from now on that matches; fails with what was printed instead."""
        assert self.process.stdout is not None
        try:
            async with asyncio.timeout(within):
                async for line in self.process.stdout:
                    self.printed.append(line.decode().rstrip())
                    if found := re.search(pattern, self.printed[-1]):
                        return found
        except TimeoutError:
            pass
        raise AssertionError(f"{pattern!r} was not printed:\n" + "\n".join(self.printed))

    async def ends(self, within: float = 60.0) -> int:
        """Its exit code; all that it printed is in `printed` then."""
        async with asyncio.timeout(within):
            assert self.process.stdout is not None
            async for line in self.process.stdout:
                self.printed.append(line.decode().rstrip())
            return await self.process.wait()

    def output(self) -> str:
        return "\n".join(self.printed)

    def descendants(self) -> dict[int, str]:
        """Command lines of the processes that carry our mark, by process id."""
        return {
            pid: command
            for pid, command in processes_with(self.mark).items()
            if pid != self.process.pid
        }

    def descendant(self, part: str) -> int:
        """The process id of the one descendant whose command line contains `part`."""
        (found,) = [pid for pid, command in self.descendants().items() if part in command]
        return found


@asynccontextmanager
async def started(*command: str | Path, **variables: str) -> AsyncIterator[Run]:
    """Starts a command as a shell would, and leaves nothing of it behind."""
    mark = uuid.uuid4().hex
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=ROOT,
        env=os.environ | variables | {"TEST_MARK": mark},
    )
    run = Run(process, mark)
    try:
        yield run
    finally:
        for pid in processes_with(mark):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        await process.wait()


def processes_with(mark: str) -> dict[int, str]:
    """Living processes that were started with our mark in their environment."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                environment = (folder / "environ").read_bytes()
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if mark.encode() in environment:
                found[int(folder.name)] = command
    return found


async def soon(is_so: Callable[[], bool], within: float = 5.0) -> bool:
    """Whether something that raises no event becomes so in time."""
    deadline = time.monotonic() + within
    while not is_so():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True


def tiny(*arguments: str | int | Path) -> list[str]:
    """The command of a tiny program; see `tiny_program`."""
    return [sys.executable, "-m", "tests.dev.tiny_program", *map(str, arguments)]
