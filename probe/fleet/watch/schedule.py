"""When each target is due: a slot of its own in every interval, by a hash of its key, so that a fleet is spread evenly.

Instants are seconds since 1970 by the wall clock, which may jump. A look is followed by the first slot that is more
than half an interval later: a run that was missed is made up once, and no two looks are closer than that. What would
lie more than one and a half intervals ahead, as the clock was set back or the interval shortened, is planned anew.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from hashlib import blake2b
from math import floor

#: Seconds that a clock may step back without anything being planned anew.
STEP = 1.0
#: Seconds within which a target that was never looked at is.
FIRST = 60


def slot(key: str, interval: int, after: float) -> int:
    """The first slot of the key later than `after`."""
    phase = int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big") % interval
    return (floor((after - phase) / interval) + 1) * interval + phase


class Schedule:
    """Which target's turn it is. A target taken is under way until it is settled, or looked at again."""

    def __init__(self) -> None:
        self.due: dict[str, int] = {}
        """When each was, or is, due; it moves once a target is settled."""
        self._intervals: dict[str, int] = {}
        self._turns: dict[str, float] = {}
        self._again: set[str] = set()
        self._heap: list[tuple[float, str]] = []
        self._now = 0.0

    def keep(self, intervals: Mapping[str, int], now: float, stored: Mapping[str, int] | None = None) -> None:
        """Take these targets for those there are, with due times as they were `stored`, where they were."""
        before, under_way = {**(stored or {}), **self.due}, self.due.keys() - self._turns.keys()
        self._intervals, self._now = dict(intervals), now
        self.due = {key: self._sane(key, before.get(key), now) for key in intervals}
        self._again &= self.due.keys()
        waiting = self.due.keys() - under_way
        self._plan({key: self._turns[key] if key in self._again else self.due[key] for key in waiting})

    def take(self, now: float) -> str | None:
        """The target that is due, which is under way from now on; None where none is."""
        if now < self._now - STEP:
            self._turned_back(now)
        self._now = max(self._now, now)
        while self._heap and self._heap[0][0] <= now:
            at, key = heapq.heappop(self._heap)
            if self._turns.get(key) == at:
                del self._turns[key]
                self._again.discard(key)
                return key
        return None

    @property
    def next_due(self) -> float | None:
        """When the next target is due; None where none waits for its turn."""
        return self._heap[0][0] if self._heap else None

    def wait_s(self, now: float) -> float | None:
        """Seconds until a target is due; None where none waits for its turn."""
        return None if self.next_due is None else max(0.0, self.next_due - now)

    def again_at(self, key: str) -> float | None:
        """When a target is looked at once more; None where that is not waited for."""
        return self._turns.get(key) if key in self._again else None

    def hasten(self, key: str, now: float) -> bool:
        """Let it be a target's turn now; whether it waits for its turn."""
        waits = key in self._turns
        if waits:
            self._push(key, min(now, self._turns[key]))
        return waits

    def settle(self, key: str, now: float) -> None:
        """Note that a target was looked at."""
        if key in self.due:
            interval = self._intervals[key]
            self.due[key] = slot(key, interval, now + interval / 2)
            self._push(key, self.due[key])

    def again(self, key: str, at: float) -> None:
        """Look once more at `at`; until it is settled the target stays due."""
        if key in self.due:
            self._again.add(key)
            self._push(key, at)

    def _push(self, key: str, at: float) -> None:
        self._turns[key] = at
        heapq.heappush(self._heap, (at, key))

    def _plan(self, turns: dict[str, float]) -> None:
        self._turns, self._heap = turns, [(at, key) for key, at in turns.items()]
        heapq.heapify(self._heap)

    def _turned_back(self, now: float) -> None:
        back, self._now = self._now - now, now
        self.due = {key: self._sane(key, at, now) for key, at in self.due.items()}
        moved = {k: at - back if k in self._again else self.due[k] for k, at in self._turns.items()}
        self._plan(moved)

    def _sane(self, key: str, at: int | None, now: float) -> int:
        interval = self._intervals[key]
        if at is None:
            return slot(key, min(interval, FIRST), now)
        return at if at <= now + 1.5 * interval else slot(key, interval, now + interval / 2)
