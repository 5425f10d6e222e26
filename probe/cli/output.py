"""Where a result goes, and the options that say so: rendered in a format, to standard output or to a file."""

from __future__ import annotations

import enum
import errno
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, NamedTuple, TextIO, TypeVar

import typer

from probe.cli.declare import option
from probe.cli.exit_codes import discard, finish, say
from probe.errors import OutputError
from probe.files import write_file, written_in_place
from probe.report.failed import Guard, failed

if TYPE_CHECKING:
    from datetime import datetime

    from probe.render.page.options import RenderOptions
    from probe.report.assessment import Assessment, Report

#: Columns where the output is no terminal and COLUMNS says nothing.
_PLAIN_WIDTH = 80

T = TypeVar("T")

#: Say something beside the result: on standard error.
warn = say


class Format(enum.StrEnum):
    """How a report is written."""

    TERMINAL = "terminal"
    JSON = "json"
    JSONL = "jsonl"
    NAGIOS = "nagios"
    PROMETHEUS = "prometheus"
    JUNIT = "junit"
    HTML = "html"
    CSV = "csv"


class PlainFormat(enum.StrEnum):
    """How another result is written."""

    TERMINAL = "terminal"
    JSON = "json"


class PageFormat(enum.StrEnum):
    """How a result is written that is a page for a browser too."""

    TERMINAL = "terminal"
    JSON = "json"
    HTML = "html"


def _writable(path: str | None) -> str | None:
    """Raise OutputError now rather than after minutes of probing."""
    if path is None:
        return None
    folder = Path(path).parent
    try:
        fit = os.access(path if written_in_place(Path(path)) else folder, os.W_OK) and folder.is_dir()
    except OSError as error:  # a folder, a socket, or a name that is too long
        raise unwritable(path, error) from None
    if not fit:
        raise OutputError(f"cannot write the report to {path}: no folder there that can be written to")
    return path


def unwritable(path: str | None, error: OSError) -> OutputError:
    """What is raised where a result cannot be written."""
    where = f"the report to {path}" if path else "to standard output"
    return OutputError(f"cannot write {where}: {error.strerror or error}")


Output = Annotated[str | None, option("--output FILE", "Write the report there.", callback=_writable)]
Verbose = Annotated[bool, option("--verbose -v", "Show every fact and remedy, and the SMTP conversation.")]
PlainFormatOption = Annotated[
    PlainFormat, option("--format", "How the result is written.", variable="EXCHANGE_FORMAT")
]


class ReportOutput(NamedTuple):
    """How a report is written, and where."""

    output_format: Annotated[Format, option("--format", "How the report is written.")] = Format.TERMINAL
    output: Output = None
    verbose: Verbose = False

    def deliver(self, report: Report) -> Report:
        """Render the report and write it; returns it as it was written; raises OutputError."""
        report, text = self.rendered(report)
        write_to(self.output, text)
        return report

    def rendered(self, report: Report, *, risk_tolerated: bool = False) -> tuple[Report, str]:
        """The report in the format, for where it goes, and what it says of each assessment."""
        with Guard():
            return report, self._text(report, risk_tolerated=risk_tolerated)
        report = replace(report, assessments=tuple(map(self._renderable, report.assessments)))
        return report, self._text(report, risk_tolerated=risk_tolerated)

    def _renderable(self, assessment: Assessment) -> Assessment:
        """The assessment, or what is left to tell of one that cannot be rendered."""
        with Guard() as guard:
            self._text(report_of((assessment,)))
            return assessment
        return unrenderable(assessment, guard.failure)

    def _text(self, report: Report, *, risk_tolerated: bool = False) -> str:
        if self.output_format in (Format.JSON, Format.JSONL):
            from probe.render.report.json_v1 import dumps, lines

            return dumps(report) if self.output_format is Format.JSON else lines(report)
        # The other renderers share one shape, and are modules of the format's name.
        renderer = import_module(f"probe.render.report.{self.output_format.value}")
        options = replace(
            render_options(to_file=self.output is not None, verbose=self.verbose),
            file=Path(self.output).name if self.output else "",
            risk_tolerated=risk_tolerated,
        )
        return str(renderer.render(report, options))


def unrenderable(assessment: Assessment, failure: str) -> Assessment:
    """What is left to tell of an assessment that cannot be rendered."""
    from probe.capture import Capture

    seen = assessment.capture
    bare = Capture(host=seen.host, address=seen.address, port=seen.port)
    evidence = replace(assessment.evidence, capture=bare)
    return failed(failure, assessment.target, evidence, assessment.started_at, assessment.elapsed_ms)


class PlainOutput(NamedTuple):
    """How another result is written, and where."""

    output_format: PlainFormatOption = PlainFormat.TERMINAL
    output: Output = None

    def deliver(
        self,
        document: Callable[[T], object],
        render: Callable[[T, RenderOptions], str],
        value: T,
        *,
        verbose: bool = False,
    ) -> None:
        """Write the page of `value`, or its JSON document; raises OutputError."""
        if self.output_format is PlainFormat.JSON:
            text = as_json(document(value))
        else:
            text = render(value, render_options(to_file=self.output is not None, verbose=verbose))
        write_to(self.output, text)


class PageOutput(NamedTuple):
    """How a result is written that is a page for a browser too, and where."""

    output_format: Annotated[
        PageFormat, option("--format", "How the result is written.", variable="EXCHANGE_FORMAT")
    ] = PageFormat.TERMINAL
    output: Output = None

    def deliver(self, page: ModuleType, value: object, *, verbose: bool = False) -> None:
        """Write `value` as the renderer `page` does, or for a browser the module beside it; raises OutputError."""
        render = page.render
        if self.output_format is PageFormat.HTML:
            render = import_module(f"{page.__name__}_html").render
        plain = PlainFormat.JSON if self.output_format is PageFormat.JSON else PlainFormat.TERMINAL
        PlainOutput(plain, self.output).deliver(page.document, render, value, verbose=verbose)


def report_of(
    assessments: Iterable[Assessment], generated_at: datetime | None = None, interrupted: str = ""
) -> Report:
    """The report of this product, generated now unless it says when."""
    from probe import __version__
    from probe.net import clock
    from probe.report.assessment import Report

    return Report(
        generated_at=generated_at or clock.now(),
        version=__version__,
        assessments=tuple(assessments),
        interrupted=interrupted,
    )


def as_json(document: object) -> str:
    """A JSON document as this command line writes it."""
    import json

    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def write_to(path: str | None, text: str | Iterable[str]) -> None:
    """Write a text, or its pieces as they are made, to a file, else to standard output; raises OutputError."""
    pieces = [text] if isinstance(text, str) else text
    if path is None:
        for piece in pieces:
            write_out(piece)
        return
    try:
        with _ended_in_order():
            write_file(Path(path), map(as_bytes, pieces))
    except OSError as error:
        raise unwritable(path, error) from None


def as_bytes(text: str) -> bytes:
    """A text as files hold it."""
    return text.encode("utf-8", "backslashreplace")


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """A SIGTERM leaves nothing half written behind."""
    import signal

    before = signal.signal(signal.SIGTERM, lambda number, _: finish(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def write_out(text: str) -> None:
    """Write to standard output, as far as its encoding can say it; raises OutputError."""
    if sys.stdout is None:  # closed by who started us
        raise OutputError("there is no standard output to write to")
    encoding = sys.stdout.encoding or "ascii"
    try:
        typer.echo(text.encode(encoding, "backslashreplace").decode(encoding), nl=not text.endswith("\n"))
    except BrokenPipeError:
        discard(
            sys.stdout
        )  # The reader (``head``, ``less``) has gone: its right, and the verdict stays what it is.
    except OSError as error:
        discard(sys.stdout)
        raise unwritable(None, error) from None


def write_through(stream: TextIO | None, data: bytes) -> None:
    """Write past the stream's buffer, whose lock a thread that is stuck would hold while the process ends."""
    if stream is None:  # closed by who started us
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    buffer = stream.buffer
    sink = getattr(buffer, "raw", buffer)
    while data:
        data = data[sink.write(data) :]


def render_options(*, to_file: bool = False, verbose: bool = False, brief: bool = False) -> RenderOptions:
    """How a page looks where it goes: the terminal's width and colours, or plain text of 80 columns."""
    from probe.render.page.options import RenderOptions

    stdout = sys.stdout
    terminal = stdout is not None and stdout.isatty() and not to_file
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return RenderOptions(
        width=shutil.get_terminal_size((_PLAIN_WIDTH, 24)).columns if not to_file else _PLAIN_WIDTH,
        colour=terminal and not plain,
        ascii=not to_file and "utf" not in (getattr(stdout, "encoding", None) or "").lower(),
        verbose=verbose,
        brief=brief,
    )
