"""A sign on a terminal's standard error that work goes on, for calls that take longer than a moment."""

from __future__ import annotations

import contextlib
import sys
import threading
from types import TracebackType
from typing import Self

#: Seconds without a sign: most calls are over by then, and a line that flashes up only disturbs.
PATIENCE_S = 2.0


class Waiting:
    """Shows `what` is done, and how many of `total` are, until the block ends; nothing where nobody sees it."""

    def __init__(self, what: str, total: int = 1) -> None:
        self._what, self._total, self._done = what, total, 0
        self._shown = ""
        self._over = sys.stderr is None or not sys.stderr.isatty()
        self._lock = threading.Lock()
        self._timer = threading.Timer(PATIENCE_S, self._show)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        if not self._over:
            self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        self._timer.cancel()
        with self._lock:
            self._over = True
            self._write("")

    def advance(self, done: int) -> None:
        """Say that `done` are finished."""
        with self._lock:
            self._done = done
            if self._shown:
                self._write(self._line())

    def _show(self) -> None:
        with self._lock:
            if not self._over:
                self._write(self._line())

    def _line(self) -> str:
        of = f": {self._done}/{self._total} done" if self._total > 1 else ""
        return f"eop-probe: {self._what}{of} ..."

    def _write(self, line: str) -> None:
        """Put `line` in the place of what is shown; no escape sequences, for any terminal."""
        if self._shown or line:
            with contextlib.suppress(OSError):  # a sign only, and the terminal may be gone
                sys.stderr.write(f"\r{' ' * len(self._shown)}\r{line}")
                sys.stderr.flush()
        self._shown = line
