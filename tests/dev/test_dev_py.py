"""`dev.py` as a person meets it: its help, and one sentence for everything expected."""

import ast
import socket
import subprocess
import sys

import pytest

from tests.dev.machine import ROOT
from tests.running_azurite import free_ports


def dev(*arguments: str | int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "dev.py", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_older_python_is_told_in_one_sentence_what_is_needed() -> None:
    pretend = "import runpy, sys; sys.version_info = (3, 9, 2); runpy.run_path('dev.py')"
    answer = subprocess.run(
        [sys.executable, "-c", pretend], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert answer.returncode == 1
    assert answer.stderr.startswith("dev.py needs Python 3.11 or newer and this one is 3.9:")
    assert answer.stderr.count("\n") == 1


def test_an_older_python_can_read_the_file_that_turns_it_away() -> None:
    source = (ROOT / "dev.py").read_text(encoding="ascii")

    tree = ast.parse(source, feature_version=(3, 4))

    # f-strings and annotations of variables, which the parser lets pass.
    assert not any(isinstance(node, ast.JoinedStr | ast.AnnAssign) for node in ast.walk(tree))


def test_help_names_every_command() -> None:
    told = dev("--help").stdout

    commands = ("run", "test", "check", "doctor", "bench", "costs", "rebuild")
    assert all(f"\n    {command} " in told for command in commands)
    assert "--python" in told


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("run", ["--port", "--data", "--fresh", "--python", "Ctrl-C"]),
        ("test", ["pytest", "--also", "--python"]),
        ("check", ["--fix"]),
        ("bench", ["NAME"]),
        ("doctor", ["--url", "--key", "--data", "ENGAGEMENT_KEY"]),
        ("costs", ["--count", "bench/prices.toml"]),
    ],
)
def test_each_command_has_its_own_help(command: str, says: list[str]) -> None:
    answer = dev(command, "--help")

    assert answer.returncode == 0
    assert [word for word in says if word not in answer.stdout] == []


def test_a_taken_port_is_one_sentence_that_names_it_and_the_way_out() -> None:
    ports = free_ports()
    with socket.create_server(("127.0.0.1", ports.queue)):
        answer = dev("run", "--port", ports.host)

    assert answer.returncode == 1
    assert f"Port {ports.queue} is taken" in answer.stderr
    assert "--port" in answer.stderr
    assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize("port", ["0", "-1", "65532", "http"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    answer = dev("run", "--port", port)

    assert answer.returncode == 2
    assert "a number from 1 to 65531" in answer.stderr or "expected one argument" in answer.stderr


def test_an_unknown_command_is_refused() -> None:
    assert dev("fly").returncode == 2


def test_a_python_that_is_not_there_is_one_sentence() -> None:
    answer = dev("check", "--python", "3.99")

    assert answer.returncode == 1
    assert answer.stderr == (
        "No Python 3.99 was found on this machine; leave --python away or name one.\n"
    )
