"""The five ports of one machine: all of them follow `--port`."""

import errno
import socket
import sys
from dataclasses import dataclass

DEFAULT_PORT = 7071


@dataclass(frozen=True)
class Ports:
    """The host listens on the given port, everything beside it on the next ones."""

    host: int

    @property
    def graph(self) -> int:
        return self.host + 1

    @property
    def blob(self) -> int:
        return self.host + 2

    @property
    def queue(self) -> int:
        return self.host + 3

    @property
    def table(self) -> int:
        return self.host + 4

    def every(self) -> tuple[int, ...]:
        return (self.host, self.graph, self.blob, self.queue, self.table)


def first_taken(ports: Ports) -> int | None:
    """The first of the ports that something listens on already, or None."""
    return next((port for port in ports.every() if _is_taken(port)), None)


def _is_taken(port: int) -> bool:
    # "localhost" is either address family: a stranger on one of them would answer for us.
    families = [(socket.AF_INET, "127.0.0.1")]
    if socket.has_ipv6:
        families.append((socket.AF_INET6, "::1"))
    return any(_cannot_bind(family, address, port) for family, address in families)


def _cannot_bind(family: socket.AddressFamily, address: str, port: int) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # A port whose last connections are in TIME_WAIT is free; Windows means something else.
            if sys.platform != "win32":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except PermissionError:
        return True
    except OSError as error:
        # Machines without IPv6 refuse the family or the address: nobody listens there.
        return error.errno == errno.EADDRINUSE
    return False
