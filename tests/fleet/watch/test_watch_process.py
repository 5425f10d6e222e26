"""``fleet watch`` as a process of its own: signals, a second one, one that is killed, and what systemd is told."""

from __future__ import annotations

import os
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from probe.fleet.selection import Shard
from probe.fleet.watch.keeper import stored
from probe.history.database import Database
from probe.history.due import keep_due
from tests.cli.running import HEALTHY, HOST, Cli, command, environment, spawn
from tests.fleet.watch.watching import START, Watching
from tests.net.scripted import ScriptedServer

pytest_plugins = ("tests.cli.conftest",)
pytestmark = pytest.mark.slow

OVERDUE = int(START) - 60


class Overdue:
    """A fleet of one target whose turn it is, once an hour."""

    def __init__(
        self, folder: Path, store: str, server: ScriptedServer, interval: str = "1h", **keys: str
    ) -> None:
        self.server = server
        target = {"host": HOST, "addresses": ["127.0.0.1"], "port": server.port, "interval": interval}
        self.watching = Watching(folder, [target], store, **keys)
        [self.key] = self.watching.described().entries
        self.arguments = (
            "fleet", "watch", str(folder / "fleet.toml"), "--history", self.watching.history, "--stand-in", store,
        )  # fmt: skip
        self.state = {"XDG_STATE_HOME": str(folder)}
        self.set_due(OVERDUE)

    def set_due(self, at: int) -> None:
        database = Database(self.watching.history)
        database.run(lambda c: keep_due(c, "", {self.key: at}, START), write=True)
        database.close()

    def due(self) -> int:
        database = Database(self.watching.history)
        found = stored(database, "").due[self.key]
        database.close()
        return found

    @contextmanager
    def running(self, **environ: str) -> Iterator[subprocess.Popen[str]]:
        """A watch; its first look, where it makes one, is its first line."""
        with subprocess.Popen(
            command(*self.arguments),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(**self.state, **environ),
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def second(self) -> Any:  # noqa: ANN401 - how it ended
        return spawn(*self.arguments, **self.state)


@pytest.fixture
def overdue(tmp_path: Path, cli: Cli) -> Iterator[Overdue]:
    with ScriptedServer(HEALTHY) as server:
        yield Overdue(tmp_path, cli.store, server)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(overdue: Overdue, number: signal.Signals) -> None:
    with overdue.running() as process:
        assert f"ACCEPTED  {HOST} 127.0.0.1:{overdue.server.port}: until " in first_line(process)
        process.send_signal(number)
        rest, said = process.communicate(timeout=60)
    assert (process.returncode, rest) == (0, "")
    assert said == f"eop-probe: 1 result recorded in {overdue.watching.history}\n"
    assert [span.looks for span in overdue.watching.spans()] == [1]
    assert overdue.due() > START


def test_a_second_one_says_so_and_one_that_is_killed_blocks_nobody(overdue: Overdue) -> None:
    with overdue.running() as process:
        first_line(process)
        second = overdue.second()
        process.send_signal(signal.SIGKILL)
    assert (second.code, second.out) == (3, "")
    assert "eop-probe: another fleet watch has the history " in second.err
    overdue.set_due(OVERDUE)
    with overdue.running() as process:
        while overdue.due() == OVERDUE:
            pass
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_due_times_survive_a_kill(overdue: Overdue) -> None:
    with overdue.running(WATCHDOG_USEC="200000") as process:
        first_line(process)
        while overdue.due() == OVERDUE:  # within moments: what is settled is written at the next turn
            pass
        process.send_signal(signal.SIGKILL)
    due = overdue.due()
    with listening() as (listener, name), overdue.running(NOTIFY_SOCKET=name) as process:
        while b"STATUS=1 target: 1 not looked at yet; the next in " not in listener.recv(1000):
            pass
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=60)
    assert (out, overdue.due(), len(overdue.server.peers)) == ("", due, 1)


@contextmanager
def listening() -> Iterator[tuple[socket.socket, str]]:
    """A socket as systemd's."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("")  # Linux gives it an abstract name
        listener.settimeout(60)
        yield listener, "@" + listener.getsockname()[1:].decode()


def test_what_systemd_is_told(overdue: Overdue) -> None:
    def until(word: str) -> list[str]:
        found = []
        while not found or not found[-1].startswith(word):
            found.append(listener.recv(1000).decode())
        return found

    with listening() as (listener, name), overdue.running(
        NOTIFY_SOCKET=name, WATCHDOG_USEC="400000"
    ) as process:  # fmt: skip
        until("READY=1")
        for _ in range(3):
            until("WATCHDOG=1")
        process.send_signal(signal.SIGHUP)
        assert "\nMONOTONIC_USEC=" in until("RELOADING=1")[-1]
        until("READY=1")
        until("STATUS=1 target: 1 accepted; the next in ")
        process.send_signal(signal.SIGTERM)
        until("STOPPING=1")
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "eop-probe: the description was read again: 1 target\n" in said


def test_an_empty_share_is_watched_until_targets_come(overdue: Overdue) -> None:
    port = overdue.server.port
    other = 3 - Shard(1, 2).number_of(overdue.watching.described().entries[overdue.key].target.text)
    shard = Shard(other, 2)
    host = next(f"{n}.contoso.com" for n in range(100) if shard.number_of(f"{n}.contoso.com:{port}") == other)
    overdue.arguments += ("--shard", f"{other}/2")
    with listening() as (listener, name), overdue.running(NOTIFY_SOCKET=name) as process:
        while listener.recv(1000) != b"STATUS=0 targets":
            pass
        overdue.watching.describe([{"host": host, "addresses": ["127.0.0.1"], "port": port}])
        process.send_signal(signal.SIGHUP)
        while b"STATUS=1 target: " not in listener.recv(1000):
            pass
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "eop-probe: the description was read again: 1 target\n" in said


def test_how_it_stands_is_shown_on_a_terminal_alone(overdue: Overdue) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command(*overdue.arguments),
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=environment(**overdue.state),
    ) as process:
        os.close(theirs)
        shown = b""
        while b"\reop-probe: 1 target: 1 accepted; the next in " not in shown:
            shown += os.read(ours, 1000)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
    os.close(ours)
    assert said.count(b"\n") == 1
    assert b"\r" not in said


def test_it_reads_files_only(overdue: Overdue) -> None:
    ran = spawn("fleet", "watch", "-", "--history", overdue.watching.history, **overdue.state)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.endswith("a watch reads its targets from files, not from standard input\n")


def test_without_the_extra_one_sentence_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "fleet.toml").write_text(f'[[target]]\nhost = "{HOST}"\n')
    program = """
import sys
sys.modules["sqlalchemy"] = None
sys.argv[1:] = ["fleet", "watch", "--history", "history.sqlite"]
from probe.__main__ import main
main()
"""
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (3, "", 1)
    assert "pip install 'eop-probe[history]'" in ran.stderr
