"""The browser that tests drive: a Chromium of the machine, else Debian's, else Playwright's."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from local.toolchain import ENVIRONMENTS, ROOT
from local.toolchain.environments import Environment
from local.toolchain.steps import ToolFailed, run_tool, say, step

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
_LOG = ENVIRONMENTS / "chromium.log"
_ASK_PLAYWRIGHT = (
    "from playwright.sync_api import sync_playwright\n"
    "with sync_playwright() as playwright: print(playwright.chromium.executable_path)"
)


def provide(environment: Environment) -> Path | None:
    """The path of a Chromium that runs, installed where that works; says so where it does not."""
    found = _on_machine() or _of_playwright(environment)
    if found is not None:
        return found
    if _is_debian_root() and _install_from_debian():
        found = _on_machine()
    if found is None and _install_from_playwright(environment):
        found = _of_playwright(environment)
    if found is None:
        say(
            "No browser could be had: the tests that need one are skipped. "
            "Install Chromium, or name one in the variable CHROMIUM."
        )
    return found


def _on_machine() -> Path | None:
    named = os.environ.get("CHROMIUM")
    commands = [named] if named else [*_NAMES, _MAC]
    for command in commands:
        path = shutil.which(command)
        if path is not None and _runs(path):
            return Path(path)
    return None


def _runs(path: str) -> bool:
    """Whether it starts: Ubuntu's `chromium-browser` may be a stub that only names a snap."""
    try:
        subprocess.run([path, "--version"], capture_output=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _is_debian_root() -> bool:
    return sys.platform == "linux" and os.geteuid() == 0 and shutil.which("apt-get") is not None


def _install_from_debian() -> bool:
    quietly = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = [
        "apt-get",
        "install",
        "-y",
        "--no-install-recommends",
        "chromium",
        "fonts-liberation",
    ]
    commands: tuple[list[str], ...] = (["apt-get", "update"], install)
    with step("Installing Chromium with apt-get (once)"), _LOG.open("wb") as output:
        # Not tied to this process: a package manager is left to end by itself.
        codes = [
            subprocess.run(
                command, stdout=output, stderr=output, env=quietly, check=False
            ).returncode
            for command in commands
        ]
    if codes[-1] != 0:
        failure = ToolFailed(_LOG.read_text(encoding="utf-8", errors="replace"))
        say(f"apt-get could not install it:\n{failure.last_lines}")
    return codes[-1] == 0


def _install_from_playwright(environment: Environment) -> bool:
    install = [str(environment.python), "-m", "playwright", "install", "chromium"]
    try:
        with step("Downloading Playwright's Chromium (once)"):
            run_tool(install, _LOG, folder=ROOT)
    except ToolFailed as failure:
        say(f"Playwright could not download it:\n{failure.last_lines}")
        return False
    return True


def _of_playwright(environment: Environment) -> Path | None:
    try:
        answer = subprocess.run(
            [str(environment.python), "-c", _ASK_PLAYWRIGHT],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    path = Path(answer.stdout.strip())
    return path if path.is_file() and _runs(str(path)) else None
