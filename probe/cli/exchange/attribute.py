"""``eop-probe exchange attribute``: which inbound connector a certificate matches, and which reply follows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from probe.cli import options as shared
from probe.cli.declare import option
from probe.cli.exchange import common
from probe.cli.exit_codes import finish
from probe.cli.output import PlainOutput
from probe.errors import ConfigurationError, InputError
from probe.text import printable

if TYPE_CHECKING:
    from probe.evidence_files import EvidenceFiles
    from probe.exchange.attribution.names import Presented
    from probe.exchange.exports.joining import Gathered
    from probe.pki.certificate import Certificate


class _Shown(NamedTuple):
    """What is presented: in words, and its names; None: no certificate."""

    subject: str
    presented: Presented | None


class Client(NamedTuple):
    """Which certificate the client presents; none of these: none."""

    certificate: Annotated[
        Path | None, option("--certificate FILE", "The client certificate: PEM, DER, PFX.")
    ] = None
    thumbprint: Annotated[
        str | None,
        option(
            "--thumbprint THUMBPRINT",
            "The client certificate, by its thumbprint in the exports or logs given.",
        ),
    ] = None
    target: Annotated[
        str | None,
        option(
            "--target TARGET",
            "Take the certificate that this endpoint presents (its Receive connector's).",
        ),
    ] = None

    def refuse_several(self) -> None:
        """Raise ConfigurationError where more than one is given."""
        if sum(one is not None for one in self) > 1:
            raise ConfigurationError("give one of --certificate, --thumbprint and --target")

    def shown(
        self, found: EvidenceFiles, gathered: Gathered, password_file: Path | None, resolve: list[str]
    ) -> _Shown:
        """What it presents; raises InputError."""
        if self.certificate is not None:
            return _from_file(self.certificate, password_file)
        if self.thumbprint is not None:
            return _by_thumbprint(self.thumbprint, found, gathered)
        if self.target is not None:
            return _from_target(self.target, resolve)
        return _Shown("none", None)


def attribute(
    files: common.Files,
    *,
    client: Client,
    sender: str | None = option("--sender ADDRESS|<>", "MAIL FROM; <> is the null sender."),
    recipient: str | None = option("--recipient ADDRESS", "RCPT TO. Without it mail to be relayed is meant."),
    ip: common.Address = None,
    at: shared.At = None,
    resolve: shared.Resolve = None,
    password_file: common.PasswordFile = None,
    output: PlainOutput,
) -> None:
    """Say which inbound connector of the exports takes a connection, and what becomes of the mail.

    Without a certificate: as if none were presented. Exit codes: 0 attributed, 1 attributed but not with
    the null sender, or as mail from the Internet, 2 refused, 3 unknown.
    """
    from probe.eop.attribution import outcome_of
    from probe.exchange.attribution import tenant
    from probe.net import clock
    from probe.render.exchange import attribute as page

    client.refuse_several()
    found, gathered = common.gather_files(files)
    if not gathered.inbound_connectors:
        raise InputError(
            "the files hold no inbound connector; `eop-probe exchange export` prints the line for it"
        )
    instant = shared.parse_instant(at) or clock.now()
    shown = client.shown(found, gathered, password_file, resolve or [])
    envelope = tenant.Envelope(_sender(sender), shared.parse_address(ip), recipient)
    attribution = tenant.attribute(
        shown.presented, gathered.inbound_connectors, gathered.accepted_domains or None, envelope, instant
    )
    report = page.AttributeReport(
        shown.subject, shown.presented, attribution, (*found.problems, *gathered.problems)
    )
    output.deliver(page.document, page.render, report)
    finish(outcome_of(attribution).exit_code)


def _sender(text: str | None) -> str | None:
    """MAIL FROM without angle brackets; "" is the null sender."""
    return None if text is None else printable(text.strip().removeprefix("<").removesuffix(">"))


def _of(certificate: Certificate, where: str) -> _Shown:
    from probe.exchange.attribution.names import presented_by

    words = f"{certificate.sha1.upper()}, {certificate.subject.windows}, {where}"
    return _Shown(words, presented_by(certificate))


def _from_file(path: Path, password_file: Path | None) -> _Shown:
    from probe.cli.passwords import Passwords

    return _of(Passwords(password_file).open(path).leaf, f"from {printable(str(path))}")


def _by_thumbprint(thumbprint: str, found: EvidenceFiles, gathered: Gathered) -> _Shown:
    from probe.exchange.attribution.names import presented_by_record
    from probe.pki.certificate import Certificate

    known = gathered.inventory.find(thumbprint)
    if known:
        words = (
            f"{known[0].thumbprint.upper()}, {known[0].subject or 'subject not known'}, from the inventory"
        )
        return _Shown(words, presented_by_record(known[0]))
    wanted = thumbprint.replace(" ", "").lower()
    for export in found.exports:
        for one in export.x509:
            if isinstance(one, Certificate) and one.sha1 == wanted:
                return _of(one, f"from {export.name}")
    if (logged := _in_logs(wanted, found)) is not None:
        return logged
    raise InputError(f"{printable(thumbprint, 60)} is in no export and no log given")


def _in_logs(wanted: str, found: EvidenceFiles) -> _Shown | None:
    from probe.evidence_files import read_sessions
    from probe.exchange.attribution.names import presented_in_log
    from probe.exchange.logs.reader import LogReader
    from probe.exchange.problem import Problem

    problems: list[Problem] = []
    for session in read_sessions(LogReader(), found.logs, problems):
        sent = session.sent
        if sent is not None and sent.thumbprint == wanted:
            words = f"{wanted.upper()}, {sent.subject or 'subject not known'}, from {session.source}"
            return _Shown(words, presented_in_log(sent.subject or "", sent.names))
    return None


def _from_target(target: str, resolve: list[str]) -> _Shown:
    """What a live endpoint presents; raises InputError where it presents nothing."""
    from probe.check.options import CheckOptions
    from probe.check.run import assess

    # Only the certificate is of interest: no store judges it.
    for assessment in assess(target, CheckOptions(stores=tuple, overrides=shared.overrides(resolve))):
        if assessment.evidence.leaf is not None:
            return _of(assessment.evidence.leaf, f"presented by {assessment.target}")
        if assessment.error is not None:
            raise InputError(f"{printable(target, 100)} shows no certificate: {assessment.error.message}")
    raise InputError(f"{printable(target, 100)} shows no certificate")
