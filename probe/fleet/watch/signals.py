"""The signals of a watch: an end in order, and the description read again; the loop sleeps until one comes."""

from __future__ import annotations

import signal
import sys
from asyncio import AbstractEventLoop
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from probe.check.interruption import Interruption


class Signals(Interruption):
    """SIGINT and SIGTERM as an interruption; `reload` turns true with SIGHUP."""

    def __init__(self) -> None:
        super().__init__()
        self.reload = False
        self._loop: AbstractEventLoop | None = None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Take the signals within the block."""
        if sys.platform == "win32":
            with super().watched():
                yield
            return
        before = signal.signal(signal.SIGHUP, self._hang_up)
        try:
            with super().watched():
                yield
        finally:
            signal.signal(signal.SIGHUP, before)

    def stop(self, loop: AbstractEventLoop) -> None:
        """Stop the loop as soon as a signal comes, which wakes it, but on Windows."""
        self._loop = loop
        if sys.platform == "win32":
            super().stop(loop)
        elif self.asked:
            loop.stop()

    def _ask(self, number: int, frame: FrameType | None) -> None:
        super()._ask(number, frame)
        self._wake()

    def _hang_up(self, _: int, __: FrameType | None) -> None:
        self.reload = True
        self._wake()

    def _wake(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._loop.stop)
