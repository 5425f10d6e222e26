"""A fleet probed: its targets as jobs, read as they are needed, and each result with what is pinned of its target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from probe.check.interruption import Interruption
from probe.check.options import CheckOptions
from probe.check.pace import Pace
from probe.check.run import Done, Job, Later
from probe.eop.expectations import Expectation, missed
from probe.eop.vocabulary import Outcome
from probe.fleet.entries import Entry
from probe.report.assessment import Assessment


class Result(NamedTuple):
    """The assessment of one endpoint, its place in the fleet, and its target's labels; `last` of its target.

    `variant` is what was asked otherwise than usual.
    """

    place: tuple[int, int]
    assessment: Assessment
    labels: Mapping[str, str]
    last: bool
    variant: str = ""


class Jobs:
    """The jobs of a fleet's entries, and what has to be known of them until their last result."""

    def __init__(self, entries: Iterable[Entry | Later], base: CheckOptions) -> None:
        self._entries, self._base = entries, base
        self._under_way: dict[int, Entry] = {}

    def __iter__(self) -> Iterator[Job | Later]:
        key = 0
        for entry in self._entries:
            if isinstance(entry, Later):
                yield entry
                continue
            self._under_way[key] = entry
            yield entry.job(key, self._base)
            key += 1

    def result(self, done: Done) -> Result:
        """The result with what its target's entry says."""
        key = done.job.key
        entry = self._under_way.pop(key) if done.last else self._under_way[key]
        return Result(
            (key, done.index),
            compared(done.assessment, entry.expectation),
            entry.labels,
            done.last,
            done.job.options.variant(done.assessment.capture.host),
        )


def compared(assessment: Assessment, expected: Expectation | None) -> Assessment:
    """The assessment with a finding for each expectation it does not meet: at risk, if it was accepted."""
    if expected is None:
        return assessment
    found = tuple(missed(expected, assessment.evidence.leaf, assessment.outcome))
    if not found:
        return assessment
    outcome = Outcome.worst((assessment.outcome, Outcome.AT_RISK))
    return replace(assessment, outcome=outcome, findings=(*found, *assessment.findings))


def run(jobs: Jobs, pace: Pace, interruption: Interruption) -> Iterator[Result]:
    """Probe; yields each result as it comes, until all are done or the run is interrupted."""
    from probe.check.engine import Engine

    for done in Engine(interruption.until_asked(jobs), pace, interruption=interruption).run():
        yield jobs.result(done)
