"""Where ``listen`` writes: each session as it ends, or one report of all at the end, as the format wants it."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from probe.cli.output import Format, ReportOutput, report_of, unwritable, warn, write_out

if TYPE_CHECKING:
    from probe.report.assessment import Assessment

#: Sessions kept for the formats that are one document; the oldest ones go first.
MAX_REPORTED = 1000


class Reporter:
    """Takes assessments while the listener runs. Raises OutputError if the file cannot be written."""

    def __init__(self, output: ReportOutput) -> None:
        self._output = output
        self._file: TextIO | None = None
        self._kept: deque[Assessment] = deque(maxlen=MAX_REPORTED)
        self._dropped = 0
        self._written = 0

    def __enter__(self) -> Self:
        if self._output.output is not None and self._streams:
            try:
                self._file = Path(self._output.output).open("w", encoding="utf-8", newline="\n")
            except OSError as error:
                raise unwritable(self._output.output, error) from None
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()
        if kind is None and not self._streams:
            if self._dropped:
                warn(f"{self._dropped} sessions before the last {MAX_REPORTED} are not in the report")
            self._output.deliver(report_of(self._kept))

    def add(self, assessment: Assessment) -> bool:
        """Write or keep one assessment; False if nobody reads any more."""
        if not self._streams:
            self._dropped += len(self._kept) == MAX_REPORTED
            self._kept.append(assessment)
            return True
        text = self._output.rendered(report_of((assessment,)))
        if self._written and self._output.output_format is Format.TERMINAL:
            text = f"\n{text}"
        self._written += 1
        return self._write(text)

    @property
    def _streams(self) -> bool:
        return self._output.output_format in (Format.TERMINAL, Format.JSONL)

    def _write(self, text: str) -> bool:
        if self._file is None:
            return write_out(text)
        try:
            self._file.write(text)
            self._file.flush()
        except OSError as error:
            raise unwritable(self._output.output, error) from None
        return True
