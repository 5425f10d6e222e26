"""Rounds: stretches as long as the fleet's shortest interval, each over once all that fell due in it is settled."""

from __future__ import annotations

from collections.abc import Mapping


class Round:
    """The round that `now` lies in; it ends at a multiple of its length by the wall clock, whenever it was begun."""

    def __init__(self, due: Mapping[str, float], length: int, now: float) -> None:
        """`due` holds when each target is due, `length` is in seconds."""
        self._length = length
        self._ends = (now // length + 1) * length
        self._left = {key for key, at in due.items() if at < self._ends}

    def settled(self, key: str) -> None:
        """Note that a target was looked at."""
        self._left.discard(key)

    def over(self, now: float) -> bool:
        """Whether the time is over and nothing is left of it; also where the clock was set back."""
        return not self._left and not self._ends - self._length <= now < self._ends

    @property
    def left(self) -> int:
        """How many targets are still to be settled."""
        return len(self._left)
