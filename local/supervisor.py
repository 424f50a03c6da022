"""Keeps everything of one machine running: Azurite, the local Graph, the host.

Started by `dev.py run`, which becomes this process. The order is: Azurite and the local Graph, then
the demo data, then the host; it is ready when the host's health says so. SIGINT, SIGTERM and a
closed terminal end all of it, the host first, so that it can drain what it holds.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local import azurite, deployment
from local.children import Child, GaveUp, how, keep
from local.data_folder import DataFolder, Refused
from local.ports import Ports

ROOT = Path(__file__).resolve().parents[1]

# Together below the 8 s within which everything is ended.
HOST_PATIENCE = 5.0
BACKING_PATIENCE = 1.5

START_PATIENCE = 90.0
"""Seconds that a process may take until it answers, on a machine that has much else to do."""


@dataclass(frozen=True)
class Program:
    """What to run: a command and its environment."""

    name: str
    command: list[str]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Programs:
    """Everything that one machine runs, in the order of its start."""

    azurite: Program
    graph: Program
    demo: Program
    host: Program


def programs(ports: Ports, data: Path, node: Path, keys: deployment.Secrets) -> Programs:
    """The real programs of this checkout."""
    plain = _plain_environment(os.environ)
    settings = plain | deployment.app_settings(ports, data, keys)
    python = [sys.executable, "-m"]
    database = f"--database={data / 'graph.sqlite'}"
    return Programs(
        azurite=Program(
            "Azurite",
            azurite.command(node, ports, data / "azurite"),
            plain | azurite.environment(keys.account_keys),
        ),
        graph=Program(
            "The local Graph", [*python, "local.graph", f"--port={ports.graph}", database], plain
        ),
        demo=Program("Demo data", [*python, "local.demo"], settings),
        host=Program("The host", [*python, "local.host", f"--port={ports.host}"], settings),
    )


def _plain_environment(environ: Mapping[str, str]) -> dict[str, str]:
    kept = {k: v for k, v in environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    # Everything here talks over the loopback; a proxy of the machine is not for that.
    beside_proxy = ",".join(filter(None, [environ.get("NO_PROXY"), "127.0.0.1,localhost"]))
    return kept | {
        "NO_PROXY": beside_proxy,
        "no_proxy": beside_proxy,
        # Logs are written line by line, so that the last words of a process are in them.
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
    }


class Supervisor:
    """One run: starts the programs, keeps them, ends them."""

    def __init__(
        self,
        what: Programs,
        ports: Ports,
        folder: DataFolder,
        say: Callable[[str], None],
    ) -> None:
        self._ports = ports
        self._data = folder.path
        self._say = say
        self._azurite = self._child(what.azurite, folder.log("azurite"))
        self._graph = self._child(what.graph, folder.log("graph"))
        self._demo = self._child(what.demo, folder.log("demo"))
        self._host = self._child(what.host, folder.log("host"))
        self._host_restarted = asyncio.Event()

    def _child(self, program: Program, log: Path) -> Child:
        return Child(program.name, program.command, program.environment, log, ROOT)

    async def run(self, asked_to_end: asyncio.Event) -> int:
        """Runs everything until asked to end; the exit code. 1 where it could not be kept."""
        keepers: set[asyncio.Task[None]] = set()
        work = asyncio.create_task(self._serve(keepers))
        end = asyncio.create_task(asked_to_end.wait())
        try:
            await asyncio.wait({work, end}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                await work
        except GaveUp as failure:
            self._say(f"\n{failure}")
            return 1
        finally:
            self._say("\nStopping …")
            # First nothing is started again, then what runs is ended.
            for task in (*keepers, work, end):
                task.cancel()
            await asyncio.gather(*keepers, work, end, return_exceptions=True)
            await self._stop()
            self._say("Stopped.")
        return 0

    def kill(self) -> None:
        """Ends everything at once."""
        for child in (self._host, self._demo, self._graph, self._azurite):
            child.kill()

    async def _serve(self, keepers: set[asyncio.Task[None]]) -> None:
        """Starts everything in order, then lasts until a keeper gives up."""
        ports = self._ports
        self._say("Starting Azurite and the local Graph …")
        keepers.add(asyncio.create_task(keep(self._azurite, self._say)))
        keepers.add(asyncio.create_task(keep(self._graph, self._say)))
        for port in (ports.blob, ports.queue, ports.table):
            await _unless_given_up(keepers, _listens(port, self._azurite))
        await _unless_given_up(keepers, _listens(ports.graph, self._graph))
        self._say("Checking the demo data …")
        await _unless_given_up(keepers, _run_once(self._demo))
        self._say("Starting the host …")
        keepers.add(asyncio.create_task(keep(self._host, self._say, self._host_restarted.set)))
        await _unless_given_up(keepers, _is_healthy(ports.host, self._host))
        self._say(welcome(ports, self._data))
        await _unless_given_up(keepers, self._tell_of_restarts())

    async def _tell_of_restarts(self) -> None:
        while True:
            await self._host_restarted.wait()
            self._host_restarted.clear()
            await _is_healthy(self._ports.host, self._host)
            self._say("The host answers again.")

    async def _stop(self) -> None:
        await asyncio.gather(self._demo.stop(0), self._host.stop(HOST_PATIENCE))
        await asyncio.gather(
            self._azurite.stop(BACKING_PATIENCE), self._graph.stop(BACKING_PATIENCE)
        )


def welcome(ports: Ports, data: Path) -> str:
    """What a person needs to know once everything answers."""
    service = f"http://localhost:{ports.host}"
    return f"""
Ready.

  Service     {service}
  Pages       {service}/
  API         {service}/api/orgs/contoso    key local-contoso
              {service}/api/orgs/fabrikam   key local-fabrikam
  Mailboxes   http://localhost:{ports.graph}/   (the local Graph: what recipients received)
  Data        {data}
  Logs        {data / "logs"}

Ctrl-C stops everything. The next start finds the data as it is now; --fresh empties it.
"""


async def _unless_given_up(keepers: set[asyncio.Task[None]], step: Awaitable[None]) -> None:
    """Awaits a step of the start; raises what a keeper raises meanwhile."""
    task = asyncio.ensure_future(step)
    try:
        await asyncio.wait({task, *keepers}, return_when=asyncio.FIRST_COMPLETED)
        for ended in (*(keeper for keeper in keepers if keeper.done()), task):
            if ended.done():
                await ended
    finally:
        task.cancel()


async def _listens(port: int, child: Child) -> None:
    async def tries() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    await _until(tries, child)


async def _is_healthy(port: int, child: Child) -> None:
    async def tries() -> bool:
        return await _status(port, "/api/health") == 200

    await _until(tries, child)


async def _until(tries: Callable[[], Awaitable[bool]], child: Child) -> None:
    try:
        async with asyncio.timeout(START_PATIENCE):
            while not await tries():
                await asyncio.sleep(0.05)
    except TimeoutError as error:
        raise GaveUp(
            f"{child.name} did not get ready within {START_PATIENCE:.0f} s. "
            f"The last lines of {child.log}:\n{child.last_lines()}"
        ) from error


async def _status(port: int, path: str) -> int | None:
    """The status that a GET is answered with, or None where nobody answers."""
    try:
        async with asyncio.timeout(10):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                request = f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n"
                writer.write(f"{request}\r\n".encode())
                line = await reader.readline()
            finally:
                writer.close()
        return int(line.split()[1])
    except (OSError, TimeoutError, IndexError, ValueError):
        return None


async def _run_once(child: Child) -> None:
    await child.start()
    code = await child.ended()
    if code != 0:
        raise GaveUp(
            f"{child.name} could not be made ({how(code)}). "
            f"The last lines of {child.log}:\n{child.last_lines()}"
        )


def _say(sentence: str) -> None:
    # A terminal that was closed is no reason to leave anything running.
    try:
        print(sentence, flush=True)
    except OSError:
        pass


async def _main(options: argparse.Namespace) -> int:
    try:
        folder = DataFolder.open(options.data, fresh=options.fresh)
    except Refused as reason:
        print(reason, file=sys.stderr)
        return 1
    ports = Ports(options.port)
    folder.remember(options.port)
    what = programs(ports, folder.path, options.node, folder.secrets())
    supervisor = Supervisor(what, ports, folder, _say)
    asked_to_end = asyncio.Event()

    def end() -> None:
        if asked_to_end.is_set():
            # Asked twice: without patience.
            supervisor.kill()
        asked_to_end.set()

    loop = asyncio.get_running_loop()
    if sys.platform != "win32":
        loop.add_signal_handler(signal.SIGINT, end)
        loop.add_signal_handler(signal.SIGTERM, end)
        # Under nohup a closed terminal is ignored, and stays so.
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            loop.add_signal_handler(signal.SIGHUP, end)
    return await supervisor.run(asked_to_end)


def main(arguments: Sequence[str]) -> int:
    """Runs everything as the command line says; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local.supervisor", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--node", type=Path, required=True, help="the Node that runs Azurite")
    parser.add_argument("--fresh", action="store_true")
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    return asyncio.run(_main(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
