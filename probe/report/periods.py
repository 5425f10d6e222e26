"""The life of an endpoint as a person tells it: from when to when it showed what, and what was said of that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from probe.eop.vocabulary import WORST_FIRST, Outcome
from probe.report.phases import Outage, Phase, Shown, failed, leaves_of, outages, phases, runs, shown_in
from probe.report.record import Endpoint, Span
from probe.values import value


class Verdict(NamedTuple):
    """What was said, and the rule behind it; None where nothing is wrong."""

    outcome: Outcome
    rule: str | None


class Judged(NamedTuple):
    """The state that a look belongs to, and what is said of it."""

    state: Phase
    verdict: Verdict


@value
class Period:
    """One part of an endpoint's life: an outage, or one state of what it showed with one verdict.

    `chains` are those that were shown by SHA-256, an empty one where there was no STARTTLS; `fault` and `error` are
    an outage's, `reply` what Exchange Online would say; `looks` counts the good ones within an outage, too.
    """

    first: datetime
    last: datetime
    looks: int
    verdict: Verdict
    mixed: bool = False
    chains: Shown = ()
    outage: bool = False
    fault: str | None = None
    error: str | None = None
    reply: str | None = None

    @property
    def leaves(self) -> tuple[str, ...]:
        """The end certificates, each once."""
        return leaves_of(self.chains)

    @property
    def told(self) -> tuple[object, ...]:
        """What makes it another state."""
        return self.outage, self.fault, self.mixed, self.verdict, frozenset(self.chains)


class Life(NamedTuple):
    """The periods of an endpoint in their order."""

    target: str
    endpoint: Endpoint
    periods: tuple[Period, ...]

    def at(self, moment: datetime) -> Period | None:
        """The period of an instant, or the last before it."""
        begun = [period for period in self.periods if period.first <= moment]
        return begun[-1] if begun else None

    @property
    def shown(self) -> Period | None:
        """What it showed when it was last to be reached."""
        return next((period for period in reversed(self.periods) if not period.outage), None)


class Difference(NamedTuple):
    """An endpoint that was in another state; None where it was not seen yet."""

    target: str
    endpoint: Endpoint
    before: Period | None
    after: Period | None


class Held(NamedTuple):
    """A certificate that is shown now, as an end certificate or behind one, and the endpoints that show it."""

    sha256: str
    end: bool
    endpoints: tuple[Endpoint, ...]


def lives(spans: Iterable[Span]) -> list[Life]:
    """The lives of endpoints; the spans of each stand together in their order."""
    grouped = (list(group) for _, group in groupby(spans, lambda span: span.endpoint))
    return [Life(of[-1].target, of[0].endpoint, tuple(periods(of))) for of in grouped]


def differences(found: Iterable[Life], before: datetime, after: datetime) -> list[Difference]:
    """The endpoints that were in another state at the second instant."""
    pairs = (Difference(life.target, life.endpoint, life.at(before), life.at(after)) for life in found)
    return [one for one in pairs if (one.before and one.before.told) != (one.after and one.after.told)]


def held(found: Iterable[Life]) -> list[Held]:
    """The certificates that are shown now, each once."""
    shown: dict[str, dict[Endpoint, bool]] = {}
    for life in found:
        for chain in life.shown.chains if life.shown else ():
            for place, sha256 in enumerate(chain):
                holders = shown.setdefault(sha256, {})
                holders[life.endpoint] = holders.get(life.endpoint, False) or place == 0
    return [Held(sha256, any(of.values()), tuple(of)) for sha256, of in shown.items()]


def periods(spans: Sequence[Span]) -> Iterator[Period]:
    """The periods of one endpoint, the earliest first."""
    usable = [span for span in spans if not failed(span)]
    told = judged(usable, phases(runs(usable)))
    labels: list[Judged | Outage | None] = [None if failed(span) else next(told) for span in spans]
    for outage in outages(spans):
        labels[outage.start : outage.stop] = [outage] * (outage.stop - outage.start)
    for label, group in groupby(zip(labels, spans, strict=True), itemgetter(0)):
        of = [span for _, span in group]
        if isinstance(label, Outage):
            yield _outage(label, of)
        elif label:
            yield _shown(label, of)


def judged(spans: Iterable[Span], states: Sequence[Phase]) -> Iterator[Judged]:
    """The state of each span, none of which failed, and the verdict: of several that are shown that on the worst."""
    shown: dict[Shown, Verdict] = {}
    of = (state for state in states for _ in range(state.spans))
    for span, state in zip(spans, of, strict=True):
        if not state.mixed:
            shown.clear()
        outcome = span.state.outcome
        shown[shown_in(span)] = Verdict(outcome, None if outcome is Outcome.ACCEPTED else span.state.rule)
        yield Judged(state, min(shown.values(), key=lambda verdict: WORST_FIRST.index(verdict.outcome)))


def _outage(outage: Outage, of: Sequence[Span]) -> Period:
    first, last = outage.spans[0], outage.spans[-1]
    return Period(
        first=first.first,
        last=last.last,
        looks=sum(span.looks for span in of),
        verdict=Verdict(first.state.outcome, first.state.rule),
        outage=True,
        fault=outage.fault,
        error=last.error,
    )


def _shown(label: Judged, of: Sequence[Span]) -> Period:
    state, verdict = label
    worst = next((span.state for span in of if span.state.outcome is verdict.outcome), of[0].state)
    return Period(
        first=of[0].first,
        last=of[-1].last,
        looks=sum(span.looks for span in of),
        verdict=verdict,
        mixed=state.mixed,
        chains=state.shown,
        reply=worst.reply,
    )
