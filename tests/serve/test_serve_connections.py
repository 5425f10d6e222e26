"""Hostile clients: half requests, bytes now and then, answers that nobody reads, and too many of all."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from starlette.types import Receive, Scope, Send

from probe.net.clock import monotonic
from probe.serve import server as serve
from probe.serve.connections import MAX_CONNECTIONS, MAX_OF_A_CLIENT, PART_BYTES, REQUEST_BYTES
from tests.patience import given_time
from tests.serve.inside import LOOPS, Inside, hello, inside

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n"
#: Seconds of patience where a test waits for its end.
PATIENCE_S = 1.0


@pytest.fixture(params=LOOPS, ids=["asyncio", "uvloop"])
def server(request: pytest.FixtureRequest) -> Iterator[Inside]:
    with inside(make_loop=request.param) as running:
        yield running


def said(one: socket.socket) -> bytes:
    """Everything until the end of the connection."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while more := one.recv(1 << 16):
            found += more
    return found


def answered(one: socket.socket) -> bool:
    one.sendall(GET)
    found = b""
    while not found.endswith(b"hello"):
        found += one.recv(1 << 16) or b"hello"
    return found.startswith(b"HTTP/1.1 200")


def gone(one: socket.socket) -> bool:
    return said(one) == b""


class TestOfAClient:
    def test_the_one_that_waits_longest_goes(self, server: Inside) -> None:
        with ExitStack() as stack:
            every = [stack.enter_context(server.connect()) for _ in range(MAX_OF_A_CLIENT)]
            for each in every:
                each.sendall(GET[:20])
            other = stack.enter_context(server.connect("127.0.0.2"))
            assert answered(stack.enter_context(server.connect()))
            assert gone(every[0])
            every[1].sendall(GET[20:])
            assert every[1].recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 200"  # the control: nobody else went
            assert answered(other)

    def test_whoever_was_answered_just_now_stays(self, server: Inside) -> None:
        """A scraper keeps its connection between two scrapes: who wastes time must not push it out."""
        with ExitStack() as stack:
            half = [stack.enter_context(server.connect()) for _ in range(MAX_OF_A_CLIENT - 1)]
            for each in half:
                each.sendall(GET[:20])
            scraper = stack.enter_context(server.connect())
            assert answered(scraper)
            assert answered(stack.enter_context(server.connect()))
            assert gone(half[0])
            assert answered(scraper)

    def test_an_idle_one_that_waits_longest_goes(self, server: Inside) -> None:
        with ExitStack() as stack:
            idle = stack.enter_context(server.connect())
            assert answered(idle)
            for _ in range(MAX_OF_A_CLIENT):
                stack.enter_context(server.connect()).sendall(GET[:20])
            assert gone(idle)


def test_connections_of_all_clients_are_bounded(server: Inside) -> None:
    with ExitStack() as stack:
        clients = [f"127.0.1.{number}" for number in range(MAX_CONNECTIONS // 64)]
        every = [stack.enter_context(server.connect(client)) for client in clients for _ in range(64)]
        assert answered(stack.enter_context(server.connect()))
        assert gone(every[0])
        assert answered(every[-1])


def test_where_all_have_answers_under_way_the_next_one_is_told() -> None:
    begun: list[Scope] = []
    full, free = threading.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        begun.append(scope)
        if len(begun) == MAX_OF_A_CLIENT:
            full.set()
        await free.wait()
        await hello(scope, receive, send)

    with inside(slow) as server, ExitStack() as stack:
        every = [stack.enter_context(server.connect()) for _ in range(MAX_OF_A_CLIENT)]
        for each in every:
            each.sendall(GET)
        assert full.wait(30)
        assert said(stack.enter_context(server.connect())).startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        server.loop.call_soon_threadsafe(free.set)
        assert all(each.recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 200" for each in every)


@contextlib.contextmanager
def ends_in_time() -> Iterator[None]:
    """The sweep comes once a second, uvicorn's ticks are a tenth each and more; without it nothing ends."""
    began = monotonic()
    yield
    assert PATIENCE_S - 0.1 < monotonic() - began < PATIENCE_S + 20


@pytest.fixture(scope="module", params=LOOPS, ids=["asyncio", "uvloop"])
def patient(request: pytest.FixtureRequest) -> Iterator[Inside]:
    async def body(scope: Scope, receive: Receive, send: Send) -> None:
        while scope["method"] == "POST" and (await receive()).get("more_body"):
            pass
        if scope["path"] == "/long":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": bytes(64 << 20)})
        else:
            await hello(scope, receive, send)

    with inside(body, make_loop=request.param, patience_s=PATIENCE_S) as running:
        yield running


class TestPatience:
    """How long a client may keep us waiting."""

    @pytest.mark.parametrize(
        "sent", [b"", GET[:-2], POST, POST + b"12345"], ids=["nothing", "half", "no body", "half a body"]
    )
    def test_with_what_never_comes(self, patient: Inside, sent: bytes) -> None:
        with ends_in_time(), patient.connect() as one:
            one.sendall(sent)
            assert gone(one)

    @pytest.mark.parametrize("begun", [b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", POST])
    def test_with_a_byte_now_and_then(self, patient: Inside, begun: bytes) -> None:
        with ends_in_time(), patient.connect() as one:
            one.sendall(begun)
            one.settimeout(0.3)
            ended = False
            while not ended:
                with contextlib.suppress(TimeoutError):
                    ended = gone(one)
                with contextlib.suppress(OSError):
                    one.sendall(b"a" if begun is not POST else b"")

    def test_with_an_answer_that_is_not_read(self, patient: Inside) -> None:
        with ends_in_time(), patient.connect() as one:
            one.sendall(GET.replace(b"/ ", b"/long "))
            one.settimeout(None)
            assert one.recv(1, socket.MSG_PEEK)
            wait_for_the_end(one)

    def test_a_body_that_comes_is_read(self, patient: Inside) -> None:
        """The control."""

        def check(_: float) -> None:
            with patient.connect() as one:
                one.sendall(POST + b"12345")
                one.sendall(b"67890")
                assert one.recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 200"

        given_time(check)


def wait_for_the_end(one: socket.socket) -> None:
    """Until the peer has aborted, without reading what it sent."""
    import select

    poll = select.poll()
    poll.register(one, 0)  # errors and the end alone
    assert poll.poll(20_000)


def test_what_is_not_read_is_held_in_parts() -> None:
    """One copy of an answer for all who ask, and of each no more than one part beside it."""
    whole = bytes(10 * PART_BYTES)

    async def long(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": whole})

    with inside(long) as server, server.connect() as one:
        one.sendall(GET)
        answer = b""
        while not answer.endswith(b"\r\n0\r\n\r\n"):
            answer += one.recv(1 << 20)
        parts = re.findall(rb"\r\n([0-9a-f]{2,})\r\n", answer)
        assert [int(part, 16) for part in parts] == [PART_BYTES] * 10


class TestRequests:
    def test_headers_are_bounded(self, server: Inside) -> None:
        with server.connect() as one:
            one.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * REQUEST_BYTES)
            assert said(one).startswith(b"HTTP/1.1 400 ")
        with server.connect() as one:
            one.sendall(GET[:-2] + b"X: " + b"a" * (REQUEST_BYTES - len(GET) - 8) + b"\r\n\r\n")
            assert one.recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 200"

    def test_so_is_a_line(self, server: Inside) -> None:
        with server.connect() as one:
            one.sendall(b"GET /" + b"a" * 2 * REQUEST_BYTES)
            assert said(one).startswith(b"HTTP/1.1 400 ")

    def test_a_body_that_nobody_reads_is_no_way_to_stay(self, server: Inside) -> None:
        with server.connect() as one:
            one.sendall(POST.replace(b": 10", b": 1000000000"))
            assert one.recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 200"
            with contextlib.suppress(OSError):
                while True:
                    one.sendall(bytes(REQUEST_BYTES))
            assert b"HTTP/1.1 431 " in said(one) or gone(one)

    def test_several_in_one_write_are_answered_in_turn(self, server: Inside) -> None:
        with server.connect() as one:
            one.sendall(GET * 20)
            answer = b""
            while answer.count(b"hello") < 20:
                answer += one.recv(1 << 16)

    @pytest.mark.parametrize(
        "headers",
        [
            b"Content-Length: 5\r\nContent-Length: 6\r\n",
            b"Content-Length: -1\r\n",
            b"Content-Length: 5x\r\n",
            b"Transfer-Encoding: chunked, gzip\r\n",
            b"Host: another\r\n",
            b"X: \x00\r\n",
            b"X : a\r\n",
        ],
    )
    def test_nonsense_is_answered_with_400(self, server: Inside, headers: bytes) -> None:
        with server.connect() as one:
            one.sendall(GET[:-2] + headers + b"\r\n")
            assert re.match(rb"HTTP/1\.1 (400|501) ", said(one))

    def test_what_is_no_http(self, server: Inside) -> None:
        for hello_of_tls in (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
            b"\r\n" * 9000,
            b"\x00",
        ):
            with server.connect() as one:
                with contextlib.suppress(OSError):  # it may have been dropped before
                    one.sendall(hello_of_tls)
                    one.shutdown(socket.SHUT_WR)
                assert b"200" not in said(one)

    def test_expect_is_answered_once_the_body_is_wanted(self, server: Inside) -> None:
        with server.connect() as one:
            one.sendall(POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
            assert one.recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 200"  # `hello` wants none


def test_an_end_waits_for_nobody_who_keeps_us_waiting() -> None:
    with ExitStack() as stack:
        with inside() as server:
            half = stack.enter_context(server.connect())
            half.sendall(GET[:20])
            idle = stack.enter_context(server.connect())
            assert answered(idle)
            began = monotonic()
        assert monotonic() - began < 15  # the patience with a client is a minute
        assert gone(half)
        assert gone(idle)


@pytest.mark.parametrize("make_loop", LOOPS, ids=["asyncio", "uvloop"])
def test_an_end_waits_for_no_answer_for_ever(make_loop: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "GRACE_S", 0.5)
    begun = threading.Event()

    async def never(_: Scope, __: Receive, ___: Send) -> None:
        begun.set()
        await asyncio.Event().wait()

    with inside(never, make_loop=make_loop) as server, server.connect() as one:  # type: ignore[arg-type]
        one.sendall(GET)
        assert begun.wait(30)
        since = monotonic()
    assert monotonic() - since < 20
