"""``python -m probe`` and the console script: run the command line and end with its exit code."""

from __future__ import annotations

import gc
import os
import sys

from probe import GARBAGE_THRESHOLD
from probe.cli import early


def main() -> None:
    """Run the command line; never returns normally."""
    gc.set_threshold(GARBAGE_THRESHOLD)
    _take_closed_descriptors()
    early.begin(sys.argv[1:], os.environ)
    # Only now what takes long to load.
    from probe.cli.exit_codes import run_to_exit

    try:
        run_to_exit()
    finally:
        # The process ends: without this the interpreter searches everything once more, a tenth again.
        gc.freeze()


def _take_closed_descriptors() -> None:
    """Open the null device for each of the three that is closed: a connection must not become standard error."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


if __name__ == "__main__":
    main()
