"""What is written at once is sent at once, over a real connection."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest

from probe.check.loops import new_loop
from probe.serve.together import ENOUGH_BYTES, Together

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
