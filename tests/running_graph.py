"""A local Graph in a process of its own, on a free port, for tests to talk to and to kill."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass
class RunningGraph:
    """The process and where it listens; ``address`` stays the same over ``restart``."""

    database: Path
    smtp: str | None = None
    move_after: float = 0.05
    port: int = 0
    process: subprocess.Popen[str] = field(init=False, repr=False)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        """What LOCAL_GRAPH names."""
        return f"{self.address}/v1.0"

    def start(self) -> None:
        """Start it and wait until it accepts requests."""
        environment = {k: v for k, v in os.environ.items() if k != "LOCAL_SMTP"}
        if self.smtp is not None:
            environment["LOCAL_SMTP"] = self.smtp
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "local.graph"),
                *("--port", str(self.port), "--database", str(self.database)),
                *("--move-after", str(self.move_after)),
            ],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        if "http://" not in said:
            self.stop()
            raise RuntimeError("The local Graph did not start; it says why above.")
        self.port = int(said.rsplit(":", 1)[1])

    def kill(self) -> None:
        """SIGKILL, as a machine or a person would."""
        self.process.kill()
        self._wait()

    def stop(self) -> None:
        """SIGTERM, and wait for the end."""
        self.process.terminate()
        self._wait()

    def restart(self) -> None:
        self.kill()
        self.start()

    def _wait(self) -> None:
        self.process.wait(timeout=10)
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextmanager
def running_graph(
    database: Path, *, smtp: str | None = None, move_after: float = 0.05, port: int = 0
) -> Iterator[RunningGraph]:
    """A local Graph over ``database`` while the block runs; ``port`` 0 takes a free one.

    ``move_after`` is how many seconds a sent message takes to arrive.
    """
    graph = RunningGraph(database, smtp, move_after, port)
    graph.start()
    try:
        yield graph
    finally:
        graph.stop()
