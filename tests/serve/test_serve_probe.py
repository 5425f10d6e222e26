"""`eop-probe serve`: what a scraper is answered."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.serve.server import GRACE_S
from tests.serve.serving import asked, serving


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving() as address:
        yield address


def test_that_it_is_well(server: str) -> None:
    assert asked(server, "/healthz")[:2] == (200, "ok\n")


def test_a_probe_that_meets_nobody(server: str) -> None:
    text = asked(server, "/probe?target=127.0.0.1:1").text
    assert re.search(r'^eop_probe_outcome\{target="127\.0\.0\.1:1".*\} 3$', text, re.MULTILINE)


def test_a_question_without_sense(server: str) -> None:
    assert asked(server, "/probe?target=a..b").status == 400


def test_a_port_that_is_taken(server: str, tmp_path: Path) -> None:
    port = server.rpartition(":")[2]
    command = [sys.executable, "-m", "probe", "serve", "--port", port]
    second = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=30, check=False)
    assert second.returncode == 3
    assert second.stderr.startswith(f"eop-probe: cannot listen on 127.0.0.1 port {port}: ")


@pytest.mark.slow
def test_an_end_waits_for_no_request_that_stays_half() -> None:
    with serving() as address:
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as half:
            half.sendall(b"GET /healthz HTTP/1.1\r\n")
            began = time.monotonic()
    assert time.monotonic() - began < 3 * GRACE_S
