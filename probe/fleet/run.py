"""A fleet probed: its targets as jobs, read as they are needed, and each result with what is pinned of its target."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType
from typing import NamedTuple

from probe.check.options import CheckOptions
from probe.check.pace import Pace
from probe.check.run import Done, Job, run_jobs
from probe.eop.expectations import Expectation, missed
from probe.eop.vocabulary import Outcome
from probe.fleet.entries import Entry
from probe.report.assessment import Assessment


class Result(NamedTuple):
    """The assessment of one endpoint, its place in the fleet, and its target's labels; `last` of its target."""

    place: tuple[int, int]
    assessment: Assessment
    labels: Mapping[str, str]
    last: bool


#: Seconds after which a signal that came while a result was being written is taken up.
AGAIN_S = 0.05


class Interruption:
    """Ends a run in order at Ctrl-C or SIGTERM: while it waits for results, so that none is torn or lost."""

    def __init__(self) -> None:
        self.asked = False
        self._waiting = False

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Take the two signals within the block."""
        watched = [signal.SIGINT, signal.SIGTERM, *([signal.SIGALRM] if hasattr(signal, "SIGALRM") else [])]
        before = {each: signal.signal(each, self._ask) for each in watched}
        try:
            yield
        finally:
            self._ask_again(0.0)
            for each, handler in before.items():
                signal.signal(each, handler)

    def _ask(self, *_: int | FrameType | None) -> None:
        self.asked = True
        if self._waiting:
            raise KeyboardInterrupt
        self._ask_again(AGAIN_S)

    @staticmethod
    def _ask_again(seconds: float) -> None:
        """Have the signal repeated; 0: no longer."""
        if hasattr(signal, "setitimer"):  # Windows has none, and takes Ctrl-C up at the next result
            signal.setitimer(signal.ITIMER_REAL, seconds)

    def ended(self, results: Iterator[Done]) -> Iterator[Done]:
        """The results until the end or the interruption; what was done by then comes all the same."""
        over = False
        while not over:
            done = None
            try:
                self._waiting = True
                done = next(results, None)
                over = done is None
            except KeyboardInterrupt:
                self._ask_again(AGAIN_S)  # an iterator that it has ended says so when it is asked again
            finally:
                self._waiting = False
            if done is not None:
                yield done


class Jobs:
    """The jobs of a fleet's entries, and what has to be known of them until their last result."""

    def __init__(self, entries: Iterable[Entry], base: CheckOptions) -> None:
        self._entries, self._base = entries, base
        self._under_way: dict[int, Entry] = {}

    def __iter__(self) -> Iterator[Job]:
        for key, entry in enumerate(self._entries):
            self._under_way[key] = entry
            yield entry.job(key, self._base)

    def result(self, done: Done) -> Result:
        """The result with what its target's entry says."""
        key = done.job.key
        entry = self._under_way.pop(key) if done.last else self._under_way[key]
        return Result(
            (key, done.index), compared(done.assessment, entry.expectation), entry.labels, done.last
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
    for done in interruption.ended(run_jobs(jobs, pace)):
        yield jobs.result(done)
