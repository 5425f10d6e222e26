"""What a worker does for a run: an engine of its own for each session, fed by orders, asked for its results.

An engine goes on while orders come and go, so that a target that is slow delays no other. The module is light: the
scheduler loads it, too.
"""

from __future__ import annotations

import gc
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from probe import GARBAGE_THRESHOLD
from probe.check.interruption import LOOK_S, Interruption
from probe.check.run import Done, Job, Later
from probe.errors import ProbeError
from probe.fleet.dask.wire import Answer, Found, Order, packed, unpacked, unpacked_jobs
from probe.net import clock
from probe.report.failed import line

if TYPE_CHECKING:
    from distributed import Worker

    from probe.fleet.entries import Load
    from probe.pki.truststore import TrustStore

#: Seconds for which an answer is held back until it is worth the journey, and results that always are.
HOLD_S = 0.3
WORTH = 100
#: Seconds after which a session that nobody asks for is over.
UNATTENDED_S = 600.0

_sessions: dict[str, Session] = {}
_lock = threading.Lock()
_thresholds: list[tuple[int, int, int]] = []


def exchange(data: bytes) -> bytes:
    """The task: take an order, answer what is done."""
    from distributed import get_worker

    order: Order = unpacked(data)
    with _lock:
        session = _sessions.get(order.session)
        if session is None and order.number == 1:
            session = _sessions[order.session] = Session(order, get_worker())
        if order.end:
            _sessions.pop(order.session, None)
    if session is None:
        return packed(Answer(lost=True))
    session.take(order)
    return session.answer()


@contextmanager
def _seldom_searched() -> Iterator[None]:
    """Cycles are looked for as seldom as in a process of the command line, as long as any session is at work."""
    with _lock:
        _thresholds.append(gc.get_threshold())
        gc.set_threshold(GARBAGE_THRESHOLD)
    try:
        yield
    finally:
        with _lock:
            before = _thresholds.pop()
            if not _thresholds:
                gc.set_threshold(*before)


class _Held(NamedTuple):
    """A list of roots as jobs ask for it."""

    held: Sequence[TrustStore]

    def stores(self) -> Sequence[TrustStore]:
        return self.held


class Session:
    """The part of a run that this worker does."""

    def __init__(self, order: Order, worker: Worker) -> None:
        from probe.check.engine import Engine
        from probe.check.loops import new_loop
        from probe.check.pace import too_few_files

        self._name, self._worker = order.session, worker
        self._vantage = os.environ.get("EOP_PROBE_VANTAGE", "")
        self._worth = threading.Condition()
        self._todo: deque[Job] = deque()
        self._loads: dict[int, Load] = {}
        self._parts: dict[int, list[Found]] = {}
        self._found: deque[Found] = deque()
        self._left = self._number = self._taken = 0
        self._over, self._pace = False, order.pace
        self._kept = order.pace
        self._error: Exception | None = None
        self._attended = clock.monotonic()
        self._interruption = Interruption()
        self._note = too_few_files(order.pace.concurrency)
        self._loop = new_loop()
        self._engine = Engine(self._jobs(), order.pace, self._loop, self._interruption)
        # No daemon: OpenSSL works in this thread.
        threading.Thread(target=self._run, name="eop-probe").start()

    def take(self, order: Order) -> None:
        """Do what is asked, unless it was before."""
        with self._worth:
            self._attended = clock.monotonic()
            while self._taken < order.taken:
                self._found.popleft()
                self._taken += 1
            if order.number <= self._number:
                return
            self._number = order.number
            for number, data in order.stores.items():
                self._loads[number] = _Held(unpacked(data)).stores
            if order.jobs:
                jobs = unpacked_jobs(order.jobs, self._loads)
                self._left += len(jobs)
                self._todo.extend(jobs)
            self._pace = order.pace
            self._interruption.asked |= order.end

    def answer(self) -> bytes:
        """What is done and did not arrive yet, once it is worth it."""
        with self._worth:
            self._worth.wait_for(self._is_worth_it, HOLD_S)
            self._attended = clock.monotonic()
            found = tuple(self._found)
            return packed(Answer(self._taken, found, self._vantage, self._error, note=self._note))

    def _is_worth_it(self) -> bool:
        if self._interruption.asked:
            return self._over
        return self._over or len(self._found) >= WORTH or (bool(self._found) and not self._left)

    def _jobs(self) -> Iterator[Job | Later]:
        while True:
            yield self._todo.popleft() if self._todo else Later(LOOK_S, forget=False)

    def _run(self) -> None:
        self._loop.call_soon(self._look)
        try:
            with _seldom_searched():
                for done in self._engine.run():
                    self._add(done)
        except Exception as error:  # noqa: BLE001 - told to the run that asked
            self._error = error if isinstance(error, ProbeError) else ProbeError(line(error))
        with self._worth:
            self._found.extend(part for parts in self._parts.values() for part in parts)
            self._over = True
            self._worth.notify_all()

    def _add(self, done: Done) -> None:
        """A target's results go together: done anew elsewhere, it begins with nothing."""
        key = done.job.key
        parts = self._parts.setdefault(key, [])
        parts.append(Found(key, done.index, done.assessment, done.last))
        if done.last:
            with self._worth:
                self._found.extend(self._parts.pop(key))
                self._left -= 1
                # Not at each one: whoever waits would take this thread's turn.
                if self._is_worth_it():
                    self._worth.notify_all()

    def _look(self) -> None:
        """Keep to the rates that were asked for last; end where nobody asks any more, or the worker does."""
        if self._kept != self._pace:
            self._kept = self._pace
            self._engine.keep_to(self._kept)
        unattended = clock.monotonic() - self._attended > UNATTENDED_S
        if self._interruption.asked or unattended or self._worker.status.name not in {"running", "paused"}:
            self._interruption.asked = True
            _sessions.pop(self._name, None)
        else:
            self._loop.call_later(LOOK_S, self._look)
