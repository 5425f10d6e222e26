"""TCP on loopback: connections that come about, and those that do not."""

from __future__ import annotations

import errno
import socket

import pytest

from probe.errors import ConnectError, DeadlineError, SmtpError
from probe.net.clock import monotonic, now, pause
from probe.net.stream import (
    CONNECTION_BYTES,
    READ_BYTES,
    Deadline,
    PendingConnection,
    Stream,
    begin_connect,
    begin_early,
    ready_by_select,
)
from tests.net.scripted import Peer, ScriptedServer, closed_port


def soon(seconds: float = 30.0) -> Deadline:
    return Deadline(monotonic() + seconds)


def connect(server: ScriptedServer, host: str = "127.0.0.1") -> Stream:
    return begin_connect(host, server.port).finish(soon())


def echo(peer: Peer) -> None:
    peer.say(peer.hear())
    peer.hold()


def test_bytes_go_both_ways() -> None:
    with ScriptedServer(echo) as server:
        stream = connect(server)
        stream.write(b"hello\n", soon())
        assert stream.read(soon()) == b"hello\n"
        assert stream.local_address == "127.0.0.1"
        stream.close()


def test_over_ipv6() -> None:
    with ScriptedServer(echo, host="::1") as server:
        stream = connect(server, "::1")
        stream.write(b"hello\n", soon())
        assert stream.read(soon()) == b"hello\n"
        stream.close()


def test_nagle_is_off() -> None:
    with ScriptedServer(echo) as server:
        stream = connect(server)
        assert stream._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        stream.close()


def test_one_that_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody_accepts:
        pending = begin_connect("127.0.0.1", nobody_accepts.getsockname()[1])
        pending.close()
        with pytest.raises(ConnectError, match="given up"):
            pending.finish(soon())


def test_refused() -> None:
    with (
        closed_port() as port,
        pytest.raises(ConnectError, match=f"connection refused by 127.0.0.1 port {port}"),
    ):
        begin_connect("127.0.0.1", port).finish(soon())


@pytest.mark.parametrize("address", ["192.0.2.1.5", "mail.contoso.test", "", "::ffff:zz"])
def test_what_is_no_address_is_an_error_that_waits(address: str) -> None:
    pending = begin_connect(address, 25)
    pending.close()
    with pytest.raises(ConnectError):
        pending.finish(soon())


def test_a_broadcast_address_is_refused_at_once() -> None:
    pending = begin_connect("255.255.255.255", 25)
    with pytest.raises(ConnectError, match=r"255\.255\.255\.255 port 25"):
        pending.finish(soon())


def test_no_answer_in_time() -> None:
    # A full backlog is as silent as a firewall that drops packets.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [begin_connect("127.0.0.1", port) for _ in range(4)]
        with pytest.raises(DeadlineError, match="no answer"):
            begin_connect("127.0.0.1", port).finish(soon(0.2))
        for filler in fillers:
            filler.close()


def test_silence_ends_with_the_deadline() -> None:
    with ScriptedServer(Peer.hold) as server:
        stream = connect(server)
        began = monotonic()
        with pytest.raises(DeadlineError, match="no complete answer"):
            stream.read(soon(0.1))
        assert 0.05 < monotonic() - began < 30
        stream.close()


def test_a_peer_that_does_not_read() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody_accepts:
        stream = begin_connect("127.0.0.1", nobody_accepts.getsockname()[1]).finish(soon())
        with pytest.raises(DeadlineError, match="does not read"):
            stream.write(bytes(50_000_000), soon(0.2))
        stream.close()


def test_waiting_without_poll() -> None:
    with ScriptedServer(echo) as server:
        stream = connect(server)
        assert ready_by_select(stream._socket, reading=False, seconds=5)
        assert not ready_by_select(stream._socket, reading=True, seconds=0)
        stream.write(b"hello\n", soon())
        assert ready_by_select(stream._socket, reading=True, seconds=5)
        stream.close()


def test_closed_is_an_end() -> None:
    with ScriptedServer(lambda peer: peer.say(b"bye")) as server:
        stream = connect(server)
        assert stream.read(soon()) == b"bye"
        assert stream.read(soon()) == b""
        stream.close()


def hang_up(peer: Peer) -> None:
    # Not at once: a connection can be reset before it has come about.
    peer.hear()
    peer.reset()


def test_reset_is_an_end_too() -> None:
    with ScriptedServer(hang_up) as server:
        stream = connect(server)
        stream.write(b"hello\n", soon())
        assert stream.read(soon()) == b""
        stream.close()


def test_writing_to_one_who_has_gone() -> None:
    with ScriptedServer(hang_up) as server:
        stream = connect(server)
        stream.write(b"hello\n", soon())
        assert stream.read(soon()) == b""
        with pytest.raises(SmtpError, match=r"connection closed by 127\.0\.0\.1"):
            stream.write(b"hello", soon())
        stream.close()


def test_reading_a_closed_stream() -> None:
    with ScriptedServer(Peer.hold) as server:
        stream = connect(server)
        stream.close()
        with pytest.raises(SmtpError, match=r"127\.0\.0\.1"):
            stream.read(soon())


def test_reads_are_bounded_each_and_in_sum() -> None:
    def flood(peer: Peer) -> None:
        peer.say_in_pieces(iter(lambda: bytes(50_000), b""))

    with ScriptedServer(flood) as server:
        stream = connect(server)
        total = 0

        def drain() -> None:
            nonlocal total
            while True:
                data = stream.read(soon())
                assert 0 < len(data) <= READ_BYTES
                total += len(data)

        with pytest.raises(SmtpError, match=f"more than {CONNECTION_BYTES} bytes"):
            drain()
        assert CONNECTION_BYTES - READ_BYTES <= total <= CONNECTION_BYTES
        stream.close()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ECONNREFUSED, ""), "connection refused by PEER"),
        (OSError(errno.ETIMEDOUT, ""), "no answer from PEER"),
        (OSError(errno.EHOSTUNREACH, ""), "no route to PEER: host unreachable"),
        (OSError(errno.ENETUNREACH, ""), "no route to PEER: network unreachable"),
        (OSError(errno.EADDRNOTAVAIL, ""), "no local address from which to reach PEER"),
        (OSError(errno.EAFNOSUPPORT, ""), "this machine has no such address family: PEER"),
        (OSError(errno.ECONNRESET, ""), "connection reset by PEER"),
        (OSError(errno.ECONNABORTED, ""), "connection aborted by PEER"),
        (OSError(errno.EPIPE, ""), "connection closed by PEER"),
        (OSError(errno.EACCES, ""), "this machine does not permit a connection to PEER"),
        (OSError(errno.EPERM, ""), "this machine does not permit a connection to PEER"),
        (OSError(errno.EMFILE, ""), "too many open files for another connection to PEER"),
        (OSError(errno.ENFILE, ""), "too many open files for another connection to PEER"),
        (OSError(errno.EIO, "Input/output error"), "PEER: Input/output error"),
        (OSError("it went wrong"), "PEER: it went wrong"),
    ],
)
def test_an_error_in_words(error: OSError, said: str) -> None:
    peer = "192.0.2.1 port 25"
    with pytest.raises(ConnectError) as raised:
        PendingConnection(peer, None, error).finish(soon())
    assert str(raised.value) == said.replace("PEER", peer)


def test_what_was_begun_early_is_handed_over_once() -> None:
    with ScriptedServer(echo) as server:
        begin_early("127.0.0.1", server.port)
        early = begin_connect("127.0.0.1", server.port)
        late = begin_connect("127.0.0.1", server.port)
        assert late is not early
        assert late.began >= early.began
        for pending in (early, late):
            stream = pending.finish(soon())
            assert stream.peer == f"127.0.0.1 port {server.port}"
            stream.close()


def test_idle_is_a_connection_of_which_nothing_has_come() -> None:
    with ScriptedServer(echo) as server:
        pending = begin_connect("127.0.0.1", server.port)
        stream = pending.finish(soon())
        assert not pending.idle()
        assert stream.idle()
        stream.write(b"hello\n", soon())
        assert stream.read(soon()) == b"hello\n"
        assert stream.idle()
        stream.close()
    with closed_port() as port:
        closed = begin_connect("127.0.0.1", port)
        closed.close()
        assert not closed.idle()


def test_the_clock() -> None:
    offset = now().utcoffset()
    assert offset is not None
    assert not offset
    began = monotonic()
    pause(-1)
    pause(0.01)
    assert 0.005 < monotonic() - began < 30
    assert Deadline(began - 1).remaining() == 0
