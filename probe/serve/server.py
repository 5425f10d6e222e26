"""HTTP beside the engine on one loop: no request waits for a thread, and no result for a lock."""

from __future__ import annotations

import socket
from asyncio import AbstractEventLoop
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from probe.errors import ConfigurationError

#: Connections that wait to be accepted; more makes a loop that has run out of descriptors spin (Python 3.11 to 3.13).
BACKLOG = 16
#: Seconds that an end waits for answers that are under way.
GRACE_S = 3


class _Server(uvicorn.Server):
    """uvicorn's, which leaves the signals to the engine."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens there; raises ConfigurationError."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ConfigurationError(f"cannot listen on {host} port {port}: {error.strerror or error}") from None


@contextmanager
def served(app: ASGIApp, listening: socket.socket, loop: AbstractEventLoop) -> Iterator[None]:
    """Answer requests as long as the block runs the loop, and end in order after it."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = _Server(config)
    task = loop.create_task(server.serve([listening]))
    task.add_done_callback(lambda _: loop.stop())
    try:
        yield
    finally:
        server.should_exit = True
        last = loop.time() + 2 * GRACE_S
        loop.call_at(last, loop.stop)
        while not task.done() and loop.time() < last:  # a signal may stop the loop once more
            loop.run_forever()
