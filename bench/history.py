"""How fast results are recorded, and how large a year of them is.

    .venv/bin/python bench/history.py [--endpoints 1000] [--rounds 10] [--every-hour] [--database URL]

Rate: rounds of all endpoints in the recorder's batches, nothing changed, as nearly all are. Size: a year of hourly
checks with four renewals and two outages of each endpoint; an hour in which nothing changed adds its batches' names
alone, as it would not add a row otherwise (`--every-hour` writes all of them: 20 minutes). Without `--database` in a
new SQLite file; with it, into an empty database of PostgreSQL.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import tempfile
import time
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from probe.eop.vocabulary import Outcome
from probe.history.database import Database
from probe.history.measures import size_of
from probe.history.recorder import BATCH
from probe.history.rows import seconds
from probe.history.tables import BATCHES
from probe.history.write import write_batch
from probe.report.record import Endpoint, ListUsed, Record, Said, State

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOURS = 365 * 24
RENEWALS = 4
OUTAGES = 2
#: Bytes of an end certificate and of an issuing one, as public CAs issue them.
LEAF, ISSUING = 1800, 1300
LISTS = (ListUsed("microsoft", START, trusted=True), ListUsed("mozilla", START, trusted=True))


def certificate(name: str, size: int) -> bytes:
    """Bytes that are always the same ones."""
    return random.Random(name).randbytes(size)  # noqa: S311 - no secret


class Fleet:
    """Endpoints with a year before them: what each shows in any hour."""

    def __init__(self, count: int) -> None:
        self.count = count
        rolled = random.Random(count)  # noqa: S311 - no secret
        self.renewed = [sorted(rolled.sample(range(1, HOURS), RENEWALS)) for _ in range(count)]
        self.outages = [
            [(at, at + rolled.randrange(1, 9)) for at in rolled.sample(range(1, HOURS), OUTAGES)]
            for _ in range(count)
        ]
        self.changing: dict[int, set[int]] = {}
        for number in range(count):
            for at in (*self.renewed[number], *(each for span in self.outages[number] for each in span)):
                for hour in (at - 1, at):
                    self.changing.setdefault(hour, set()).add(number)

    def look(self, number: int, hour: int) -> Record:
        """What one endpoint shows in an hour."""
        at = START + hour * HOUR + timedelta(seconds=number * 3600 // self.count)
        where = Endpoint(
            f"mail{number}.contoso.example", f"192.0.{number // 250}.{number % 250}", 25, "to-eop"
        )
        if any(begin <= hour < end for begin, end in self.outages[number]):
            down = State(outcome=Outcome.UNKNOWN, rule="unreachable", phase="connect", fault="refused")
            return Record(
                target=where.host,
                endpoint=where,
                at=at,
                elapsed_ms=3,
                state=down,
                lists=LISTS,
                certificates={},
            )
        serial = sum(each <= hour for each in self.renewed[number])
        ders = [certificate(f"{number} {serial}", LEAF), certificate(f"issuing {number % 10}", ISSUING)]
        named = {hashlib.sha256(der).hexdigest(): der for der in ders}
        state = State(
            outcome=Outcome.ACCEPTED,
            findings=(Said("name-mismatch", "info", "documented"),),
            chains=(tuple(named),),
            starttls=True,
            tls="TLSv1.3",
        )
        return Record(
            target=where.host,
            endpoint=where,
            at=at,
            elapsed_ms=80 + hour % 40,
            state=state,
            lists=LISTS,
            certificates=named,
        )

    def round(self, hour: int) -> list[Record]:
        """One look at each."""
        return [self.look(number, hour) for number in range(self.count)]

    def changes(self, hour: int) -> list[Record]:
        """The looks of the endpoints that change in this hour or the next."""
        return [self.look(number, hour) for number in sorted(self.changing.get(hour, ()))]


def record(connection: Connection, records: Sequence[Record]) -> int:
    """Write them in batches, as the recorder does; the number of batches."""
    starts = range(0, len(records), BATCH)
    for begin in starts:
        part = records[begin : begin + BATCH]
        write_batch(connection, uuid.uuid4().hex, part[0].at, part)
    return len(starts)


def build_year(database: Database, fleet: Fleet, *, every_hour: bool = False) -> None:
    """A year of the fleet's looks, a week to a transaction."""
    for first in range(0, HOURS, 7 * 24):
        hours = range(first, min(first + 7 * 24, HOURS))
        database.run(lambda connection, hours=hours: _hours(connection, fleet, hours, every_hour), write=True)  # type: ignore[misc]


def _hours(connection: Connection, fleet: Fleet, hours: Iterable[int], every_hour: bool) -> None:  # noqa: FBT001
    names = []
    for hour in hours:
        whole = every_hour or hour in {0, HOURS - 1}
        written = record(connection, fleet.round(hour) if whole else fleet.changes(hour))
        missing = -(-fleet.count // BATCH) - written
        names += [{"name": uuid.uuid4().hex, "at": seconds(START + hour * HOUR)} for _ in range(missing)]
    if names:
        connection.execute(BATCHES.insert(), names)


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoints", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--every-hour", action="store_true")
    parser.add_argument("--database")
    asked = parser.parse_args()
    fleet = Fleet(asked.endpoints)
    with tempfile.TemporaryDirectory() as folder:
        database = Database(asked.database or str(Path(folder) / "history.sqlite"))
        database.run(lambda connection: record(connection, fleet.round(0)), write=True)
        rate(database, [fleet.round(0) for _ in range(asked.rounds)])
        build_year(database, fleet, every_hour=asked.every_hour)
        if database.sqlite:
            database.alone("PRAGMA wal_checkpoint(TRUNCATE)")
        size = database.run(size_of)
        print(
            f"a year of {fleet.count} endpoints: {size / 1e6:.1f} MB, {size / fleet.count:,.0f} bytes an endpoint"
        )


def rate(database: Database, rounds: Sequence[Sequence[Record]]) -> None:
    """How fast looks are recorded at which nothing changed."""
    parts = [each[begin : begin + BATCH] for each in rounds for begin in range(0, len(each), BATCH)]
    began, worked = time.perf_counter(), time.process_time()
    for part in parts:
        database.run(lambda connection, part=part: record(connection, part), write=True)  # type: ignore[misc]
    took, work = time.perf_counter() - began, time.process_time() - worked
    looks = sum(map(len, parts))
    print(
        f"recorded a second: {looks / took:,.0f}; a second of processor time: {looks / work:,.0f}; {BATCH} to a batch"
    )


if __name__ == "__main__":
    main()
