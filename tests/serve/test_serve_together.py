"""What is written at once is sent at once, over a real connection."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from typing import cast

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from probe.check.loops import new_loop
from probe.serve.connections import Clients, Connection, Http
from probe.serve.server import bound
from probe.serve.together import ENOUGH_BYTES, Together
from tests.serve.inside import hello

LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [new_loop, asyncio.SelectorEventLoop]


@pytest.mark.parametrize("loop", LOOPS)
def test_what_is_written_in_one_turn_is_sent_at_its_end(
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(_one_turn())


async def _one_turn() -> None:
    ours, theirs = socket.socketpair()
    theirs.settimeout(0)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_accepted_socket(asyncio.Protocol, ours)
    together = Together(transport, loop)
    together.write(b"head")
    together.write(b"")
    together.write(bytearray(b"body"))
    with pytest.raises(BlockingIOError):
        theirs.recv(99)
    assert await loop.sock_recv(theirs, 99) == b"headbody"
    # Nothing more is held than that.
    together.write(b"x" * (ENOUGH_BYTES - 1))
    with pytest.raises(BlockingIOError):
        theirs.recv(99)
    together.write(b"y")
    got = b""
    while len(got) < ENOUGH_BYTES:
        got += await loop.sock_recv(theirs, ENOUGH_BYTES)
    assert got == b"x" * (ENOUGH_BYTES - 1) + b"y"
    together.write(b"last")
    together.close()
    assert [await loop.sock_recv(theirs, 99) for _ in range(2)] == [b"last", b""]
    assert together.is_closing()
    together.write(b"too late")  # is passed over
    await asyncio.sleep(0)
    theirs.close()


def test_what_is_written_before_an_abort_goes_with_it() -> None:
    async def aborted() -> None:
        ours, theirs = socket.socketpair()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_accepted_socket(asyncio.Protocol, ours)
        together = Together(transport, loop)
        assert together.get_extra_info("socket") is not None
        together.pause_reading()
        assert not transport.is_reading()
        together.resume_reading()
        assert transport.is_reading()
        together.write(b"never seen")
        together.abort()
        theirs.settimeout(0)
        assert await loop.sock_recv(theirs, 99) == b""
        theirs.close()

    asyncio.run(aborted())


@pytest.mark.parametrize("loop", LOOPS)
def test_an_answer_in_whose_turn_the_server_ends_is_sent(
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def answered() -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            here.call_soon(clients.close, listening)
            await hello(scope, receive, send)

        here, listening = asyncio.get_running_loop(), bound("127.0.0.1", 0)
        ours, theirs = socket.socketpair()
        ours.settimeout(0)
        theirs.settimeout(0)
        config = uvicorn.Config(app, lifespan="off", ws="none", log_config=None)
        config.load()
        http = partial(H11Protocol, config, ServerState(), {}, here)
        clients = Clients(here, http, lambda: None, lambda _: True, 10.0)
        clients._enter(Connection(clients, ours, "client"))
        await here.sock_sendall(theirs, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await here.sock_recv(theirs, 1000)).endswith(b"\r\nhello")
        assert await here.sock_recv(theirs, 99) == b""
        theirs.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(answered())


class Answering(asyncio.Protocol):
    """Answers in a turn of the loop, in which its client has nothing more to say."""

    app = None

    def __init__(self, client: socket.socket) -> None:
        self._client = client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, _: bytes) -> None:
        asyncio.get_running_loop().call_soon(self._answer)

    def _answer(self) -> None:
        self._client.shutdown(socket.SHUT_WR)
        assert isinstance(self._transport, Together)
        self._transport.write(b"answer")


@pytest.mark.parametrize("loop", LOOPS)
def test_an_answer_is_sent_to_who_has_nothing_more_to_say(
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def answered() -> None:
        ours, theirs = socket.socketpair()
        ours.settimeout(0)
        theirs.settimeout(0)
        here = asyncio.get_running_loop()
        clients = Clients(here, lambda: cast("Http", Answering(theirs)), lambda: None, lambda _: True, 10.0)
        Connection(clients, ours, "client").begin(None)
        await here.sock_sendall(theirs, b"question")
        assert [await here.sock_recv(theirs, 99) for _ in range(2)] == [b"answer", b""]
        theirs.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(answered())
