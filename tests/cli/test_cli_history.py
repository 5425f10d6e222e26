"""``eop-probe history``: what is told of a history, in every format, and that reading writes nothing."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from probe.cli.history.common import age
from probe.report.record import State
from tests.cli.recorded import STORY, A, told, written
from tests.cli.running import Cli
from tests.report.lives import down, shows
from tests.schemas import validate

KINDS = [
    "renewed", "outage", "outage-over", "mixed", "mixed-over", "starttls-gone", "verdict", "issuer-changed",
    "starttls-back", "verdict",
]  # fmt: skip


@pytest.fixture
def history(tmp_path: Path) -> str:
    fabrikam = [shows(A), *[down("timeout")] * 30]
    return written(
        tmp_path / "history.sqlite",
        told(STORY),
        told(fabrikam, host="mx.fabrikam.test", address="2001:db8::1"),
    )


def test_each_change_is_told_once(cli: Cli, history: str) -> None:
    ran = cli("history", "changes", "mail.contoso.test", "--history", history, "--format", "json")
    document = json.loads(ran.out)
    assert (ran.code, sorted(one["kind"] for one in document["changes"])) == (0, sorted(KINDS))
    turned = [one["verdict"] for one in document["changes"] if one["verdict"]]
    assert turned[0] == {
        "from": {"outcome": "accepted", "rule": None}, "to": {"outcome": "rejected", "rule": "no-starttls"},
    }  # fmt: skip
    assert len(document["certificates"]) == 3
    rows = list(
        csv.DictReader(io.StringIO(cli("history", "changes", "--history", history, "--format", "csv").out))
    )
    assert len(rows) == len(KINDS) + 1
    page = cli("history", "changes", "--history", history).out
    assert "renewed: mail.contoso.test from Lab Issuing CA 0, until 2034-06-28" in " ".join(page.split())
    assert "verdict: rejected (untrusted-root), was rejected (no-starttls)" in " ".join(page.split())
    only = cli("history", "changes", "--history", history, "--kind", "mixed", "--kind", "mixed-over").out
    assert "2 changes since" in only
    assert "No change since" in cli("history", "changes", "--history", history, "--since", "1h").out


@pytest.mark.parametrize("columns", [80, 120])
def test_a_life_is_told_period_by_period(
    cli: Cli, history: str, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    page = cli("history", "show", "mail.contoso.test", "--history", history).out
    assert max(map(len, page.splitlines())) <= columns
    assert "\x1b" not in page
    words = [line.split()[0] for line in page.splitlines() if line.startswith("  ") and line[2] != " "]
    assert words == [
        "ACCEPTED",
        "ACCEPTED",
        "OUTAGE",
        "ACCEPTED",
        "ACCEPTED",
        "ACCEPTED",
        "REJECTED",
        "REJECTED",
    ]
    document = json.loads(
        cli("history", "show", "192.0.2.1:25", "--history", history, "--format", "json").out
    )
    (life,) = document["endpoints"]
    assert [period["looks"] for period in life["periods"]] == [60, 20, 3, 10, 11, 11, 2, 5]
    assert [period["mixed"] for period in life["periods"]].count(True) == 1
    rows = cli(
        "history", "show", "[2001:db8::1]:25", "--history", history, "--format", "csv"
    ).out.splitlines()
    assert len(rows) == 3
    short = cli("history", "show", "mail.contoso.test", "--history", history, "--since", "6h").out
    assert "ACCEPTED" not in short


def test_two_instants_are_compared(cli: Cli, history: str) -> None:
    ran = cli("history", "diff", "3d", "now", "--history", history, "--format", "json")
    document = json.loads(ran.out)
    assert (ran.code, document["endpoints"], len(document["differences"])) == (0, 2, 2)
    one = document["differences"][0]
    assert (one["before"]["outcome"], one["after"]["rule"]) == ("accepted", "untrusted-root")
    page = cli("history", "diff", "400d", "--history", history).out
    assert page.count("not seen yet") == 2
    assert "2 of 2 endpoints changed" in page
    assert (
        "0 of 1 endpoint changed"
        in cli("history", "diff", "2h", "1h", "mx.fabrikam.test", "--history", history).out
    )
    rows = cli("history", "diff", "3d", "--history", history, "--format", "csv").out.splitlines()
    assert len(rows) == 3


def test_a_certificate_is_listed_once_with_the_endpoints_that_show_it(cli: Cli, history: str) -> None:
    ran = cli("history", "certificates", "--history", history, "--format", "json")
    listed = json.loads(ran.out)["certificates"]
    ends = {one["subject"]: one["end"] for one in listed}
    assert ends == {"CN=mail.contoso.test": True, "CN=Lab Issuing CA 0": False, "CN=Lab Issuing CA 1": False}
    assert [one["not_after"] for one in listed] == sorted(one["not_after"] for one in listed)
    soon = cli("history", "certificates", "--expiring", "30d", "--history", history).out
    assert "expired 2026-07-20" in soon
    assert soon.endswith("1 certificate\n")
    away = cli("history", "certificates", "mx.fabrikam.test", "--history", history, "--format", "csv").out
    assert A.issued().sha256 in away  # what it showed before the outage


def test_an_export_has_every_certificate_before_the_spans_that_show_it(cli: Cli, history: str) -> None:
    lines = [json.loads(line) for line in cli("history", "export", "--history", history).out.splitlines()]
    known: set[str] = set()
    spans = 0
    for line in lines:
        validate(line)
        if line["certificate"]:
            known.add(line["certificate"]["sha256"])
        else:
            spans += 1
            assert {one for chain in line["span"]["chains"] for one in chain} <= known
    assert len(known) == 5
    rows = cli("history", "export", "--history", history, "--format", "csv").out.splitlines()
    assert len(rows) == spans + 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "mail.contoso.tost"), "did you mean mail.contoso.test?"),
        (("show", "nobody.example"), 'the history has no endpoint "nobody.example"\n'),
        (("changes", "--since", "soon"), 'since: "soon" is no time; write it like'),
        (("show", "mail.contoso.test", "--since", ""), 'since: "" is no time; write it like'),
        (("certificates", "--expiring", ""), 'expiring: "" is no time; write it like'),
        (("changes", "--kind", "x"), 'kind: "x" is none of new-certificate, renewed,'),
        (("certificates", "--expiring", "30"), 'expiring: "30" is no time; write it like'),
        (("diff", "1h", "2h"), "A has to be before B"),
        (("prune",), "say how much is to be kept: --keep 400d"),
        (
            ("prune", "--keep", "0d"),
            "--keep 0d keeps nothing; a history that is not wanted is removed as a whole",
        ),
    ],
)
def test_a_mistake_is_one_sentence(cli: Cli, history: str, words: tuple[str, ...], said: str) -> None:
    ran = cli("history", *words, "--history", history)
    assert (ran.code, ran.out, said in ran.err, ran.err.count("\n")) == (3, "", True, 1)


@pytest.mark.parametrize("words", [("changes", "--since"), ("diff",), ("export", "--since")])
def test_the_first_of_all_days_is_an_instant(cli: Cli, history: str, words: tuple[str, ...]) -> None:
    ran = cli("history", *words, "0001-01-01", "--history", history)
    assert (ran.code, ran.err, ran.out != "") == (0, "", True)


def test_what_was_seen_long_ago_is_pruned(cli: Cli, history: str) -> None:
    ran = cli("history", "prune", "--keep", "2d", "--history", history, "--format", "json")
    assert (ran.code, json.loads(ran.out)["spans"]) == (0, 1)
    life = cli("history", "show", "192.0.2.1", "--history", history, "--format", "json").out
    assert [period["looks"] for period in json.loads(life)["endpoints"][0]["periods"]] == [
        20,
        3,
        10,
        11,
        11,
        2,
        5,
    ]
    assert "0 spans, 0 endpoints and 0 certificates removed" in cli(
        "history", "prune", "--keep", "2d", "--history", history
    ).out  # fmt: skip
    assert (
        len(cli("history", "prune", "--keep", "2d", "--history", history, "--format", "csv").out.splitlines())
        == 2
    )


def test_a_doctor_says_that_all_is_well_or_what_is_not(cli: Cli, history: str) -> None:
    well = cli("history", "doctor", "--history", history)
    assert (well.code, well.out.split()[0]) == (0, "SOUND")
    assert len(cli("history", "doctor", "--history", history, "--format", "csv").out.splitlines()) == 2
    with contextlib.closing(sqlite3.connect(history)) as connection:
        connection.execute("DELETE FROM spans")
        connection.commit()
    ill = cli("history", "doctor", "--history", history)
    assert (ill.code, ill.out.split()[0]) == (1, "PROBLEMS")
    assert "of endpoints that nothing refers to" in ill.out


READERS = (("show", "x"), ("changes",), ("diff", "1h"), ("certificates",), ("export",))


@pytest.mark.parametrize("words", [*READERS, ("prune", "--keep", "1d"), ("doctor",)])
def test_a_history_that_is_not_there_is_not_made(cli: Cli, tmp_path: Path, words: tuple[str, ...]) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    ran = cli("history", *words, "--history", str(folder / "none.sqlite"))
    assert (ran.code, ran.out, ran.err.count("\n"), list(folder.iterdir())) == (3, "", 1, [])


@pytest.mark.parametrize("words", READERS)
def test_an_empty_history_is_a_sentence(cli: Cli, tmp_path: Path, words: tuple[str, ...]) -> None:
    ran = cli("history", *words, "--history", written(tmp_path / "empty.sqlite"))
    assert (ran.code, ran.out, "holds no look yet" in ran.err, ran.err.count("\n")) == (3, "", True, 1)


def test_a_newer_schema_is_a_sentence(cli: Cli, history: str) -> None:
    with sqlite3.connect(history) as connection:
        connection.execute("UPDATE meta SET value = '999' WHERE key = 'schema'")
    connection.close()
    ran = cli("history", "changes", "--history", history)
    assert (ran.code, ran.out, "newer eop-probe (schema 999" in ran.err) == (3, "", True)


def test_what_a_peer_said_is_no_formula_and_no_escape(cli: Cli, tmp_path: Path) -> None:
    life = told(
        [shows(A), State(outcome=down().outcome, rule="x", fault="unreachable", phase="smtp")], host="=cmd"
    )
    history = written(tmp_path / "history.sqlite", life)
    rows = list(
        csv.reader(io.StringIO(cli("history", "export", "--history", history, "--format", "csv").out))
    )
    assert rows[1][1] == "'=cmd"
    hostile = told([shows(A), *[down()] * 3], host="evil\x1b[31m.test")
    page = cli("history", "changes", "--history", written(tmp_path / "hostile.sqlite", hostile)).out
    assert "\x1b" not in page
    assert "\\x1b" in page


def test_reading_writes_nothing(cli: Cli, history: str, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert cli("history", "changes", "--history", history).code == 0
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@contextlib.contextmanager
def unwritable(folder: Path) -> Iterator[None]:
    """A folder of the system's in which this process may read alone, also where it is root."""
    root = os.geteuid() == 0
    folder.chmod(0o555)
    try:
        if root:
            os.seteuid(65534)
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)


@pytest.mark.parametrize("writing", [False, True])
def test_what_may_not_be_written_is_read(cli: Cli, history: str, writing: bool) -> None:
    """Also while somebody else writes, whose last look stands in SQLite's log alone."""
    expected = cli("history", "changes", "--history", history).out
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "history.sqlite"
        copy.write_bytes(Path(history).read_bytes())
        copy.chmod(0o444)
        with contextlib.closing(sqlite3.connect(copy)) as writer:
            if writing:
                writer.execute("DELETE FROM spans WHERE first = (SELECT max(first) FROM spans)")
                writer.commit()
            with unwritable(Path(name)):
                ran = cli("history", "changes", "--history", str(copy))
                held = sorted(path.name for path in Path(name).iterdir())
    assert (ran.code, ran.err) == (0, "")
    assert (ran.out == expected) is not writing
    assert len(held) == (3 if writing else 1)


def test_a_file_that_is_no_history_is_a_sentence(cli: Cli, tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    with contextlib.closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE x (y)")
    text = tmp_path / "text.sqlite"
    text.write_text("not a database at all, but long enough to be taken for one at first sight" * 99)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, said in (
        (other, "holds no history\n"),
        (text, "file is not a database"),
        (tmp_path, "holds no history: it is no file"),
        (pipe, "holds no history: it is no file"),
    ):
        ran = cli("history", "changes", "--history", str(path))
        assert (ran.code, ran.out, said in ran.err, ran.err.count("\n")) == (3, "", True, 1)


def test_an_age_is_minutes_to_weeks() -> None:
    ages = [age(text, "--since") for text in ("30m", "12h", "7d", "2w")]
    assert ages == [timedelta(minutes=30), timedelta(hours=12), timedelta(days=7), timedelta(days=14)]
