"""Where ``listen`` writes: each session as it ends, or one report of all at the end, as the format wants it."""

from __future__ import annotations

import sys
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from probe.cli.exit_codes import discard_output
from probe.cli.options import Format
from probe.cli.output import deliver, render_options, warn
from probe.errors import OutputError
from probe.net import clock

if TYPE_CHECKING:
    from probe.report.assessment import Assessment, Report

#: Sessions kept for the formats that are one document; the oldest ones go first.
MAX_REPORTED = 1000


class Reporter:
    """Takes assessments while the listener runs. Raises OutputError if the file cannot be written."""

    def __init__(self, fmt: Format, path: str | None, *, verbose: bool) -> None:
        self._format = fmt
        self._path = path
        self._verbose = verbose
        self._file: TextIO | None = None
        self._kept: deque[Assessment] = deque(maxlen=MAX_REPORTED)
        self._dropped = 0
        self._written = 0

    def __enter__(self) -> Self:
        if self._path is not None and self._streams:
            try:
                self._file = Path(self._path).open("w", encoding="utf-8", newline="\n")
            except OSError as error:
                raise self._failure(error) from None
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()
        if kind is None and not self._streams:
            if self._dropped:
                warn(f"{self._dropped} sessions before the last {MAX_REPORTED} are not in the report")
            deliver(_report(tuple(self._kept)), self._format, self._path, verbose=self._verbose)

    def add(self, assessment: Assessment) -> bool:
        """Write or keep one assessment; False if nobody reads any more."""
        if not self._streams:
            self._dropped += len(self._kept) == MAX_REPORTED
            self._kept.append(assessment)
            return True
        text = self._rendered(_report((assessment,)))
        if self._written and self._format is Format.TERMINAL:
            text = f"\n{text}"
        self._written += 1
        return self._write(text)

    @property
    def _streams(self) -> bool:
        return self._format in (Format.TERMINAL, Format.JSONL)

    def _rendered(self, report: Report) -> str:
        if self._format is Format.JSONL:
            from probe.render.report.json_v1 import lines

            return lines(report)
        from probe.render.report.terminal import render

        return render(report, render_options(to_file=self._file is not None, verbose=self._verbose))

    def _write(self, text: str) -> bool:
        if self._file is None and sys.stdout is None:
            raise OutputError("there is no standard output to write to")
        target = self._file or sys.stdout
        encoding = target.encoding or "ascii"
        try:
            target.write(text.encode(encoding, "backslashreplace").decode(encoding))
            target.flush()
        except BrokenPipeError:
            discard_output()
            return False
        except OSError as error:
            raise self._failure(error) from None
        return True

    def _failure(self, error: OSError) -> OutputError:
        where = f"the report to {self._path}" if self._path else "to standard output"
        return OutputError(f"cannot write {where}: {error.strerror or error}")


def _report(assessments: tuple[Assessment, ...]) -> Report:
    from probe import __version__
    from probe.report.assessment import Report

    return Report(generated_at=clock.now(), version=__version__, assessments=assessments)
