"""Starting the local Graph: what keeps it from it is one sentence."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running_graph import ROOT


def start(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local.graph", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = start("--port", port, "--database", str(tmp_path / "g.db"))
    assert ended.returncode == 1
    assert ended.stderr == f"Port {port} cannot be used: Address already in use.\n"


@pytest.mark.parametrize("content", [None, b"this is no database, whatever its name says"])
def test_a_file_that_is_no_database_is_one_sentence(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "g.db"
    file.mkdir() if content is None else file.write_bytes(content)
    ended = start("--port", "0", "--database", str(file))
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"{file} cannot be used: ")
    assert ended.stderr.count("\n") == 1


def test_a_wrong_smtp_address_is_one_sentence(tmp_path: Path) -> None:
    ended = start("--port", "0", "--database", str(tmp_path / "g.db"), LOCAL_SMTP="mailhost")
    assert ended.returncode == 1
    assert ended.stderr == "LOCAL_SMTP must be host:port, not 'mailhost'.\n"
