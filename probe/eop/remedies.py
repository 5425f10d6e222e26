"""Steps that are filled in with what was really presented."""

from __future__ import annotations

from probe import powershell
from probe.eop.vocabulary import Direction
from probe.exchange.replies.wording import STALE_PIN
from probe.pki.certificate import Certificate
from probe.powershell import Command, Steps, quoted


def pin(certificate: Certificate) -> str:
    """The TlsCertificateName that names this certificate."""
    return powershell.pin(certificate.issuer.windows, certificate.subject.windows)


def thumbprint(certificate: Certificate) -> str:
    """The thumbprint as Exchange prints it: upper-case SHA-1."""
    return certificate.sha1.upper()


def choose_certificate(direction: Direction) -> Steps:
    """How to make a connector present a certificate from a public CA, and nothing else."""
    return (
        *powershell.enable_for_smtp(),
        *powershell.name_on_connector(receive=direction is Direction.FROM_EOP),
        "Do the same on every server that carries this traffic, then run this check again.",
    )


def replace_untrusted(certificate: Certificate, direction: Direction, host: str | None) -> Steps:
    """The way out of KB 2888788: pick the public certificate, with the KB's own step as what it is."""
    mark = thumbprint(certificate)
    return (
        "See which certificates Exchange would pick for this name (the first one listed is selected):",
        Command(
            f"Get-ExchangeCertificate -DomainName {quoted(host or '<FQDN of the connector>')} | "
            "fl FriendlyName,Thumbprint,Issuer,NotBefore,NotAfter,Services"
        ),
        *choose_certificate(direction),
        f"See whether a connector names the refused certificate ({mark}):",
        *powershell.named_by(pin(certificate)),
        "Look at what it is still bound to:",
        powershell.services_of(mark),
        powershell.UNBINDING,
        "Remove the certificate only if nothing else uses it, and never the internal transport certificate.",
    )


def import_intermediate(certificate: Certificate, top: Certificate) -> Steps:
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
        *powershell.IMPORT_INTERMEDIATE,
        "Other mail servers: append it, as PEM, to the file with the server certificate and reload.",
        f"If {top.issuer.windows} is a private CA, none of that helps. What to do then:",
        powershell.eop_probe("explain", "untrusted-root"),
    )


def renew(certificate: Certificate) -> Steps:
    """How to put a renewed certificate in place without making the connectors' choice ambiguous."""
    renewed = "<thumbprint of the renewed certificate>"
    return (
        (
            f"Get a renewed certificate for {', '.join(certificate.names()[:4]) or 'the same names'} "
            "from a public CA and import it on every server."
        ),
        *powershell.enable_for_smtp(renewed, what="it"),
        (
            "Find the connectors that name the old one; a new issuer or subject makes that name stale, and mail "
            f"stops with: {STALE_PIN}"
        ),
        *powershell.named_by(pin(certificate)),
        *powershell.name_on_connector(renewed, what="the renewed one"),
        f"Then remove the old certificate {thumbprint(certificate)} once nothing uses it.",
    )
