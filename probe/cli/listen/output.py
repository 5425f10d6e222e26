"""Where ``listen`` writes: each session as it ends, or one report of all at the end, as the format wants it."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from probe.cli.exit_codes import unsaid
from probe.cli.listen.outlet import Outlet
from probe.cli.output import Format, ReportOutput, as_bytes, report_of, unwritable, write_through
from probe.errors import OutputError
from probe.files import append, write_file
from probe.text import counted

if TYPE_CHECKING:
    from probe.report.assessment import Assessment

#: Sessions kept for the formats that are one document; the oldest ones go first.
MAX_REPORTED = 1000


class Reporter:
    """Takes lines and assessments while the listener runs; no reader that has gone or sleeps stalls it.

    `on_failure` is called from another thread where reports cannot be written; the end then raises OutputError.
    """

    def __init__(self, output: ReportOutput) -> None:
        self._output = output
        self._streams = output.output_format in (Format.TERMINAL, Format.JSONL)
        self._kept: deque[Assessment] = deque(maxlen=MAX_REPORTED)
        self._taken = 0
        self._begun = False
        self._failure: OutputError | None = None
        self.on_failure: Callable[[], None] = lambda: None

    def __enter__(self) -> Self:
        self._log = Outlet(lambda line: write_through(sys.stderr, line), _unlogged)
        self._reports = Outlet(self._write, self._unreported)
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        if kind is None and self._streams and self._output.output and not self._taken:
            self._reports.put(b"")  # what is there is of another run
        if lost := self._reports.close():
            self.log(_lost(lost, "report"))
        if self._taken > MAX_REPORTED and not self._streams:
            self.log(
                f"{self._taken - MAX_REPORTED} sessions before the last {MAX_REPORTED} are not in the report"
            )
        self._log.close(_gap)
        if kind is None and self._failure:
            raise self._failure
        if kind is None and not self._streams:
            self._output.deliver(report_of(self._kept))

    def log(self, sentence: str) -> None:
        """Say something beside the reports."""
        self._log.put(_line(sentence), _gap)

    def add(self, assessment: Assessment) -> None:
        """Write or keep one assessment."""
        self._taken += 1
        if not self._streams:
            self._kept.append(assessment)
            return
        apart = "\n" if self._taken > 1 and self._output.output_format is Format.TERMINAL else ""
        _, text = self._output.rendered(report_of((assessment,)))
        if lost := self._reports.put(as_bytes(apart + text)):
            self.log(_lost(lost, "report"))

    def _write(self, text: bytes) -> None:
        if self._output.output is None:
            encoding = (sys.stdout and sys.stdout.encoding) or "ascii"
            write_through(sys.stdout, text.decode().encode(encoding, "backslashreplace"))
        elif self._begun:
            append(Path(self._output.output), (text,))
        else:
            write_file(Path(self._output.output), (text,))
            self._begun = True

    def _unreported(self, error: OSError) -> None:
        if not isinstance(error, BrokenPipeError):
            self._failure = unwritable(self._output.output, error)
            self.on_failure()


def _unlogged(error: OSError) -> None:
    if not isinstance(error, BrokenPipeError):
        unsaid()


def _line(sentence: str) -> bytes:
    return as_bytes(f"eop-probe: {sentence}\n")


def _lost(number: int, noun: str) -> str:
    return f"{counted(number, noun)} lost: nobody read what was written before"


def _gap(lines: int) -> bytes:
    return _line(_lost(lines, "line"))
