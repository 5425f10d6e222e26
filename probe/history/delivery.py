"""What waits, and then a batch, written to the database; or not, where it is away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from probe.history.database import Database, HistoryError, RefusedError
from probe.history.spool import Batch, Spool, order_of
from probe.history.write import write_batch
from probe.net import clock

if TYPE_CHECKING:
    from sqlalchemy import Connection

#: Seconds until a database that was away is asked again.
AWAY_S = 10.0

Note = Callable[[str], None]


class Arrived(Protocol):
    """Hears what became of a batch out of the spool."""

    def __call__(self, name: str, records: int, *, taken: bool) -> None: ...


class Delivery:
    """Writes batches in their order; for one thread, which may hang here."""

    def __init__(
        self, history: str | Database, spool: Spool, note: Note, arrived: Arrived, away_s: float
    ) -> None:
        self._history, self._spool, self._note, self._arrived = history, spool, note, arrived
        self._away_s = away_s
        self._database = history if isinstance(history, Database) else None
        self._away = False
        self._again_at = 0.0

    def open(self) -> None:
        """Open the database, unless it is away; raises ConfigurationError where it is none of ours."""
        if self._database is None and isinstance(self._history, str):
            try:
                self._database = Database(self._history)
            except HistoryError as error:
                self._went(error)

    def deliver(self, batch: Batch | None = None) -> bool:
        """Write what waits (before the batch, where there is one), and the batch; False where the batch is not."""
        if clock.monotonic() < self._again_at:
            return False
        self.open()
        if self._database is None:
            return False
        try:
            for path in self._spool.waiting():
                if batch is None or order_of(path) < batch.order:
                    self._send(self._database, path)
            if batch is not None:
                _write(self._database, batch)
        except RefusedError:  # it waits like another, and is set aside there
            return False
        except HistoryError as error:
            self._went(error)
            return False
        if self._away:
            self._away = False
            self._note(f"the history {self._database.name} can be used again")
        return True

    def close(self) -> None:
        """Let go of a database that was opened here."""
        if self._database is not None and self._database is not self._history:
            self._database.close()

    def _send(self, database: Database, path: Path) -> None:
        try:
            batch = self._spool.read(path)
        except FileNotFoundError:  # another process delivered it
            return
        except (OSError, ValueError) as error:
            self._refuse(path, f"{path} cannot be read: {error}")
            return
        try:
            new = _write(database, batch)
        except RefusedError as error:
            self._refuse(path, f"{error} ({path})")
            self._arrived(batch.name, len(batch.records), taken=False)
            return
        path.unlink(missing_ok=True)
        if new:
            self._arrived(batch.name, len(batch.records), taken=True)

    def _refuse(self, path: Path, why: str) -> None:
        try:
            self._note(f"{why}; it is set aside as {self._spool.set_aside(path).name}")
        except OSError as error:
            self._note(f"{why}; nor can it be set aside: {error.strerror}")

    def _went(self, error: HistoryError) -> None:
        self._again_at = clock.monotonic() + self._away_s
        if not self._away:
            self._away = True
            self._note(str(error))


def _write(database: Database, batch: Batch) -> bool:
    tries: list[bool] = []

    def work(connection: Connection) -> None:
        tries.append(write_batch(connection, batch.name, clock.now(), batch.records))

    try:
        database.run(work, write=True)
    except (
        ValueError,
        OverflowError,
        TypeError,
    ) as error:  # a text or a number that the driver cannot pass on
        raise RefusedError(f"the history {database.name} cannot take a batch: {error}") from None
    # One whose commit was done and whose answer was lost finds itself at the next try.
    return any(tries)
