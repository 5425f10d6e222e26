"""The wires of the lab outlive whoever comes before there is anybody at their other end."""

from __future__ import annotations

import socket

import pytest

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


def test_who_comes_while_the_door_is_kept_waits() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, wire_to(server.getsockname()[1]) as wire:
        with wire.kept_waiting():
            client = socket.create_connection(("127.0.0.1", wire.port), 20)
            client.sendall(b"early")
            server.settimeout(0)
            with pytest.raises(BlockingIOError):
                server.accept()
            server.settimeout(20)
        there, _ = server.accept()
        with client, there:
            assert there.recv(5) == b"early"


def test_a_broken_wire_ends_connections_and_is_whole_again_afterwards() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, wire_to(server.getsockname()[1]) as wire:
        with socket.create_connection(("127.0.0.1", wire.port), 20) as client, server.accept()[0] as there:
            wire.broken_for(3600)
            assert (client.recv(5), there.recv(5)) == (b"", b"")
        assert said_through(wire.port) == b""
        wire.broken_for(0)
        wire.silent_for(0)
        for each in wire._later[1:]:
            each.join()
        with socket.create_connection(("127.0.0.1", wire.port), 20) as client, server.accept()[0] as there:
            there.sendall(b"there")
            assert client.recv(5) == b"there"
