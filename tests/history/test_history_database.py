"""Opening a history: URLs, files, schemas, and what is said where it cannot be."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy import text

from probe.errors import ConfigurationError
from probe.history import engine, migrations
from probe.history.database import Database, HistoryError
from probe.history.migrations import MIGRATIONS, version
from probe.history.query import endpoints_called
from probe.history.read import domains, spans
from probe.history.write import write_batch
from tests.history.looks import NOON, look
from tests.patience import given_time

OPEN = "import sys; from probe.history.database import Database; Database(sys.argv[1]).close()"


def test_it_is_made_once_and_opened_again(tmp_path: Path) -> None:
    at = str(tmp_path / "history.sqlite")
    for url in (at, f"sqlite:///{at}", f"sqlite+pysqlite:///{at}"):
        database = Database(url)
        assert database.name == at
        assert database.run(version) == len(MIGRATIONS)
        database.close()
    with sqlite3.connect(at) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("SELECT count(*) FROM meta").fetchone() == (1,)


def test_one_that_is_not_there_is_not_made_for_a_reader(tmp_path: Path) -> None:
    at = tmp_path / "history.sqlite"
    with pytest.raises(ConfigurationError, match="there is no history at"):
        Database(str(at), create=False)
    assert not at.exists()
    Database(str(at)).close()
    Database(str(at), create=False).close()


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    at = str(tmp_path / "history.sqlite")
    Database(at).close()
    with sqlite3.connect(at) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
    with pytest.raises(
        ConfigurationError, match=r"newer eop-probe \(schema 99, this one knows \d+\): update"
    ):
        Database(at)


@pytest.mark.slow
def test_many_that_come_at_once_make_it_once(tmp_path: Path) -> None:
    at = str(tmp_path / "history.sqlite")
    starting = [
        subprocess.Popen([sys.executable, "-c", OPEN, at], stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [(each.communicate()[1], each.returncode) for each in starting] == [("", 0)] * 4
    with sqlite3.connect(at) as connection:
        assert connection.execute("SELECT key, value FROM meta").fetchall() == [
            ("schema", str(len(MIGRATIONS)))
        ]


def test_a_step_that_fails_leaves_nothing(tmp_path: Path) -> None:
    at = str(tmp_path / "history.sqlite")
    with sqlite3.connect(at) as connection:
        connection.execute("CREATE VIEW spans AS SELECT 1")
    with pytest.raises(HistoryError, match="spans"):
        Database(at)
    with sqlite3.connect(at) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert tables == []


def test_a_history_of_before_knows_the_domain_that_each_endpoint_is_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = str(tmp_path / "history.sqlite")
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", MIGRATIONS[:3])
        Database(at).close()
    with sqlite3.connect(at) as connection:
        for number, target in enumerate(["mx:contoso.test", "MX:fabrikam.test", "mail.contoso.test"]):
            row = (bytes([number]), f"mail{number}", "192.0.2.1", 25, "from-eop", "", "", "", target)
            connection.execute("INSERT INTO endpoints VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    connection.close()
    database = Database(at)
    found = database.run(domains)
    assert {one.host: targets for one, targets in found.items()} == {
        "mail0": ("mx:contoso.test",),
        "mail1": ("MX:fabrikam.test",),
    }
    database.close()


def test_a_history_of_before_is_read_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = str(tmp_path / "history.sqlite")
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", MIGRATIONS[:3])
        database = Database(at)
        database.run(lambda connection: write_batch(connection, "1", NOON, [look(1)]), write=True)
        database.close()
    database = Database(at, create=False, read=True)
    found = database.run(lambda c: list(spans(c, endpoints_called(c, "mail.contoso.test:25"))))
    assert [span.elapsed_ms for span in found] == [1]
    assert (database.run(domains), database.run(version)) == ({}, 3)
    database.close()


def test_a_path_of_which_the_system_tells_nothing_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds no history: File name too long"):
        Database(str(tmp_path / ("a" * 300)), create=False, read=True)


@pytest.mark.parametrize("table", ["moz_places", "meta", "spans"])
def test_the_database_of_another_program_stays_as_it_is(tmp_path: Path, table: str) -> None:
    at = tmp_path / "places.sqlite"
    with sqlite3.connect(at) as connection:
        connection.execute(f"CREATE TABLE {table} (key, value)")
    connection.close()
    before = at.read_bytes()
    with pytest.raises(ConfigurationError, match="it is the database of another program"):
        Database(str(at))
    assert (at.read_bytes(), list(tmp_path.iterdir())) == (before, [at])


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://host/db", "not in mysql"),
        ("postgresql://user:hush@host:port/db", "the history's URL cannot be read"),
        ("postgresql://user:a@hush@host/db", "write one in a password as %40"),
        ("postgresql://user:a@b/hush@host/db", "write one in a password as %40"),
        ("sqlite:///history.sqlite?mode=ro", "no options after"),
        ("://", "the history's URL cannot be read"),
        ("sqlite://", "name a file"),
        ("sqlite:///:memory:", "name a file"),
        (":memory:", "name a file"),
    ],
)
def test_a_url_that_is_none(url: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as told:
        Database(url)
    assert "hush" not in str(told.value)


def test_what_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database\n" * 100)
    for at, said in [
        (tmp_path / "text", "file is not a database"),
        (tmp_path, "unable to open database file"),
        (tmp_path / "none" / "history", "unable to open database file"),
    ]:
        with pytest.raises(HistoryError, match=said):
            Database(str(at))


def test_a_server_that_is_away_is_said_without_its_secrets() -> None:
    with pytest.raises(HistoryError, match=r"postgresql://me@127\.0\.0\.1:1/db cannot be used: ") as told:
        Database("postgresql://me:hush@127.0.0.1:1/db?password=hush&application_name=hush")
    assert "hush" not in str(told.value)
    assert "refused" in str(told.value)


@pytest.mark.parametrize(
    ("missing", "url", "extra"),
    [("sqlalchemy", "history.sqlite", "history"), ("psycopg", "postgresql://127.0.0.1:1/db", "postgres")],
)
def test_a_package_that_is_missing_is_said(tmp_path: Path, missing: str, url: str, extra: str) -> None:
    program = f"""
import sys
sys.modules[{missing!r}] = None
from probe.errors import ConfigurationError
try:
    from probe.history.database import Database
    Database({url!r})
except ConfigurationError as error:
    print(error)
"""
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert told.stdout.endswith(f"is not installed here: pip install 'eop-probe[{extra}]'\n")


def test_another_writer_is_waited_for_and_then_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = str(tmp_path / "history.sqlite")
    monkeypatch.setattr(engine, "BUSY_S", 0.3)
    database = Database(at)
    other = sqlite3.connect(at, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    def check(_: float) -> None:
        began = monotonic()
        with pytest.raises(HistoryError, match="database is locked"):
            database.run(version, write=True)
        assert 0.3 <= monotonic() - began < 4

    given_time(check)
    assert database.run(version) == len(MIGRATIONS)  # a reader waits for nobody
    other.execute("ROLLBACK")
    assert database.run(version, write=True) == len(MIGRATIONS)


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "CONNECT_S", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = monotonic()
        with pytest.raises(HistoryError, match="timeout expired"):
            Database(f"postgresql://127.0.0.1:{silent.getsockname()[1]}/db")
        assert 2 <= monotonic() - began < 60


def test_the_log_of_a_large_transaction_is_given_back(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "history.sqlite"))
    log = tmp_path / "history.sqlite-wal"
    database.run(lambda connection: connection.execute(text("CREATE TABLE large (content BLOB)")), write=True)
    large = text("INSERT INTO large VALUES (zeroblob(:size))").bindparams(size=2 * engine.LOG_BYTES)
    database.run(lambda connection: connection.execute(large), write=True)
    assert log.stat().st_size > 2 * engine.LOG_BYTES
    database.run(lambda connection: connection.execute(text("INSERT INTO large VALUES (NULL)")), write=True)
    assert log.stat().st_size <= engine.LOG_BYTES
