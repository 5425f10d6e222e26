"""What was settled is kept: records first, then alarms, then due times, so that a process that is killed in between
looks twice rather than never. It happens on a thread of its own; a database that is away holds up nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from probe.alarms.seen import Seen
from probe.alarms.service import Alarms
from probe.history.database import Database, HistoryError
from probe.history.due import due_times, keep_due, last_spans
from probe.history.read import domains
from probe.history.recorder import Recorder
from probe.report.record import Endpoint, Record, Span

#: Seconds after which the claim is renewed although there is nothing to write.
RENEWAL = 30.0
#: Seconds that the end of a watch waits for what is being written.
CLOSE_S = 10.0


class Claimed(Protocol):
    """A claim on what is looked at."""

    def renew(self) -> None:
        """Make sure of it; raises ConfigurationError where another has it, HistoryError where none can tell."""

    def let_go(self, done: Iterable[int]) -> object:
        """Give back shares that are done with; raises HistoryError."""


class Stored(NamedTuple):
    """What is kept of a watch: when each target is due, how each endpoint was seen last, and for which domains."""

    due: Mapping[str, int]
    spans: Sequence[Span]
    domains: Mapping[Endpoint, Sequence[str]] = {}


def stored(database: Database, vantage: str) -> Stored:
    """What is kept of the watch before; raises HistoryError."""
    return database.run(lambda c: Stored(due_times(c, vantage), last_spans(c, vantage), domains(c)))


class _Batch(NamedTuple):
    seen: list[Seen]
    due: dict[str, int]
    done: frozenset[int] = frozenset()
    """Shares to be given back once the rest is written."""


class Keeper:
    """Takes what is settled, and writes it at every `turn`."""

    def __init__(self, database: Database, claim: Claimed, records: Recorder, vantage: str) -> None:
        self._database, self._claim, self._vantage = database, claim, vantage
        self._records = records
        self.alarms: Alarms | None = None
        self.renewal_s = RENEWAL
        self.trouble = ""
        """Why nothing could be written the last time; empty where it could."""
        self.ended: Exception | None = None
        """What ends the watch: somebody else has the history now, or a defect."""
        self._seen: list[Seen] = []
        self._due: dict[str, int] = {}
        self._left = _Batch([], {})
        self._thread: threading.Thread | None = None
        self._wrote = 0.0

    def record(self, record: Record) -> None:
        """Keep a look."""
        self._records.add(record)

    def count(self, seen: Seen) -> None:
        """Hand a result that counts to the alarms."""
        if self.alarms is not None:
            self._seen.append(seen)

    def settle(self, key: str, due: int) -> None:
        """Keep when a target is due next."""
        self._due[key] = due

    def turn(self, now: float, done: frozenset[int] = frozenset()) -> None:
        """Begin to write, unless that is under way, or nothing came lately; then give back what is `done` with."""
        idle = not (self._seen or self._due or done) and abs(now - self._wrote) < self.renewal_s
        if not idle and (self._thread is None or not self._thread.is_alive()):
            self._wrote = now
            left = self._left
            batch = _Batch(left.seen + self._seen, left.due | self._due, done)
            self._seen, self._due, self._left = [], {}, _Batch([], {})
            self._thread = threading.Thread(target=self._write, args=(batch, now), name="keeper", daemon=True)
            self._thread.start()

    def close(self, now: float) -> None:
        """Write what is left, within twice CLOSE_S."""
        for last in (False, True):  # what is under way, and what came since
            if self._thread is not None:
                self._thread.join(CLOSE_S)
            if not last:
                self.turn(now)

    def _write(self, batch: _Batch, now: float) -> None:
        try:
            self._records.flush()
            alarms = self.alarms  # which the main thread may replace
            if batch.seen and alarms is not None:
                alarms.take(batch.seen, datetime.fromtimestamp(now, UTC))
                batch.seen.clear()
            self._claim.renew()
            self._database.run(lambda c: keep_due(c, self._vantage, batch.due, now), write=True)
            self._claim.let_go(batch.done)
            self.trouble = ""
        except HistoryError as error:
            # Of a database that is away the recorder tells.
            self._left, self.trouble = batch, "" if self._records.kept.waiting else str(error)
        except Exception as error:  # noqa: BLE001 - raised by the main loop, which ends the watch
            self.ended = error
