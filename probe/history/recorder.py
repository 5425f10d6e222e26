"""Records on their way to the history: nobody waits for a database that hangs, and none is lost while it is away.

    with Recorder("history.sqlite", spool) as recorder:
        recorder.add(record_of(assessment))
    recorder.kept                                       # once it is closed

A record waits in memory for the writer's thread, in the database it is recorded, in the spool it waits on disk.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self
from uuid import uuid4

from probe.errors import ConfigurationError
from probe.history.database import Database, url_of
from probe.history.delivery import AWAY_S, Delivery
from probe.history.spool import MAX_BYTES, MAX_FILES, Batch, Spool, broken
from probe.report.record import Record
from probe.stores.places import state_directory
from probe.text import counted

#: Records of one batch, and the seconds within which it is made up.
BATCH = 500
GATHER_S = 1.0
#: Records in memory that wait for the database; what comes then waits on disk.
MAX_QUEUE = 2_000
#: Seconds for a database to open before anything is probed, and in the end for what is left.
OPEN_S = 1.0
FLUSH_S = 4.0


class Bounds(NamedTuple):
    """What a recorder holds, and how long it waits: records in memory, the spool's bytes and files, seconds."""

    queue: int = MAX_QUEUE
    spool_bytes: int = MAX_BYTES
    spool_files: int = MAX_FILES
    flush_s: float = FLUSH_S
    away_s: float = AWAY_S


DEFAULT = Bounds()


class Kept(NamedTuple):
    """How many of this run's records are in the database, wait in the spool, or were lost.

    `delivered` are those of other runs that had waited and were written by this one.
    """

    recorded: int = 0
    waiting: int = 0
    lost: int = 0
    delivered: int = 0

    def sentence(self, name: str, spool: Path) -> str:
        """What became of them, in one line."""
        also = f", with {self.delivered:,} that had waited" if self.delivered else ""
        parts = [f"{counted(self.recorded, 'result')} recorded in {name}{also}"]
        if self.waiting:
            verb = "waits" if self.waiting == 1 else "wait"
            parts.append(f"{self.waiting:,} {verb} in {spool} for the next run that reaches it")
        if self.lost:
            parts.append(f"{self.lost:,} lost")
        return "; ".join(parts)


def spool_folder(history: str) -> Path:
    """Where results wait for a history, that of each apart; raises ConfigurationError."""
    url = url_of(history)
    file = url.database and url.get_backend_name() == "sqlite"
    where = str(Path(url.database or "").resolve()) if file else f"{url.host}:{url.port}/{url.database}"
    return state_directory() / "spool" / hashlib.sha256(where.encode()).hexdigest()[:16]


class Recorder:
    """Takes records from any thread and writes them on its own.

    `note` hears, on that thread, what a person should know: that the database is away or back, or the spool is full;
    without it these sentences are in `notes`. Raises ConfigurationError where the history is none of ours.
    """

    def __init__(
        self,
        history: str | Database,
        spool: Path,
        *,
        note: Callable[[str], None] | None = None,
        bounds: Bounds = DEFAULT,
    ) -> None:
        self.notes: list[str] = []
        self._note = note or self.notes.append
        self._spool = Spool(spool, max_bytes=bounds.spool_bytes, max_files=bounds.spool_files)
        self._delivery = Delivery(history, self._spool, self._note, self._arrived, bounds.away_s)
        self._bounds = bounds
        self._queue: deque[Record] = deque()
        self._under_way: Batch | None = None
        self._order = self._spool.next_order()
        self._recorded = self._lost = self._delivered = 0
        self._waiting: dict[str, tuple[Path, int]] = {}
        self._given_up: set[str] = set()
        self._asked = self._answered = 0
        self._closed = False
        self._refused: ConfigurationError | None = None
        self._changed = threading.Condition()
        self._opened = threading.Event()
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)
        self._thread.start()
        self._opened.wait(OPEN_S)
        self._opened.set()
        if self._refused:
            raise self._refused

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        self.close()

    @property
    def kept(self) -> Kept:
        """What became of the records that were added, as far as it is known."""
        with self._changed:
            # What left the spool was delivered by another process, or set aside by it.
            waiting = sum(records for path, records in self._waiting.values() if path.exists())
            aside = sum(records for path, records in self._waiting.values() if broken(path).exists())
            gone = sum(records for _, records in self._waiting.values()) - waiting - aside
            return Kept(self._recorded + gone, waiting, self._lost + aside, self._delivered)

    def add(self, record: Record) -> None:
        """Hand over a record; where too many wait in memory, they go to the disk first."""
        with self._changed:
            self._queue.append(record)
            if len(self._queue) > self._bounds.queue:
                self._spill()
            self._changed.notify_all()

    def flush(self) -> Kept:
        """Have everything that was added recorded, or waiting on disk; what waited before is tried, too."""
        with self._changed:
            self._asked = asked = self._asked + 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._refused or self._answered >= asked, self._bounds.flush_s)
            if self._answered < asked:
                if self._under_way:  # whose fate is not known: its name makes it harmless
                    self._put(self._under_way)
                self._spill()
        return self.kept

    def close(self) -> Kept:
        """The same, and end; nothing can be added then."""
        if self._closed:
            return self.kept
        self.flush()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._answered >= self._asked:
            self._thread.join(self._bounds.flush_s)
        return self.kept

    def _run(self) -> None:
        try:
            self._delivery.open()
            self._opened.set()
            self._write_on()
        except ConfigurationError as error:
            with self._changed:
                self._refused = error
                self._changed.notify_all()
            if self._opened.is_set():  # too late to refuse: what comes waits for whom it may concern
                self._note(str(error))
        finally:
            self._opened.set()
            self._delivery.close()

    def _write_on(self) -> None:
        while (asked := self._next_round()) is not None:
            while batch := self._take():
                self._settle(batch, written=self._delivery.deliver(batch))
            self._delivery.deliver()
            with self._changed:
                self._answered = asked
                self._changed.notify_all()

    @property
    def _urgent(self) -> bool:
        return self._closed or self._asked > self._answered

    def _next_round(self) -> int | None:
        """Wait for something to do; None for nothing any more, else the flush that a round answers."""
        with self._changed:
            again_s = self._bounds.away_s if self._waiting else None
            self._changed.wait_for(lambda: self._queue or self._urgent, again_s)
            self._changed.wait_for(lambda: len(self._queue) >= BATCH or self._urgent, GATHER_S)
            return None if self._closed and not self._queue else self._asked

    def _take(self) -> Batch | None:
        with self._changed:
            if not self._queue:
                return None
            records = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            batch = self._under_way = Batch(self._order, uuid4().hex, records)
            self._order += 1
            return batch

    def _settle(self, batch: Batch, *, written: bool) -> None:
        with self._changed:
            self._under_way = None
            if not written:
                self._put(batch)
                return
            self._recorded += len(batch.records)
            if batch.name in self._given_up:
                self._lost -= len(batch.records)
            if self._waiting.pop(batch.name, None):
                self._spool.path(batch).unlink(missing_ok=True)

    def _spill(self) -> None:
        """Put what waits in memory on the disk."""
        under_way = self._under_way
        while batch := self._take():
            self._put(batch)
        self._under_way = under_way

    def _put(self, batch: Batch) -> None:
        if batch.name in self._waiting or batch.name in self._given_up:
            return
        try:
            self._waiting[batch.name] = self._spool.put(batch), len(batch.records)
        except (OSError, ValueError, OverflowError) as error:
            if not self._lost:
                self._note(f"results are lost: {getattr(error, 'strerror', None) or error}")
            self._given_up.add(batch.name)
            self._lost += len(batch.records)

    def _arrived(self, name: str, records: int, *, taken: bool) -> None:
        with self._changed:
            own = self._waiting.pop(name, None) is not None
            self._recorded += records if own and taken else 0
            self._lost += records if own and not taken else 0
            self._delivered += records if taken and not own else 0
