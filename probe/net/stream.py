"""A TCP connection with a deadline over everything: the one place where the operating system's errors get names.

A cold check begins to connect before it imports what it needs for TLS: the kernel completes the connection and
keeps the greeting meanwhile. That is why this module imports next to nothing.
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket

from probe.errors import ConnectError, DeadlineError, ObservationError, SmtpError
from probe.net.clock import monotonic

READ_BYTES = 65_536
"""Bytes of one read: four TLS records of the greatest size (RFC 8446 5.1)."""

CONNECTION_BYTES = 1_048_576
"""Bytes read from one peer at most. Three replies of the greatest size, OpenSSL's limit of 100 KiB for a chain
and the rest of a handshake are below half of that."""

_REFUSALS = {
    errno.ECONNREFUSED: "connection refused by {peer}",
    errno.ETIMEDOUT: "no answer from {peer}",
    errno.EHOSTUNREACH: "no route to {peer}: host unreachable",
    errno.ENETUNREACH: "no route to {peer}: network unreachable",
    errno.EADDRNOTAVAIL: "no local address from which to reach {peer}",
    errno.EAFNOSUPPORT: "this machine has no such address family: {peer}",
    errno.ECONNRESET: "connection reset by {peer}",
    errno.ECONNABORTED: "connection aborted by {peer}",
    errno.EPIPE: "connection closed by {peer}",
    errno.EACCES: "this machine does not permit a connection to {peer}",
    errno.EPERM: "this machine does not permit a connection to {peer}",
    errno.EMFILE: "too many open files for another connection to {peer}",
    errno.ENFILE: "too many open files for another connection to {peer}",
}

_HANGING_UP = (errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE)


class Deadline:
    """The instant, on the monotonic scale, at which all patience ends."""

    __slots__ = ("at",)

    def __init__(self, at_monotonic: float) -> None:
        self.at = at_monotonic

    def remaining(self) -> float:
        """Return the seconds that are left, zero at least."""
        return max(0.0, self.at - monotonic())


class PendingConnection:
    """A connection under way since `began` (monotonic); `finish` waits for it, `close` gives it up."""

    __slots__ = ("_error", "_socket", "began", "peer")

    def __init__(self, peer: str, sock: socket.socket | None, error: OSError | None = None) -> None:
        self.peer = peer
        self.began = monotonic()
        self._socket = sock
        self._error = error

    def idle(self) -> bool:
        """Whether nothing has come of it yet."""
        return self._socket is not None and not _ready(self._socket, reading=False, seconds=0.0)

    @property
    def starved(self) -> bool:
        """Whether it could not begin, as this process, or this machine, has too many files open."""
        return self._error is not None and self._error.errno in (errno.EMFILE, errno.ENFILE)

    def fileno(self) -> int:
        """The descriptor to wait for until it can be written to; -1 where there is nothing to wait for."""
        return self._socket.fileno() if self._socket is not None else -1

    def finish(self, deadline: Deadline) -> Stream:
        """Return the open connection; raises ConnectError, or DeadlineError where nobody answered in time."""
        if self._socket and not _ready(self._socket, reading=False, seconds=deadline.remaining()):
            self.close()
            raise DeadlineError(f"no answer from {self.peer} in time")
        return self.opened()

    def opened(self) -> Stream:
        """Return the connection for which the wait is over; raises ConnectError."""
        if self._error is not None:
            raise ConnectError(in_words(self._error, self.peer))
        sock, self._socket = self._socket, None
        if sock is None:
            raise ConnectError(f"the connection to {self.peer} was given up")
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            sock.close()
            raise ConnectError(in_words(OSError(code, ""), self.peer))
        return Stream(sock, self.peer)

    def close(self) -> None:
        """Give the connection up, if it was not finished."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class Stream:
    """An open TCP connection: reads and writes wait until a deadline, reads are bounded in sum."""

    __slots__ = ("_received", "_socket", "peer")

    def __init__(self, sock: socket.socket, peer: str) -> None:
        self._socket = sock
        self.peer = peer
        self._received = 0

    @property
    def local_address(self) -> str:
        """The IP address of this end."""
        return str(self._socket.getsockname()[0])

    def read(self, deadline: Deadline) -> bytes:
        """Return what has arrived, waiting for the first byte; b"" is the end. Raises DeadlineError, too."""
        while (data := self.read_now()) is None:
            if not _ready(self._socket, reading=True, seconds=deadline.remaining()):
                raise DeadlineError(f"no complete answer from {self.peer} in time")
        return data

    def read_now(self) -> bytes | None:
        """Return what has arrived, at most READ_BYTES; None: nothing yet; b"" is the end.

        Raises SmtpError after CONNECTION_BYTES; a reset is an end like any other, for the bytes before it count.
        """
        try:
            data = self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno in _HANGING_UP:
                return b""
            raise SmtpError(in_words(error, self.peer)) from error
        self._received += len(data)
        if self._received > CONNECTION_BYTES:
            raise SmtpError(f"{self.peer} sent more than {CONNECTION_BYTES} bytes")
        return data

    def idle(self) -> bool:
        """Whether nothing of the peer's can be read at this moment."""
        return not _ready(self._socket, reading=True, seconds=0.0)

    def write(self, data: bytes, deadline: Deadline) -> None:
        """Send all of `data`; raises DeadlineError, and SmtpError where the peer has hung up."""
        while data := self.write_now(data):
            if not _ready(self._socket, reading=False, seconds=deadline.remaining()):
                raise DeadlineError(f"{self.peer} does not read what is sent to it")

    def write_now(self, data: bytes) -> bytes:
        """Send what can be sent at once, and return the rest; raises SmtpError where the peer has hung up."""
        try:
            while data:
                data = data[self._socket.send(data) :]
        except BlockingIOError:
            pass
        except OSError as error:
            raise SmtpError(in_words(error, self.peer)) from error
        return data

    def hang_up(self) -> None:
        """Say that nothing more will be sent: the peer closes its end, and `read_now` returns b"" then."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def part(self, deadline: Deadline) -> None:
        """End the connection after the peer has: so it never sees two at once."""
        self.hang_up()
        with contextlib.suppress(ObservationError):
            while self.read(deadline):
                pass
        self.close()

    def close(self) -> None:
        """End the connection; what was written is still delivered."""
        self._socket.close()


_EARLY: dict[tuple[str, int], PendingConnection] = {}


def begin_early(address: str, port: int) -> None:
    """Start to connect on behalf of the next one who asks `begin_connect` for the same."""
    _EARLY[address, port] = _begin(address, port)


def begin_connect(address: str, port: int) -> PendingConnection:
    """Start to connect to an IP address and return at once; every error waits for `finish`."""
    return _EARLY.pop((address, port), None) or _begin(address, port)


def _begin(address: str, port: int) -> PendingConnection:
    peer = f"{address} port {port}"
    sock: socket.socket | None = None
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            # As bytes: for text Python would load its codec for internationalised names.
            address.encode("ascii"),
            port,
            type=socket.SOCK_STREAM,
            flags=socket.AI_NUMERICHOST,
        )[0]
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(0)  # every wait is ours, with a deadline
        # Without it a reply can wait 40 ms for the peer's delayed acknowledgement.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect(place)
    except BlockingIOError:
        pass
    except OSError as error:
        if sock is not None:
            sock.close()
        return PendingConnection(peer, None, error)
    return PendingConnection(peer, sock)


def _ready_by_poll(sock: socket.socket, *, reading: bool, seconds: float) -> bool:
    # A fleet has file descriptors beyond the 1,024 that select can watch.
    poll = select.poll()
    poll.register(sock, select.POLLIN if reading else select.POLLOUT)
    return bool(poll.poll(seconds * 1000))


def ready_by_select(sock: socket.socket, *, reading: bool, seconds: float) -> bool:
    """Wait as Windows can: there a connection that failed shows as an exceptional condition only."""
    sockets = [sock]
    return any(select.select(sockets if reading else [], [] if reading else sockets, sockets, seconds))


_ready = _ready_by_poll if hasattr(select, "poll") else ready_by_select


def in_words(error: OSError, peer: str) -> str:
    """Say what an error of the operating system's means for a peer."""
    known = _REFUSALS.get(error.errno or 0)
    return known.format(peer=peer) if known else f"{peer}: {error.strerror or error}"
