"""What an endpoint showed in the order of time: outages, certificates, and the times in which it showed several.

Single looks at a balancer whose nodes differ alternate; so do looks at a server that comes and goes. Both are one
state here, not a change a look:

1. Looks that show the same follow one another as a `Run`; a run is passing where it is short.
2. Runs that are passing, of which two come back to what was shown before and one to the state before them, are mixed:
   A B A B is mixed from the first B on, A B A is a swap and its rollback. A look that met several at once is mixed by
   itself.
3. It ends where one thing alone was seen for `SEVERAL` looks, and three times as many as ever in a row before.
4. Failures with fewer than `SEVERAL` good looks between them are one outage.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from probe.report.record import Span

#: Looks that show the same thing before what alternated is over.
SEVERAL = 6
#: A passing run has fewer looks and is shorter than this; one of so few looks is passing whatever the interval.
PASSING_LOOKS, PASSING, FEW = 48, timedelta(days=2), 2

Chain = tuple[str, ...]
Shown = tuple[Chain, ...]
#: What is shown where STARTTLS is not to be had.
PLAIN: Shown = ((),)

_MIXED = "mixed-certificates"


class Run(NamedTuple):
    """Looks in a row that showed the same; `mixed` where each met several certificates that ought to be one."""

    shown: Shown
    mixed: bool
    first: datetime
    last: datetime
    looks: int
    spans: int


class Phase(NamedTuple):
    """One state of what is shown, in so many spans; `shown` has all that was seen in it, the earliest first."""

    shown: Shown
    mixed: bool
    first: datetime
    last: datetime
    spans: int

    @property
    def plain(self) -> bool:
        """Whether STARTTLS is not to be had, of any node."""
        return not self.mixed and self.shown == PLAIN

    @property
    def leaves(self) -> tuple[str, ...]:
        """The end certificates by SHA-256, each once."""
        return leaves_of(self.shown)


class Outage(NamedTuple):
    """Failed looks and what lay between: `spans` are the failed ones, `over` the first good look after them.

    Of the endpoint's spans they reach from `start` to before `stop`.
    """

    spans: tuple[Span, ...]
    before: datetime | None
    over: datetime | None
    start: int = 0
    stop: int = 1

    @property
    def looks(self) -> int:
        """How many failed."""
        return sum(span.looks for span in self.spans)

    @property
    def fault(self) -> str | None:
        """What it began with, by its rule."""
        return self.spans[0].state.fault or self.spans[0].state.rule


def leaves_of(shown: Shown) -> tuple[str, ...]:
    """The end certificates, each once."""
    return tuple(dict.fromkeys(chain[0] for chain in shown if chain))


def failed(span: Span) -> bool:
    """Whether no certificate came to be seen although nobody refused STARTTLS."""
    state = span.state
    return not (state.chains or state.starttls is False or state.fault in {"no-starttls", "starttls-refused"})


def outages(spans: Sequence[Span]) -> list[Outage]:
    """The outages of one endpoint in their order."""
    found: list[list[int]] = []
    good = SEVERAL
    for number, span in enumerate(spans):
        if not failed(span):
            good += span.looks
            continue
        if good < SEVERAL:
            found[-1].append(number)
        else:
            found.append([number])
        good = 0
    return [
        Outage(
            spans=tuple(spans[number] for number in numbers),
            before=spans[numbers[0] - 1].last if numbers[0] else None,
            over=spans[numbers[-1] + 1].first if numbers[-1] + 1 < len(spans) else None,
            start=numbers[0],
            stop=numbers[-1] + 1,
        )
        for numbers in found
    ]


def runs(spans: Iterable[Span]) -> list[Run]:
    """What was shown, without the outages."""
    found = []
    for (shown, mixed), group in groupby(spans, lambda span: (shown_in(span), is_mixed(span))):
        same = list(group)
        found.append(
            Run(shown, mixed, same[0].first, same[-1].last, sum(span.looks for span in same), len(same))
        )
    return found


def shown_in(span: Span) -> Shown:
    """What one look showed."""
    return span.state.chains or PLAIN


def is_mixed(span: Span) -> bool:
    """Whether one look met several certificates that ought to be one."""
    return len(span.state.chains) > 1 and any(said.rule == _MIXED for said in span.state.findings)


def phases(of: Sequence[Run]) -> list[Phase]:
    """The states of what was shown, in their order."""
    found, at = [], 0
    while at < len(of):
        end = _end_of_mixed(of, at)
        part = of[at : max(end, at + 1)]
        shown = tuple(dict.fromkeys(chain for run in part for chain in run.shown))
        found.append(Phase(shown, end > at, part[0].first, part[-1].last, sum(run.spans for run in part)))
        at += len(part)
    return found


def _end_of_mixed(of: Sequence[Run], at: int) -> int:
    """The run after those that are mixed from `at` on; `at` where they are not."""
    known = _comes_back(of, at)
    if known < at:
        return at
    longest = max((run.looks for run in of[at:known]), default=1)
    for number in range(known, len(of)):
        run = of[number]
        if not run.mixed:
            if run.looks >= max(SEVERAL, 3 * longest):
                return number
            longest = max(longest, run.looks)
    return len(of)


def _comes_back(of: Sequence[Run], at: int) -> int:
    """The run by which those from `at` on are known to be mixed; less than `at` where none is."""
    if of[at].mixed:
        return at
    if at == 0:
        return -1
    before = of[at - 1].shown
    seen, back, returned = {before, of[at].shown}, 0, False
    for number in range(at + 1, len(of)):
        if not _passing(of[number - 1], of[number].first):
            return -1
        run, current = of[number], of[number - 1].shown
        if run.mixed:
            return number if any((chain,) in seen and (chain,) != current for chain in run.shown) else -1
        back += run.shown in seen
        returned = returned or run.shown == before
        seen.add(run.shown)
        if back >= 2 and returned:
            return number
    return -1


def _passing(run: Run, until: datetime) -> bool:
    return run.looks <= FEW or (run.looks < PASSING_LOOKS and until - run.first < PASSING)
