"""Where ``listen`` writes: each session as it ends, or one report of all at the end, as the format wants it."""

from __future__ import annotations

from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING, Self

from probe.cli.output import Format, ReportOutput, report_of, warn, write_to

if TYPE_CHECKING:
    from probe.report.assessment import Assessment

#: Sessions kept for the formats that are one document; the oldest ones go first.
MAX_REPORTED = 1000


class Reporter:
    """Takes assessments while the listener runs. Raises OutputError if the file cannot be written."""

    def __init__(self, output: ReportOutput) -> None:
        self._output = output
        self._streams = output.output_format in (Format.TERMINAL, Format.JSONL)
        self._kept: deque[Assessment] = deque(maxlen=MAX_REPORTED)
        self._taken = 0

    def __enter__(self) -> Self:
        if self._output.output is not None and self._streams:
            write_to(self._output.output, "")
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        if kind is None and not self._streams:
            if self._taken > MAX_REPORTED:
                warn(
                    f"{self._taken - MAX_REPORTED} sessions before the last {MAX_REPORTED} are not in the report"
                )
            self._output.deliver(report_of(self._kept))

    def add(self, assessment: Assessment) -> bool:
        """Write or keep one assessment; False if nobody reads any more."""
        self._taken += 1
        if not self._streams:
            self._kept.append(assessment)
            return True
        apart = "\n" if self._taken > 1 and self._output.output_format is Format.TERMINAL else ""
        _, text = self._output.rendered(report_of((assessment,)))
        return write_to(self._output.output, apart + text, mode="a")
