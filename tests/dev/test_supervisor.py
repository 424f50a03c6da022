"""One machine's processes start in order, are kept, and end together; with tiny programs."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.dev.machine import Run, processes_with, soon, started, tiny
from tests.running_azurite import free_ports

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Run]:
    async with started(*tiny("small-machine", free_ports().host, tmp_path, "listen")) as run:
        await run.prints(r"^Ready\.")
        yield run


async def test_azurite_and_graph_come_first_then_the_demo_data_then_the_host(machine: Run) -> None:
    assert machine.printed == [
        "Starting Azurite and the local Graph …",
        "Checking the demo data …",
        "Starting the host …",
        "",
        "Ready.",
    ]
    assert len(machine.descendants()) == 3


async def test_the_addresses_and_the_way_to_stop_are_told(machine: Run) -> None:
    await machine.prints("Ctrl-C stops everything")

    told = machine.output()
    assert "Service     http://localhost:" in told
    assert "Mailboxes   http://localhost:" in told
    assert "local-contoso" in told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_everything_and_is_no_failure(machine: Run, number: int) -> None:
    machine.process.send_signal(number)

    assert await machine.ends(within=8) == 0
    assert machine.printed[-1] == "Stopped."
    assert not processes_with(machine.mark)


async def test_a_host_that_does_not_end_when_asked_is_ended_within_8_seconds(
    tmp_path: Path,
) -> None:
    command = tiny("small-machine", free_ports().host, tmp_path, "stubborn")
    async with started(*command) as run:
        await run.prints(r"^Ready\.")
        asked = time.monotonic()
        run.process.send_signal(signal.SIGINT)

        assert await run.ends(within=8) == 0
        assert time.monotonic() - asked > 4, "it was given time to drain"
        assert not processes_with(run.mark)


async def test_what_a_process_started_ends_with_it(tmp_path: Path) -> None:
    async with started(*tiny("small-machine", free_ports().host, tmp_path, "parent")) as run:
        await run.prints(r"^Ready\.")
        assert len(run.descendants()) == 4
        run.process.send_signal(signal.SIGTERM)

        await run.ends(within=8)
        assert not processes_with(run.mark)


async def test_a_host_that_is_killed_is_started_again_and_that_is_said(machine: Run) -> None:
    before = set(machine.descendants())
    host = machine.descendant(f"tiny_program listen {_host_port(machine)} ")
    os.kill(host, signal.SIGKILL)

    await machine.prints(r"The host ended unexpectedly \(killed by SIGKILL\)")
    await machine.prints("The host answers again")

    assert host not in machine.descendants()
    assert len(set(machine.descendants()) - before) == 1


async def test_nothing_outlives_a_killed_supervisor(machine: Run) -> None:
    machine.process.kill()
    await machine.process.wait()

    assert await soon(lambda: not processes_with(machine.mark))


async def test_a_host_that_cannot_start_ends_everything_with_its_last_lines(
    tmp_path: Path,
) -> None:
    async with started(*tiny("small-machine", free_ports().host, tmp_path, "fail")) as run:
        assert await run.ends() == 1

        assert "The host ended 5 times within 30 s of its start (exit code 3)" in run.output()
        assert str(tmp_path / "logs" / "host.log") in run.output()
        assert not processes_with(run.mark)


async def test_a_second_run_on_the_same_data_is_refused(machine: Run, tmp_path: Path) -> None:
    async with started(*tiny("small-machine", free_ports().host, tmp_path, "listen")) as second:
        assert await second.ends() == 1
        assert "Another dev.py run works with the data in" in second.output()

    assert len(machine.descendants()) == 3


async def test_the_data_can_be_used_again_right_after_a_kill(tmp_path: Path) -> None:
    command = tiny("small-machine", free_ports().host, tmp_path, "listen")
    async with started(*command) as first:
        await first.prints(r"^Ready\.")
        first.process.kill()
        await first.process.wait()
        assert await soon(lambda: not processes_with(first.mark))

    async with started(*command) as second:
        await second.prints(r"^Ready\.")


async def test_being_asked_to_end_while_starting_ends_everything(tmp_path: Path) -> None:
    async with started(*tiny("small-machine", free_ports().host, tmp_path, "listen")) as run:
        await run.prints("Starting Azurite")
        await asyncio.sleep(0)
        run.process.send_signal(signal.SIGTERM)

        assert await run.ends(within=8) == 0
        assert not processes_with(run.mark)


def _host_port(machine: Run) -> str:
    """The port that the machine was given, from its own command line."""
    command = processes_with(machine.mark)[machine.process.pid]
    return command.split("small-machine ")[1].split()[0]
