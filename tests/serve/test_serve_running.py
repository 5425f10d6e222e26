"""`eop-probe serve` as a process: beside a watch, alone, out of room, and when it ends."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from probe.serve.server import GRACE_S
from tests.cli.running import HEALTHY, hold, spawn
from tests.fleet.watch.test_watch_process import listening
from tests.serve.fleets import OnLoopback, leave, on_loopback
from tests.serve.serving import asked, ended, running, serving

SECONDS = "X-Prometheus-Scrape-Timeout-Seconds"


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[OnLoopback]:
    with on_loopback(tmp_path, HEALTHY) as found:
        yield found


def until(address: str, pattern: str) -> str:
    """The metrics once they say so."""
    while not re.search(pattern, text := asked(address, "/metrics").text, re.MULTILINE):
        pass
    return text


def test_a_fleet_is_watched_beside(fleet: OnLoopback) -> None:
    fleet.describe('labels = { customer = "contoso" }', interval="1s")
    with running(*fleet.arguments) as server:
        text = until(server.address, r'^eop_probe_outcome\{target="m0.*,customer="contoso".*\} 0$')
        assert "eop_probe_serve_probes_in_flight 0" in text
        assert re.search(
            r"^eop-probe: [1-9][0-9]* results? recorded in ", ended(server.process), re.MULTILINE
        )


def test_it_is_read_again(fleet: OnLoopback) -> None:
    with running(*fleet.arguments) as server:
        assert asked(server.address, "/probe?target=new.contoso.test").status == 403
        (fleet.folder / "fleet.toml").write_text(
            '[[target]]\nhost = "new.contoso.test"\naddresses = ["127.0.0.1"]\nport = 1'
        )
        server.process.send_signal(signal.SIGHUP)
        assert server.says() == "eop-probe: the description was read again: 1 target\n"
        assert asked(server.address, "/probe?target=new.contoso.test").status == 200
        assert asked(server.address, "/probe?target=m0.contoso.test").status == 403
        ended(server.process)


def test_without_a_watch_it_only_answers(fleet: OnLoopback) -> None:
    fleet.describe(interval="1s")
    with running(*fleet.arguments, "--no-watch") as server:
        assert "there is no history at " in server.says()
        assert "probe_success 1" in asked(server.address, "/probe?target=m0.contoso.test").text
        assert len(fleet.servers[0].peers) == 1
        (fleet.folder / "fleet.toml").write_text("nonsense")
        server.process.send_signal(signal.SIGHUP)
        assert "1 mistake in the description of the fleet" in server.says()
        while server.says() != "what was read before holds\n":
            pass
        assert (
            "\neop_probe_serve_config_last_reload_successful 0.0\n" in asked(server.address, "/metrics").text
        )
        fleet.describe("timeout = 5")
        server.process.send_signal(signal.SIGHUP)
        assert server.says() == "eop-probe: the description was read again\n"
        assert (
            "\neop_probe_serve_config_last_reload_successful 1.0\n" in asked(server.address, "/metrics").text
        )
        ended(server.process)


def test_what_systemd_is_told() -> None:
    def until(word: str) -> None:
        while not listener.recv(1000).decode().startswith(word):
            pass

    with listening() as (listener, name), running(
        "--allow-any-target", NOTIFY_SOCKET=name, WATCHDOG_USEC="400000"
    ) as server:  # fmt: skip
        for word in ("READY=1", "WATCHDOG=1", "WATCHDOG=1"):
            until(word)
        server.process.send_signal(signal.SIGHUP)
        until("RELOADING=1")
        until("READY=1")
        ended(server.process)
        until("STOPPING=1")


def test_past_as_many_probes_as_may_be_there_is_a_503(tmp_path: Path) -> None:
    path = "/probe?target=m0.contoso.test"
    with (
        on_loopback(tmp_path, hold) as fleet,
        serving(*fleet.arguments, "--no-watch", "--max-probes", "1") as server,
        ThreadPoolExecutor(1) as threads,
    ):
        first = threads.submit(asked, server, path, headers={SECONDS: "50"})
        until(server, "^eop_probe_serve_probes_in_flight 1")
        second = asked(server, path)
        assert (second.status, second.headers["retry-after"]) == (503, "1")
        leave(fleet.servers[0])
        assert first.result().status == 200
        until(server, "^eop_probe_serve_probes_refused_total 1")


def test_a_probe_that_nobody_waits_for_is_not_begun(tmp_path: Path) -> None:
    """Its client left while it waited for the only connection there may be."""
    with (
        on_loopback(tmp_path, hold, HEALTHY) as fleet,
        serving(*fleet.arguments, "--no-watch", "--concurrency", "1") as server,
    ):
        host, port = server.removeprefix("http://").split(":")
        with ThreadPoolExecutor(1) as threads:
            first = threads.submit(asked, server, "/probe?target=m0.contoso.test", headers={SECONDS: "50"})
            until(server, "^eop_probe_serve_probes_in_flight 1")
            with socket.create_connection((host, int(port))) as gone:
                gone.sendall(b"GET /probe?target=m1.contoso.test HTTP/1.1\r\nHost: localhost\r\n\r\n")
                until(server, "^eop_probe_serve_probes_in_flight 2")
            until(server, r'^eop_probe_serve_probes_total\{outcome="unknown"\} 1')
            leave(fleet.servers[0])
            assert first.result().status == 200
        until(server, "^eop_probe_serve_probes_in_flight 0")
        assert not fleet.servers[1].peers
        assert asked(server, "/probe?target=m1.contoso.test").status == 200  # the server was there
        assert len(fleet.servers[1].peers) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_end_lets_nobody_wait(tmp_path: Path, number: signal.Signals) -> None:
    with (
        on_loopback(tmp_path, hold, HEALTHY) as fleet,
        running(*fleet.arguments) as server,
        ThreadPoolExecutor(1) as threads,
    ):
        # Its modules are loaded then: on a busy machine that may take longer than an end waits for answers.
        assert asked(server.address, "/probe?target=m1.contoso.test").status == 200
        waiting = threads.submit(
            asked, server.address, "/probe?target=m0.contoso.test", headers={SECONDS: "50"}
        )
        until(server.address, "^eop_probe_serve_probes_in_flight 1")
        server.process.send_signal(number)
        assert "probe_success 0" in waiting.result().text
        _, said = server.process.communicate(timeout=20 * GRACE_S)
        assert (server.process.returncode, "Traceback" in said) == (0, False)


@pytest.mark.slow
def test_an_end_waits_for_no_request_that_stays_half() -> None:
    with running("--allow-any-target") as server:
        host, port = server.address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as half:
            half.sendall(b"GET /healthz HTTP/1.1\r\n")
            server.process.send_signal(signal.SIGTERM)
            server.process.communicate(timeout=20 * GRACE_S)
    assert server.process.returncode == 0


NOISE: list[Callable[[int], bytes]] = [
    lambda _: b"\0" * 2000,
    lambda _: b"GET " + b"/" * 100_000 + b" HTTP/1.1\r\n\r\n",
    lambda _: b"GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    lambda _: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xff" * 500,
    lambda _: b"POST /probe HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    lambda _: b"GET /probe?target=%00%ff HTTP/1.1\r\nHost: a\r\n\r\n" * 50,
]


@pytest.mark.parametrize("make", NOISE)
def test_noise_ends_nothing(own: str, make: Callable[[int], bytes]) -> None:
    host, port = own.removeprefix("http://").split(":")
    dropped = contextlib.suppress(ConnectionError)  # a reset, where not all was read
    with socket.create_connection((host, int(port)), timeout=60) as client, dropped:
        client.sendall(make(0))
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_WR)
        while client.recv(65_536):
            pass
    assert asked(own, "/healthz").status == 200


@pytest.fixture(scope="module")
def own() -> Iterator[str]:
    with serving("--allow-any-target", "--allow-private") as address:
        yield address


def test_a_port_that_is_taken(own: str) -> None:
    port = own.rpartition(":")[2]
    second = spawn("serve", "--allow-any-target", "--port", port)
    assert second.code == 3
    assert second.err.startswith(f"eop-probe: cannot listen on 127.0.0.1 port {port}: ")


def test_any_target_where_that_is_allowed(own: str) -> None:
    answer = asked(own, "/probe?target=127.0.0.1:1&module=from-eop")
    assert re.search(r'^eop_probe_outcome\{target="127\.0\.0\.1:1".*\} 3$', answer.text, re.MULTILINE)
    assert asked(own, "/probe?target=127.0.0.1&module=berlin").status == 400


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_over_ipv6() -> None:
    with running("--allow-any-target", "--host", "::1") as server:
        port = int(server.address.rpartition(":")[2])
        with closing(socket.create_connection(("::1", port), timeout=20)) as client:
            client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            assert b"200 OK" in client.recv(4096)
        ended(server.process)


def test_nothing_that_may_be_probed_is_a_mistake() -> None:
    done = spawn("serve")
    assert (done.code, done.out) == (3, "")
    assert done.err == "eop-probe: nothing may be probed: name a fleet with --config, or --allow-any-target\n"
