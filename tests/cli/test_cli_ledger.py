"""``eop-probe ledger``: contradictions first, what is confirmed and when, each format, and how it ends."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from probe.report.ledger import confirmed
from probe.report.ledger.confirmed import read_ledger
from tests.cli.running import HEALTHY, HOST, LEAF, Cli, Ran, serving
from tests.ledger.month import BEGIN, arrived, mailed, report, some
from tests.render.test_render_html import Page


@pytest.fixture
def given(tmp_path: Path) -> tuple[str, ...]:
    return some(tmp_path)


def entries(ran: Ran) -> dict[str, dict[str, Any]]:
    return {one["host"]: one for one in json.loads(ran.out)["entries"]}


def test_the_page_says_the_loudest_first(cli: Cli, given: tuple[str, ...]) -> None:
    ran = cli("ledger", *given)
    text = " ".join(ran.out.split())
    assert (ran.code, ran.err) == (1, "")
    assert text.startswith(
        "AT-RISK Microsoft contradicts what was predicted of 3 endpoints; 2 confirmed; 1 unconfirmed "
    )
    order = [
        "CONTRADICTED mx1.d0.test",
        "Confirmed 2 endpoints",
        "Predicted and not confirmed",
        "says nothing of a prediction",
    ]
    assert [text.index(each) for each in order] == sorted(text.index(each) for each in order)
    assert "Microsoft 2026-11-05: 50 sessions failed: certificate-expired (MTA-STS of d0.test)" in text
    assert "by TLS-RPT, proven by Microsoft's signature: " in text
    assert "predicted rejected, rule untrusted-root, from receive-connector (2026-11-01 03:00" in text
    assert "since then confirmed for you on 2026-11-06 by TLS-RPT" in text
    assert (
        "confirmed for you on 2026-11-05 by TLS-RPT, proven by Microsoft's signature: 50 sessions succeeded (MTA-STS of"
        in text
    )
    assert "Absence proves nothing" in text
    assert "eop-probe check --thorough mx1.d0.test --direction from-eop" in ran.out
    assert (
        "Nothing is predicted of mx1.d6.test or mx2.d6.test, from-eop" not in text
    )  # its own reason is told
    assert "sts-policy-fetch-error says nothing of the certificate" in text


def test_json(cli: Cli, given: tuple[str, ...]) -> None:
    told = entries(cli("ledger", *given, "--format", "json"))
    assert list(told)[3:] == ["mx1.d10.test", "s3.test", "s8.test"]
    bad = told["mx1.d0.test"]
    assert (bad["standing"], bad["rule"], bad["outcome"]) == (
        "contradicted",
        "prediction-contradicted",
        "at-risk",
    )
    assert [(one["reading"], one["begin"], one["trust"]) for one in bad["words"]] == [
        ("contradicts", "2026-11-05T00:00:00Z", "proven"), ("confirms", "2026-11-06T00:00:00Z", "supplied"),
    ]  # fmt: skip
    assert bad["predictions"][0]["looks"] == 22
    good = told["s3.test"]["confirmed"]
    assert (good["on"], good["trust"]) == ("2026-11-07", "supplied")


def test_csv_has_every_word(cli: Cli, given: tuple[str, ...], tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(cli("ledger", *given, "--format", "csv").out)))
    assert [row["reading"] for row in rows if row["host"] == "mx2.d0.test"] == ["contradicts", "confirms"]
    (tmp_path / "said/s8.eml").unlink()
    [row] = [
        each
        for each in csv.DictReader(io.StringIO(cli("ledger", *given, "--format", "csv").out))
        if each["host"] == "s8.test"
    ]
    assert (row["reading"], row["predicted"]) == ("", "accepted")
    assert {row["standing"] for row in rows} == {"contradicted", "confirmed", "unconfirmed"}


def test_the_page_for_a_browser_says_what_the_terminal_says(cli: Cli, given: tuple[str, ...]) -> None:
    read = Page(cli("ledger", *given, "--format", "html").out)
    text = " ".join(" ".join(part for parts in read.texts.values() for part in parts).split())
    for said in (
        "Microsoft contradicts what was predicted of 3 endpoints; 2 confirmed; 1 unconfirmed",
        "mx1.d0.test (192.0.2.1), from-eop",
        "2026-11-05: 50 sessions failed: certificate-expired (MTA-STS of d0.test)",
        "confirmed for you on 2026-11-06 by TLS-RPT",
        "confirmed for you on 2026-11-07 by the headers of a message that arrived, supplied",
        "Absence proves nothing",
        "sts-policy-fetch-error says nothing of the certificate",
        "eop-probe check --thorough mx1.d0.test --direction from-eop",
    ):
        assert said in text


def test_metrics_are_of_the_newest_words(cli: Cli, given: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "ledger.prom"
    assert cli("ledger", *given, "--format", "prometheus", "--output", str(file)).code == 1
    text = file.read_text("utf-8")
    own = 'target="mx:d0.test",host="mx1.d0.test",address="192.0.2.1",port="25",direction="from-eop",file="ledger.prom"'
    assert (
        f'eop_probe_contradicted_timestamp_seconds{{{own},source="tlsrpt",trust="proven"}} 1793836800\n'
        in text
    )
    assert (
        f'eop_probe_confirmed_timestamp_seconds{{{own},source="tlsrpt",trust="supplied"}} 1793923200\n'
        in text
    )
    assert "s8.test" not in text


def test_a_refusal_that_is_the_newest_word(cli: Cli, given: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "said/d0-6.json").unlink()
    ran = cli("ledger", *given)
    assert (ran.code, ran.out[:10]) == (2, "REJECTED  ")
    assert "otherwise   nothing confirms it" in ran.out
    # Where nothing proves it, it is a warning.
    key = given[:3] + given[5:]
    (tmp_path / "said/d0-5.eml").unlink()
    (tmp_path / "said/d0-5.json").write_text(json.dumps(report(0, 5)), encoding="ascii")
    assert cli("ledger", *key).code == 1


def test_all_is_well_and_nothing_is_told(cli: Cli, given: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "a.eml"
    path.write_bytes(mailed(report(10, 5)))
    ran = cli("ledger", str(path), *given[1:])
    assert (ran.code, ran.out[:10]) == (0, "ACCEPTED  ")
    path.write_bytes(arrived(9, BEGIN))
    assert cli("ledger", str(path), *given[1:]).code == 3
    ran = cli("ledger", str(path), "--history", given[2], "--format", "json")
    assert "Nothing is predicted of s9.test" in json.loads(ran.out)["unjoined"][0]["note"]["text"]


def test_without_a_history(
    cli: Cli, given: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    ran = cli("ledger", given[0])
    assert ran.code == 3
    assert ran.out.startswith(
        "UNKNOWN  nothing is predicted: give a history, or reports of eop-probe in JSON\n"
    )


def test_files_that_cannot_be_read(cli: Cli, given: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "said/cut.eml").write_bytes(mailed(report(10, 6))[:1400])
    ran = cli("ledger", *given)
    assert ran.code == 3
    assert "cut.eml" in ran.out
    assert cli("ledger", str(tmp_path / "nowhere"), *given[1:]).code == 3


class TestBesideACheck:
    """``check --ledger``: on the page of a later look."""

    def ledger(self, folder: Path, port: int, **more: object) -> str:
        entry = {
            "host": HOST, "address": "127.0.0.1", "port": port, "direction": "to-eop", "standing": "confirmed",
            "confirmed": {"on": "2026-11-20", "source": "TLS-RPT", "trust": "proven", "begin": "2026-11-20T00:00:00Z"},
            "predictions": [{"first": "2026-11-01T03:00:00Z", "leaves": [LEAF.sha256]}], "words": [],
        }  # fmt: skip
        path = folder / "ledger.json"
        document = {"schema": "eop-probe/ledger/1", "entries": [entry | more]}
        path.write_text(json.dumps(document), encoding="ascii")
        return str(path)

    def test_pages(self, cli: Cli, tmp_path: Path) -> None:
        with serving(HEALTHY) as port:
            path = self.ledger(tmp_path, port)
            told = "confirmed for you on 2026-11-20 by TLS-RPT"
            assert f"  Microsoft   {told}\n" in cli.check(port, "--ledger", path).out
            assert (
                f"<dt>Microsoft</dt><dd>{told}</dd>"
                in cli.check(port, "--ledger", path, "--format", "html").out
            )
            assert "Microsoft   " not in cli.check(port, "--ledger", self.ledger(tmp_path, 26)).out
            another = self.ledger(
                tmp_path, port, predictions=[{"first": "2026-11-01T03:00:00Z", "leaves": ["ab"]}]
            )
            assert f"{told}, with another" in cli.check(port, "--ledger", another).out
            later = self.ledger(
                tmp_path, port, predictions=[{"first": "2026-12-01T03:00:00Z", "leaves": [LEAF.sha256]}]
            )
            assert f"{told}, with another" in cli.check(port, "--ledger", later).out

    def test_a_contradiction(self, cli: Cli, tmp_path: Path) -> None:
        word = {"reading": "contradicts", "begin": "2026-11-21T00:00:00Z", "source": "TLS-RPT"}
        with serving(HEALTHY) as port:
            path = self.ledger(tmp_path, port, standing="contradicted", confirmed=None, words=[word])
            out = cli.check(port, "--ledger", path).out
        assert "  Microsoft   contradicted on 2026-11-21 by TLS-RPT (prediction-contradicted)\n" in out

    def test_one_that_the_command_wrote(self, cli: Cli, given: tuple[str, ...], tmp_path: Path) -> None:
        path = tmp_path / "ledger.json"
        cli("ledger", *given, "--format", "json", "--output", str(path))
        told = read_ledger(path.read_bytes(), "x")
        assert told["s3.test", "192.0.2.103", 25, "to-eop"].confirmed.startswith(
            "confirmed for you on 2026-11-07 by"
        )
        assert told["mx1.d0.test", "192.0.2.1", 25, "from-eop"].contradicted.startswith(
            "contradicted on 2026-11-05"
        )

    def test_what_is_no_ledger(self, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "ledger.json"
        for text in (
            "hello",
            "[]",
            "{}",
            '{"schema": "x"}',
            '{"schema": "eop-probe/ledger/1", "entries": [5]}',
            "[" * 9_999,
        ):
            path.write_text(text, encoding="ascii")
            ran = cli("check", "nobody.invalid", "--ledger", str(path))
            assert (ran.code, ran.out) == (3, "")
            assert ran.err == f"eop-probe: {path} is no ledger: eop-probe ledger --format json writes one\n"
        monkeypatch.setattr(confirmed, "MAX_LEDGER_BYTES", 100)
        path.write_bytes(b"x" * 101)
        assert "is larger than 100 bytes" in cli("check", "nobody.invalid", "--ledger", str(path)).err
