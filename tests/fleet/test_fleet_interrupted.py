"""``fleet run`` and ``check`` of many that are cut short: in order, whatever they are at, and said in each format."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from tests.cli.running import HEALTHY, HOST, SELF, Cli, command, environment, hold
from tests.fleet.test_fleet_run import servers, written
from tests.net.scripted import Peer, ScriptedServer

pytest_plugins = ("tests.cli.conftest",)
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("_interruptible")]


@pytest.fixture
def _interruptible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process started now has SIGINT's usual action, also where this one is a background job."""
    monkeypatch.chdir(tmp_path)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def started(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*words), text=True, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", [1, 9, 23, 40])
def test_in_the_middle_of_handshakes(number: signal.Signals, moment: int) -> None:
    with (
        servers(*[SELF] * 60, *[hold] * 4) as targets,
        started("fleet", "run", written(targets), "--format", "jsonl") as process,
    ):
        assert process.stdout is not None
        assert process.stderr is not None
        lines = [process.stdout.readline() for _ in range(moment)]
        process.send_signal(number)
        began = monotonic()
        rest, said = process.stdout.read(), process.stderr.read()
        process.wait(60)
    assert monotonic() - began < 25  # those that hold have half a minute
    done = [json.loads(line)["outcome"] for line in (*lines, *rest.splitlines())]
    assert done == ["rejected"] * len(done)
    assert process.returncode == 2
    assert said == f"eop-probe: interrupted: {len(done)} of 64 targets are done\n"


def test_a_pipe_of_targets_that_says_nothing_more() -> None:
    with half_done() as (targets, heard), subprocess.Popen(
        command("fleet", "run", "-", "--format", "jsonl"), text=True, env=environment(),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        for one in targets[1:] * 2:
            process.stdin.write(json.dumps(one) + "\n")
        process.stdin.flush()
        os.read(heard, 1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_a_run_whose_output_nobody_reads(number: signal.Signals) -> None:
    with (
        servers(*[SELF] * 60) as targets,
        started("fleet", "run", written(targets), "--format", "json") as process,
    ):
        assert process.stdout is not None
        os.read(process.stdout.fileno(), 1)
        began = monotonic()
        while process.poll() is None and monotonic() - began < 60:
            process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
        took = monotonic() - began
        process.kill()
    assert took < 50
    assert process.returncode == -number


@contextmanager
def half_done() -> Iterator[tuple[list[dict[str, Any]], int]]:
    """Two targets at one address, one after the other: as the second is asked, the first is done."""
    heard, tell = os.pipe()

    def silent(peer: Peer) -> None:
        os.write(tell, b"!")
        peer.hold()

    with ScriptedServer(HEALTHY) as quick, ScriptedServer(silent) as slow:
        yield [{"host": HOST, "addresses": ["127.0.0.1"], "port": each.port} for each in (quick, slow)], heard
    os.close(heard)
    os.close(tell)


WORDS = "interrupted: 1 of 2 targets are done"
SAID = {
    "terminal": f"UNKNOWN 1 endpoint of 1 target: 1 accepted; {WORDS}",
    "html": f"unknown</span> <span>1 accepted; {WORDS}</span></h1>",
    "junit": f'name="{WORDS}" time="0.000"><error type="interrupted" message="{WORDS}"/>',
    "nagios": f"EOP-PROBE UNKNOWN - 1 accepted; {WORDS}; ",
    "prometheus": ' eop_probe_interrupted{target="',
    "json": '"outcome": "unknown", "summary": { "targets": 1, "targets_total": 2, "interrupted": true,',
}


@pytest.mark.parametrize("form", SAID)
def test_a_report_cut_short_says_so(cli: Cli, form: str) -> None:
    with (
        half_done() as (targets, heard),
        started("fleet", "run", written(targets), "--stand-in", cli.store, "--format", form) as process,
    ):
        os.read(heard, 1)
        process.send_signal(signal.SIGTERM)
        out, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (3, f"eop-probe: {WORDS}\n")
    assert SAID[form] in " ".join(out.split())


@pytest.mark.parametrize("form", [form for form in SAID if form != "terminal"])
def test_a_report_of_all_says_nothing_of_it(cli: Cli, form: str) -> None:
    with servers(HEALTHY, HEALTHY) as targets:
        ran = cli("fleet", "run", written(targets), "--stand-in", cli.store, "--format", form)
    assert (ran.code, ran.err) == (0, "")
    assert "interrupted" not in ran.out.replace('"interrupted": false', "")


def test_check_of_many_in_the_middle_of_handshakes() -> None:
    with servers(*[SELF] * 30) as targets, half_done() as ((_, slow), heard):
        words = [f"{one['addresses'][0]}:{one['port']}" for one in targets]
        with started("check", *words, f"127.0.0.1:{slow['port']}", "--format", "jsonl") as process:
            os.read(heard, 1)
            process.send_signal(signal.SIGTERM)
            began = monotonic()
            out, said = process.communicate(timeout=60)
    assert monotonic() - began < 25  # the one that holds has half a minute
    done = [json.loads(line)["outcome"] for line in out.splitlines()]
    assert process.returncode == (2 if done else 130)
    assert said == f"eop-probe: interrupted{f': {len(done)} of 31 targets are done' if done else ''}\n"
