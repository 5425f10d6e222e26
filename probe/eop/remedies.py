"""Steps that are filled in with what was really presented, and that fit the server that was met."""

from __future__ import annotations

from collections.abc import Callable

from probe import powershell
from probe.eop.evidence import Evidence
from probe.eop.vocabulary import Direction
from probe.exchange.replies.wording import STALE_PIN
from probe.pki.certificate import Certificate
from probe.powershell import Command, Steps, SubStep, quoted
from probe.smtp.software import Software

# Where each keeps the certificate it presents as a server, and as a client; seen by running them, but for HAProxy.
_SETTINGS = {
    Software.POSTFIX: (
        "smtpd_tls_chain_files or smtpd_tls_cert_file",
        "smtp_tls_chain_files or smtp_tls_cert_file",
    ),
    Software.EXIM: ("tls_certificate", "tls_certificate of the smtp transport"),
    Software.SENDMAIL: ("confSERVER_CERT", "confCLIENT_CERT"),
    Software.OPENSMTPD: ("pki ... cert", "pki ... cert, with that pki named by the relay action"),
    Software.HAPROXY: ("crt of the bind line", "crt of the server line"),
}


_EXPLAIN = powershell.eop_probe("explain", "untrusted-root")


def pin(certificate: Certificate) -> str:
    """The TlsCertificateName that names this certificate."""
    return powershell.pin(certificate.issuer.windows, certificate.subject.windows)


def thumbprint(certificate: Certificate) -> str:
    """The thumbprint as Exchange prints it: upper-case SHA-1."""
    return certificate.sha1.upper()


def _fitting(evidence: Evidence, exchange: Steps, other: Callable[[Software, str], str]) -> Steps:
    """Exchange's steps, or another server's line, by what the server looks like; all where nothing tells."""

    def line(software: Software) -> str:
        return f"{software.value}: {other(software, _setting(evidence.direction, *_SETTINGS[software]))}"

    match evidence.software:
        case Software.EXCHANGE:
            return exchange
        case None:
            ways = (SubStep(line(software)) for software in _SETTINGS)
            return (*exchange, "Other mail servers, each in its own way:", *ways)
        case met:
            return (f"The server looks like {line(met)}",)


def _setting(direction: Direction, server: str, client: str) -> str:
    return server if direction is Direction.FROM_EOP else f"{client} (as a server: {server})"


def _present(software: Software, setting: str) -> str:
    if software is Software.SENDMAIL:
        return f"put it into the file of {setting}, its intermediates into that of confCACERT, and restart."
    return f"put it, its intermediates after it, into the file of {setting}, and reload."


def _complete(software: Software, setting: str) -> str:
    if software is Software.SENDMAIL:
        return "put it into the file of confCACERT, never into that of the certificate, and restart."
    return f"append it, as PEM, to the certificate in the file of {setting}, and reload."


def choose_certificate(evidence: Evidence) -> Steps:
    """How to present a certificate from a public CA, and nothing else."""
    receives = evidence.direction is Direction.FROM_EOP
    steps = (
        *powershell.import_certificate(),
        *powershell.enable_for_smtp(),
        *powershell.name_on_connector(receive=receives),
        "Do the same on every server that carries this traffic, then run this check again.",
        *(() if receives else powershell.retry_queue()),
    )
    return ("Take a certificate of a public CA, a new one if need be.", *_fitting(evidence, steps, _present))


def replace_untrusted(certificate: Certificate, evidence: Evidence) -> Steps:
    """The way out of KB 2888788: pick the public certificate, with the KB's own step as what it is."""
    if evidence.software not in {None, Software.EXCHANGE}:
        return choose_certificate(evidence)
    mark = thumbprint(certificate)
    host = evidence.settings.expected_name or "<FQDN of the connector>"
    return (
        "See which certificates Exchange would pick for this name (the first one listed is selected):",
        Command(
            f"Get-ExchangeCertificate -DomainName {quoted(host)} | "
            "fl FriendlyName,Thumbprint,Issuer,NotBefore,NotAfter,Services"
        ),
        *choose_certificate(evidence),
        f"See whether a connector names the refused certificate ({mark}):",
        *powershell.named_by(pin(certificate)),
        "Look at what it is still bound to:",
        powershell.services_of(mark),
        powershell.UNBINDING,
        "Remove the certificate only if nothing else uses it, and never the internal transport certificate.",
    )


def import_intermediate(certificate: Certificate, top: Certificate, evidence: Evidence) -> Steps:
    """How to make the sending server present the whole chain (KB 3212877)."""
    urls = [url for url in top.issuer_urls if url.startswith(("http://", "https://"))]
    where = (
        f"Fetch the missing issuer's certificate, {top.issuer.windows}, where the CA publishes it: {urls[0]}"
        if urls
        else f"Get the missing issuer's certificate, {top.issuer.windows}, from the CA that issued "
        f"{thumbprint(certificate)}"
    )
    return (
        where,
        *_fitting(evidence, powershell.IMPORT_INTERMEDIATE, _complete),
        f"If {top.issuer.windows} is a private CA, none of that helps. What to do then:",
        _EXPLAIN,
    )


def renew(certificate: Certificate, evidence: Evidence, *, queued: bool = False) -> Steps:
    """How to put a renewed certificate in place; mail that is `queued` already goes then."""
    renewed = "<thumbprint of the renewed certificate>"
    receives = evidence.direction is Direction.FROM_EOP
    steps = (
        *powershell.import_certificate(),
        *powershell.enable_for_smtp(renewed, what="it"),
        (
            "Find the connectors that name the old one; a new issuer or subject makes that name stale, and mail "
            f"stops with: {STALE_PIN}"
        ),
        *powershell.named_by(pin(certificate)),
        *powershell.name_on_connector(renewed, what="the renewed one", receive=receives),
        *(powershell.retry_queue() if queued and not receives else ()),
        f"Then remove the old certificate {thumbprint(certificate)} once nothing uses it.",
    )
    names = ", ".join(certificate.names()[:4]) or "the same names"
    return (f"Get a renewed certificate for {names} from a public CA.", *_fitting(evidence, steps, _present))
