"""Names looked up for many endpoints at once: threads of their own, each answer kept while one job follows another."""

from __future__ import annotations

import threading
from asyncio import AbstractEventLoop
from collections import OrderedDict
from collections.abc import Callable, Hashable
from queue import SimpleQueue
from typing import Any

#: Names asked about at once; the system's resolver blocks a thread for each.
MAX_THREADS = 48
#: Answers that are kept.
MAX_KEPT = 10_000

Then = Callable[[Any], None]


class Names:
    """Asks each question once, in a thread, and tells everybody who asked, on the loop's thread."""

    def __init__(self, loop: AbstractEventLoop, most: int = MAX_THREADS) -> None:
        """Each of at most so many threads may have a file open."""
        self._loop, self._most = loop, min(MAX_THREADS, most)
        self._todo: SimpleQueue[tuple[Hashable, Callable[[], object]] | None] = SimpleQueue()
        self._threads = 0
        self._asking: dict[Hashable, list[Then]] = {}
        self._kept: OrderedDict[Hashable, object] = OrderedDict()

    def ask(self, question: Hashable, work: Callable[[], object], then: Then) -> None:
        """Call `then` with what `work` returns, or with the exception it raises: now, if that is known already."""
        if question in self._kept:
            then(self._kept[question])
        elif question in self._asking:
            self._asking[question].append(then)
        else:
            self._asking[question] = [then]
            self._todo.put((question, work))
            if self._threads < min(self._most, len(self._asking)):
                self._threads += 1
                # A daemon: a resolver that hangs must not keep the process from ending, and nothing but names is in it.
                threading.Thread(target=self._serve, name="names", daemon=True).start()

    def forget(self) -> None:
        """Ask anew from now on."""
        self._kept.clear()

    def close(self) -> None:
        """Ask nothing more."""
        self._asking.clear()
        while not self._todo.empty():
            self._todo.get()
        for _ in range(self._threads):
            self._todo.put(None)

    def _serve(self) -> None:
        while (task := self._todo.get()) is not None:
            question, work = task
            try:
                answer = work()
            except BaseException as error:  # noqa: BLE001 - raised by whoever takes the answer
                answer = error
            try:
                self._loop.call_soon_threadsafe(self._answered, question, answer)
            except RuntimeError:
                return  # The loop is closed: nobody waits any more.

    def _answered(self, question: Hashable, answer: object) -> None:
        self._kept[question] = answer
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        for then in self._asking.pop(question, ()):
            then(answer)
