"""``fleet init`` and ``fleet check-config``: the description of a fleet, before anything is probed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from probe.cli import options as shared
from probe.cli.exit_codes import finish
from probe.cli.fleet.common import FleetWord, Wanted, opened
from probe.cli.output import Output, as_bytes, render_options, unwritable, write_out, write_to
from probe.errors import OutputError
from probe.files import write_file
from probe.powershell import eop_probe
from probe.text import printable

#: As `probe.fleet.source` has it, which loads what a help page does not need.
FLEET_FILE = "fleet.toml"


def init(
    file: Annotated[Path, typer.Argument(metavar="[FILE]", help="Where; never over a file.")] = Path(
        FLEET_FILE
    ),
) -> None:
    """Write an example of fleet.toml, in which every key stands with what it is for."""
    from probe.fleet.example import EXAMPLE

    try:
        write_file(file, (as_bytes(EXAMPLE),), new=True)
    except FileExistsError:
        raise OutputError(
            f"{printable(str(file))} is there already and stays as it is; name another file"
        ) from None
    except OSError as error:
        raise unwritable(printable(str(file)), error) from None
    command = eop_probe("fleet", "check-config", str(file)).text
    write_out(f"{printable(str(file))} is written. Put your names in, then: {command}")
    finish(0)


def check_config(
    file: FleetWord = FLEET_FILE,
    *,
    wanted: Wanted,
    stores: shared.Stores,
    output: Output = None,
) -> None:
    """Say what would be probed, how many connections that takes and how long, or every mistake with its place.

    Nothing is connected to, and no name is looked up.
    """
    from probe.fleet.plan import planned, render

    fleet = opened(file, wanted, stores, output)
    plan = planned(fleet.entries(), wanted.pace(), fleet.base.timeout_s)
    fleet.fleet.mistakes.settle()
    write_to(output, render(plan, render_options(to_file=output is not None)))
    finish(0)
