"""What the ``exchange`` commands share: options, reading the files given, saying what is wrong with them."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.output import warn

if TYPE_CHECKING:
    from probe.evidence_files import EvidenceFiles
    from probe.exchange.joining import Gathered
    from probe.exchange.problem import Problem

#: Problems said on standard error before the rest is counted.
MAX_PROBLEMS = 12


class PlainFormat(enum.StrEnum):
    """How a result is written."""

    TERMINAL = "terminal"
    JSON = "json"


Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE...",
        help="Exports (JSON, CLIXML, CSV, Format-List, tables), certificates, logs; folders and patterns too.",
    ),
]
Inventory = Annotated[
    list[Path] | None,
    typer.Option(
        "--inventory",
        envvar="EOP_PROBE_INVENTORY",
        metavar="FILE",
        help="Get-ExchangeCertificate exports to join with. Repeatable.",
    ),
]
OutputFormat = Annotated[
    PlainFormat,
    typer.Option("--format", envvar="EOP_PROBE_EXCHANGE_FORMAT", help="How the result is written."),
]
Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        envvar="EOP_PROBE_SERVER",
        metavar="NAME",
        help="The server an export is of, where it names none; and the only one to look at.",
    ),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        envvar="EOP_PROBE_PASSWORD_FILE",
        metavar="FILE",
        help="First line: password of a PFX. Else $EOP_PROBE_PASSWORD, else a prompt.",
    ),
]


def gather_files(files: Sequence[Path], server: str | None = None) -> tuple[EvidenceFiles, Gathered]:
    """Read the files and join what they say; raises InputError where there is nothing to read."""
    from probe.evidence_files import read_evidence
    from probe.exchange.joining import gather

    found = read_evidence(files, server=server)
    return found, gather(found.exports)


def warn_of(problems: Iterable[Problem]) -> None:
    """Say every problem on standard error, the first ones in full."""
    told = tuple(dict.fromkeys(map(str, problems)))
    for problem in told[:MAX_PROBLEMS]:
        warn(problem)
    if len(told) > MAX_PROBLEMS:
        warn(f"{len(told) - MAX_PROBLEMS} more problems; eop-probe exchange show lists all of them")


def as_json(document: object) -> str:
    """A JSON document as this command line writes it."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
