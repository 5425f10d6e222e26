"""Writing that stalls nobody: on a thread of its own, with a bound on what waits, and a count of what is lost."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

#: Bytes that wait for a reader; what comes then is lost. A report has some 20,000.
MAX_WAITING_BYTES = 4 << 20
#: Seconds at the end for what still waits.
LAST_WORDS_S = 2.0


class Outlet:
    """Hands texts to `write` on a thread of its own; `failed` hears there why no more can be written."""

    def __init__(self, write: Callable[[bytes], None], failed: Callable[[OSError], None]) -> None:
        self._write, self._failed = write, failed
        self._waiting: deque[bytes] = deque()
        self._bytes = self._lost = 0
        self._open = True
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="outlet", daemon=True)
        self._thread.start()

    def put(self, text: bytes, gap: Callable[[int], bytes] = lambda _: b"") -> int:
        """Hand over a text, after what `gap` says of those lost before it; their number if this one is taken, or 0."""
        with self._changed:
            lost = self._lost
            text = gap(lost) + text if lost else text
            if not self._open or (self._waiting and self._bytes + len(text) > MAX_WAITING_BYTES):
                self._lost += 1
                return 0
            self._lost = 0
            self._waiting.append(text)
            self._bytes += len(text)
            self._changed.notify()
            return lost

    def close(self, gap: Callable[[int], bytes] | None = None) -> int:
        """Write what waits, and what `gap` says of those lost, within LAST_WORDS_S; how many were lost unsaid."""
        with self._changed:
            if gap and self._lost:
                self._waiting.append(gap(self._lost))
                self._lost = 0
            self._open = False
            self._changed.notify()
        self._thread.join(LAST_WORDS_S)
        return self._lost + len(self._waiting)

    def _run(self) -> None:
        try:
            while (text := self._next()) is not None:
                self._write(text)
                with self._changed:
                    self._bytes -= len(self._waiting.popleft())
        except OSError as error:
            with self._changed:
                self._open = False
            self._failed(error)

    def _next(self) -> bytes | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or not self._open)
            return self._waiting[0] if self._waiting else None
