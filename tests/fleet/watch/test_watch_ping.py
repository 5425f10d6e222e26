"""A dead man's switch: asked for after a round at a real HTTP server, in bounded time, its path shown to nobody."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from time import monotonic

import pytest

from probe.fleet.watch import ping
from probe.fleet.watch.ping import Ping
from tests.net.scripted import Peer, ScriptedServer
from tests.patience import given_time

SECRET = "0f0e-secret"


def answering(*lines: str) -> ScriptedServer:
    def answer(peer: Peer) -> None:
        while peer.hear().strip():
            pass
        peer.say("\r\n".join((*lines, "", "")).encode())

    return ScriptedServer(answer)


def sent(url: str) -> Ping:
    """A ping whose request is over."""
    one = Ping(url)
    one.send()
    assert one._thread is not None
    one._thread.join(60)
    return one


@contextmanager
def asked(server: ScriptedServer) -> Iterator[str]:
    with server:
        yield f"http://127.0.0.1:{server.port}/{SECRET}?n=1"


def test_it_is_asked_for() -> None:
    with asked(server := answering("HTTP/1.1 200 OK", "Content-Length: 0")) as url:
        assert sent(url).trouble == ""
    assert server.peers[0].heard.startswith(f"GET /{SECRET}?n=1 HTTP/1.1\r\n".encode())


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (("HTTP/1.1 404 Not Found",), "answers 404"),
        (("HTTP/1.1 302 Found", f"Location: http://127.0.0.1:9/{SECRET}"), "answers 302, which is not followed"),
        (("SSH-2.0-x",), "could not be asked for: SSH-2.0-x"),
        ((), "could not be asked for: "),
    ],
)  # fmt: skip
def test_an_answer_that_does_not_count_is_told_without_the_path(answer: tuple[str, ...], said: str) -> None:
    with asked(server := answering(*answer)) as url:
        trouble = sent(url).trouble
    assert said in trouble
    assert trouble.startswith(f"http://127.0.0.1:{server.port}/... ")
    assert SECRET not in trouble
    assert len(server.peers) == 1


def test_nobody_there() -> None:
    assert sent(f"http://127.0.0.1:1/{SECRET}").trouble == (
        "http://127.0.0.1:1/... could not be asked for: Connection refused"
    )


def drip(peer: Peer) -> None:
    peer.say_in_pieces(b"H" for _ in iter(partial(pause.wait, 0.05), None))


pause = threading.Event()


@pytest.mark.parametrize("script", [Peer.hold, drip])
def test_a_server_that_hangs_holds_up_nothing(script: object, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(seconds: float) -> None:
        monkeypatch.setattr(ping, "PING_S", seconds)
        with asked(server := ScriptedServer(script)) as url:  # type: ignore[arg-type]  # a script
            one, began = Ping(url), monotonic()
            one.send()
            one.send()  # while the first is under way
            assert monotonic() - began < seconds
            assert one._thread is not None
            one._thread.join(60)
            assert not one._thread.is_alive()
        assert "could not be asked for" in one.trouble
        assert len(server.peers) == 1

    given_time(check, 1.5, 5, 20)
