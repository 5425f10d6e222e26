"""How a run ends: the outcome's code, or 3 with one sentence on standard error; never a traceback.

0 accepted, 1 at risk, 2 rejected, 3 unknown: usage and configuration errors are 3 too, so that a
script never takes a mistyped option for a refused certificate.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from probe.errors import ProbeError
from probe.text import printable

UNKNOWN = 3
_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def finish(code: int) -> NoReturn:
    """End the command with `code`."""
    raise SystemExit(code)


def run_to_exit(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line on `arguments` (None: the process's own) and exit; raises SystemExit only."""
    try:
        code = _invoke(arguments)
    except ProbeError as error:
        _say(str(error))
        raise SystemExit(UNKNOWN) from None
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except Exception:  # noqa: BLE001 - a fault of ours: Python's own code for it, 1, would mean "at risk"
        import traceback

        traceback.print_exc()
        code = UNKNOWN
    if code == _INTERRUPTED:
        _say("interrupted")
    raise SystemExit(code)


def _invoke(arguments: Sequence[str] | None) -> int:
    """Run the command and return its code, where it does not end with SystemExit itself."""
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


def _explain_usage(error: Exception) -> None:
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    if message.startswith("Usage:"):  # no arguments at all: the whole help page
        sys.stderr.write(f"{message}\n")
        return
    path = getattr(getattr(error, "ctx", None), "command_path", "eop-probe")
    see = "" if "Did you mean: " in message else f" (see: {path} --help)"  # a command ends its line
    _say(f"{printable(message.rstrip('.'))}{see}")


def _say(sentence: str) -> None:
    sys.stderr.write(f"eop-probe: {sentence}\n")


def discard_output() -> None:
    """Send what is left of standard output nowhere, so that the interpreter's last flush finds no error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
