"""``eop-probe certificate``: the same judgement on files, before anything is installed."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli import options as shared
from probe.cli.app import new_app
from probe.cli.exit_codes import finish
from probe.cli.output import check_writable, deliver, warn
from probe.eop.settings import Settings
from probe.eop.vocabulary import Direction
from probe.errors import InputError
from probe.text import printable

if TYPE_CHECKING:
    from probe.assessment import Assessment
    from probe.pki.certificate import Certificate, Unreadable
    from probe.pki.containers import Container
    from probe.plan import CheckOptions

#: The variable a password may come from; an option would show it to every user of the machine.
PASSWORD_VARIABLE = "EOP_PROBE_PASSWORD"  # noqa: S105 - the name of a variable, not a password

app = new_app()


@app.command()
def certificate(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="PEM, DER, PKCS#7 or PKCS#12 (PFX); each judged by itself."),
    ],
    direction: shared.DirectionOption = Direction.TO_EOP,
    store: shared.Stores = None,
    at: shared.At = None,
    output_format: shared.OutputFormat = shared.Format.TERMINAL,
    output: shared.Output = None,
    chain: Annotated[
        list[Path] | None,
        typer.Option(
            envvar="EOP_PROBE_CHAIN", metavar="FILE", help="More certificates the server would send along."
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            envvar="EOP_PROBE_AGAINST",
            metavar="TARGET",
            help="Compare with what this endpoint presents now: is the swap safe?",
        ),
    ] = None,
    resolve: shared.Resolve = None,
    password_file: Annotated[
        Path | None,
        typer.Option(
            envvar="EOP_PROBE_PASSWORD_FILE",
            metavar="FILE",
            help="First line: password of the PFX or key. Else $EOP_PROBE_PASSWORD, else a prompt.",
        ),
    ] = None,
    tls_sender_certificate_name: shared.SenderCertificateName = None,
    accepted_domain: shared.AcceptedDomains = None,
    tls_domain: shared.TlsDomain = None,
    expiring_days: shared.ExpiringDays = 30,
    expiring_share: shared.ExpiringShare = 1 / 3,
    authroot_stl: shared.AuthrootStl = None,
    disallowed_stl: shared.DisallowedStl = None,
    verbose: shared.Verbose = False,
) -> None:
    """Judge certificate files before they are installed, and whether they can take the place of what is in use."""
    check_writable(output)
    from probe.net import clock
    from probe.plan import CheckOptions

    settings = Settings(
        tls_sender_certificate_name=tls_sender_certificate_name,
        accepted_domains=tuple(accepted_domain or ()),
        tls_domain=tls_domain,
        expiring_days=expiring_days,
        expiring_fraction=expiring_share,
    )
    options = CheckOptions(
        stores=shared.store_loader(
            store, authroot_stl=authroot_stl, disallowed_stl=disallowed_stl, warn=warn
        ),
        direction=direction,
        settings=settings,
        at=shared.parse_instant(at) or clock.now(),
        overrides=shared.overrides(resolve or ()),
    )
    passwords = _Passwords(password_file)
    extra = [entry for path in chain or () for entry in passwords.open(path).entries]
    assessments = [_judged(path, passwords.open(path), extra, options) for path in files]
    if against is not None:
        assessments = [_compared(assessment, against, options) for assessment in assessments]

    from probe import __version__
    from probe.assessment import Report

    report = Report(generated_at=clock.now(), version=__version__, assessments=tuple(assessments))
    deliver(report, output_format, output, verbose=verbose)
    finish(report.outcome.exit_code)


def _judged(
    path: Path, held: Container, extra: list[Certificate | Unreadable], options: CheckOptions
) -> Assessment:
    from probe.judgement import assess_file

    return assess_file(printable(str(path)), held, tuple(extra), options)


def _compared(judged: Assessment, against: str, options: CheckOptions) -> Assessment:
    """Add what a swap would change to a file's assessment; unknown where the endpoint shows no certificate."""
    from probe.changes import compare
    from probe.check import assess
    from probe.eop.vocabulary import Outcome

    live = assess(against, replace(options, at=None))
    old = next((a.evidence.leaf for a in live if a.evidence.leaf is not None), None)
    new = judged.evidence.leaf
    if old is None or new is None:
        reasons = [a.error.message for a in live if a.error is not None]
        warn(f"{against} shows no certificate to compare with" + (f": {reasons[0]}" if reasons else ""))
        return replace(judged, outcome=Outcome.worst((judged.outcome, Outcome.UNKNOWN)))
    swap = compare(old, new, judged.outcome)
    return replace(judged, outcome=swap.outcome, findings=(*judged.findings, *swap.findings))


class _Passwords:
    """Opens files, asking for a password only where one needs it; it is kept in memory for the run alone."""

    def __init__(self, path: Path | None) -> None:
        self._given = _from_file(path) if path is not None else os.environ.get(PASSWORD_VARIABLE)

    def open(self, path: Path) -> Container:
        from probe.pki.containers import PasswordNeededError, read

        data = _contents(path)
        try:
            return read(data, password=self._given.encode() if self._given is not None else None)
        except PasswordNeededError as error:
            if self._given is not None or not sys.stdin.isatty():
                how = "" if self._given is not None else f"; give --password-file or ${PASSWORD_VARIABLE}"
                raise InputError(f"{printable(str(path))} {error}{how}") from None
        except InputError as error:
            raise InputError(f"{printable(str(path))} {error}") from None
        asked = typer.prompt(f"Password for {printable(str(path))}", hide_input=True, err=True)
        try:
            return read(data, password=str(asked).encode())
        except InputError as error:
            raise InputError(f"{printable(str(path))} {error}") from None


def _from_file(path: Path) -> str:
    text = _contents(path).decode("utf-8", "surrogateescape")
    return text.splitlines()[0] if text else ""


def _contents(path: Path) -> bytes:
    from probe.pki.containers import MAX_FILE_BYTES

    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InputError(f"{printable(str(path))} cannot be read: {error.strerror or error}") from None
