"""How far a run is, in one line of a terminal's standard error that is drawn over and over; else nothing."""

from __future__ import annotations

import shutil
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

from probe.cli.waiting import Waiting
from probe.net import clock

if TYPE_CHECKING:
    from probe.fleet.summary import Summary

#: Seconds between two drawings: a reader sees no more.
INTERVAL_S = 0.25
#: Seconds after which it is drawn anew although nothing was done.
IDLE_S = 1.0


class Progress(Waiting):
    """Shows what is done, how fast, how long it will take and what came of it; `total` is None where nobody knows."""

    def __init__(self, summary: Summary, total: int | None) -> None:
        super().__init__("probing")
        self._summary, self._targets = summary, total
        self._began, self._drawn = clock.monotonic(), 0.0
        self._hidden = False

    def clear(self) -> None:
        """Make room for what is written to the same terminal, until `show`."""
        with self._lock:
            self._hidden = True
            self._write("")

    def show(self) -> None:
        """Draw the line, unless that was just done."""
        with self._lock:
            self._hidden = False
            now = clock.monotonic()
            if not self._over and now - self._drawn >= INTERVAL_S:
                self._drawn = now
                self._write(self._line())

    def _show(self) -> None:
        with self._lock:
            if not self._over:
                if not self._hidden:
                    self._write(self._line())
                self._timer = threading.Timer(IDLE_S, self._show)
                self._timer.daemon = True
                self._timer.start()

    def _line(self) -> str:
        done, elapsed = self._summary.targets, clock.monotonic() - self._began
        rate = done / elapsed if elapsed else 0.0
        of = f"/{self._targets:,}" if self._targets is not None else ""
        parts = [f"{done:,}{of} targets", f"{rate:,.0f}/s"]
        if self._targets is not None and rate:
            parts.append(f"{timedelta(seconds=round(max(self._targets - done, 0) / rate))} left")
        line = f"eop-probe: {', '.join(parts)}; {self._summary.counts() or 'no result yet'}"
        return line[: shutil.get_terminal_size().columns - 1]
