"""Azurite stands in for Azure Storage: installed by a committed lock, started by one command.

Everything here is the standard library's, so that tests, benches and the supervisor share it.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from local.ports import Ports

HOME = Path(__file__).resolve().parent
SCRIPT = Path("node_modules", "azurite", "dist", "src", "azurite.js")
_STAMP = Path("node_modules", ".filled")


def command(node: Path, ports: Ports, location: Path) -> list[str]:
    """The command that starts Azurite on three ports of 127.0.0.1 with its data in `location`."""
    services = [("blob", ports.blob), ("queue", ports.queue), ("table", ports.table)]
    where = [f"--{name}Host=127.0.0.1" for name, _ in services]
    where += [f"--{name}Port={port}" for name, port in services]
    # Longer than our clients keep a connection, so that none is closed just as it is used again.
    where += [f"--{name}KeepAliveTimeout=60" for name, _ in services]
    # It prints each request unless told to be silent, and refuses API versions newer than itself.
    habits = ["--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    return [str(node), str(HOME / SCRIPT), f"--location={location}", *where, *habits]


def environment(keys: Mapping[str, str]) -> dict[str, str]:
    """The variable that gives Azurite its accounts: `keys` maps account names to base64 keys."""
    return {"AZURITE_ACCOUNTS": ";".join(f"{account}:{key}" for account, key in keys.items())}


def connection_string(account: str, key: str, ports: Ports) -> str:
    """The connection string of an account, with its three endpoints spelled out."""
    return (
        f"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={key};"
        f"BlobEndpoint=http://127.0.0.1:{ports.blob}/{account};"
        f"QueueEndpoint=http://127.0.0.1:{ports.queue}/{account};"
        f"TableEndpoint=http://127.0.0.1:{ports.table}/{account};"
    )


def is_installed() -> bool:
    """Whether what is installed is what the lock asks for, to its end."""
    try:
        stamp = (HOME / _STAMP).read_text(encoding="ascii")
    except OSError:
        return False
    return stamp == _asked_for()


def confirm_installed() -> None:
    """Notes that the installation came to its end."""
    (HOME / _STAMP).write_text(_asked_for(), encoding="ascii")


def _asked_for() -> str:
    return hashlib.sha256((HOME / "package-lock.json").read_bytes()).hexdigest()
