"""Clients' connections: how many there may be, and how long one may keep us waiting.

uvicorn bounds neither. Counted is from the moment of acceptance, so that TLS handshakes stand under the same bounds.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from collections import Counter, deque
from collections.abc import Callable
from functools import partial
from ssl import SSLContext
from typing import Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from probe.check.pace import DEFAULT_PACE, room_for
from probe.net.clock import monotonic
from probe.net.public_addresses import client_of
from probe.serve.together import Together

#: Connections at once, and those of one client: past it the one that kept us waiting longest goes.
MAX_CONNECTIONS = 512
MAX_OF_A_CLIENT = 256
#: Seconds a client may keep us waiting: for its handshake, for a whole request, until it has read a part.
CLIENT_S = 10.0
#: Connections accepted in one turn of the loop, and seconds of rest where there are no descriptors for more.
AT_ONCE = 64
REST_S = 0.5
#: Answers begun in one turn of the loop: many that come together must not keep probes from being made.
AT_A_TURN = 4
#: Bytes of a request before it is answered, but for the last read.
REQUEST_BYTES = 16 << 10
#: Bytes of an answer that are handed over at once: what is not read yet is held once for all, not for each.
PART_BYTES = 64 << 10

_SERVER = re.compile("https?://[^/]*", re.IGNORECASE)
_RESET = struct.pack("ii", 1, 0)
_NO_ROOM = (
    b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 10\r\ncontent-length: 0\r\n\r\n"
)
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Http(Protocol):
    """What uvicorn makes of bytes; `app` is asked for each request."""

    app: ASGIApp

    def connection_made(self, transport: asyncio.Transport) -> None: ...
    def connection_lost(self, exc: Exception | None) -> None: ...
    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


class Clients:
    """Every connection there is. `tls` answers what the next one is secured with, `admitted` whether it may stay."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        http: Callable[[], Http],
        tls: Callable[[], SSLContext | None],
        admitted: Callable[[asyncio.Transport], bool],
        patience_s: float,
    ) -> None:
        self.loop, self.http, self.tls, self.admitted = loop, http, tls, admitted
        self.patience_s = patience_s
        self._open: set[Connection] = set()
        self._of: Counter[str] = Counter()
        self._begun = 0
        self._queue: deque[asyncio.Future[None]] = deque()
        beside = DEFAULT_PACE.concurrency
        self._most = max(1, min(MAX_CONNECTIONS, room_for(MAX_CONNECTIONS + beside) - beside))

    def listen(self, listening: socket.socket) -> None:
        """Take connections as they come."""
        self.loop.add_reader(listening, self._accept, listening)

    def close(self, listening: socket.socket) -> None:
        """Take no more, and end whoever keeps us waiting."""
        self.loop.remove_reader(listening)
        listening.close()
        for each in [one for one in self._open if one.since is not None]:
            each.end()

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(AT_ONCE):
            try:
                taken, peer = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # no descriptors or no memory: a loop's own server would try again at once
                self.loop.remove_reader(listening)
                self.loop.call_later(REST_S, self._rested, listening)
                return
            taken.settimeout(0)
            self._enter(Connection(self, taken, client_of(peer[0])))

    def _rested(self, listening: socket.socket) -> None:
        if listening.fileno() >= 0:
            self.listen(listening)

    def _enter(self, new: Connection) -> None:
        if not self._room_for(new.client):
            new.refuse(self.tls())
            return
        self._open.add(new)
        self._of[new.client] += 1
        new.begin(self.tls())

    def _room_for(self, client: str) -> bool:
        """Whether there is room for a connection of a client, or could be made."""
        crowded = self._of[client] >= MAX_OF_A_CLIENT
        if not crowded and len(self._open) < self._most:
            return True
        going = [
            (one.since, id(one), one)
            for one in self._open
            if one.since is not None and (not crowded or one.client == client)
        ]
        if going:
            min(going)[-1].drop()
        return bool(going)

    async def turn(self) -> None:
        """Wait until the next answer may be begun."""
        if self._begun < AT_A_TURN and not self._queue:
            self._count()
            return
        place = self.loop.create_future()
        self._queue.append(place)
        await place

    def _count(self) -> None:
        self._begun += 1
        if self._begun == 1:
            self.loop.call_soon(self._next_turn)

    def _next_turn(self) -> None:
        self._begun = 0
        while self._queue and self._begun < AT_A_TURN:
            place = self._queue.popleft()
            if not place.done():
                place.set_result(None)
                self._count()

    def leave(self, one: Connection) -> None:
        """A connection has ended."""
        if one in self._open:
            self._open.discard(one)
            self._of[one.client] -= 1
            if not self._of[one.client]:
                del self._of[one.client]

    def sweep(self) -> None:
        """Drop whoever has kept us waiting too long."""
        oldest = monotonic() - self.patience_s
        for each in [one for one in self._open if one.since is not None and one.since <= oldest]:
            each.drop()


class Connection(asyncio.Protocol):
    """One connection. `since` is from when on its client keeps us waiting; None while an answer is owed to it."""

    def __init__(self, clients: Clients, taken: socket.socket, client: str) -> None:
        self._clients, self._socket, self.client = clients, taken, client
        self.since: float | None = monotonic()
        self.idle = False
        """Whether the next request is waited for, and nothing of it has come."""
        self._http: Http | None = None
        self._app: ASGIApp | None = None
        self._transport: Together | None = None
        self._making: asyncio.Task[None] | None = None
        self._taken_up = False
        self._bytes = 0
        self._whole = True

    def refuse(self, tls: SSLContext | None) -> None:
        """Say that there is no room, where that can be said at once."""
        if tls is None:
            with contextlib.suppress(OSError):
                self._socket.send(_NO_ROOM)
        self._socket.close()

    def begin(self, tls: SSLContext | None) -> None:
        """Take up what comes, after a handshake if there is to be one."""
        self._making = self._clients.loop.create_task(self._make(tls))
        self._making.add_done_callback(self._made)

    async def _make(self, tls: SSLContext | None) -> None:
        self._taken_up = True
        with contextlib.suppress(OSError):  # SSLError and TimeoutError are such
            await self._clients.loop.connect_accepted_socket(
                lambda: self,
                self._socket,
                ssl=tls,
                ssl_handshake_timeout=self._clients.patience_s if tls else None,
                ssl_shutdown_timeout=self._clients.patience_s if tls else None,
            )

    def _made(self, making: asyncio.Task[None]) -> None:
        if self._transport is None:
            self._clients.leave(self)
        if not self._taken_up:
            self._socket.close()
        if not making.cancelled():
            making.result()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # TCP's only
        if not self._clients.admitted(transport):
            transport.close()
            return
        self._transport = Together(transport, self._clients.loop)
        self._http = self._clients.http()
        self._app, self._http.app = self._http.app, self._answer
        self._http.connection_made(self._transport)

    def data_received(self, data: bytes) -> None:
        if self._http is None:  # it was not admitted
            return
        if self.since is not None:
            if self._bytes >= REQUEST_BYTES:
                self._too_large()
                return
            self._bytes += len(data)
            self.idle = False
        self._http.data_received(data)

    def _too_large(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(_TOO_LARGE)
            self._transport.close()

    def eof_received(self) -> None:
        if self._http is not None:
            self._http.eof_received()
        if self._transport is not None:
            self._transport.send()  # the transport closes now

    def pause_writing(self) -> None:
        if self._http is not None:
            self._http.pause_writing()

    def resume_writing(self) -> None:
        if self._http is not None:
            self._http.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._clients.leave(self)
        if self._http is not None:
            self._http.connection_lost(exc)
            self._http = None

    def drop(self) -> None:
        """End it now, whatever is still to be read or written."""
        self._clients.leave(self)
        if not self.idle:  # else what is not read yet would stay with the system
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        if self._transport is not None:
            self._transport.abort()
        elif self._making is not None:
            self._making.cancel()

    def end(self) -> None:
        """The same, but of an answer that is on its way the rest is sent."""
        if self.idle and self._transport is not None and self._transport.unsent:
            self._transport.close()
        else:
            self.drop()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask the application, and know meanwhile who waits for whom."""
        assert self._app is not None  # noqa: S101 - set before there is any request
        asked, self.since = self.since, None
        self._whole = False
        try:
            await self._clients.turn()
            await self._app(
                _by_path(scope), partial(self._receive, receive, asked), partial(self._send, send)
            )
        finally:
            self.since, self.idle, self._bytes = monotonic(), True, 0

    async def _receive(self, receive: Receive, asked: float | None) -> Message:
        if self._whole:
            return await receive()
        self.since = asked
        message = await receive()
        self.since = None
        self._whole = not message.get("more_body", False)
        return message

    async def _send(self, send: Send, message: Message) -> None:
        body = message.get("body", b"")
        last = max(0, len(body) - 1) // PART_BYTES * PART_BYTES
        for start in range(0, last, PART_BYTES):
            part = {**message, "body": body[start : start + PART_BYTES], "more_body": True}
            await self._hand(send, part)
        await self._hand(send, {**message, "body": body[last:]} if last else message)

    async def _hand(self, send: Send, message: Message) -> None:
        self.since = monotonic()
        await send(message)
        self.since = None


def _by_path(scope: Scope) -> Scope:
    """What a proxy asks for by its whole URL is asked for by its path (RFC 9112 3.2.2; uvicorn passes it on whole)."""
    if (server := _SERVER.match(scope["path"])) is None:
        return scope
    return {**scope, "path": scope["path"][server.end() :] or "/"}
