"""Histories for tests of the command line, in files of SQLite."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from probe.history.database import Database
from probe.history.write import write_batch
from probe.report.record import Record, State
from tests.report.lives import HOUR, Leaf, down, endpoint, plain, records, shows

NOW = datetime.now(UTC).replace(microsecond=0)
A = Leaf(days=3000)
B = Leaf(key=1, serial=2, days=3100)
ENDED = Leaf(issuer=1, key=2, serial=3, days=200)
STORY = [
    *[shows(A)] * 60, *[shows(B)] * 20, *[down()] * 3, *[shows(B)] * 10, *[shows(ENDED), shows(B)] * 6,
    *[shows(B)] * 10, *[plain()] * 2, *[shows(ENDED, accepted=False)] * 5,
]  # fmt: skip


def written(path: Path, *lives: list[Record]) -> str:
    database = Database(str(path))
    looks = [record for life in lives for record in life]
    database.run(lambda connection: write_batch(connection, "all", NOW, looks), write=True)
    database.close()
    return str(path)


def told(states: list[State], **of: str) -> list[Record]:
    return records(endpoint(**of), states, begin=NOW - len(states) * HOUR)
