"""What is said of a certificate that is to take another's place.

No evidence of one chain shows these: `probe.eop.swap` says them. They stand here because every id that a
report can hold has its row.
"""

from __future__ import annotations

from probe.eop.evidence import Evidence
from probe.eop.rules.rule import Rule, Said
from probe.eop.vocabulary import Severity
from probe.statement import Confidence

_PINS = ("Microsoft: Set-SendConnector, TlsCertificateName", "Exchange Team blog, 4 June 2025")


def _nothing(_: Evidence) -> Said | None:
    return None


SWAP_NOT_COMPARED = Rule(
    id="swap-not-compared",
    title="There is nothing to compare the new certificate with",
    severity=Severity.RISK,
    confidence=Confidence.INFERRED,
    references=("the comparison itself, no statement of Microsoft",),
    meaning="The endpoint named with --against showed no certificate, so that whether the new one can take "
    "its place is unknown.",
    advice=(
        "Make the endpoint reachable from here, or compare with another one that presents the same certificate.",
    ),
    say=_nothing,
)
SWAP_SAME_CERTIFICATE = Rule(
    id="swap-same-certificate",
    title="The endpoint presents this certificate already",
    severity=Severity.INFO,
    confidence=Confidence.DOCUMENTED,
    references=("the comparison itself, no statement of Microsoft",),
    meaning="The file's certificate and the one presented are the same, byte for byte: nothing changes.",
    advice=("Nothing: if a new certificate was expected, this file is the old one.",),
    say=_nothing,
)
SWAP_SAME_PIN = Rule(
    id="swap-same-pin",
    title="Issuer and subject stay the same",
    severity=Severity.INFO,
    confidence=Confidence.DOCUMENTED,
    references=("Microsoft: cannot remove an installed certificate",),
    meaning="TlsCertificateName names issuer and subject, no thumbprint. A certificate with the same two is "
    "found by every connector that names the old one.",
    advice=("Nothing: the connectors find the new certificate once it is installed and enabled for SMTP.",),
    say=_nothing,
)
SWAP_STALE_PIN = Rule(
    id="swap-stale-pin",
    title="Connectors that name the old certificate will not find the new one",
    severity=Severity.RISK,
    confidence=Confidence.DOCUMENTED,
    references=_PINS,
    meaning="TlsCertificateName names issuer and subject. The new certificate has another issuer or subject, "
    "so connectors that name the old one stop with 454 4.7.5 once it is gone.",
    advice=(
        "Set TlsCertificateName again on every connector that names the old certificate, on every server.",
    ),
    say=_nothing,
)
SWAP_NAMES_LOST = Rule(
    id="swap-names-lost",
    title="The new certificate lacks names of the old one",
    severity=Severity.RISK,
    confidence=Confidence.DOCUMENTED,
    references=("Microsoft KB 4051495 (5.7.64)",),
    meaning="A connector that goes by a name the new certificate lacks stops matching: "
    "TlsSenderCertificateName of the inbound connector (550 5.7.64), TlsDomain of an outbound connector "
    "(SubjectMismatch).",
    advice=("Order the certificate again with every name of the old one, or change those connectors first.",),
    say=_nothing,
)
SWAP_NEW_KEY = Rule(
    id="swap-new-key",
    title="The key changes",
    severity=Severity.INFO,
    confidence=Confidence.INFERRED,
    references=("RFC 7672 (DANE for SMTP)",),
    meaning="Nothing at Exchange Online goes by the key of a certificate; a DANE TLSA record for the host would.",
    advice=(
        "Nothing for Exchange Online. Where a TLSA record names the key, publish the new one's before the swap.",
    ),
    say=_nothing,
)
SWAP_SAFE = Rule(
    id="swap-safe",
    title="The new certificate can take the old one's place",
    severity=Severity.INFO,
    confidence=Confidence.INFERRED,
    references=_PINS,
    meaning="Issuer, subject and names stay, and Exchange Online would accept the new chain: nothing else has "
    "to be changed.",
    advice=("Install it on every server, enable it for SMTP, and check again.",),
    say=_nothing,
)

SWAP_RULES: tuple[Rule, ...] = (
    SWAP_NOT_COMPARED,
    SWAP_STALE_PIN,
    SWAP_NAMES_LOST,
    SWAP_SAME_CERTIFICATE,
    SWAP_SAME_PIN,
    SWAP_NEW_KEY,
    SWAP_SAFE,
)
