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

UNKNOWN = 3
#: What the typer underneath uses for a usage error, which for this product means "rejected".
_TYPER_USAGE = 2
_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class Finished(SystemExit):
    """The orderly end of a command with an exit code of this product's own."""


def finish(code: int) -> NoReturn:
    """End the command with `code`."""
    raise Finished(code)


def run_to_exit(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line on `arguments` (None: the process's own) and exit; raises SystemExit only."""
    try:
        _invoke(arguments)
    except Finished:
        _flush()
        raise
    except SystemExit as ended:
        code = UNKNOWN if ended.code == _TYPER_USAGE else ended.code
        raise SystemExit(code) from None
    except ProbeError as error:
        sys.stderr.write(f"eop-probe: {error}\n")
        raise SystemExit(UNKNOWN) from None
    except KeyboardInterrupt:
        sys.stderr.write("eop-probe: interrupted\n")
        raise SystemExit(_INTERRUPTED) from None
    except BrokenPipeError:
        _close_broken_pipe()
    raise SystemExit(0)


def _invoke(arguments: Sequence[str] | None) -> None:
    from probe.cli.app import app

    app(list(arguments) if arguments is not None else None, prog_name="eop-probe")


def _flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _close_broken_pipe()


def _close_broken_pipe() -> None:
    """The reader (``head``, ``less``) has gone: that is its right, and no error of ours."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
