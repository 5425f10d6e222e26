"""How a run ends: the outcome's code, or 3 with one sentence on standard error; never a traceback.

0 accepted, 1 at risk, 2 rejected, 3 unknown: usage and configuration errors are 3 too, so that a
script never takes a mistyped option for a refused certificate.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn, TextIO

from probe.errors import ProbeError
from probe.text import printable

UNKNOWN = 3
_unsaid: list[bool] = []
_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def finish(code: int) -> NoReturn:
    """End the command with `code`."""
    raise SystemExit(code)


def run_to_exit(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line on `arguments` (None: the process's own) and exit; raises SystemExit only."""
    _unsaid.clear()
    try:
        code = _invoke(arguments)
    except ProbeError as error:
        say(str(error))
        code = UNKNOWN
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except OSError as error:
        code = _unwritten_help(error)
    except Exception:  # noqa: BLE001 - a fault of ours: Python's own code for it, 1, would mean "at risk"
        code = _fault()
    if code == _INTERRUPTED:
        say("interrupted")
    raise SystemExit(UNKNOWN if _unsaid else code)


def _fault() -> int:
    import traceback

    write_error(traceback.format_exc())
    return UNKNOWN


def _unwritten_help(error: OSError) -> int:
    """The code where a page that typer writes itself, of help, cannot be written; else it is a fault of ours."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    if trace is None or not trace.tb_frame.f_globals["__name__"].startswith("typer."):
        return _fault()
    discard(sys.__stdout__)
    if isinstance(error, BrokenPipeError):
        return 0
    say(f"cannot write to standard output: {error.strerror}")
    return UNKNOWN


def _invoke(arguments: Sequence[str] | None) -> int:
    """Run the command and return its code."""
    import typer.main
    from typer.exceptions import TyperException

    from probe.cli.app import app

    command = typer.main.get_command(app)
    try:
        # Not standalone: typer's own ending has other codes, and says a usage error in four lines.
        return (
            command.main(
                list(arguments) if arguments is not None else None,
                prog_name="eop-probe",
                standalone_mode=False,
            )
            or 0
        )
    except TyperException as error:
        _explain_usage(error)
        return UNKNOWN
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # typer makes 1 of it, which would mean "at risk"
            raise end.__context__ from None
        return int(end.code or 0)


def _explain_usage(error: Exception) -> None:
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    if message.startswith("Usage:"):  # no arguments at all: the whole help page
        write_error(f"{message}\n")
        return
    path = getattr(getattr(error, "ctx", None), "command_path", "eop-probe")
    see = "" if "Did you mean: " in message else f" (see: {path} --help)"  # a command ends its line
    say(f"{printable(message.rstrip('.'))}{see}")


def say(sentence: str) -> None:
    """Say something beside the result."""
    write_error(f"eop-probe: {sentence}\n")


def write_error(text: str) -> None:
    """Write to standard error; where it cannot be, the run goes on and ends with 3, unless its reader just left."""
    if sys.stderr is None:  # closed by who started us
        unsaid()
        return
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except BrokenPipeError:
        discard(sys.stderr)
    except OSError:
        unsaid()
        discard(sys.stderr)


def unsaid() -> None:
    """Let the run end with 3: something that had to be said could not be."""
    _unsaid.append(True)


def discard(stream: TextIO | None) -> None:
    """Send what is left of a stream nowhere, so that the interpreter's last flush finds no error."""
    if stream is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
