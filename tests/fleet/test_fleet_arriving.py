"""Targets that come on standard input one by one: what is done is told before the next comes, and signals end it."""

from __future__ import annotations

import io
import json
import select
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import repeat
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from probe.check.run import Later
from probe.errors import StoreError
from probe.fleet.arriving import MAX_AHEAD, Arriving
from probe.fleet.entries import Entry, Judges
from probe.fleet.source import Fleet
from probe.history.database import Database
from probe.history.read import spans
from tests.cli.running import HEALTHY, Cli, command, environment
from tests.fleet.clusters import cluster
from tests.fleet.test_fleet_run import servers

pytest_plugins = ("tests.cli.conftest",)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process started now has SIGINT's usual action, also where this one is a background job."""
    monkeypatch.chdir(tmp_path)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Running:
    """A run whose targets come from here."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def give(self, target: dict[str, Any], end: str = "\n") -> None:
        assert self.process.stdin is not None
        self.process.stdin.write((json.dumps(target) + end).encode())
        self.process.stdin.flush()

    def result(self) -> dict[str, Any]:
        """The next result; fails where none is told while nothing more comes."""
        assert self.process.stdout is not None
        assert select.select([self.process.stdout], [], [], 60)[0], "nothing is told"
        line: dict[str, Any] = json.loads(self.process.stdout.readline())
        return line

    def end(self) -> tuple[bytes, str]:
        out, said = self.process.communicate(timeout=60)
        return out, said.decode()


@contextmanager
def running(store: Path, engine: str) -> Iterator[Running]:
    words = ["fleet", "run", "-", "--format", "jsonl", "--stand-in", str(store), "--engine", engine]
    with ExitStack() as stack:
        if engine == "dask":
            words += ["--scheduler", stack.enter_context(cluster(1)).scheduler_address]
        process = stack.enter_context(
            subprocess.Popen(
                command(*words, "--record", "--history", "h.sqlite"), env=environment(), bufsize=0,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
        )  # fmt: skip
        stack.callback(process.kill)
        yield Running(process)


def looks() -> int:
    database = Database("h.sqlite")
    found = database.run(lambda connection: sum(span.looks for span in spans(connection)))
    database.close()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", "dask"])
def test_each_is_told_before_the_next_comes(store: Path, engine: str) -> None:
    with servers(HEALTHY, HEALTHY) as targets, running(store, engine) as run:
        for one in targets:
            run.give(one)
            assert run.result()["address"] == one["addresses"][0]
        out, said = run.end()
    assert (run.process.returncode, out) == (0, b"")
    assert said.endswith("eop-probe: 2 results recorded in h.sqlite\n")
    assert looks() == 2


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", "dask"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_nothing_comes(store: Path, engine: str, number: signal.Signals) -> None:
    with servers(HEALTHY) as targets, running(store, engine) as run:
        run.give(targets[0])
        assert run.result()["outcome"] == "accepted"
        run.give({"host": "half"}, end="")  # what is no whole line yet is no mistake
        run.process.send_signal(number)
        # Standard input stays open.
        assert run.process.wait(60) == 3
        out, said = run.end()
    assert out == b""
    assert "eop-probe: interrupted: 1 targets are done\n" in said
    assert "standard input" not in said
    assert looks() == 1


@contextmanager
def standard_input(monkeypatch: pytest.MonkeyPatch, data: bytes) -> Iterator[None]:
    """A pipe that holds these bytes and ends; its writer is another process, as there may be many."""
    Path("given").write_bytes(data)
    with (
        subprocess.Popen(["cat", "given"], stdout=subprocess.PIPE) as writer,
        io.TextIOWrapper(writer.stdout or io.BytesIO()) as reader,
    ):
        monkeypatch.setattr("sys.stdin", reader)
        yield


def test_more_than_are_read_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"h{number}.test" for number in range(10 * MAX_AHEAD)]
    with standard_input(monkeypatch, "\n".join(names).encode()):
        fleet = Fleet("-", Judges(lambda _: tuple))
        with Arriving(fleet.entries) as arriving:
            found = [one.target.host for one in arriving if not isinstance(one, Later)]
    assert found == names


def test_no_more_are_read_ahead_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    full, beyond = threading.Event(), threading.Event()
    [some] = Fleet("-", Judges(lambda _: tuple)).entries(io.BytesIO(b"a.test\n"))

    def entries(_: BinaryIO) -> Iterator[Entry]:
        yield from repeat(some, MAX_AHEAD)
        full.set()
        yield some  # in its hand
        beyond.set()
        yield some

    with standard_input(monkeypatch, b""), Arriving(entries) as arriving:
        assert full.wait(60)
        assert not beyond.wait(0.3), "nobody asked for one yet"
        assert next(iter(arriving)) is some
        assert beyond.wait(60), "the control: there is room for another"


def test_who_wants_no_more_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    with standard_input(monkeypatch, b"a.test\n" * 10 * MAX_AHEAD):
        fleet = Fleet("-", Judges(lambda _: tuple))
        with Arriving(fleet.entries) as arriving:
            assert next(iter(arriving)) is not None
    assert fleet.mistakes.count == 0


def test_what_ends_the_reading_is_raised_by_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(file: BinaryIO) -> Iterator[Entry]:
        yield from Fleet("-", Judges(lambda _: tuple)).entries(file)
        raise StoreError("no more lists")

    with (
        standard_input(monkeypatch, b"a.test\n"),
        Arriving(read) as arriving,
        pytest.raises(StoreError, match="no more lists"),
    ):
        deque(arriving, maxlen=0)


def test_a_mistake_of_a_line_is_told_at_the_end(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    with servers(HEALTHY) as targets, standard_input(
        monkeypatch, json.dumps(targets[0]).encode() + b'\n{"host": "a.test", "stores": ["none.pem"]}\n'
    ):  # fmt: skip
        ran = cli("fleet", "run", "-", "--format", "jsonl", "--stand-in", cli.store)
    assert (ran.code, ran.out.count("\n"), ran.err.count("\n")) == (3, 1, 1)
    assert "none.pem" in ran.err


NOT_WAITED_FOR = """
import select, sys

def refuse(*_):
    raise OSError("what Windows says of all but sockets")

select.select = refuse
from probe.fleet.arriving import Arriving
with Arriving(iter) as arriving:
    print(type(next(iter(arriving))).__name__)
sys.exit(3)
"""


def test_who_reads_while_the_process_ends_does_not_abort_it() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", NOT_WAITED_FOR],
        env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.wait(60) == 3
        assert process.communicate() == ("Later\n", "")


@pytest.mark.parametrize("word", ["run", "check-config"])
def test_a_standard_input_that_is_closed(word: str) -> None:
    ran = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *command("fleet", word, "-")],
        env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (3, "")
    assert ran.stderr.endswith("\n  -: There is no standard input to read from.\n")
