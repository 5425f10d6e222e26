"""``fleet run``: every target of a fleet probed and judged, reported as it comes."""

from __future__ import annotations

import enum
import sys
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, NoReturn

from probe.cli import options as shared
from probe.cli.declare import option
from probe.cli.exit_codes import UNKNOWN, finish
from probe.cli.fleet.common import FleetWord, Opened, Wanted, opened
from probe.cli.fleet.description import FLEET_FILE
from probe.cli.fleet.engine import Engine
from probe.cli.output import Format, ReportOutput, render_options, warn
from probe.cli.recording import Keep, Recording
from probe.errors import ConfigurationError
from probe.text import printable

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from probe.check.interruption import Interruption
    from probe.check.run import Later
    from probe.cli.fleet.progress import Progress
    from probe.cli.fleet.writer import Writer
    from probe.eop.vocabulary import Outcome
    from probe.fleet.entries import Entry
    from probe.fleet.run import Result
    from probe.fleet.summary import Summary


class FailOn(enum.StrEnum):
    """The mildest outcome that ends the run with another code than 0."""

    AT_RISK = "at-risk"
    REJECTED = "rejected"


def run(
    file: FleetWord = FLEET_FILE,
    *,
    wanted: Wanted,
    stores: shared.Stores,
    output: ReportOutput,
    at: shared.At = None,
    fail_on: Annotated[
        FailOn, option("--fail-on", "rejected: what is at risk alone ends with 0, too.")
    ] = FailOn.AT_RISK,
    recording: Recording,
    engine: Engine,
) -> None:
    """Probe every target of a fleet, and report each as it is done.

    The exit code is that of the worst outcome. Ctrl-C and SIGTERM end the run in order: what is done is reported.
    HTML, JUnit, Nagios and Prometheus are one document, written at the end; the other formats are streamed.
    """
    from probe.check.interruption import Interruption
    from probe.cli.fleet.progress import Progress
    from probe.cli.fleet.writer import Writer
    from probe.eop.vocabulary import Outcome
    from probe.fleet.run import Jobs
    from probe.fleet.summary import Summary

    described = opened(file, wanted, stores, output.output)
    described = described._replace(base=replace(described.base, at=shared.parse_instant(at)))
    total = described.total()
    if total == 0 and wanted.only and not described.whole().total():
        raise ConfigurationError(f"no target has {printable(' '.join(wanted.only))}")
    interruption, summary = Interruption(), Summary(total)
    with interruption.watched(), recording.recorder() as keep, _entries(described) as entries:
        writer = Writer(output, risk_tolerated=fail_on is FailOn.REJECTED)
        progress = Progress(summary, total)

        def note(sentence: str) -> None:
            progress.clear()
            warn(sentence)

        jobs = Jobs(entries, described.base)
        _probe(
            engine.results(jobs, wanted.pace(), interruption, note),
            writer,
            keep,
            progress,
            summary,
            interruption,
        )
    _end(described, wanted, summary, Outcome.AT_RISK if fail_on is FailOn.REJECTED else None)


def _entries(described: Opened) -> AbstractContextManager[Iterable[Entry | Later]]:
    """The targets; those of standard input, as they come."""
    if described.fleet.count is not None:
        return nullcontext(described.entries())
    from probe.fleet.arriving import Arriving

    return Arriving(described.entries)


def _end(described: Opened, wanted: Wanted, summary: Summary, tolerated: Outcome | None) -> NoReturn:
    """Say what of the description could not be read, and how far the run came."""
    mistakes = described.fleet.mistakes
    for line in mistakes.lines:
        warn(line)
    summary.unknown(mistakes.count)
    if summary.interrupted:
        warn(summary.interrupted)
    elif not summary.endpoints:
        # An empty share of a small fleet is no mistake.
        warn("no target in this share" if wanted.shard else "no target to probe")
        finish(0 if wanted.shard else UNKNOWN)
    finish(summary.exit_code(tolerated))


def _probe(
    results: Generator[Result],
    writer: Writer,
    keep: Keep,
    progress: Progress,
    summary: Summary,
    interruption: Interruption,
) -> None:
    """Probe, write and count until all is done, or nobody wants more."""
    with progress, closing(results):
        for result in results:
            summary.add(result.assessment, last=result.last)
            seen = result._replace(assessment=keep(result.assessment, result.variant))
            progress.clear()
            writer.add(seen)
            progress.show()
            if not writer.read:
                break
        progress.clear()
        summary.interrupted = interruption.words(summary.targets, summary.total)
        writer.finish(summary)
    stderr = sys.stderr
    if (
        writer.output_format is not Format.TERMINAL
        and summary.endpoints
        and stderr is not None
        and stderr.isatty()
    ):
        stderr.write("\n" + summary.page(replace(render_options(), colour=False)))
