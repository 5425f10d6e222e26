"""Which predictions of an endpoint held at a time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from typing import NamedTuple

from probe.report.ledger.values import Prediction

#: How long a prediction holds after its last look, where no other follows: a certificate is swapped any day.
HOLDS = timedelta(days=7)


class Window(NamedTuple):
    """When a prediction may have held: from the last look that said otherwise to the next one."""

    begin: datetime
    end: datetime
    prediction: Prediction


class Held(NamedTuple):
    """The predictions that may have held at a time; `whole` where they cover all of it."""

    predictions: tuple[Prediction, ...]
    whole: bool

    @property
    def swapped(self) -> bool:
        """Whether different certificates were seen."""
        return len({frozenset(one.leaves) for one in self.predictions}) > 1


class Timeline:
    """The windows of one endpoint's predictions."""

    def __init__(self, predictions: Sequence[Prediction]) -> None:
        known = sorted(predictions, key=lambda one: (one.first, one.last))
        self.windows = [
            _window(
                known[place - 1] if place else None, one, known[place + 1] if place + 1 < len(known) else None
            )
            for place, one in enumerate(known)
        ]
        # A look of a report may lie within a span of the history: what matters is that none before ends later.
        self._ends = list(accumulate((one.end for one in self.windows), max))

    def held(self, begin: datetime, end: datetime) -> Held:
        """What may have held from `begin` until before `end`; at `begin`, where they are alike."""
        found: list[Window] = []
        for window in self.windows[bisect_left(self._ends, begin) :]:
            if window.begin >= end and window.begin > begin:
                break
            if window.end > begin or begin == end == window.end:
                found.append(window)
        reached = begin
        for window in found:
            reached = max(reached, window.end) if window.begin <= reached else reached
        return Held(
            tuple(one.prediction for one in found), bool(found) and found[0].begin <= begin and reached >= end
        )


def _window(before: Prediction | None, one: Prediction, after: Prediction | None) -> Window:
    """Between two looks either of them may have held, unless they lie too far apart for the first to hold so long."""
    begin = before.last if before and one.first - before.last <= HOLDS else one.first
    end = after.first if after and after.first - one.last <= HOLDS else one.last + HOLDS
    return Window(min(begin, one.first), max(end, one.last), one)
