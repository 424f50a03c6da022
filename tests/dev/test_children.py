"""When a process that died is started again, and when that is given up."""

from pathlib import Path

import pytest

from local.children import QUICK_DEATH, Child, GaveUp, Restarts, keep
from tests.dev.machine import ROOT, tiny


def test_a_process_that_ran_well_is_started_again_at_once() -> None:
    restarts = Restarts()

    assert [restarts.after_death(QUICK_DEATH) for _ in range(20)] == [0.0] * 20


def test_the_first_quick_death_costs_no_waiting_and_each_further_one_more() -> None:
    restarts = Restarts()

    waits = [restarts.after_death(0.1) for _ in range(4)]

    assert waits == [0.0, 0.5, 1.5, 3.5]


def test_the_fifth_quick_death_in_a_row_is_the_last() -> None:
    restarts = Restarts(quick_deaths=4)

    assert restarts.after_death(1.0) is None


def test_a_good_run_in_between_starts_the_count_anew() -> None:
    restarts = Restarts(quick_deaths=4)

    restarts.after_death(QUICK_DEATH + 1)

    assert restarts.after_death(1.0) == 0.0


@pytest.mark.processes
async def test_giving_up_shows_the_last_lines_of_the_log(tmp_path: Path) -> None:
    child = Child("The host", tiny("fail", "no such table"), {}, tmp_path / "host.log", ROOT)
    said: list[str] = []

    with pytest.raises(GaveUp, match=r"(?s)exit code 3.*no such table"):
        await keep(child, said.append)

    assert said == ["The host ended unexpectedly (exit code 3): starting it again."] * 4
