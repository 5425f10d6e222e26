"""Steps and commands an administrator can paste, filled in with what was really presented.

Every value from a certificate goes through :func:`quoted`: a subject may hold quotes, backticks
and ``$(...)``, and these lines are made to be pasted into a shell with administrator's rights.
"""

from __future__ import annotations

from probe.eop.vocabulary import Direction
from probe.pki.certificate import Certificate
from probe.powershell import quoted


def pin(certificate: Certificate) -> str:
    """The TlsCertificateName that names this certificate, ``<I>issuer<S>subject`` in Windows form."""
    return f"<I>{certificate.issuer.windows}<S>{certificate.subject.windows}"


def thumbprint(certificate: Certificate) -> str:
    """The thumbprint as Exchange prints it: upper-case SHA-1."""
    return certificate.sha1.upper()


def named_by(certificate: Certificate) -> tuple[str, ...]:
    """How to list the connectors whose TlsCertificateName names this certificate (issuer and subject)."""
    wanted = quoted(pin(certificate))
    return (
        f'PS> Get-SendConnector | ? {{ "$($_.TlsCertificateName)" -eq {wanted} }} | fl Name',
        f'PS> Get-ReceiveConnector | ? {{ "$($_.TlsCertificateName)" -eq {wanted} }} | fl Identity',
    )


def find_public(host: str | None) -> tuple[str, ...]:
    """How to see which certificates Exchange holds, and which one it would select for a name."""
    name = quoted(host) if host else "'<FQDN of the connector>'"
    return (
        "See which certificates Exchange would pick for this name (the first one listed is selected):",
        (
            f"PS> Get-ExchangeCertificate -DomainName {name} | "
            "fl FriendlyName,Thumbprint,Issuer,NotBefore,NotAfter,Services"
        ),
    )


def choose_certificate(direction: Direction) -> tuple[str, ...]:
    """How to make a connector present a certificate from a public CA, and nothing else."""
    command, what = (
        ("Set-SendConnector '<name of the Send connector to Exchange Online>'", "Send connector")
        if direction is Direction.TO_EOP
        else ("Set-ReceiveConnector '<SERVER\\name of the Receive connector>'", "Receive connector")
    )
    return (
        "Enable the certificate of a public CA for SMTP (answer No when asked to replace the default one):",
        "PS> Enable-ExchangeCertificate -Thumbprint '<thumbprint of the public certificate>' -Services SMTP",
        f"Name it on the {what}, so that no other certificate can win:",
        "PS> $cert = Get-ExchangeCertificate -Thumbprint '<thumbprint of the public certificate>'",
        f'PS> {command} -TlsCertificateName "<I>$($cert.Issuer)<S>$($cert.Subject)"',
        "Do the same on every server that carries this traffic, then run this check again.",
    )


def replace_untrusted(certificate: Certificate, direction: Direction, host: str | None) -> tuple[str, ...]:
    """The way out of KB 2888788: pick the public certificate, with the KB's own step as what it is."""
    mark = thumbprint(certificate)
    return (
        *find_public(host),
        *choose_certificate(direction),
        f"See whether a connector names the refused certificate ({mark}):",
        *named_by(certificate),
        "Look at what it is still bound to:",
        f"PS> Get-ExchangeCertificate -Thumbprint {mark} | fl FriendlyName,Services",
        (
            "KB 2888788 would run Enable-ExchangeCertificate on it without SMTP to unbind it; the cmdlet's "
            "documentation says services are additive and cannot be taken away, so expect SMTP to stay and do "
            "not rely on that step. Remove the certificate only if nothing else uses it, and never the "
            "internal transport certificate."
        ),
    )


def import_intermediate(certificate: Certificate, top: Certificate) -> tuple[str, ...]:
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
        "Import it on every server that presents this certificate (KB 3212877):",
        (
            "PS> Import-Certificate -FilePath 'C:\\import\\intermediate.cer' "
            "-CertStoreLocation Cert:\\LocalMachine\\CA"
        ),
        "Other mail servers: append it, as PEM, to the file with the server certificate and reload.",
        (
            f"If {top.issuer.windows} is a private CA, none of that helps: get a certificate of a public CA "
            "(what to do then: eop-probe explain untrusted-root)."
        ),
    )


def renew(certificate: Certificate) -> tuple[str, ...]:
    """How to put a renewed certificate in place without making the connectors' choice ambiguous."""
    mark = thumbprint(certificate)
    return (
        (
            f"Get a renewed certificate for {', '.join(certificate.names()[:4]) or 'the same names'} "
            "from a public CA and import it on every server."
        ),
        "PS> Enable-ExchangeCertificate -Thumbprint '<thumbprint of the renewed certificate>' -Services SMTP",
        (
            "Find the connectors that name the old one; a new issuer or subject makes that name stale "
            "(454 4.7.5 ... could not be found):"
        ),
        *named_by(certificate),
        "Set TlsCertificateName again on each of them:",
        "PS> $cert = Get-ExchangeCertificate -Thumbprint '<thumbprint of the renewed certificate>'",
        "PS> Set-SendConnector '<name>' -TlsCertificateName \"<I>$($cert.Issuer)<S>$($cert.Subject)\"",
        f"Then remove the old certificate {mark} once nothing uses it.",
    )
