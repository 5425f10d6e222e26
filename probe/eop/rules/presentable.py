"""Rules about a certificate file: whether a server could present what it holds."""

from __future__ import annotations

from probe.eop.evidence import Evidence
from probe.eop.rules.rule import Given, Rule, Said
from probe.eop.vocabulary import Basis, FileKey, Severity
from probe.pki.certificate import Certificate
from probe.statement import Confidence

_OWN_KEY = "RFC 8446 4.4.3 (CertificateVerify)"


def _filed(evidence: Evidence) -> Certificate | None:
    """The end certificate of a file; what a server presents has shown that it can be presented."""
    return evidence.leaf if evidence.basis is Basis.FILE else None


def _key_mismatch(evidence: Evidence) -> Said | None:
    if evidence.file_key is not FileKey.FOREIGN:
        return None
    return Said(summary="The private key in the file belongs to none of its certificates.")


def _no_private_key(evidence: Evidence) -> Said | None:
    if evidence.file_key is not FileKey.MISSING:
        return None
    return Said(summary="The PFX file holds no private key: a server that imports it cannot present it.")


def _not_an_end_certificate(evidence: Evidence) -> Said | None:
    leaf = _filed(evidence)
    if leaf is None or not leaf.is_ca:
        return None
    return Said(summary=f"{leaf.subject.short} is the certificate of a CA, not of a server.")


def _no_dns_name(evidence: Evidence) -> Said | None:
    leaf = _filed(evidence)
    if leaf is None or leaf.is_ca or leaf.dns_names:
        return None
    return Said(summary=f"{leaf.subject.short} has no DNS name in its subject alternative name.")


def _unusual_file(evidence: Evidence) -> Said | None:
    if not evidence.file_unusual:
        return None
    return Said(summary=f"The file is {', and '.join(evidence.file_unusual)}.")


PRESENTABLE_RULES: tuple[Rule, ...] = (
    Rule(
        id="key-mismatch",
        title="The private key belongs to another certificate",
        severity=Severity.RISK,
        confidence=Confidence.DOCUMENTED,
        references=(_OWN_KEY,),
        meaning="The file holds a private key, but no certificate for it. A server cannot prove that it owns a "
        "certificate without that certificate's own key.",
        advice=("Put the certificate and the key it was requested with together, then check again.",),
        say=_key_mismatch,
        given=Given.FILE,
    ),
    Rule(
        id="no-private-key",
        title="The PFX file holds no private key",
        severity=Severity.RISK,
        confidence=Confidence.DOCUMENTED,
        references=(_OWN_KEY,),
        meaning="A PFX file is there to bring a certificate and its private key to a server. A server cannot prove "
        "that it owns a certificate without the key.",
        advice=(
            "Export the certificate again with its private key, where it was requested, and check that file.",
        ),
        say=_no_private_key,
        given=Given.FILE,
    ),
    Rule(
        id="not-an-end-certificate",
        title="The file's certificate is that of a CA",
        severity=Severity.RISK,
        confidence=Confidence.INFERRED,
        references=("RFC 5280 4.2.1.9",),
        meaning="A CA's certificate signs others and is not meant to be presented. Windows builds its chain without a "
        "fault, OpenSSL refuses it as an end certificate; what Exchange Online makes of it is not known.",
        advice=("Check the file of the certificate that this CA issued to your server.",),
        say=_not_an_end_certificate,
        given=Given.FILE,
    ),
    Rule(
        id="no-dns-name",
        title="The file's certificate has no DNS name",
        severity=Severity.RISK,
        confidence=Confidence.INFERRED,
        references=("RFC 5280 4.2.1.6",),
        meaning="Connectors go by the DNS names of a certificate. Where there is none, Windows looks at the common "
        "name; whether Exchange Online does is not known.",
        advice=("Get a certificate that has the server's host name in its subject alternative name.",),
        say=_no_dns_name,
        given=Given.FILE,
    ),
    Rule(
        id="unusual-file",
        title="The file is not encoded as usual",
        severity=Severity.INFO,
        confidence=Confidence.DOCUMENTED,
        references=("RFC 7468 (PEM)", "RFC 5652 (PKCS#7)", "RFC 7292 (PKCS#12)"),
        meaning="The file was read all the same, and its certificates are judged as any others. Another program may "
        "refuse it.",
        advice=("Nothing for the verdict. If another program refuses the file, export it again.",),
        say=_unusual_file,
        given=Given.FILE,
    ),
)
