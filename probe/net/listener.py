"""A small SMTP server with STARTTLS that many clients can talk to at once, and none can exhaust.

One thread, one selector, no asyncio: a session is a state machine already, and starting up stays cheap. It binds
loopback unless told otherwise, takes no mail, and every wait, count and size has a limit.
"""

from __future__ import annotations

import contextlib
import math
import selectors
import socket
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

from OpenSSL import SSL

from probe.errors import ConfigurationError
from probe.net.clock import monotonic
from probe.net.public_addresses import client_of
from probe.net.server_session import Ending, Policy, ServerSession, SessionRecord, welcome
from probe.net.target import is_ip_address
from probe.smtp.reply import Reply, wire
from probe.smtp.server_values import EOP_MESSAGE_BYTES, ServerLimits, ServerProfile

LOOPBACK = "127.0.0.1"

_READ_BYTES = 65_536
_BACKLOG = 256
_ACCEPTS_AT_ONCE = 64

#: Seconds between two looks at the clocks of all sessions.
_SWEEP_S = 0.25

#: One in so many places is kept for addresses without a session.
_KEPT_SHARE = 4

_TOO_MANY = wire(Reply(code=421, lines=("4.7.0 Too many connections from your address",)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerLimits:
    """What all clients together and each of them may ask for.

    `sessions` open at once, more have to wait in the system's queue; `per_address` of them from one address (IPv6:
    from one /64), more get a 421. The last quarter of `sessions` is kept for addresses that have none open: a few
    that fill the others cannot keep the rest of the world out. `idle_s` seconds without a byte (RFC 5321 4.5.3.2.7
    grants five minutes), `total_s` of a session, `linger_s` for reading our last words before the connection is
    torn down.
    `session_bytes` received and `unread_bytes` waiting for a client that does not read.
    """

    sessions: int = 512
    per_address: int = 64
    idle_s: float = 300.0
    total_s: float = 900.0
    linger_s: float = 2.0
    session_bytes: int = EOP_MESSAGE_BYTES + 1_048_576
    unread_bytes: int = 262_144
    smtp: ServerLimits = field(default_factory=ServerLimits)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerSettings:
    """Where to listen and as whom to speak.

    `port` 0 is any free one. Of several `contexts` the sessions take turns. `allowed` says which addresses may
    connect, all others are closed without a word.
    """

    profile: ServerProfile
    contexts: Sequence[SSL.Context]
    host: str = LOOPBACK
    port: int = 0
    implicit_tls: bool = False
    policy: Policy = welcome
    limits: ListenerLimits = field(default_factory=ListenerLimits)
    allowed: Callable[[str], bool] = lambda _address: True


@dataclass(slots=True)
class _Client:
    """One connection: its socket, its session, and what is still to be written."""

    sock: socket.socket
    peer: tuple[str, int]
    session: ServerSession
    number: int
    begun: float
    heard: float
    lingering: bool = False
    reported: bool = False
    received: int = 0
    unsent: bytearray = field(default_factory=bytearray)

    @property
    def at_ms(self) -> int:
        return round((monotonic() - self.begun) * 1000)


class Listener:
    """Listens from the moment it is made; serves from `start` (own thread) or `run` (this one) until `stop`.

    `on_session` gets the record of each session when it has ended, on the serving thread. Raises
    ConfigurationError if the address cannot be bound.
    """

    def __init__(
        self, settings: ListenerSettings, on_session: Callable[[SessionRecord], None] | None = None
    ) -> None:
        self._settings = settings
        self._limits = settings.limits
        self._on_session = on_session or (lambda _record: None)
        self._socket = _bind(settings.host, settings.port)
        self._selector = selectors.DefaultSelector()
        self._waker, self._wakened = socket.socketpair()
        self._clients: dict[socket.socket, _Client] = {}
        self._open: Counter[str] = Counter()
        self._sessions = 0
        self._accepting = False
        self._next_sweep = 0.0
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    @property
    def port(self) -> int:
        """The port, also where any free one was wanted."""
        return int(self._socket.getsockname()[1])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Serve on a thread of its own."""
        self._thread = threading.Thread(target=self.run, name=f"listener {self.port}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End all sessions with a 421 and close; from any thread, and as often as one likes."""
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._waker.send(b".")
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def run(self, seconds: float | None = None) -> None:
        """Serve on this thread until `stop` is called, or for so many seconds."""
        self._selector.register(self._wakened, selectors.EVENT_READ)
        self._accept_again()
        end = math.inf if seconds is None else monotonic() + seconds
        try:
            while not self._stopping.is_set() and monotonic() < end:
                self._turn(end)
        finally:
            self._close()

    def _turn(self, end: float) -> None:
        busy = self._clients or not self._accepting
        until = min(end, self._next_sweep) if busy else end
        wait = None if until == math.inf else max(0.0, until - monotonic())
        for key, ready in self._selector.select(wait):
            if key.fileobj is self._socket:
                self._accept()
            elif isinstance(key.data, _Client):
                self._serve(key.data, ready)
        if monotonic() >= self._next_sweep:
            self._sweep()

    def _accept(self) -> None:
        for _ in range(_ACCEPTS_AT_ONCE):
            if len(self._clients) >= self._limits.sessions:
                break
            try:
                sock, place = self._socket.accept()
            except BlockingIOError:
                return
            except OSError:
                break  # No descriptors left, most likely: the next sweep tries again.
            self._welcome(sock, (str(place[0]), int(place[1])))
        else:
            return
        self._selector.unregister(self._socket)
        self._accepting = False

    def _accept_again(self) -> None:
        if not self._accepting and len(self._clients) < self._limits.sessions:
            self._selector.register(self._socket, selectors.EVENT_READ)
            self._accepting = True

    def _welcome(self, sock: socket.socket, peer: tuple[str, int]) -> None:
        sock.settimeout(0)
        crowded = self._crowded(client_of(peer[0]))
        if crowded or not self._settings.allowed(peer[0]):
            with contextlib.suppress(OSError), sock:
                sock.send(_TOO_MANY if crowded else b"")
            return
        # Without it the client's delayed acknowledgement holds back our replies for 40 ms.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        now = monotonic()
        client = _Client(sock, peer, self._new_session(peer[0]), self._sessions, now, now)
        self._clients[sock] = client
        self._open[client_of(peer[0])] += 1
        self._selector.register(sock, selectors.EVENT_READ, client)
        self._flush(client)

    def _crowded(self, owner: str) -> bool:
        """Whether a client has its share of the places, or those that are left are for others."""
        limits, mine = self._limits, self._open[owner]
        left = limits.sessions - len(self._clients)
        return mine >= limits.per_address or (mine > 0 and left <= limits.sessions // _KEPT_SHARE)

    def _new_session(self, peer_address: str) -> ServerSession:
        settings = self._settings
        context = settings.contexts[self._sessions % len(settings.contexts)]
        self._sessions += 1
        return ServerSession(
            settings.profile,
            context,
            policy=settings.policy,
            limits=self._limits.smtp,
            implicit_tls=settings.implicit_tls,
            peer_address=peer_address,
        )

    def _serve(self, client: _Client, ready: int) -> None:
        if ready & selectors.EVENT_READ:
            self._read(client)
        if client.sock in self._clients:
            self._flush(client)

    def _read(self, client: _Client) -> None:
        try:
            data = client.sock.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            client.session.receive_eof()
            self._forget(client)
            return
        if client.lingering:
            return  # What comes after the last words is thrown away, and buys no time.
        client.heard = monotonic()
        client.received += len(data)
        client.session.receive(data, client.at_ms)
        if client.received > self._limits.session_bytes:
            client.session.shut_down(Ending.TOO_MANY_BYTES, "4.3.2 Too much data")

    def _flush(self, client: _Client) -> None:
        client.unsent += client.session.bytes_to_send(client.at_ms)
        try:
            while client.unsent:
                del client.unsent[: client.sock.send(client.unsent)]
        except BlockingIOError:
            pass
        except OSError:
            client.session.receive_eof()
            self._forget(client)
            return
        self._go_on_or_end(client)

    def _go_on_or_end(self, client: _Client) -> None:
        if len(client.unsent) > self._limits.unread_bytes:
            client.session.shut_down(Ending.TOO_MANY_BYTES, "4.3.2 Nobody reads this")
            self._forget(client)
        elif client.unsent:
            self._selector.modify(client.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, client)
        else:
            self._selector.modify(client.sock, selectors.EVENT_READ, client)
            if client.session.finished and not client.lingering:
                # Closing with bytes unread would reset the connection, and the last words with it.
                client.lingering = True
                client.heard = monotonic()
                with contextlib.suppress(OSError):
                    client.sock.shutdown(socket.SHUT_WR)
                self._report(client)

    def _sweep(self) -> None:
        now = monotonic()
        self._next_sweep = now + _SWEEP_S
        for client in list(self._clients.values()):
            if client.lingering:
                if now - client.heard > self._limits.linger_s:
                    self._forget(client)
            elif now - client.begun > self._limits.total_s:
                self._dismiss(client, Ending.TOO_LONG, "4.4.2 Time is up")
            elif now - client.heard > self._limits.idle_s:
                self._dismiss(client, Ending.IDLE, "4.4.2 Connection idle for too long")
        self._accept_again()

    def _dismiss(self, client: _Client, ending: Ending, words: str) -> None:
        """Say the last words, if the client reads them, and end it."""
        client.session.shut_down(ending, words)
        self._flush(client)
        if client.sock in self._clients and client.unsent:
            self._forget(client)

    def _forget(self, client: _Client) -> None:
        del self._clients[client.sock]
        owner = client_of(client.peer[0])
        self._open[owner] -= 1
        if not self._open[owner]:
            del self._open[owner]
        self._selector.unregister(client.sock)
        client.sock.close()
        self._accept_again()
        self._report(client)

    def _report(self, client: _Client) -> None:
        if not client.reported:
            client.reported = True
            self._on_session(client.session.record(client.number, client.peer, client.at_ms))

    def _close(self) -> None:
        for client in list(self._clients.values()):
            self._dismiss(client, Ending.STOPPED, "4.3.2 Service shutting down")
            if client.sock in self._clients:
                self._forget(client)
        self._selector.close()
        for sock in (self._socket, self._waker, self._wakened):
            sock.close()


def _bind(host: str, port: int) -> socket.socket:
    # A name could mean several addresses, and its look-up could take long.
    if not is_ip_address(host) or not 0 <= port <= 65_535:
        raise ConfigurationError(f"cannot listen on {host} port {port}: give an IP address and a port")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ConfigurationError(f"cannot listen on {host} port {port}: {error.strerror}") from error
    listener.settimeout(0)
    return listener
