"""Where vantage points see a target otherwise at the same time: another certificate, or another verdict.

1. A vantage point's sight of an instant is what its addresses were seen to show both before (or then) and after it;
   a look that none followed is taken to hold for `TOGETHER`.
2. Two sights differ where the worst outcomes do, or where each has an end certificate that the other has not: one
   that met more of a balancer's nodes does not differ from one that met fewer.
3. What differs is one difference until sights that can be compared are alike again. A vantage point from which nobody
   looked for `SILENT`, while others did, counts no more: where it was the one that differed, the difference is past.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain, combinations
from typing import NamedTuple

from probe.eop.vocabulary import WORST_FIRST
from probe.report.periods import Life, Period, Verdict, lives
from probe.report.record import Endpoint, Span

#: For how long the last look of a vantage point is compared with later ones of others.
TOGETHER = timedelta(hours=1)
#: After which a vantage point that looks no more differs from nobody.
SILENT = timedelta(days=7)


class Sight(NamedTuple):
    """What one vantage point sees: the worst verdict, and end certificates by SHA-256, in order."""

    vantage: str
    verdict: Verdict
    leaves: tuple[str, ...]


class Differing(NamedTuple):
    """Sights that differ from `first` on; `over` is when they were alike again, None while they are not.

    `silent` is the last look of the vantage point that differed, where nobody looks from there any more. The endpoint
    bears neither address nor vantage point.
    """

    target: str
    endpoint: Endpoint
    sights: tuple[Sight, ...]
    first: datetime
    over: datetime | None
    silent: datetime | None = None


def several(spans: Iterable[Sequence[Span]]) -> Iterator[Life]:
    """The lives of targets that were seen from several vantage points; the spans of an endpoint stand together."""
    found: dict[Endpoint, list[Sequence[Span]]] = {}
    for of in spans:
        found.setdefault(_place(of[0].endpoint), []).append(of)
    for group in found.values():
        if len({of[0].endpoint.vantage for of in group}) > 1:
            yield from lives(chain.from_iterable(group))


def differing(found: Iterable[Life]) -> Iterator[Differing]:
    """Every difference, those of a target in their order."""
    groups: dict[Endpoint, dict[str, list[Life]]] = {}
    for life in found:
        groups.setdefault(_place(life.endpoint), {}).setdefault(life.endpoint.vantage, []).append(life)
    for place, by_vantage in groups.items():
        if len(by_vantage) > 1:
            yield from _of_target(place, by_vantage)


def _place(endpoint: Endpoint) -> Endpoint:
    return endpoint._replace(address="", vantage="")


def _of_target(place: Endpoint, by_vantage: dict[str, list[Life]]) -> Iterator[Differing]:
    every = [life for of in by_vantage.values() for life in of]
    begun: Differing | None = None
    for moment in sorted({period.first for life in every for period in life.periods}):
        seen = (_sight(vantage, of, moment) for vantage, of in sorted(by_vantage.items()))
        sights = tuple(sight for sight in seen if sight)
        if len(sights) < 2:
            continue
        if any(_differ(one, other) for one, other in combinations(sights, 2)):
            begun = begun or Differing(every[-1].target, place, sights, moment, None)
        elif begun:
            yield begun._replace(over=moment)
            begun = None
    if begun:
        yield begun._replace(silent=_silent(by_vantage))


def _silent(by_vantage: dict[str, list[Life]]) -> datetime | None:
    """The last look of those that look no more, unless others differ as well."""
    last = {name: max(life.periods[-1].last for life in of) for name, of in by_vantage.items()}
    gone = {name for name, at in last.items() if at < max(last.values()) - SILENT}
    seen = (_sight(name, of, last[name]) for name, of in by_vantage.items() if name not in gone)
    if not gone or any(_differ(one, other) for one, other in combinations(filter(None, seen), 2)):
        return None
    return max(last[name] for name in gone)


def _sight(vantage: str, of: Iterable[Life], moment: datetime) -> Sight | None:
    periods = [period for life in of if (period := _shown_at(life.periods, moment))]
    if not periods:
        return None
    worst = min((period.verdict for period in periods), key=lambda said: WORST_FIRST.index(said.outcome))
    leaves = sorted({leaf for period in periods for leaf in period.leaves})
    return Sight(vantage, worst, tuple(leaves))


def _shown_at(periods: Sequence[Period], moment: datetime) -> Period | None:
    number = bisect_right(periods, moment, key=lambda period: period.first) - 1
    if number < 0:
        return None
    period = periods[number]
    held = period.last + (TOGETHER if number == len(periods) - 1 else timedelta())
    return period if moment <= held else None


def _differ(one: Sight, other: Sight) -> bool:
    mine, theirs = set(one.leaves), set(other.leaves)
    return one.verdict.outcome is not other.verdict.outcome or not (mine <= theirs or theirs <= mine)
