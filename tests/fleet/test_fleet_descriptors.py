"""Where the system allows few files: a run goes on at what there is, says so once, and loses nothing."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from probe.check.pace import OTHER_FILES, too_few_files
from tests.cli.running import HEALTHY, command, environment, unmeasured
from tests.fleet.clusters import parts
from tests.fleet.test_fleet_dask import many
from tests.fleet.test_fleet_run import written
from tests.net.scripted import Peer, ScriptedServer

pytest_plugins = ("tests.cli.conftest",)
pytestmark = pytest.mark.slow

FEW = 48
#: Connections that the server wants to see together before it speaks.
TOGETHER = 4
SAID = "connections at once at most, not 100: this process may open too few files; `ulimit -n 164` allows them all"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class Gathered:
    """A server that says nothing before so many came together."""

    def __init__(self) -> None:
        self._barrier = threading.Barrier(TOGETHER)

    def __call__(self, peer: Peer) -> None:
        self._barrier.wait(60)
        HEALTHY(peer)


def outcomes(out: str) -> Counter[str]:
    return Counter(json.loads(line)["outcome"] for line in out.splitlines())


def words(server: ScriptedServer, store: Path) -> list[str]:
    """A run of forty targets at a server."""
    targets = written(many(40, server.port))
    return command("fleet", "run", targets, "--stand-in", str(store), "--format", "jsonl")


def test_a_run(store: Path) -> None:
    with ScriptedServer(Gathered(), host="0.0.0.0") as server:
        ran = subprocess.run(
            ["prlimit", f"--nofile={FEW}:{FEW}", *words(server, store)],
            env=unmeasured(), capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert outcomes(ran.stdout) == {"accepted": 40}
    assert (ran.returncode, ran.stderr.count("\n")) == (0, 1)
    assert SAID in ran.stderr


def test_a_worker(store: Path, tmp_path: Path) -> None:
    with ScriptedServer(Gathered(), host="0.0.0.0") as server, parts(tmp_path, {}) as (at, [worker]):
        resource.prlimit(worker.process.pid, resource.RLIMIT_NOFILE, (FEW, FEW))
        ran = subprocess.run(
            [*words(server, store), "--engine", "dask", "--scheduler", at],
            env=environment(), capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert outcomes(ran.stdout) == {"accepted": 40}
    assert ran.returncode == 0
    [said] = [line for line in ran.stderr.splitlines() if SAID in line]
    assert said.startswith("eop-probe: the worker tcp://127.0.0.1:")


HOG = """
import asyncio, os, sys
from probe.check.engine import Engine
from probe.check.options import CheckOptions
from probe.check.pace import Pace
from probe.check.run import Job, run_jobs
from probe.net.target import parse_target

port = int(sys.argv[1])
options = CheckOptions(stores=tuple)
jobs = [Job(n, parse_target(f"h.test:{port}"), options, (f"127.9.{n}.1",)) for n in range(40)]
hogged = []


def given():
    # From the third job on others have all but two descriptors. (uvloop would take these, each time it is run.)
    yield from jobs[:2]
    try:
        while True:
            hogged.append(os.dup(1))
    except OSError:
        for one in hogged[:2]:
            os.close(one)
    yield from jobs[2:]


first = jobs.pop()
list(run_jobs([first, first]))  # what is imported late is there afterwards
for done in Engine(given(), Pace(12), asyncio.SelectorEventLoop()).run():
    print(done.assessment.error)
"""


def test_what_others_of_the_process_take() -> None:
    """Two connections have descriptors, ten more would like one, and there are two."""
    with ScriptedServer(HEALTHY, host="0.0.0.0") as server:
        ran = subprocess.run(
            ["prlimit", "--nofile=64:64", sys.executable, "-c", HOG, str(server.port)],
            env=unmeasured(), capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert (ran.stderr, Counter(ran.stdout.splitlines())) == ("", {"None": 39})


NONE_LEFT = """
import asyncio, os
from probe.check.engine import Engine
from probe.check.options import CheckOptions
from probe.check.pace import DEFAULT_PACE
from probe.check.run import Job, run_jobs
from probe.net.target import parse_target

options = CheckOptions(stores=tuple, timeout_s=0.6)
first, *jobs = [Job(n, parse_target(f"127.0.0.{n}:2"), options) for n in range(1, 5)]
list(run_jobs([first, first]))  # what is imported late is there afterwards


def given():
    try:
        while True:
            os.dup(1)
    except OSError:
        yield from jobs


for done in Engine(given(), DEFAULT_PACE, asyncio.SelectorEventLoop()).run():
    print(done.assessment.error.message)
"""


def test_where_none_is_left_and_nobody_has_one_each_says_so() -> None:
    ran = subprocess.run(
        ["prlimit", "--nofile=64:64", sys.executable, "-c", NONE_LEFT],
        env=unmeasured(), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (ran.stderr, ran.stdout.count("Too many open files"), ran.stdout.count("\n")) == ("", 3, 3)


def test_nothing_is_said_where_there_are_enough() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (10 + OTHER_FILES, hard))
        assert too_few_files(10) == ""
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
