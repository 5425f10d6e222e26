"""`eop-probe serve` as a process of its own, and what it answers."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from typing import NamedTuple

from tests.cli.running import environment

#: Seconds for one answer.
PATIENCE = 60


class Answer(NamedTuple):
    status: int
    text: str
    headers: dict[str, str]


class Running(NamedTuple):
    address: str
    process: subprocess.Popen[str]

    def says(self) -> str:
        """The next line of its standard error."""
        assert self.process.stderr is not None
        return self.process.stderr.readline()


@contextmanager
def running(*arguments: str, **environ: str) -> Iterator[Running]:
    """A server of its own on loopback."""
    command = [sys.executable, "-m", "probe", "serve", "--port", "0", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(**environ)
    ) as process:
        try:
            assert process.stderr is not None
            said = process.stderr.readline()
            found = re.search(r"https?://\S+:\d+", said)
            assert found, said
            yield Running(found[0], process)
        finally:
            process.kill()


@contextmanager
def serving(*arguments: str) -> Iterator[str]:
    """The same; yields its address, and demands that it ends in order."""
    with running(*arguments) as server:
        yield server.address
        ended(server.process)


def ended(process: subprocess.Popen[str]) -> str:
    """What it had to say beside the address it listens on, once it has ended in order."""
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    return said


def asked(
    address: str, path: str, method: str = "GET", headers: dict[str, str] | None = None, body: str = ""
) -> Answer:
    """What a server answers to one request."""
    host, _, port = address.removeprefix("http://").rpartition(":")
    with closing(HTTPConnection(host, int(port), timeout=PATIENCE)) as connection:
        connection.request(method, path, body or None, headers or {})
        answer = connection.getresponse()
        return Answer(answer.status, answer.read().decode(), {k.lower(): v for k, v in answer.getheaders()})
