"""What a watch tells systemd, at a real socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from uuid import uuid4

import pytest

from probe.fleet.watch.systemd import Systemd


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A socket as systemd's, and what NOTIFY_SOCKET says of it."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@{uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(name.replace("@", "\0", 1))
        listener.settimeout(30)
        yield listener, name


def test_every_message(manager: tuple[socket.socket, str]) -> None:
    listener, name = manager
    systemd = Systemd({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())})
    before = monotonic()
    for tell in (systemd.ready, systemd.alive, systemd.reloading, systemd.stopping):
        tell()
    systemd.status("3 targets")
    said = [listener.recv(1000).decode() for _ in range(5)]
    reloading, clock = said.pop(2).split("\nMONOTONIC_USEC=")
    assert (said, reloading) == (["READY=1", "WATCHDOG=1", "STOPPING=1", "STATUS=3 targets"], "RELOADING=1")
    assert before <= int(clock) / 1e6 <= monotonic()
    assert systemd.watchdog_s == 3


@pytest.mark.parametrize(
    "environment", [{}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "9", "WATCHDOG_PID": "1"}]
)  # fmt: skip
def test_where_no_sign_of_life_is_wanted(
    manager: tuple[socket.socket, str], environment: dict[str, str]
) -> None:
    listener, name = manager
    systemd = Systemd({"NOTIFY_SOCKET": name, **environment})
    systemd.alive()
    systemd.ready()
    assert listener.recv(1000) == b"READY=1"


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "/nonexistent/notify"}])
def test_where_nobody_listens_nothing_happens(environment: dict[str, str]) -> None:
    Systemd(environment).ready()
