"""What was and will be, on one line of time: the verdict's turns, each certificate's validity, the lists' dates.

Everything drawn is said in words beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import MAXYEAR, UTC, datetime
from itertools import pairwise
from math import ceil, floor
from typing import NamedTuple

from probe.eop.forecast import Turn
from probe.pki.truststore import list_title
from probe.render.report.facts import day, path_certificates
from probe.render.report.wording import validity_words
from probe.report.assessment import Assessment

#: Days before and after the instant of the judgement that are drawn; what lasts longer ends at the edge.
DAYS_BEFORE, DAYS_AFTER = 2 * 365, 10 * 365
#: Dates along the line: as many as a telephone shows side by side.
MAX_TICKS = 5

#: Percent of the width from which on a word fits inside.
_ROOM = 18
_MARGIN = 0.03
_STEPS_MONTHS = (1, 2, 3, 6, 12, 24, 48)
#: Of a line that holds no two beginnings of a month.
_STEPS_HOURS = (1, 2, 3, 6, 12, 24, 48, 168, 336)


class Span(NamedTuple):
    """A bar: position and width in percent, its style, and a word inside."""

    x: float
    width: float
    style: str
    label: str = ""

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 2)


class Tick(NamedTuple):
    """A date on the axis, and which of its sides stands there."""

    x: float
    label: str
    anchor: str


class Point(NamedTuple):
    """A date in percent, and its style."""

    x: float
    style: str = ""


class Row(NamedTuple):
    """What a row is about, its dates in words, and how they are drawn."""

    name: str
    words: str
    spans: tuple[Span, ...] = ()
    points: tuple[Point, ...] = ()


class TimeLine(NamedTuple):
    """A table of rows in groups; `now` is where the judged instant is."""

    caption: str
    ticks: list[Tick]
    now: float
    groups: list[list[Row]]


def timeline(assessment: Assessment) -> TimeLine | None:
    """The line of one assessment; None where no certificate was seen."""
    certificates, at = path_certificates(assessment), assessment.evidence.at
    if not certificates:
        return None
    dates = [store.dated for store in assessment.stores if store.dated]
    turns = [turn.at for turn in assessment.forecast]
    scale = Scale(at, (certificates[0].not_before, certificates[0].not_after, *dates, *turns))
    lists = [
        Row(
            list_title(store.name),
            f"issued on {day(store.dated)}" if store.dated else "bears no date",
            points=(Point(scale.x(store.dated)),) if store.dated else (),
        )
        for store in assessment.stores
    ]
    own = [
        Row(
            each.subject.short,
            f"{day(each.not_before)} to {day(each.not_after)}, {validity_words(each.not_before, each.not_after, at)}",
            (scale.span(each.not_before, each.not_after, "span"),),
        )
        for each in certificates
    ]
    return TimeLine(
        f"The dashed line is {day(at)}, the day that is judged. What lasts longer than the line ends at its edge.",
        scale.ticks(),
        scale.x(at),
        [group for group in (_turns(assessment, scale), own, lists) if group],
    )


def _turns(assessment: Assessment, scale: Scale) -> list[Row]:
    now = Row("Verdict", assessment.outcome.value, tuple(_phases(assessment, scale)))
    return [now, *(_turn(turn, scale) for turn in assessment.forecast)]


def _turn(turn: Turn, scale: Scale) -> Row:
    point = Point(scale.x(turn.at), f"phase-{turn.outcome.value}")
    return Row(f"{day(turn.at)}: {_becomes(turn)}", turn.reason, points=(point,))


def _becomes(turn: Turn) -> str:
    about = f"{turn.outcome.value} ({turn.rule})" if turn.rule else turn.outcome.value
    return f"renewals {about}" if turn.renewal_only else about


def _phases(assessment: Assessment, scale: Scale) -> Iterator[Span]:
    """The verdict from now on, from turn to turn."""
    turns = [turn for turn in assessment.forecast if not turn.renewal_only]
    starts = [(scale.x(assessment.evidence.at), assessment.outcome)]
    starts += [(scale.x(turn.at), turn.outcome) for turn in turns]
    for (x, outcome), (end, _) in pairwise([*starts, (100.0, assessment.outcome)]):
        width = round(end - x, 2)
        if width > 0:
            yield Span(x, width, f"phase-{outcome.value}", outcome.value if width >= _ROOM else "")


class Scale:
    """Instants as percent of the line, which holds those given as far as they are near enough."""

    def __init__(self, at: datetime, instants: Iterable[datetime]) -> None:
        now = _days(at)
        days = [max(now - DAYS_BEFORE, min(_days(each), now + DAYS_AFTER)) for each in (at, *instants)]
        first, last = min(days), max(days)
        margin = max((last - first) * _MARGIN, 1 / 24)
        self._first, self._span = first - margin, last - first + 2 * margin

    def x(self, moment: datetime) -> float:
        return round(max(0.0, min((_days(moment) - self._first) / self._span * 100, 100.0)), 2)

    def span(self, start: datetime, end: datetime, style: str) -> Span:
        x = self.x(start)
        return Span(x, max(round(self.x(end) - x, 2), 0.3), style)

    def ticks(self) -> list[Tick]:
        """First days of months or years, as few as fit; hours or days where the line is short."""
        months = [*self._months()]
        if len(months) < 2:
            return self._hours()
        step = next((step for step in _STEPS_MONTHS if len(months) / step <= MAX_TICKS), _STEPS_MONTHS[-1])
        return [self._tick(month, years=step >= 12) for month in months if month % step == 0]

    def _hours(self) -> list[Tick]:
        first, last = ceil(self._first * 24), floor((self._first + self._span) * 24)
        step = next(step for step in _STEPS_HOURS if (last - first) // step < MAX_TICKS)
        return [self._hour(hour) for hour in range(first, last + 1) if hour % step == 0]

    def _hour(self, hour: int) -> Tick:
        moment = datetime.fromordinal(hour // 24).replace(hour=hour % 24, tzinfo=UTC)
        return self._labelled(moment, f"{moment:%H:%M}" if hour % 24 else f"{moment:%m-%d}")

    def _months(self) -> Iterator[int]:
        """The months that begin on the line, counted from the year 0."""
        first = datetime.fromordinal(max(1, int(self._first)))
        month = first.year * 12 + first.month  # that of the month after `first`
        while month // 12 <= MAXYEAR and _begin(month).toordinal() <= self._first + self._span:
            yield month
            month += 1

    def _tick(self, month: int, *, years: bool) -> Tick:
        begin = _begin(month)
        return self._labelled(begin, begin.isoformat()[: 4 if years else 7])

    def _labelled(self, moment: datetime, label: str) -> Tick:
        x = self.x(moment)
        return Tick(x, label, "start" if x < 6 else "end" if x > 94 else "middle")


def _begin(month: int) -> datetime:
    return datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)


def _days(moment: datetime) -> float:
    return moment.toordinal() + (moment.hour * 60 + moment.minute) / 1440
