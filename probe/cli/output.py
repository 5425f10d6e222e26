"""Where a report goes: rendered in the format asked for, to standard output or to a file."""

from __future__ import annotations

import os
import shutil
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from probe.cli.exit_codes import discard_output
from probe.cli.options import Format
from probe.errors import OutputError

if TYPE_CHECKING:
    from probe.render.page.options import RenderOptions
    from probe.report.assessment import Report

#: Columns where the output is no terminal and COLUMNS says nothing.
_PLAIN_WIDTH = 80


def warn(sentence: str) -> None:
    """Say something beside the result: on standard error."""
    typer.echo(f"eop-probe: {sentence}", err=True)


def check_writable(path: str | None) -> None:
    """Raise OutputError now rather than after minutes of probing."""
    if path is None:
        return
    folder = Path(path).parent
    try:
        unfit = Path(path).is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK)
    except OSError as error:  # a name that is too long, say
        raise OutputError(f"cannot write the report to {path}: {error.strerror or error}") from None
    if unfit:
        raise OutputError(f"cannot write the report to {path}: no folder there that can be written to")


def deliver(report: Report, fmt: Format, path: str | None, *, verbose: bool = False) -> None:
    """Render the report and write it; raises OutputError."""
    write_to(path, _rendered(report, fmt, to_file=path is not None, verbose=verbose))


def write_to(path: str | None, text: str) -> None:
    """Write a finished text to a file, or to standard output without one; raises OutputError."""
    if path is None:
        write_out(text)
        return
    try:
        with Path(path).open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise OutputError(f"cannot write the report to {path}: {error.strerror or error}") from None


def write_out(text: str) -> None:
    """Write a result to standard output, in UTF-8 where the terminal cannot say otherwise."""
    if sys.stdout is None:  # closed by who started us
        raise OutputError("there is no standard output to write to")
    encoding = sys.stdout.encoding or "ascii"
    try:
        typer.echo(text.encode(encoding, "backslashreplace").decode(encoding), nl=not text.endswith("\n"))
    except BrokenPipeError:
        discard_output()  # The reader (``head``, ``less``) has gone: its right, and the verdict stays what it is.
    except OSError as error:
        discard_output()
        raise OutputError(f"cannot write to standard output: {error.strerror or error}") from None


def _rendered(report: Report, fmt: Format, *, to_file: bool, verbose: bool) -> str:
    if fmt in (Format.JSON, Format.JSONL):
        from probe.render.report.json_v1 import dumps, lines

        return dumps(report) if fmt is Format.JSON else lines(report)
    # The other renderers share one shape, and are modules of the format's name.
    renderer = import_module(f"probe.render.report.{fmt.value}")
    return str(renderer.render(report, render_options(to_file=to_file, verbose=verbose)))


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
