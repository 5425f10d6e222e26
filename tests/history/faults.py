"""What may befall a history, with counts: written, reported, found again. The same for each kind of database."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from probe.history.database import Database, HistoryError
from probe.history.doctor import examine
from probe.history.prune import prune
from probe.history.read import spans
from probe.history.tables import BATCHES, SPANS
from probe.history.write import write_batch
from probe.report.record import Record
from tests.history import writers
from tests.history.records import HOUR, START, record, round_of


def write(database: Database, name: str, records: Sequence[Record]) -> bool:
    return database.run(lambda connection: write_batch(connection, name, START, records), write=True)


def looks(database: Database) -> int:
    """All looks that are found again."""
    return database.run(lambda c: c.execute(select(func.sum(SPANS.c.looks))).scalar_one()) or 0


def batches(database: Database) -> set[str]:
    return set(database.run(lambda c: list(c.scalars(select(BATCHES.c.name)))))


def told(command: str, url: str) -> Any:  # noqa: ANN401 - JSON
    done = subprocess.run(
        [sys.executable, "-m", "tests.history.writers", command, url],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@contextmanager
def opened(url: str) -> Iterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        database.close()


class Crashes:
    """Of processes that write to a history at `url`, which is empty."""

    def test_killed_anywhere_in_a_batch(self, url: str) -> None:
        said: dict[str, str] = told("die", url)
        reported = {name for name, word in said.items() if word}
        with opened(url) as database:
            found = batches(database)
            assert reported <= found
            # One more was committed and its writer killed before it knew; the others were killed before.
            (unknown,) = found - reported
            assert unknown == list(said)[-2]
            assert 5 < len(reported) < len(said) - 5
            assert looks(database) == len(found) * writers.BATCH
            assert examine(database).problems == ()
            # All are sent again: what was there is not recorded twice, what was not is recorded now.
            again = [write(database, name, round_of(writers.BATCH, START)) for name in said]
            assert again == [name not in found for name in said]
            assert looks(database) == len(said) * writers.BATCH

    def test_several_writers_at_once(self, url: str) -> None:
        written = writers.WRITERS * writers.BATCHES
        assert told("write", url) == [writers.BATCHES] * writers.WRITERS
        with opened(url) as database:
            assert len(batches(database)) == written
            assert looks(database) == written * writers.BATCH
            # Nothing changed: each endpoint is one span, whoever extended it.
            assert len(database.run(lambda c: list(spans(c)))) == writers.BATCH


class Faults:
    """On a history at `url`, which is empty."""

    def test_a_clock_that_jumps_back(self, url: str) -> None:
        with opened(url) as database:
            for number, hours in enumerate([5, 6, 1, 2, 7]):
                assert write(
                    database, str(number), [record(1, START + hours * HOUR, "a" if number < 4 else "b")]
                )
            found = database.run(lambda c: list(spans(c)))
            assert [(each.first, each.last, each.looks) for each in found] == [
                (START + 5 * HOUR, START + 6 * HOUR, 4),
                (START + 7 * HOUR, START + 7 * HOUR, 1),
            ]

    def test_a_reader_that_stays(self, url: str) -> None:
        with opened(url) as database, opened(url) as other:
            write(database, "before", round_of(3, START))
            seen = []

            def stays(connection: Connection) -> None:
                snapshot(connection)
                seen.append(connection.execute(select(func.sum(SPANS.c.looks))).scalar_one())
                reported = [
                    write(other, f"hour {hour}", round_of(3, START + hour * HOUR)) for hour in range(24)
                ]
                assert reported == [True] * 24
                seen.append(connection.execute(select(func.sum(SPANS.c.looks))).scalar_one())

            database.run(stays)
            assert seen == [3, 3]
            assert looks(database) == 25 * 3

    def test_pruned_while_it_is_written(self, url: str) -> None:
        with opened(url) as database, opened(url) as other:
            for hour in range(48):
                write(database, f"hour {hour}", [record(1, START + hour * HOUR, f"leaf {hour}")])
            write(database, "gone", [record(2, START, "other")])
            done = prune(other, START + 40 * HOUR)
            assert (done.spans, done.endpoints, done.certificates) == (41, 1, 41)
            assert write(
                database, "again", [record(1, START + 48 * HOUR, "leaf 3"), record(2, START, "other")]
            )
            assert [each.first for each in database.run(lambda c: list(spans(c)))][:8] == [
                START + hour * HOUR for hour in range(40, 48)
            ]
            assert examine(database).problems == ()
            assert prune(other, START).spans == 0

    def test_full(self, url: str, filled: Callable[[Database], Callable[[], None]]) -> None:
        with opened(url) as database:
            empty_again = filled(database)
            reported: list[str] = []

            def write_all() -> None:
                for name in map(str, count()):
                    write(database, name, [record(n, START, f"{name} {n}" * 50) for n in range(50)])
                    reported.append(name)

            with pytest.raises(HistoryError, match=r"full|No space left"):
                write_all()
            assert reported
            assert looks(database) == len(reported) * 50
            empty_again()
            assert write(database, "last", [record(1, START, "last")])
            assert looks(database) == len(reported) * 50 + 1
            assert batches(database) == {*reported, "last"}


def snapshot(connection: Connection) -> None:
    """Make a transaction see one state for as long as it stays; SQLite's do so anyway."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
