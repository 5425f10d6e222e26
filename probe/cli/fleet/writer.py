"""Where ``fleet run`` writes: each result as it comes, or one report at the end, as the format wants it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from probe.cli.exit_codes import discard
from probe.cli.output import (
    Format,
    ReportOutput,
    as_bytes,
    render_options,
    report_of,
    unrenderable,
    unwritable,
    warn,
    write_through,
)
from probe.files import append, write_file
from probe.report.failed import Guard

if TYPE_CHECKING:
    from probe.fleet.run import Result
    from probe.fleet.summary import Summary
    from probe.render.page.options import RenderOptions
    from probe.report.assessment import Assessment

#: Endpoints in a report of a format that is one document: HTML, JUnit, Nagios, Prometheus. The others are streamed.
MAX_HELD = 10_000

_STREAMS = (Format.TERMINAL, Format.JSON, Format.JSONL, Format.CSV)


class Writer:
    """Takes results while the fleet is probed. Raises OutputError where they cannot be written."""

    def __init__(self, output: ReportOutput, *, risk_tolerated: bool = False) -> None:
        self._risk_tolerated = risk_tolerated
        self._output, self.output_format = output, output.output_format
        self._streams = self.output_format in _STREAMS
        self._held: list[tuple[tuple[int, int], Assessment]] = []
        self._begun = self._left_out = 0
        self.read = True
        """Whether anybody reads what is written."""
        if self.output_format is Format.CSV:
            from probe.render.report import csv

            self._write(csv.header())

    def add(self, result: Result) -> None:
        """Write or keep one result."""
        if self._streams:
            with Guard() as guard:
                text = self._piece(result.assessment, result.labels)
            if guard.failure:
                text = self._piece(unrenderable(result.assessment, guard.failure), result.labels)
            self._write(text)
        elif len(self._held) < MAX_HELD:
            self._held.append((result.place, result.assessment))
        else:
            self._left_out += 1

    def finish(self, summary: Summary) -> None:
        """Write what stands at the end."""
        if not self._streams:
            if self._left_out:
                more = f"{self._left_out:,} more are only counted: use csv or jsonl"
                warn(f"the report holds {MAX_HELD:,} endpoints; {more}")
            ordered = [assessment for _, assessment in sorted(self._held, key=lambda pair: pair[0])]
            report = report_of(ordered, interrupted=summary.interrupted)
            self._write(self._output.rendered(report, risk_tolerated=self._risk_tolerated)[1])
        elif self.output_format is Format.JSON:
            tail = {"outcome": summary.outcome.value, "summary": summary.document()}
            inner = json.dumps(tail, indent=2)[2:]
            self._write(("\n  ],\n" if self._begun else f"{self._head()}],\n") + inner + "\n")
        elif self.output_format is Format.TERMINAL:
            self._write(("\n" if self._begun else "") + summary.page(self._options))

    @property
    def _options(self) -> RenderOptions:
        return render_options(to_file=self._output.output is not None, verbose=self._output.verbose)

    def _piece(self, assessment: Assessment, labels: Mapping[str, str]) -> str:
        if self.output_format is Format.CSV:
            from probe.render.report import csv

            return csv.row(assessment, labels)
        if self.output_format is Format.TERMINAL:
            return self._line(assessment)
        from probe.render.report.json_v1 import element, line

        if self.output_format is Format.JSONL:
            return line(assessment, labels=labels)
        document = element(assessment) | {"labels": labels}
        before = ",\n    " if self._begun else f"{self._head()}\n    "
        return before + json.dumps(document, indent=2).replace("\n", "\n    ")

    def _line(self, assessment: Assessment) -> str:
        """A line of an endpoint; with --verbose its whole page."""
        if self._output.verbose:
            return ("\n" if self._begun else "") + self._output.rendered(report_of((assessment,)))[1]
        from probe.render.report.line import render

        terminal = self._output.output is None and sys.stdout is not None and sys.stdout.isatty()
        return render(assessment, self._options, cut=terminal)

    def _head(self) -> str:
        """The beginning of a JSON document; the outcome stands at its end, where it is known."""
        from probe.render.report.json_v1 import head

        known = {key: value for key, value in head(report_of(())).items() if key != "outcome"}
        return json.dumps(known, indent=2)[:-2] + ',\n  "assessments": ['

    def _write(self, text: str) -> None:
        path = self._output.output
        try:
            if path is None:
                encoding = (sys.stdout and sys.stdout.encoding) or "ascii"
                write_through(sys.stdout, text.encode(encoding, "backslashreplace"))
            elif self._begun:
                append(Path(path), (as_bytes(text),))
            else:
                write_file(Path(path), (as_bytes(text),))
        except BrokenPipeError:
            discard(sys.stdout)  # the reader (`head`, `less`) has gone: its right
            self.read = False
        except OSError as error:
            discard(sys.stdout if path is None else None)
            raise unwritable(path, error) from None
        self._begun += 1
