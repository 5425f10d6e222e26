"""The server of `serve` in this process, before an application of the test's own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import uvloop
from starlette.types import ASGIApp, Receive, Scope, Send

from probe.serve.server import bound, served
from probe.serve.web import Web

LOOPS: tuple[Callable[[], asyncio.AbstractEventLoop], ...] = (
    asyncio.SelectorEventLoop,
    uvloop.new_event_loop,
)


class Inside(NamedTuple):
    address: tuple[str, int]
    web: Web
    loop: asyncio.AbstractEventLoop
    told: list[str]

    def connect(self, source: str = "127.0.0.1") -> socket.socket:
        return socket.create_connection(self.address, 60, (source, 0))


async def hello(_: Scope, __: Receive, send: Send) -> None:
    """Answers whatever is asked, and reads no body."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


@contextmanager
def inside(
    app: ASGIApp = hello,
    path: Path | None = None,
    make_loop: Callable[[], asyncio.AbstractEventLoop] = LOOPS[0],
    patience_s: float = 60.0,
) -> Iterator[Inside]:
    """Serve on a thread until the block ends; a defect met there fails the test."""
    loop, listening, told = make_loop(), bound("127.0.0.1", 0), list[str]()
    web = Web(path, told.append)
    failures: list[dict[str, object]] = []
    loop.set_exception_handler(lambda _, context: failures.append(context))

    def run() -> None:
        with served(app, listening, loop, web, patience_s):
            loop.run_forever()
        loop.close()

    thread = threading.Thread(target=run, daemon=True)  # one that does not end fails the test alone
    address = listening.getsockname()
    thread.start()
    try:
        yield Inside(address, web, loop, told)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        assert not thread.is_alive()
    assert failures == []
