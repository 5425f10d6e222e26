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

#: Seconds for one answer.
PATIENCE = 60


class Answer(NamedTuple):
    status: int
    text: str
    headers: dict[str, str]


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


def asked(address: str, path: str, method: str = "GET", headers: dict[str, str] | None = None) -> Answer:
    """What a server answers to one request."""
    host, _, port = address.removeprefix("http://").rpartition(":")
    with closing(HTTPConnection(host, int(port), timeout=PATIENCE)) as connection:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        return Answer(answer.status, answer.read().decode(), {k.lower(): v for k, v in answer.getheaders()})
