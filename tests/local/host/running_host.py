"""The local host as a real process, for tests."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from local import tied

SAMPLE = "tests.local.host.sample.app:app"


class RunningHost:
    """A host that serves an app on a free port; what it logs goes to a file."""

    def __init__(
        self, directory: Path, environ: Mapping[str, str], app: str = SAMPLE, port: int = 0
    ) -> None:
        self._log = directory / "host.log"
        command = [sys.executable, "-m", "local.host", "--port", str(port), "--app", app]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                tied.tied(command),
                env={**os.environ, **environ},
                stdin=subprocess.PIPE if tied.needs_pipe() else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        assert self.process.stdout
        self.first_line = self.process.stdout.readline().decode()
        self.address = self.first_line.rpartition(" ")[2].strip()
        self.port = int(self.address.rpartition(":")[2] or 0)
        self.client = httpx.Client(base_url=self.address or "http://127.0.0.1", timeout=40)

    @property
    def log(self) -> str:
        """What the host has logged so far."""
        return self._log.read_text()

    def noted(self, of: str, count: int) -> list[dict[str, Any]]:
        """What the sample app noted under that name, once there are `count` such notes."""
        answer = self.client.get("/noted", params={"of": of, "count": str(count)})
        assert answer.status_code == 200, self.log
        notes: list[dict[str, Any]] = answer.json()
        return notes

    def end(self) -> int:
        """Kill it if it still runs; its exit code."""
        self.client.close()
        if self.process.poll() is None:
            self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()
        return self.process.wait()
