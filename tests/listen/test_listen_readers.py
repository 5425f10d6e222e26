"""Readers of what ``listen`` writes: one that has gone never ends it, one that does not read never stalls it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from probe.cli.listen.outlet import MAX_WAITING_BYTES, Outlet
from tests.listen.senders import PATIENCE_S, SELF_SIGNED, UNTRUSTED, Listening, deliver

ROOT = Path(__file__).parents[2]
PIPE_BYTES = 4096
KNOCKS = 80
"""Sessions whose log lines are more than the pipe holds."""


class Running:
    """The command in a process of its own, its two streams in pipes that hold little."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        assert process.stderr is not None
        self.out: IO[str] = process.stdout
        self.err: IO[str] = process.stderr
        for stream in (self.out, self.err):
            fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self.port = int(self.err.readline().partition(" as ")[0].rpartition(":")[2])

    def knock(self) -> None:
        """A connection that hears the greeting and leaves."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_S) as caller:
            assert caller.recv(1000).startswith(b"220 ")

    def end(self) -> int:
        """Ask it to end; its code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


@pytest.fixture
def running(listening: Listening) -> Iterator[Running]:
    arguments = (
        "--port",
        "0",
        "--format",
        "jsonl",
        "--certificate",
        str(listening.own),
        "--store",
        "microsoft",
    )
    with subprocess.Popen(
        [sys.executable, "-m", "probe", "listen", *arguments, "--stand-in", str(listening.root)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            yield Running(process)
        finally:
            process.kill()


@pytest.mark.slow
def test_a_reader_that_has_gone_never_ends_it(running: Running) -> None:
    running.out.close()
    for _ in range(3):
        assert deliver(running.port, SELF_SIGNED) == UNTRUSTED
    assert running.end() == 2
    assert running.err.read().splitlines()[-1] == (
        "eop-probe: 3 reports lost: nobody read what was written before"
    )


@pytest.mark.slow
def test_the_reader_of_its_log_has_gone(running: Running) -> None:
    running.err.close()
    for _ in range(2):
        assert deliver(running.port, SELF_SIGNED) == UNTRUSTED
    running.process.send_signal(signal.SIGTERM)
    assert running.out.read().count("\n") == 2
    assert running.process.wait(PATIENCE_S) == 2


@pytest.mark.slow
def test_readers_that_do_not_read_never_stall_it(running: Running) -> None:
    for _ in range(KNOCKS):
        running.knock()
    for _ in range(2):
        assert deliver(running.port, SELF_SIGNED) == UNTRUSTED
    assert running.end() == 2


def test_a_reader_that_reads_again_is_told_what_it_missed() -> None:
    reader, writer = os.pipe()
    failures: list[OSError] = []

    def write(data: bytes) -> None:
        while data:
            data = data[os.write(writer, data) :]

    outlet = Outlet(write, failures.append)
    text = b"x" * (MAX_WAITING_BYTES // 4 - 1) + b"\n"
    assert [outlet.put(text) for _ in range(10)] == [0] * 10
    read = []
    # What is read to the end of the fourth is taken off what waits; then there is room again.
    with os.fdopen(reader, "rb") as lines:
        read += [lines.readline() for _ in range(4)]
        heard = threading.Thread(target=lambda: read.extend(lines))
        heard.start()
        while not (lost := outlet.put(b"again\n", lambda number: b"%d lost\n" % number)):
            assert len(read) < 10
        assert outlet.close(lambda number: b"%d lost\n" % number) == 0
        os.close(writer)
        heard.join(PATIENCE_S)
    assert lost >= 6
    assert (read[:4], read[4:]) == ([text] * 4, [b"%d lost\n" % lost, b"again\n"])
    assert not failures


def test_what_was_lost_last_is_told_at_the_end() -> None:
    free = threading.Event()
    written: list[bytes] = []

    def write(data: bytes) -> None:
        assert free.wait(PATIENCE_S)
        written.append(data)

    outlet = Outlet(write, lambda _: None)
    for _ in range(3):
        outlet.put(b"x" * (MAX_WAITING_BYTES // 2))
    free.set()
    assert outlet.close(lambda number: b"%d lost" % number) == 0
    assert written[2:] == [b"1 lost"]


def test_what_waits_at_the_end_for_nobody_is_counted() -> None:
    never = threading.Event()

    def write(_: bytes) -> None:
        never.wait()

    outlet = Outlet(write, lambda _: None)
    for _ in range(5):
        outlet.put(b"line\n")
    assert outlet.close() == 5
    never.set()


def test_the_old_file_stays_until_there_is_a_new_one(listening: Listening) -> None:
    file = listening.folder / "sessions.jsonl"
    file.write_text("old\n")
    taken = socket.create_server(("127.0.0.1", 0))
    with taken:
        port = str(taken.getsockname()[1])
        assert listening.run("--port", port, "--format", "jsonl", "--output", str(file)) == 3
    assert file.read_text() == "old\n"

    def sender(port: int) -> None:
        for _ in range(2):
            deliver(port, SELF_SIGNED)
        os.kill(os.getpid(), signal.SIGTERM)

    ended = listening(sender, "--format", "jsonl", "--output", str(file))
    assert (ended.code, file.read_text().count("\n"), "old" in file.read_text()) == (2, 2, False)
    assert listening.run("--port", "0", "--format", "jsonl", "--output", str(file), "--timeout", "0.1") == 3
    assert file.read_text() == ""


def test_no_standard_output(listening: Listening) -> None:
    def sender(port: int) -> None:
        with contextlib.suppress(OSError):
            deliver(port, SELF_SIGNED)

    with pytest.MonkeyPatch.context() as patch:  # the fixture's would come back after that of standard output
        patch.setattr(sys, "stdout", None)
        ended = listening(sender, "--format", "jsonl")
    assert ended.code == 3
    assert ended.err.splitlines()[-1] == "eop-probe: cannot write to standard output: Bad file descriptor"
