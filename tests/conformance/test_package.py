"""What `azd deploy` sends: the product whole, and nothing that stands in for Azure."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conformance.test_function_app import ROOT, SETTINGS
from tests.conformance.worker import needs_worker, running_worker

BESIDE_THE_PRODUCT = {"function_app.py", "host.json", "requirements.txt", "LICENSE", ".funcignore"}


def package() -> list[str]:
    """The files that git has, or will have, and .funcignore lets through; azd reads it as git
    does."""

    def listed(*arguments: str) -> set[str]:
        command = ["git", "ls-files", "-z", *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return set(filter(None, done.stdout.split("\0")))

    ours = listed("--cached", "--others", "--exclude-standard")
    ignored = ("--ignored", "--exclude-from=.funcignore")
    return sorted(ours - listed("--cached", *ignored) - listed("--others", *ignored))


def test_the_package_is_the_product_and_what_azure_needs_beside_it() -> None:
    sent = set(package())
    product = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "shared").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert sent == product | BESIDE_THE_PRODUCT


@needs_worker
@pytest.mark.processes
def test_azures_worker_finds_every_function_in_the_package(tmp_path: Path) -> None:
    for name in package():
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    settings = SETTINGS | {"JOURNAL_DIR": str(tmp_path / "journal")}
    with running_worker(ROOT, settings) as worker:
        there = set(worker.functions)
    with running_worker(tmp_path, settings) as worker:
        found = set(worker.functions)
        page = worker.request("redirect", "GET", "http://h/r/x.y", params={"token": "x.y"})
    assert found == there
    # A page, for which templates and sentences must have come along.
    assert (page.status, b"</html>" in page.body) == (400, True)
