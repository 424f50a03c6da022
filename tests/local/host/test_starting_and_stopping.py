"""The host says in one sentence why it does not start, and ends in time whatever runs."""

import signal
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.local.host.conftest import StartHost
from tests.local.host.running_host import RunningHost

pytestmark = pytest.mark.processes


def complaint(directory: Path, **environ: str) -> str:
    """What a host says that does not start."""
    host = RunningHost(directory, {"QUEUE": "q", "TICKS": "* * * * * *", **environ})
    assert host.first_line == ""
    assert host.process.wait(20) == 1
    host.end()
    return host.log


def test_it_says_where_it_listens(start_host: StartHost) -> None:
    host = start_host()
    assert host.first_line == f"Host listens on http://127.0.0.1:{host.port}\n"


def test_a_missing_setting_is_named(tmp_path: Path) -> None:
    log = complaint(tmp_path, AzureWebJobsStorage="x", TICKS="")
    assert "function tick: the schedule '' has 0 fields instead of 5 or 6." in log


def test_a_missing_connection_is_named(tmp_path: Path) -> None:
    assert "function take: its connection AzureWebJobsStorage is not set." in complaint(tmp_path)


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        host = RunningHost(tmp_path, {}, port=port)
        assert host.process.wait(20) == 1
        host.end()
    assert host.log == f"Port {port} cannot be listened on: Address already in use.\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_idle_host_ends_at_once_and_well(start_host: StartHost, number: signal.Signals) -> None:
    host = start_host()
    host.client.get("/people/me")  # leaves its connection open
    began = time.monotonic()
    host.process.send_signal(number)
    assert host.process.wait(20) == 0
    assert time.monotonic() - began < 4.5  # what is under way would be given 5 s
    assert "Traceback" not in host.log


def test_requests_under_way_are_answered_and_new_ones_are_not_taken(start_host: StartHost) -> None:
    host = start_host()
    answers = []
    asking = threading.Thread(
        target=lambda: answers.append(host.client.get("/slow", params={"seconds": "2"}).text)
    )
    asking.start()
    host.noted("slow", 1)
    host.process.terminate()
    asking.join(20)
    assert answers == ["done"]
    assert host.process.wait(20) == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", host.port), timeout=2)


def test_what_runs_too_long_is_ended_within_eight_seconds(start_host: StartHost) -> None:
    host = start_host()

    def ask() -> None:
        with suppress(httpx.TransportError):
            assert host.client.get("/slow", params={"seconds": "60"}).status_code == 500
        ended.set()

    ended = threading.Event()
    threading.Thread(target=ask, daemon=True).start()
    host.noted("slow", 1)
    began = time.monotonic()
    host.process.terminate()
    assert host.process.wait(20) == 0
    assert 4 < time.monotonic() - began < 8
    assert ended.wait(5)


def test_an_app_can_clean_up_at_sigterm_and_when_its_tasks_are_cancelled(
    start_host: StartHost, tmp_path: Path
) -> None:
    host = start_host()
    assert host.client.post("/background").text == "started"
    host.process.terminate()
    assert host.process.wait(20) == 0
    assert (tmp_path / "last-words").read_text().split() == ["signal", "cancelled"]
