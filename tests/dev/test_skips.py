"""What was skipped is said aloud, and no test is no pass."""

import subprocess
import sys
from pathlib import Path

import pytest

from local.toolchain.skips import sentence
from tests.dev.machine import ROOT

SOURCE = """
import pytest

def test_one(): pass

@pytest.mark.parametrize("n", [1, 2])
def test_browser(n): pytest.skip("there is no Chromium")

@pytest.mark.skip(reason="needs Python 3.13")
def test_worker(): pass
"""


def pytest_of(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "local.toolchain.skips", "-p"]
    return subprocess.run(
        [*command, "no:cacheprovider", "--rootdir", str(folder), str(folder), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "test_it.py").write_text(SOURCE)
    return tmp_path


def test_each_reason_is_one_sentence_with_its_count(folder: Path) -> None:
    answer = pytest_of(folder)

    assert answer.returncode == 0
    assert "2 tests were skipped: there is no Chromium" in answer.stdout
    assert "1 test was skipped: needs Python 3.13" in answer.stdout


def test_a_skip_for_a_reason_that_is_not_allowed_fails(folder: Path) -> None:
    answer = pytest_of(folder, "--may-skip", "Python 3.13")

    assert answer.returncode == 1
    assert "Nothing may be skipped here because of: there is no Chromium" in answer.stdout
    assert pytest_of(folder, "--may-skip", "3.13", "--may-skip", "Chromium").returncode == 0


def test_it_is_the_same_where_test_files_run_side_by_side(folder: Path) -> None:
    answer = pytest_of(folder, "-n2", "--may-skip", "Python 3.13")

    assert answer.returncode == 1
    assert "2 tests were skipped: there is no Chromium" in answer.stdout
    assert "Nothing may be skipped here because of: there is no Chromium" in answer.stdout


def test_no_test_is_no_pass(folder: Path) -> None:
    answer = pytest_of(folder, "-k", "nothing_like_this")

    assert answer.returncode != 0
    assert "No test was found, and that is no pass." in answer.stdout


def test_one_is_singular() -> None:
    assert sentence("no reason", 1) == "1 test was skipped: no reason"
