"""``fleet run --engine dask`` on workers that are processes of their own: killed, halted, of other versions, broken."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import dask.config
import pytest

from probe.history.database import Database
from probe.history.read import spans
from tests.cli.running import HOST, Cli, hold
from tests.fleet.clusters import Counted, address, parts
from tests.fleet.test_fleet_dask import many, run
from tests.fleet.test_fleet_interrupted import started
from tests.fleet.test_fleet_run import written
from tests.net.scripted import ScriptedServer

pytest_plugins = ("tests.cli.conftest",)
pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process started now has SIGINT's usual action, also where this one is a background job."""
    monkeypatch.chdir(tmp_path)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_worker_that_is_killed(store: Path, tmp_path: Path) -> None:
    counted = Counted(100)
    with ScriptedServer(counted, host="0.0.0.0") as server, parts(tmp_path, {}, {}) as (at, workers):
        words = (
            "fleet",
            "run",
            written(many(300, server.port)),
            "--stand-in",
            str(store),
            "--format",
            "jsonl",
        )
        more = (
            "--concurrency",
            "10",
            "--record",
            "--history",
            "h.sqlite",
            "--engine",
            "dask",
            "--scheduler",
            at,
        )
        with started(*words, *more) as process:
            assert counted.reached.wait(60)
            workers[0].process.kill()
            out, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert " is gone" in said
    done = Counter(json.loads(line)["address"] for line in out.splitlines())
    assert done == dict.fromkeys(map(address, range(300)), 1)
    database = Database("h.sqlite")
    kept = database.run(lambda connection: list(spans(connection)))
    database.close()
    assert Counter(span.endpoint.address for span in kept) == done
    assert {span.looks for span in kept} == {1}
    again = [one for one, looks in Counter(one for _, one in counted.looks).items() if looks > 1]
    assert len(again) <= 110


def left() -> dict[str, object]:
    """What a process has only one of."""
    logs = (logging.root, *logging.root.manager.loggerDict.values())
    return {
        "signals": [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)],
        "garbage": (gc.get_threshold(), len(gc.callbacks)),
        "warnings": (list(warnings.filters), warnings.showwarning),
        "logging": logging.root.manager.disable,
        "logs": [
            (one.level, one.handlers[:]) for one in logs if isinstance(one, logging.Logger) and one.level
        ],
        "loops": (asyncio.get_event_loop_policy(), asyncio._get_running_loop()),
        "Dask's configuration": json.dumps(dask.config.config, default=str),
        "hooks": (sys.excepthook, threading.excepthook),
        "environment": dict(os.environ),
    }


def test_nothing_of_a_run_is_left_in_its_process(cli: Cli, tmp_path: Path) -> None:
    with ScriptedServer(Counted(), host="0.0.0.0") as server, parts(tmp_path, {}) as (at, _):
        before, threads = left(), set(threading.enumerate())
        for scheduler, code in ((at, 0), ("tcp://127.0.0.1:1", 3)):
            assert run(cli, scheduler, many(5, server.port)).code == code
            assert left() == before
        for each in set(threading.enumerate()) - threads:
            each.join(20)
            assert not each.is_alive(), each.name


def test_ctrl_c_while_a_worker_hangs(store: Path, tmp_path: Path) -> None:
    """What the other one has done is reported; the one that hangs is waited for so long."""
    counted = Counted(20)
    with (
        ScriptedServer(counted, host="0.0.0.0") as server,
        ScriptedServer(hold) as silent,
        parts(tmp_path, {}, {}) as (at, workers),
    ):
        held = {"host": HOST, "addresses": ["127.0.0.1"], "port": silent.port}
        file = written([*many(20, server.port), held])
        words = ("fleet", "run", file, "--stand-in", str(store), "--format", "jsonl")
        with started(*words, "--engine", "dask", "--scheduler", at) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(20)]
            os.kill(workers[0].process.pid, signal.SIGSTOP)
            process.send_signal(signal.SIGINT)
            began = monotonic()
            out, said = process.communicate(timeout=60)
    assert monotonic() - began < 60
    assert (process.returncode, out) == (3, "")
    assert said.endswith("eop-probe: interrupted: 20 of 21 targets are done\n")
    assert len(lines) == len(set(lines)) == 20


def test_a_worker_of_another_version_is_refused(cli: Cli, tmp_path: Path) -> None:
    other = tmp_path / "other/eop_probe-9.9.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: eop-probe\nVersion: 9.9\n")
    with parts(tmp_path, {"PYTHONPATH": str(other.parent)}) as (at, _):
        ran = run(cli, at, [{"host": HOST}])
    assert (ran.code, ran.out) == (3, "")
    [said] = [line for line in ran.err.splitlines() if "9.9" in line]
    assert said.startswith("eop-probe: the worker tcp://127.0.0.1:")
    assert " has eop-probe 9.9; this machine has eop-probe " in said


def test_a_worker_that_hangs_from_the_start(cli: Cli, tmp_path: Path) -> None:
    """It is not waited for: the other one does all."""
    with ScriptedServer(Counted(), host="0.0.0.0") as server, parts(tmp_path, {}, {}) as (at, workers):
        os.kill(workers[0].process.pid, signal.SIGSTOP)
        ran = run(cli, at, many(30, server.port))
    assert ran.code == 0
    assert len(ran.out.splitlines()) == 30


def test_a_worker_that_hangs_in_the_middle(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it had under way goes elsewhere before Dask gives it up, which takes five minutes."""
    monkeypatch.setattr("probe.fleet.dask.run.SILENT_S", 3.0)
    counted = Counted(100)
    with ScriptedServer(counted, host="0.0.0.0") as server, parts(tmp_path, {}, {}) as (at, workers):

        def hang() -> None:
            assert counted.reached.wait(60)
            os.kill(workers[0].process.pid, signal.SIGSTOP)

        hanging = threading.Thread(target=hang)
        hanging.start()
        ran = run(cli, at, many(300, server.port), "--concurrency", "10")
        hanging.join()
    assert ran.code == 0
    assert " has not answered for 3 seconds; " in ran.err
    done = Counter(json.loads(line)["address"] for line in ran.out.splitlines())
    assert done == dict.fromkeys(map(address, range(300)), 1)


def test_a_worker_that_fails_is_given_up(cli: Cli, tmp_path: Path) -> None:
    """Of two, one whose installation is broken: the other one does all."""
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "uvloop.py").write_text("raise RuntimeError('no such loop')")
    with ScriptedServer(Counted(), host="0.0.0.0") as server, parts(
        tmp_path, {"PYTHONPATH": str(broken)}, {}
    ) as (at, _):  # fmt: skip
        ran = run(cli, at, many(30, server.port))
    assert ran.code == 0
    assert len(ran.out.splitlines()) == 30
    assert "cannot be used: no such loop" in ran.err
