"""All ports follow `--port`, and a taken one is noticed before anything is started."""

import socket

import pytest

from local.ports import Ports, first_taken
from tests.running_azurite import free_ports


def test_the_local_graph_is_on_the_port_after_the_host_and_azurite_on_the_three_after_it() -> None:
    ports = Ports(7071)

    assert ports.every() == (7071, 7072, 7073, 7074, 7075)
    assert (ports.graph, ports.blob, ports.queue, ports.table) == (7072, 7073, 7074, 7075)


def test_free_ports_are_free() -> None:
    assert first_taken(free_ports()) is None


@pytest.mark.parametrize("offset", range(5))
def test_any_of_the_five_being_taken_is_noticed(offset: int) -> None:
    ports = free_ports()
    with socket.create_server(("127.0.0.1", ports.host + offset)):
        assert first_taken(ports) == ports.host + offset


def test_a_listener_on_every_address_is_noticed() -> None:
    ports = free_ports()
    with socket.create_server(("0.0.0.0", ports.host)):
        assert first_taken(ports) == ports.host


def test_a_port_whose_connections_were_just_closed_is_free() -> None:
    ports = free_ports()
    with (
        socket.create_server(("127.0.0.1", ports.host)) as server,
        socket.create_connection(("127.0.0.1", ports.host)),
    ):
        # The side that closes first keeps the port in TIME_WAIT.
        accepted, _ = server.accept()
        accepted.close()

    assert first_taken(ports) is None
