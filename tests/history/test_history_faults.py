"""The faults of a history in SQLite; those of PostgreSQL: tests/lab/test_lab_history.py."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import event, text

from probe.history import doctor, prune
from probe.history.database import Database, HistoryError
from probe.history.doctor import examine
from tests.history.faults import Crashes, Faults, batches, looks, opened, write
from tests.history.records import HOUR, START, record, round_of


@pytest.fixture
def url(tmp_path: Path) -> str:
    return str(tmp_path / "history.sqlite")


@pytest.fixture
def filled() -> Callable[[Database], Callable[[], None]]:
    """Leave room for some batches; the function that makes room again."""

    def fill(database: Database) -> Callable[[], None]:
        def limit(pages: int) -> None:
            # The one connection that it has keeps it.
            database.run(lambda c: c.execute(text(f"PRAGMA max_page_count={pages}")))

        limit(300)
        return lambda: limit(1_000_000)

    return fill


def test_a_prune_removes_a_bounded_number_at_a_time(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune, "MAX_REMOVED", 10)
    with opened(url) as database:
        for number in range(35):
            write(database, str(number), [record(1, START + number * HOUR, f"leaf {number}")])
        removed = []

        def count(_: object, cursor: sqlite3.Cursor, statement: str, *__: object) -> None:
            if statement.startswith("DELETE FROM spans"):
                removed.append(cursor.rowcount)

        event.listen(database._engine, "after_cursor_execute", count)
        assert prune.prune(database, START + 33 * HOUR).spans == 33
        assert removed == [10, 10, 10, 3, 0]
        assert looks(database) == 2


@pytest.mark.slow
class TestCrashes(Crashes):
    pass


class TestFaults(Faults):
    pass


def test_a_file_that_goes_away_and_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "mounted"
    folder.mkdir()
    with opened(str(folder / "history.sqlite")) as database:
        assert write(database, "one", round_of(2, START))
        away = folder.rename(tmp_path / "away")
        for _ in range(2):
            with pytest.raises(HistoryError, match="is no longer there"):
                write(database, "two", round_of(2, START + HOUR))
        away.rename(folder)
        assert write(database, "two", round_of(2, START + HOUR))
        assert looks(database) == 4


def test_a_file_that_is_replaced_loses_nothing_that_was_reported(tmp_path: Path) -> None:
    at = tmp_path / "history.sqlite"
    with opened(str(at)) as database:
        assert write(database, "one", round_of(2, START))
        at.rename(tmp_path / "old.sqlite")
        Database(str(at)).close()
        assert write(database, "two", round_of(2, START))
        assert batches(database) == {"two"}
    with opened(str(at)) as database:
        assert batches(database) == {"two"}
        at.unlink()
        at.touch()
        with pytest.raises(HistoryError, match="no such table"):
            write(database, "three", round_of(2, START))


def test_the_doctor_finds_what_is_wrong(tmp_path: Path) -> None:
    with opened(str(tmp_path / "history.sqlite")) as database:
        write(database, "one", round_of(3, START))
        health = examine(database)
        assert (health.problems, health.rows["endpoints"], health.rows["batches"]) == ((), 3, 1)
        assert (health.first, health.last) == (START, START)
        assert health.system.startswith("SQLite 3.")
        assert health.size > 0
        assert health.free
        database.run(lambda c: c.execute(text("DELETE FROM spans WHERE endpoint_id = 1")), write=True)
        assert examine(database).problems == (
            "1 row of endpoints that nothing refers to: `history prune` removes them",
            "1 row of presentations that nothing refers to: `history prune` removes them",
        )


def test_the_doctor_says_where_room_runs_out(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "ROOM", 2**62)
    monkeypatch.setattr(doctor, "LONG_LOG", 1)
    with opened(url) as database:
        write(database, "one", round_of(3, START))
        room, log = examine(database).problems
    assert room.endswith("MB are free on the disk")
    assert "somebody has been reading for long" in log


def test_the_doctor_finds_damage(tmp_path: Path) -> None:
    at = tmp_path / "history.sqlite"
    with opened(str(at)) as database:
        write(database, "one", round_of(300, START))
        database.alone("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(at.read_bytes())
    content[-3 * 4096 :] = b"\xaa" * 3 * 4096
    at.write_bytes(content)
    with opened(str(at)) as database:
        assert any("is malformed" in each for each in examine(database).problems)
