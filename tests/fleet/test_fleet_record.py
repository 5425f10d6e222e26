"""``fleet run --record``: everything is kept, also of a run that is cut short, and each way of asking apart."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from probe.history.database import Database
from probe.history.read import spans
from probe.report.record import Span
from tests.cli.running import HEALTHY, HOST, SELF, Cli, hold
from tests.fleet.test_fleet_interrupted import started
from tests.fleet.test_fleet_run import servers, written

pytest_plugins = ("tests.cli.conftest",)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def kept() -> list[Span]:
    database = Database("state/eop-probe/history.sqlite")
    found = database.run(lambda connection: list(spans(connection)))
    database.close()
    return found


def test_every_endpoint_and_each_way_of_asking(cli: Cli, store: Path, tmp_path: Path) -> None:
    with servers(HEALTHY, HEALTHY, SELF) as targets:
        targets[1]["sni"] = "other.contoso.test"
        targets[2]["sni"] = HOST  # which is what is asked anyway
        words = ("fleet", "run", written(targets), "--store", "microsoft", "--stand-in", store, "--record")
        for _ in range(2):
            ran = cli(*words, "--format", "jsonl", "--vantage", "berlin")
            said = f"eop-probe: 3 results recorded in {tmp_path / 'state/eop-probe/history.sqlite'}\n"
            assert (ran.code, ran.err) == (2, said)
        addresses = [target["addresses"][0] for target in targets]
    assert {(span.endpoint.address, span.endpoint.variant, span.state.outcome.value) for span in kept()} == {
        (addresses[0], "", "accepted"),
        (addresses[1], "sni=other.contoso.test", "accepted"),
        (addresses[2], "", "rejected"),
    }
    assert len(kept()) == 3
    assert {(span.looks, span.endpoint.vantage) for span in kept()} == {(2, "berlin")}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_of_a_run_that_is_cut_short_what_is_done(number: signal.Signals) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with (
        servers(*[SELF] * 20, *[hold] * 4) as targets,
        started("fleet", "run", written(targets), "--format", "jsonl", "--record") as process,
    ):
        assert process.stdout is not None
        assert process.stderr is not None
        lines = [process.stdout.readline() for _ in range(9)]
        process.send_signal(number)
        lines += process.stdout.readlines()
        said = process.stderr.read()
    signal.signal(signal.SIGINT, before)
    assert f"eop-probe: {len(lines)} results recorded in " in said
    assert len(kept()) == len(lines) < 24


def test_a_report_that_cannot_be_written_loses_no_record(cli: Cli) -> None:
    with servers(SELF) as targets:
        ran = cli("fleet", "run", written(targets), "--format", "jsonl", "--output", "/dev/full", "--record")
    assert ran.code == 3
    assert "cannot write the report" in ran.err
    assert len(kept()) == 1
