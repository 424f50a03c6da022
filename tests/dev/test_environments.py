"""Virtual environments: made once, made anew when interrupted, safe when two ask at once."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from local.toolchain.environments import prepare, requirements_hash
from local.toolchain.interpreters import choose
from local.toolchain.steps import Stop
from tests.dev.machine import ROOT, processes_with, soon, started

THIS = f"{sys.version_info[0]}.{sys.version_info[1]}"
FILES = ("requirements.txt", "requirements-local.txt", "requirements-dev.txt")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that asks for no package, so that nothing is fetched."""
    for name in FILES:
        (tmp_path / name).write_text("# nothing\n")
    return tmp_path


def test_the_hash_of_the_requirements_changes_with_any_file_of_the_purpose(checkout: Path) -> None:
    before = {purpose: requirements_hash(purpose, checkout) for purpose in ("run", "develop")}

    (checkout / "requirements-dev.txt").write_text("# something\n")

    assert requirements_hash("run", checkout) == before["run"]
    assert requirements_hash("develop", checkout) != before["develop"]

    (checkout / "requirements.txt").write_text("# something\n")

    assert requirements_hash("run", checkout) != before["run"]


def test_an_unknown_version_and_an_unusable_path_are_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Stop, match=r"No Python 3\.99 was found"):
        choose("3.99")
    with pytest.raises(Stop, match="No usable Python at"):
        choose(str(tmp_path / "python"))


@pytest.mark.processes
def test_an_environment_is_made_once_and_ready_at_once_the_next_time(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = prepare(THIS, "run", checkout)
    assert "Making a virtual environment" in capsys.readouterr().out

    again = prepare(THIS, "run", checkout)

    assert again == made
    assert made.python.exists()
    assert capsys.readouterr().out == ""


@pytest.mark.processes
def test_what_develops_also_runs_and_a_changed_requirement_is_installed_into_what_is_there(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = prepare(THIS, "develop", checkout)
    capsys.readouterr()
    prepare(THIS, "run", checkout)
    assert capsys.readouterr().out == ""

    (checkout / "requirements.txt").write_text("# something else\n")
    assert prepare(THIS, "run", checkout) == environment

    told = capsys.readouterr().out
    assert "Installing the packages" in told
    assert "Making a virtual environment" not in told


@pytest.mark.processes
def test_an_interrupted_installation_and_a_gone_interpreter_are_made_anew(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = prepare(THIS, "run", checkout)
    environment.unfinished.touch()
    (environment.packages / "half_installed").mkdir()

    prepare(THIS, "run", checkout)

    assert not (environment.packages / "half_installed").exists()

    stamp = json.loads(environment.stamp.read_text())
    environment.stamp.write_text(json.dumps(stamp | {"interpreter": "/gone/python"}))
    capsys.readouterr()
    prepare(THIS, "run", checkout)

    assert "Making a virtual environment" in capsys.readouterr().out


@pytest.mark.processes
def test_no_network_is_a_sentence_with_what_to_do_and_leaves_what_was_there(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = prepare(THIS, "run", checkout)
    stamp = environment.stamp.read_text()
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{port}/simple")
    (checkout / "requirements-dev.txt").write_text("a-package-that-is-not-there==1\n")

    with pytest.raises(Stop, match=r"(?s)cannot be reached: connect .*No matching distribution"):
        prepare(THIS, "develop", checkout)

    assert environment.stamp.read_text() == stamp
    assert prepare(THIS, "run", checkout) == environment


@pytest.mark.processes
def test_two_that_prepare_one_checkout_at_once_make_it_once(checkout: Path) -> None:
    both = [
        subprocess.Popen(
            [sys.executable, "-c", _PREPARE, THIS, str(checkout)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]

    told = [process.communicate(timeout=90)[0] for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert sum("Making a virtual environment" in text for text in told) == 1


@pytest.mark.processes
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_a_killed_preparation_leaves_no_process_and_is_done_again(checkout: Path) -> None:
    async with started(sys.executable, "-c", _PREPARE, THIS, checkout) as run:
        unfinished = checkout / ".venv" / THIS / "unfinished"
        assert await soon(unfinished.exists, within=30)
        run.process.kill()
        await run.process.wait()
        assert await soon(lambda: not processes_with(run.mark))

    assert prepare(THIS, "run", checkout).python.exists()
    assert not unfinished.exists()


_PREPARE = (
    "import sys, pathlib\n"
    "from local.toolchain.environments import prepare\n"
    "prepare(sys.argv[1], 'run', pathlib.Path(sys.argv[2]))"
)


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """pip's own variables of whoever runs the tests would decide what it finds."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
