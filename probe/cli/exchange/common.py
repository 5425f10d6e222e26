"""What the ``exchange`` commands share: options, reading the files given, saying what is wrong with them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.declare import option
from probe.cli.options import password_file
from probe.cli.output import warn
from probe.errors import InputError
from probe.text import printable

if TYPE_CHECKING:
    from probe.eop.outlook import ChainJudge
    from probe.evidence_files import EvidenceFiles
    from probe.exchange.exports.joining import Gathered
    from probe.exchange.inventory import Inventory as Inventoried
    from probe.exchange.problem import Problem
    from probe.pki.certificate import Certificate
    from probe.pki.truststore import TrustStore

#: Problems said on standard error before the rest is counted.
MAX_PROBLEMS = 12

#: Bytes of a text that are read; the catalogue looks at the first 1,048,576 characters, four bytes each at most.
MAX_TEXT_BYTES = 4 << 20


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


def text_of(words: str, file: Path | None = None) -> str:
    """The text of a file, of ``@FILE``, of standard input (``-``), or as given; raises InputError."""
    from probe.exchange.messages.read import readable, readable_text
    from probe.exchange.problem import Problems

    if file is None and words.startswith("@"):
        file = Path(words[1:])
    if file is not None:
        return readable(_contents(file), Problems(str(file)))
    if words == "-":
        return readable(sys.stdin.buffer.read(MAX_TEXT_BYTES), Problems("standard input"))
    return readable_text(words)


def _contents(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_TEXT_BYTES)
    except OSError as error:
        raise InputError(f"{printable(str(path))} cannot be read: {error.strerror or error}") from None


class Judging:
    """Judges chains of inventories with the stores of the command line, loaded when they are first needed."""

    def __init__(self, stores: Callable[[], Sequence[TrustStore]], extra: Iterable[Certificate]) -> None:
        self._stores, self._extra = stores, tuple(extra)

    def judge(self, inventory: Inventoried, at: datetime) -> ChainJudge:
        """A judge for the certificates of `inventory` as of `at`."""
        from probe.eop.outlook import ChainJudge

        return ChainJudge(inventory, self._extra, self._stores(), at)


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
