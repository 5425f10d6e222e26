"""A progress bar on a terminal's standard error, for calls that take longer than a moment."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

#: Seconds without a bar: most calls are over by then, and a bar that flashes up only disturbs.
PATIENCE_S = 1.0


class Progress:
    """Shows how many of `total` targets are done, from `patience_s` on until the block ends."""

    def __init__(self, total: int, patience_s: float = PATIENCE_S) -> None:
        self._total = total
        self._done = 0
        self._lock = threading.Lock()
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._timer = threading.Timer(patience_s, self._show)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            if self._bar is not None:
                self._bar.stop()
            self._total = 0

    def advance(self, done: int) -> None:
        """Say that `done` targets are finished."""
        with self._lock:
            self._done = done
            if self._bar is not None and self._task is not None:
                self._bar.update(self._task, completed=done)

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        with self._lock:
            if not self._total:
                return  # The block ended while rich was being imported.
            columns = (TextColumn("probing"), BarColumn(), MofNCompleteColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("probing", total=self._total, completed=self._done)
            self._bar.start()
