"""Installs Azurite by its committed lock, once."""

import os

from local import azurite
from local.toolchain import ENVIRONMENTS
from local.toolchain.environments import NO_NETWORK
from local.toolchain.node import Node
from local.toolchain.steps import Stop, ToolFailed, alone, run_tool, step


def install(node: Node) -> None:
    """Makes Azurite ready to start; an interrupted installation is done anew. Raises Stop."""
    if azurite.is_installed():
        return
    with alone(ENVIRONMENTS):
        if not azurite.is_installed():
            _install(node)


def _install(node: Node) -> None:
    # `npm ci` empties node_modules first and takes exactly what the lock says, checked by its
    # hashes. No package of the lock needs its install script.
    command = [*node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress"]
    command += ["--fetch-retries=1"]
    folder = str(node.path.parent)
    environment = os.environ | {"PATH": os.pathsep.join([folder, os.environ.get("PATH", "")])}
    try:
        with step("Installing Azurite, which stands in for Azure Storage (once)"):
            run_tool(
                command, ENVIRONMENTS / "azurite.log", environment=environment, folder=azurite.HOME
            )
    except ToolFailed as failure:
        what_to_do = NO_NETWORK if failure.no_network else "npm could not install Azurite."
        raise Stop(f"{what_to_do} npm's last lines:\n{failure.last_lines}") from failure
    azurite.confirm_installed()
