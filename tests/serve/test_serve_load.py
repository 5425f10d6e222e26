"""Five hundred slow clients beside two thousand scrapes: what these wait for, what it costs, and how it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from probe.net.clock import monotonic
from probe.serve.connections import CLIENT_S
from tests.cli.running import environment
from tests.net.scripted import LEAF, ScriptedServer, starttls, tls_context
from tests.serve.serving import asked, ended, running

pytestmark = pytest.mark.slow

#: Seconds that Prometheus waits for a scrape where nothing is said.
SCRAPE_TIMEOUT_S = 10.0
SLOW, SCRAPES, AT_ONCE = 500, 2000, 20
GET = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
HOSTILE = [
    "/probe?target=" + "%41" * 1000, "/probe?target=%00%0d%0aX:%20y", "/probe?" + "target=a&" * 500,
    "/probe?target=[::",
    "/probe?target=a&module=%ff%fe", "/metrics?" + "x" * 8000, "/%2e%2e/etc/passwd",
]  # fmt: skip


@contextlib.contextmanager
def slow_clients(port: int) -> Iterator[None]:
    """In a process of their own: this one has scrapes to make, and a mail server."""
    command = [sys.executable, "-m", "tests.serve.slow_clients", str(port), str(SLOW)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "all are there\n"
        yield
        said, _ = process.communicate()
    assert int(said) > SLOW / 4, "so many had to come again"


def resident_mib(process: subprocess.Popen[str]) -> float:
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


def scrapes(port: int, numbers: range, paths: list[str]) -> list[tuple[int, float]]:
    """Status and seconds of each of some scrapes on one connection that is kept."""
    found = []
    with closing(HTTPConnection("127.0.0.1", port, timeout=SCRAPE_TIMEOUT_S)) as connection:
        for number in numbers:
            began = monotonic()
            connection.request("GET", paths[number % len(paths)])
            answer = connection.getresponse()
            answer.read()
            found.append((answer.status, monotonic() - began))
    return found


def round_of(port: int, count: int, paths: list[str]) -> list[tuple[int, float]]:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        parts = [
            threads.submit(scrapes, port, range(first, count, AT_ONCE), paths) for first in range(AT_ONCE)
        ]
        return [each for part in parts for each in part.result()]


def until_dropped(half: socket.socket) -> float:
    began = monotonic()
    with contextlib.suppress(ConnectionResetError):
        assert half.recv(1) == b""
    return monotonic() - began


def test_slow_clients_take_nothing_from_scrapes() -> None:
    with (
        ScriptedServer(starttls(tls_context(LEAF)), host="0.0.0.0") as mail,
        running("--allow-any-target", "--allow-private") as server,
    ):
        port = int(server.address.rpartition(":")[2])
        probes = [f"/probe?target=127.60.{number}.1:{mail.port}" for number in range(AT_ONCE)]
        paths = ["/metrics"] * 17 + probes[:3]
        round_of(port, 200, [*probes, "/metrics"])
        before = resident_mib(server.process)
        with slow_clients(port), socket.create_connection(("127.0.0.1", port), 30) as half:
            half.sendall(GET)
            with ThreadPoolExecutor(2) as beside:
                stayed = beside.submit(until_dropped, half)
                hostile = beside.submit(lambda: [asked(server.address, path).status for path in HOSTILE * 10])
                found = round_of(port, SCRAPES, paths)
        assert stayed.result() < 2 * CLIENT_S  # sooner, where its place was needed
        assert {status for status, _ in found} == {200}
        assert len(found) == SCRAPES
        assert max(seconds for _, seconds in found) < SCRAPE_TIMEOUT_S
        assert {status // 100 for status in hostile.result()} <= {2, 4}
        assert resident_mib(server.process) - before < 24
        ended(server.process)


@pytest.fixture
def few_descriptors() -> Iterator[subprocess.Popen[str]]:
    command = f"ulimit -n 48; exec {sys.executable} -m probe serve --port 0 --allow-any-target"
    with subprocess.Popen(
        ["bash", "-c", command], stderr=subprocess.PIPE, text=True, env=environment()
    ) as process:
        yield process
        process.kill()


def test_out_of_descriptors_it_rests(few_descriptors: subprocess.Popen[str]) -> None:
    """Asyncio's own server would try to accept again and again, with a line of log each time."""
    assert few_descriptors.stderr is not None
    address = few_descriptors.stderr.readline().split()[-1].rstrip("/")
    port = int(address.rpartition(":")[2])
    more = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(100)]
    assert asked(address, "/healthz").status == 200  # room was made
    ticks = Path(f"/proc/{few_descriptors.pid}/stat")
    before = sum(map(int, ticks.read_text().split()[13:15]))
    with contextlib.suppress(ConnectionResetError):
        more[-1].recv(1)  # until it is dropped
    assert (sum(map(int, ticks.read_text().split()[13:15])) - before) / os.sysconf("SC_CLK_TCK") < 3
    for each in more:
        each.close()
    few_descriptors.send_signal(signal.SIGTERM)
    assert few_descriptors.communicate(timeout=60)[1] == ""
    assert few_descriptors.returncode == 0
