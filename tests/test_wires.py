"""The wires of the lab outlive whoever comes before there is anybody at their other end."""

from __future__ import annotations

import socket

from tests.lab.cut import cut_to, wire_to


def said_through(port: int) -> bytes:
    """What arrives from the other end; empty where the wire ends the connection."""
    with socket.create_connection(("127.0.0.1", port), 20) as client:
        return client.recv(5)


def test_a_wire_goes_on_after_one_who_came_too_early() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))  # a port that is ours, where nobody listens yet
        port = server.getsockname()[1]
        with wire_to(port) as wire, cut_to(port) as cut:
            ports = int(wire.at.rpartition(":")[2]), cut.server.getsockname()[1]
            assert [said_through(each) for each in ports] == [b"", b""]
            server.listen()
            for each in ports:
                with socket.create_connection(("127.0.0.1", each), 20) as client:
                    there, _ = server.accept()
                    with there:
                        there.sendall(b"there")
                        assert client.recv(5) == b"there"
