"""A tied process does not outlive the one that started it, however that one ends."""

import os
import signal
import subprocess
import sys

import pytest

from local import tied
from tests.dev.machine import ROOT, processes_with, soon, started, tiny

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


@pytest.mark.parametrize("way", [[], ["--watch"]], ids=["linux", "elsewhere"])
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
async def test_killing_the_parent_ends_the_tied_process(way: list[str], end: int) -> None:
    async with started(*tiny("start-tied", *way)) as run:
        await run.prints("listening as")
        run.process.send_signal(end)
        await run.process.wait()

        assert await soon(lambda: not processes_with(run.mark))


@pytest.mark.parametrize("way", [[], ["--watch"]], ids=["linux", "elsewhere"])
async def test_ending_the_tied_process_ends_its_start_with_it(way: list[str]) -> None:
    async with started(*tiny("start-tied", *way)) as run:
        listener = int((await run.prints(r"listening as (\d+)")).group(1))
        os.kill(listener, signal.SIGKILL)

        await run.ends()
        assert not processes_with(run.mark)


def test_a_process_whose_parent_is_gone_already_does_not_start() -> None:
    shim = tied.tied(tiny("say", "too late"))
    nobody = shim.index(str(os.getpid()))
    shim[nobody] = str(2**30)

    ended = subprocess.run(shim, cwd=ROOT, capture_output=True, text=True, check=False)

    assert ended.returncode != 0
    assert "too late" not in ended.stdout
