"""HTTP beside the engine on one loop: no request waits for a thread, and no result for a lock."""

from __future__ import annotations

import os
import socket
from asyncio import AbstractEventLoop
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from probe.errors import ConfigurationError
from probe.serve.connections import CLIENT_S, REQUEST_BYTES, Clients
from probe.serve.web import Web

#: Connections that wait to be accepted (the system may have a lower bound); one more has to try again, after seconds.
BACKLOG = 4096
#: Seconds that an end waits for answers that are under way.
GRACE_S = 3
#: Ticks of uvicorn's in a second.
TICKS = 10


class _Server(uvicorn.Server):
    """uvicorn's, which leaves the signals to the engine, and accepting to us."""

    def __init__(
        self,
        config: uvicorn.Config,
        listening: socket.socket,
        loop: AbstractEventLoop,
        web: Web,
        patience_s: float,
    ) -> None:
        super().__init__(config)
        self._listening, self._web = listening, web
        self._clients = Clients(loop, self._http, web.tls, web.admitted, patience_s)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - uvicorn's
        self.servers = []
        self._clients.listen(self._listening)
        self.started = True

    def _http(self) -> H11Protocol:
        return H11Protocol(self.config, self.server_state, {}, self._clients.loop)

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS == 0:
            self._clients.sweep()
            self._web.renew()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._clients.close(self._listening)
        await super().shutdown(sockets)


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens there; raises ConfigurationError."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ConfigurationError(f"cannot listen on {host} port {port}: {_reason(error)}") from None
    listening.settimeout(0)
    return listening


def _reason(error: OSError) -> str:
    # `create_server` puts words of its own into the error's.
    known = error.errno is not None and not isinstance(error, socket.gaierror)
    return os.strerror(error.errno) if known and error.errno else error.strerror or str(error)


@contextmanager
def served(
    app: ASGIApp, listening: socket.socket, loop: AbstractEventLoop, web: Web, patience_s: float = CLIENT_S
) -> Iterator[None]:
    """Answer requests as long as the block runs the loop, and end in order after it."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        log_config=None,
        log_level="error",  # what clients do wrong is no line of ours
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        h11_max_incomplete_event_size=REQUEST_BYTES,
    )
    server = _Server(config, listening, loop, web, patience_s)
    task = loop.create_task(server.serve())
    task.add_done_callback(lambda _: loop.stop())
    try:
        yield
    finally:
        server.should_exit = True
        last = loop.time() + 2 * GRACE_S
        loop.call_at(last, loop.stop)
        while not task.done() and loop.time() < last:  # a signal may stop the loop once more
            loop.run_forever()
