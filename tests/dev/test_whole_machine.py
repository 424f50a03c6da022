"""`dev.py run` with everything real: Azurite, the local Graph, the host."""

import asyncio
import contextlib
import http.client
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from local.ports import Ports
from tests.dev.machine import Run, processes_with, soon, started
from tests.running_azurite import free_ports

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(240),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]
THIS = f"{sys.version_info[0]}.{sys.version_info[1]}"


def run(ports: Ports, data: Path, *more: str) -> AbstractAsyncContextManager[Run]:
    return started(
        *(sys.executable, "dev.py", "run", "--python", THIS),
        *("--port", str(ports.host), "--data", str(data), *more),
    )


@pytest.fixture
def ports() -> Ports:
    return free_ports()


@pytest.fixture
async def machine(ports: Ports, tmp_path: Path) -> AsyncIterator[Run]:
    async with run(ports, tmp_path / "data") as machine:
        await machine.prints(r"^Ready\.", within=120)
        yield machine


def status(port: int, path: str) -> int:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as client:
        client.request("GET", path)
        return client.getresponse().status


def listener(port: int) -> int | None:
    """The id of the process that listens on a port, read from /proc."""
    sockets = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and int(fields[1].partition(":")[2], 16) == port:
            sockets.add(f"socket:[{fields[9]}]")
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if str(link.readlink()) in sockets:
                return int(link.parts[2])
    return None


async def test_it_is_healthy_when_it_says_so_and_ctrl_c_ends_all_of_it_within_8_seconds(
    machine: Run, ports: Ports
) -> None:
    assert await asyncio.to_thread(status, ports.host, "/api/health") == 200
    told = await machine.prints(r"Mailboxes\s+http://localhost:\d+(\S+)")
    assert await asyncio.to_thread(status, ports.graph, told.group(1)) == 200
    assert listener(ports.host) == machine.descendant("local.host")

    machine.process.send_signal(signal.SIGINT)

    assert await machine.ends(within=8) == 0
    assert not processes_with(machine.mark)


async def test_a_killed_host_is_back_soon(machine: Run, ports: Ports) -> None:
    os.kill(machine.descendant("local.host"), signal.SIGKILL)

    await machine.prints("The host answers again", within=45)

    assert await asyncio.to_thread(status, ports.host, "/api/health") == 200


@pytest.mark.parametrize("name", ["azurite", "local.graph"])
async def test_what_stands_behind_the_host_is_back_soon_too(
    machine: Run, ports: Ports, name: str
) -> None:
    before = machine.descendant(name)
    os.kill(before, signal.SIGKILL)

    await machine.prints(r"ended unexpectedly \(killed by SIGKILL\)")

    port = ports.graph if name == "local.graph" else ports.table
    assert await soon(lambda: listener(port) not in (None, before), within=20)


async def test_a_killed_supervisor_leaves_nothing_and_its_data_serves_the_next_run(
    machine: Run, ports: Ports, tmp_path: Path
) -> None:
    keys = (tmp_path / "data" / "secrets.json").read_text()
    machine.process.kill()
    await machine.process.wait()
    assert await soon(lambda: not processes_with(machine.mark))

    async with run(ports, tmp_path / "data") as again:
        await again.prints(r"^Ready\.", within=60)
        assert (tmp_path / "data" / "secrets.json").read_text() == keys


async def test_a_second_run_on_the_same_data_is_refused_and_on_other_data_runs_beside_it(
    machine: Run, ports: Ports, tmp_path: Path
) -> None:
    async with run(free_ports(), tmp_path / "data") as second:
        assert await second.ends() == 1
        assert second.printed == [
            f"Another dev.py run works with the data in {tmp_path / 'data'}: "
            "stop it, or name another folder with --data."
        ]

    beside = free_ports()
    async with run(beside, tmp_path / "other") as second:
        await second.prints(r"^Ready\.", within=120)
        assert await asyncio.to_thread(status, beside.host, "/api/health") == 200
        assert await asyncio.to_thread(status, ports.host, "/api/health") == 200


async def test_fresh_starts_over(ports: Ports, tmp_path: Path) -> None:
    async with run(ports, tmp_path) as first:
        await first.prints(r"^Ready\.", within=120)
        first.process.send_signal(signal.SIGTERM)
        assert await first.ends(within=8) == 0
    keys = (tmp_path / "secrets.json").read_text()

    async with run(ports, tmp_path, "--fresh") as second:
        await second.prints(r"^Ready\.", within=120)
        assert (tmp_path / "secrets.json").read_text() != keys


async def test_fresh_refuses_a_folder_of_others(ports: Ports, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    async with run(ports, tmp_path, "--fresh") as refused:
        assert await refused.ends() == 1

    assert re.search("--fresh would delete files", refused.output())
    assert len(refused.printed) == 1
