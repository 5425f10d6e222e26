"""Ctrl-C and SIGTERM as a wish that is looked at between results, so that none is torn or lost.

A handler that raises does so wherever Python happens to be, and in a callback of OpenSSL's cffi discards it.
"""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, TypeVar

from probe.net import clock

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

#: Seconds within which a second signal is the first one's twin: `timeout` sends it to the process and to its group.
TWIN_S = 0.5
#: Seconds between two looks at whether the run is to end, as a signal does not wake every loop.
LOOK_S = 0.1

T = TypeVar("T")


class Interruption:
    """The first signal asks for an end in order, or `raises`; another, a moment later, has its usual effect."""

    def __init__(self, *, raises: bool = False) -> None:
        self.asked = False
        self._asked_at = 0.0
        self._raises = raises

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Take the two signals within the block."""
        before = {each: signal.signal(each, self._ask) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def _ask(self, number: int, _: FrameType | None) -> None:
        if not self.asked:
            self.asked, self._asked_at = True, clock.monotonic()
        elif clock.monotonic() - self._asked_at > TWIN_S:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        if self._raises:
            self._raises = False
            raise KeyboardInterrupt

    def until_asked(self, items: Iterable[T]) -> Iterator[T]:
        """The items until the interruption, also where it comes while the next one is waited for, as of a pipe."""
        taken = iter(items)
        while not self.asked:
            try:
                self._raises = True
                item = next(taken)
                self._raises = False
            except (KeyboardInterrupt, StopIteration):
                self._raises = False
                return
            yield item

    def stop(self, loop: AbstractEventLoop) -> None:
        """Stop the loop soon after a signal came."""
        if self.asked:
            loop.stop()
        else:
            loop.call_later(LOOK_S, self.stop, loop)

    def words(self, done: int, total: int | None) -> str:
        """How far the targets are where the run was cut short; else nothing. `total`: None where nobody knows."""
        of = "" if total is None else f" of {total:,}"
        return f"interrupted: {done:,}{of} targets are done" if self.asked and done != total else ""
