"""`eop-probe serve` as a process: what a scraper is answered."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def serving(*arguments: str) -> Iterator[str]:
    """A server of its own on loopback; yields its address, and demands that it ends in order."""
    command = [sys.executable, "-m", "probe", "serve", "--port", "0", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            found = re.search(r"http://\S+:\d+", process.stderr.readline())
            assert found
            yield found[0]
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0, process.stderr.read()
        finally:
            process.kill()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving() as address:
        yield address


def test_that_it_is_well(server: str) -> None:
    with urllib.request.urlopen(f"{server}/healthz") as answer:  # noqa: S310 - loopback
        assert answer.read() == b"ok\n"


def test_a_probe_that_meets_nobody(server: str) -> None:
    with urllib.request.urlopen(f"{server}/probe?target=127.0.0.1:1") as answer:  # noqa: S310 - loopback
        text = answer.read().decode()
    assert re.search(r'^eop_probe_outcome\{target="127\.0\.0\.1:1".*\} 3$', text, re.MULTILINE)


def test_a_question_without_sense(server: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{server}/probe?target=a..b")  # noqa: S310 - loopback
    assert refused.value.code == 400


def test_a_port_that_is_taken(server: str, tmp_path: Path) -> None:
    port = server.rpartition(":")[2]
    command = [sys.executable, "-m", "probe", "serve", "--port", port]
    second = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=30, check=False)
    assert second.returncode == 3
    assert second.stderr.startswith(f"eop-probe: cannot listen on 127.0.0.1 port {port}: ")
