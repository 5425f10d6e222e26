"""The usual request is answered as h11 does it, and whatever looks otherwise in the least is h11's."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Iterator

import pytest
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import RequestResponseCycle

from probe.serve.connections import PART_BYTES
from probe.serve.quick import QUICK_BYTES, _Cycle
from tests.serve.inside import LOOPS, Inside, inside

GET = b"GET /probe?target=a HTTP/1.1\r\nHost: localhost\r\nX-Y:  z z\r\n\r\n"
LONG = bytes(range(256)) * (PART_BYTES // 100)


WAYS: list[type] = []
Slow = tuple[Inside, threading.Event, asyncio.Event, list[str]]


async def told(scope: Scope, receive: Receive, send: Send) -> None:
    WAYS.append(type(receive.args[0].__self__))  # type: ignore[attr-defined]  # a partial of the connection's
    await tell(scope, await receive(), send)


async def tell(scope: Scope, message: Message, send: Send) -> None:
    """What was asked, in the manner that the query names."""
    keys = (
        "method",
        "http_version",
        "scheme",
        "path",
        "raw_path",
        "query_string",
        "root_path",
        "headers",
        "state",
    )
    body = repr((*(scope[key] for key in keys), message)).encode()
    how = scope["query_string"].rpartition(b"&")[2]
    if how == b"broken":
        raise RuntimeError("on purpose")
    if how == b"long":
        body = LONG
    headers = [(b"content-length", b"%d" % len(body))]
    if how == b"split":
        headers.append((b"x", b"a\r\nb: c"))
    if how == b"close":
        headers.append((b"connection", b"close"))
    status = 404 if how == b"404" else 200
    await send(
        {"type": "http.response.start", "status": status, "headers": [] if how == b"open" else headers}
    )
    half = len(body) // 2 if how == b"parts" else 0
    if half:
        await send({"type": "http.response.body", "body": body[:half], "more_body": True})
    await send({"type": "http.response.body", "body": body[half:]})


@pytest.fixture(scope="module", params=LOOPS, ids=["asyncio", "uvloop"])
def server(request: pytest.FixtureRequest) -> Iterator[Inside]:
    with inside(told, make_loop=request.param) as running:
        yield running


def answer(one: socket.socket) -> bytes:
    """The next answer, without its date."""
    found = b""
    while b"\r\n\r\n" not in found or len(found) < found.index(b"\r\n\r\n") + 4 + length(found):
        more = one.recv(1 << 16)
        if not more:
            break
        found += more
    return re.sub(rb"date: [^\r]*\r\n", b"", found)


def length(found: bytes) -> int:
    given = re.search(rb"content-length: (\d+)", found)
    return int(given[1]) if given else 1 << 30


def asked(server: Inside, request: bytes) -> bytes:
    with server.connect() as one:
        one.sendall(request)
        return answer(one)


@pytest.mark.parametrize("how", ["", "&404", "&long", "&parts", "&close"])
def test_the_usual_request_is_answered_alike_the_short_way(server: Inside, how: str) -> None:
    request = GET.replace(b"=a", b"=a&b%20c" + how.encode())
    WAYS.clear()
    short, usual = (asked(server, each) for each in (request, request.replace(b"z z", b"z z ")))
    assert [_Cycle, RequestResponseCycle] == WAYS
    assert short == usual
    assert short.startswith(b"HTTP/1.1 404 Not Found\r\n" if how == "&404" else b"HTTP/1.1 200 OK\r\n")
    assert how == "&long" or b"(b'x-y', b'z z')" in short


@pytest.mark.parametrize("how", ["&broken", "&split"])
def test_a_defect_is_told_and_ends_the_connection(server: Inside, how: str) -> None:
    with server.connect() as one:
        one.sendall(GET.replace(b"=a", b"=a" + how.encode()))
        found = b"".join(iter(lambda: one.recv(1 << 16), b""))
    assert found.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert b"\nb: c" not in found


def test_an_answer_of_no_told_length_ends_with_the_connection(server: Inside) -> None:
    with server.connect() as one:
        one.sendall(GET.replace(b"=a", b"=a&open"))
        found = b"".join(iter(lambda: one.recv(1 << 16), b""))
    assert b"\r\nconnection: close\r\n" in found
    assert found.endswith(b")")


@pytest.mark.parametrize(
    "request_",
    [
        GET.replace(b"GET", b"HEAD"),
        GET.replace(b"1.1", b"1.0"),
        GET.replace(b"/probe?", b"/metrics?"),
        GET.replace(b"/probe?", b"http://localhost/probe?"),
        GET.replace(b"X-Y", b"Connection"),
        GET.replace(b"X-Y:  z z", b"Content-Length: 0"),
        GET.replace(b"X-Y", b"X\xe9"),
        GET.replace(b"z z", b"\xe9"),
        GET.replace(b"X-Y", b"Host"),
        GET.replace(b"Host", b"Other"),
        GET.replace(b"X-Y:", b"X-Y :"),
        GET.replace(b"z z", b"z z "),
        GET.replace(b"z z", b"z\0z"),
        GET.replace(b"z z", b"z\rz"),
        GET.replace(b"z z", b"z\n z"),
        GET.replace(b"z z", b"z" * QUICK_BYTES),
        GET.replace(b"\r\n", b"\n"),
        GET.replace(b"X-Y:  z z", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
        GET.replace(b"=a", b"=a b"),
        GET.replace(b"=a", b"=\xe9"),
        GET + GET,
        b"\r\n" + GET,
        b"\x16\x03\x01\x02\x00\x01",
    ],
)  # fmt: skip
def test_whatever_looks_otherwise_is_h11s(server: Inside, request_: bytes) -> None:
    WAYS.clear()
    with server.connect() as one:
        one.sendall(request_)
        assert one.recv(1 << 16).startswith(b"HTTP/1.1 ")
    assert _Cycle not in WAYS


def test_requests_of_both_kinds_follow_each_other(server: Inside) -> None:
    WAYS.clear()
    with server.connect() as one:
        for at_once in (True, True, False, True, False, False, True):
            one.sendall(GET if at_once else b"")
            one.sendall(b"" if at_once else GET.replace(b"GET /probe", b"GET /other"))
            assert answer(one).startswith(b"HTTP/1.1 200 OK\r\n")
    assert [way is _Cycle for way in WAYS] == [True, True, False, True, False, False, True]


class TestUnderWay:
    """While an answer is owed that goes the short way."""

    @pytest.fixture(params=LOOPS, ids=["asyncio", "uvloop"])
    def slow(self, request: pytest.FixtureRequest) -> Iterator[Slow]:
        begun, free, left = threading.Event(), asyncio.Event(), list[str]()

        async def wait(scope: Scope, receive: Receive, send: Send) -> None:
            begun.set()
            message = await receive()
            gone = asyncio.ensure_future(receive())
            await asyncio.wait(
                (gone, asyncio.ensure_future(free.wait())), return_when=asyncio.FIRST_COMPLETED
            )
            left.append((gone.result() if gone.done() else {"type": "stayed"})["type"])
            await tell(scope, message, send)

        with inside(wait, make_loop=request.param) as running:
            yield running, begun, free, left
            running.loop.call_soon_threadsafe(free.set)

    def test_the_next_request_waits_for_its_turn(self, slow: Slow) -> None:
        server, begun, free, left = slow
        with server.connect() as one:
            one.sendall(GET)
            assert begun.wait(10)
            one.sendall(GET * 2 + GET[:9])
            server.loop.call_soon_threadsafe(free.set)
            found = b""
            while found.count(b"HTTP/1.1 200 OK") < 3:
                found += one.recv(1 << 16)
            one.sendall(GET[9:])
            assert answer(one).count(b"HTTP/1.1 200 OK") == 1
        assert left == ["stayed"] * 4

    def test_a_client_that_leaves_is_noticed(self, slow: Slow) -> None:
        server, begun, _, left = slow
        with server.connect() as one:
            one.sendall(GET)
            assert begun.wait(10)
        for _ in range(100):
            begun.clear()
            begun.wait(0.05)
            if left:
                break
        assert left == ["http.disconnect"]

    def test_an_end_lets_it_come(self) -> None:
        begun, free = threading.Event(), asyncio.Event()

        async def wait(scope: Scope, receive: Receive, send: Send) -> None:
            begun.set()
            await free.wait()
            await told(scope, receive, send)

        with inside(wait) as server:
            one = server.connect()
            one.sendall(GET)
            assert begun.wait(10)
            server.loop.call_soon_threadsafe(server.loop.call_later, 0.3, free.set)
        with one:
            assert answer(one).startswith(b"HTTP/1.1 200 OK\r\n")
            assert one.recv(1) == b""
