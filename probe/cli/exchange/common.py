"""What the ``exchange`` commands share: options, reading the files given, saying what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.declare import option
from probe.cli.options import password_file
from probe.cli.output import warn

if TYPE_CHECKING:
    from probe.evidence_files import EvidenceFiles
    from probe.exchange.exports.joining import Gathered
    from probe.exchange.problem import Problem
    from probe.pki.certificate import Certificate

#: Problems said on standard error before the rest is counted.
MAX_PROBLEMS = 12


Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE...",
        help="Exports (JSON, CLIXML, CSV, Format-List, tables), certificates, logs; folders and patterns too.",
    ),
]
Server = Annotated[
    str | None,
    option("--server NAME", "The server an export is of, where it names none; and the only one to look at."),
]
Address = Annotated[str | None, option("--ip IP", "The sending address as Exchange Online sees it.")]
PasswordFile = Annotated[Path | None, password_file("a PFX")]
Chain = Annotated[
    list[Path] | None, option("--chain FILE", "Intermediates the servers send along. Repeatable.")
]


def gather_files(files: Sequence[Path], server: str | None = None) -> tuple[EvidenceFiles, Gathered]:
    """Read the files and join what they say; raises InputError where there is nothing to read."""
    from probe.evidence_files import read_evidence
    from probe.exchange.exports.joining import gather

    found = read_evidence(files, server=server)
    return found, gather(found.exports)


def warn_of(problems: Iterable[Problem]) -> None:
    """Say every problem on standard error, the first ones in full."""
    told = tuple(dict.fromkeys(map(str, problems)))
    for problem in told[:MAX_PROBLEMS]:
        warn(problem)
    if len(told) > MAX_PROBLEMS:
        warn(f"{len(told) - MAX_PROBLEMS} more problems; eop-probe exchange show lists all of them")


def issuers(
    found: EvidenceFiles, chain: Iterable[Path], password_file: Path | None
) -> tuple[Certificate, ...]:
    """The certificates to build chains with: those of the files given, and of --chain."""
    from probe.cli.passwords import Passwords
    from probe.pki.certificate import Certificate

    passwords = Passwords(password_file)
    held = [
        *(one for export in found.exports for one in export.x509),
        *(one for path in chain for one in passwords.open(path).entries),
    ]
    return tuple(dict.fromkeys(one for one in held if isinstance(one, Certificate)))
