"""What is said of a file's own key, and of a certificate that is to take another's place.

No evidence of one chain shows these: `probe.eop.swap` and `probe.check.judge` say them. They stand here
because every id that a report can hold has its row.
"""

from __future__ import annotations

from probe.eop.evidence import Evidence
from probe.eop.rules.rule import Rule, Said
from probe.eop.vocabulary import Severity
from probe.statement import Confidence

_PINS = ("Microsoft: Set-SendConnector, TlsCertificateName", "Exchange Team blog, 4 June 2025")


def _nothing(_: Evidence) -> Said | None:
    return None


KEY_MISMATCH = Rule(
    "key-mismatch",
    "The private key belongs to another certificate",
    Severity.RISK,
    Confidence.DOCUMENTED,
    ("RFC 8446 4.4.3 (CertificateVerify)",),
    "The file holds a private key, but no certificate for it. A server cannot prove that it owns a certificate "
    "without that certificate's own key.",
    ("Put the certificate and the key it was requested with together, then check again.",),
    _nothing,
)
SWAP_NOT_COMPARED = Rule(
    "swap-not-compared",
    "There is nothing to compare the new certificate with",
    Severity.RISK,
    Confidence.INFERRED,
    ("the comparison itself, no statement of Microsoft",),
    "The endpoint named with --against showed no certificate, so that whether the new one can take its place is "
    "unknown.",
    (
        "Make the endpoint reachable from here, or compare with another one that presents the same certificate.",
    ),
    _nothing,
)
SWAP_SAME_CERTIFICATE = Rule(
    "swap-same-certificate",
    "The endpoint presents this certificate already",
    Severity.INFO,
    Confidence.DOCUMENTED,
    ("the comparison itself, no statement of Microsoft",),
    "The file's certificate and the one presented are the same, byte for byte: nothing changes.",
    ("Nothing: if a new certificate was expected, this file is the old one.",),
    _nothing,
)
SWAP_SAME_PIN = Rule(
    "swap-same-pin",
    "Issuer and subject stay the same",
    Severity.INFO,
    Confidence.DOCUMENTED,
    ("Microsoft: cannot remove an installed certificate",),
    "TlsCertificateName names issuer and subject, no thumbprint. A certificate with the same two is found by every "
    "connector that names the old one.",
    ("Nothing: the connectors find the new certificate once it is installed and enabled for SMTP.",),
    _nothing,
)
SWAP_STALE_PIN = Rule(
    "swap-stale-pin",
    "Connectors that name the old certificate will not find the new one",
    Severity.RISK,
    Confidence.DOCUMENTED,
    _PINS,
    "TlsCertificateName names issuer and subject. The new certificate has another issuer or subject, so connectors "
    "that name the old one stop with 454 4.7.5 once it is gone.",
    ("Set TlsCertificateName again on every connector that names the old certificate, on every server.",),
    _nothing,
)
SWAP_NAMES_LOST = Rule(
    "swap-names-lost",
    "The new certificate lacks names of the old one",
    Severity.RISK,
    Confidence.DOCUMENTED,
    ("Microsoft KB 4051495 (5.7.64)",),
    "A connector that goes by a name the new certificate lacks stops matching: TlsSenderCertificateName of the "
    "inbound connector (550 5.7.64), TlsDomain of an outbound connector (SubjectMismatch).",
    ("Order the certificate again with every name of the old one, or change those connectors first.",),
    _nothing,
)
SWAP_NEW_KEY = Rule(
    "swap-new-key",
    "The key changes",
    Severity.INFO,
    Confidence.INFERRED,
    ("RFC 7672 (DANE for SMTP)",),
    "Nothing at Exchange Online goes by the key of a certificate; a DANE TLSA record for the host would.",
    (
        "Nothing for Exchange Online. Where a TLSA record names the key, publish the new one's before the swap.",
    ),
    _nothing,
)
SWAP_SAFE = Rule(
    "swap-safe",
    "The new certificate can take the old one's place",
    Severity.INFO,
    Confidence.INFERRED,
    _PINS,
    "Issuer, subject and names stay, and Exchange Online would accept the new chain: nothing else has to be changed.",
    ("Install it on every server, enable it for SMTP, and check again.",),
    _nothing,
)

SWAP_RULES: tuple[Rule, ...] = (
    KEY_MISMATCH,
    SWAP_NOT_COMPARED,
    SWAP_STALE_PIN,
    SWAP_NAMES_LOST,
    SWAP_SAME_CERTIFICATE,
    SWAP_SAME_PIN,
    SWAP_NEW_KEY,
    SWAP_SAFE,
)
