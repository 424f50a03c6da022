"""``python -m local.graph --port 7072 --database FILE [--host 127.0.0.1]``.

Prints its address on the first line when it accepts requests. ``LOCAL_SMTP=host:port`` in the
environment also hands every message to that SMTP server.
"""

from __future__ import annotations

import argparse
import os
import socket
import sqlite3
import sys
from pathlib import Path

from starlette.types import ASGIApp

from .app import create_app
from .server import listen, serve


def main() -> int:
    arguments = _arguments()
    try:
        smtp = _smtp(os.environ.get("LOCAL_SMTP"))
        listener = _listen(arguments.host, arguments.port)
        app = _app(arguments, smtp)
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 1
    host, port = listener.getsockname()
    print(f"The local Graph is on http://{host}:{port}", flush=True)
    serve(app, listener)
    return 0


class CannotStart(Exception):
    """A sentence for the person who started it."""


def _listen(host: str, port: int) -> socket.socket:
    try:
        return listen(host, port)
    except OSError as error:
        raise CannotStart(f"Port {port} cannot be used: {error.strerror}.") from error


def _app(arguments: argparse.Namespace, smtp: tuple[str, int] | None) -> ASGIApp:
    try:
        return create_app(arguments.database, smtp=smtp, move_after=arguments.move_after)
    except (OSError, sqlite3.Error) as error:
        raise CannotStart(f"{arguments.database} cannot be used: {error}.") from error


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.graph", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=7072, help="0 takes a free one")
    parser.add_argument("--database", type=Path, required=True, help="the SQLite file")
    parser.add_argument(
        "--move-after",
        type=float,
        default=0.3,
        metavar="SECONDS",
        help="how long a sent message takes to reach Sent Items and its recipients",
    )
    return parser.parse_args()


def _smtp(text: str | None) -> tuple[str, int] | None:
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise CannotStart(f"LOCAL_SMTP must be host:port, not {text!r}.")
    return host, int(port)


sys.exit(main())
