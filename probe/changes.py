"""What would change if one certificate took another's place: names, key, issuer, and who names it.

TlsCertificateName names issuer and subject, not a thumbprint (exchange connectors): a renewal
under the same two is found by every connector that is pinned to it, one under another issuer by
none (``454 4.7.5 ... could not be found``).
"""

from __future__ import annotations

from typing import NamedTuple

from probe.eop import remedies
from probe.eop.finding import Finding
from probe.eop.vocabulary import Confidence, Outcome, Severity
from probe.pki.certificate import Certificate

_PINS = ("Microsoft: Set-SendConnector, TlsCertificateName", "Exchange Team blog, 4 June 2025")
_CANNOT_REMOVE = ("Microsoft: cannot remove an installed certificate",)


class Swap(NamedTuple):
    """A comparison of the certificate in use with the one to come.

    `outcome` is REJECTED where the new one would be refused, AT_RISK where something else has to be
    changed along with it, ACCEPTED where it can take the old one's place as it is.
    """

    old: Certificate
    new: Certificate
    findings: tuple[Finding, ...]
    outcome: Outcome

    @property
    def safe(self) -> bool:
        """Whether nothing else has to be changed."""
        return self.outcome is Outcome.ACCEPTED


def compare(old: Certificate, new: Certificate, judged: Outcome) -> Swap:
    """Compare `new`, whose own judgement is `judged`, with `old`, which is in use; pure."""
    findings = tuple(f for f in (_same(old, new), _pin(old, new), _names(old, new), _key(old, new)) if f)
    risky = any(finding.severity is Severity.RISK for finding in findings)
    own = Outcome.AT_RISK if risky else Outcome.ACCEPTED
    return Swap(old, new, findings, Outcome.worst((judged, own)))


def _same(old: Certificate, new: Certificate) -> Finding | None:
    if old != new:
        return None
    return Finding(
        rule="swap-same-certificate",
        severity=Severity.INFO,
        confidence=Confidence.DOCUMENTED,
        summary="The endpoint presents this very certificate already.",
    )


def _pin(old: Certificate, new: Certificate) -> Finding | None:
    if old == new:
        return None
    before, after = remedies.pin(old), remedies.pin(new)
    if before == after:
        return Finding(
            rule="swap-same-pin",
            severity=Severity.INFO,
            confidence=Confidence.DOCUMENTED,
            summary="Issuer and subject stay the same: connectors with TlsCertificateName find the new one.",
            detail="While both are installed either may be chosen (the newest, as documented), and the old one "
            f"cannot be removed as long as a Send connector names it. Both are {after}",
            references=_CANNOT_REMOVE,
        )
    return Finding(
        rule="swap-stale-pin",
        severity=Severity.RISK,
        confidence=Confidence.DOCUMENTED,
        summary="Issuer or subject changes: connectors that name the old certificate will not find the new one.",
        detail="Their mail stops with 454 4.7.5 The certificate specified in TlsCertificateName of the "
        f"SendConnector could not be found. Old: {before}\nNew: {after}",
        remedy=_repin(old, after),
        references=_PINS,
    )


def _repin(old: Certificate, after: str) -> tuple[str, ...]:
    return (
        "Find the connectors that name the old one:",
        *remedies.named_by(old),
        "When the new one is installed on every server, name it on each of them:",
        f"PS> Set-SendConnector '<name>' -TlsCertificateName {remedies.quoted(after)}",
    )


def _names(old: Certificate, new: Certificate) -> Finding | None:
    lost = [name for name in old.names() if name.lower() not in {n.lower() for n in new.names()}]
    if not lost:
        return None
    return Finding(
        rule="swap-names-lost",
        severity=Severity.RISK,
        confidence=Confidence.DOCUMENTED,
        summary=f"The new certificate lacks {', '.join(lost[:6])}"
        + (" and others." if len(lost) > 6 else "."),
        detail="A connector that goes by one of these names stops matching: TlsSenderCertificateName of the "
        "inbound connector (550 5.7.64), TlsDomain of an outbound connector (SubjectMismatch).",
        remedy=(
            "Order the certificate again with every name of the old one, or change those connectors first.",
        ),
        references=("Microsoft KB 4051495 (5.7.64)",),
    )


def _key(old: Certificate, new: Certificate) -> Finding | None:
    if old == new or old.spki == new.spki:
        return None
    return Finding(
        rule="swap-new-key",
        severity=Severity.INFO,
        confidence=Confidence.INFERRED,
        summary=f"The key changes, from {old.key} to {new.key}.",
        detail="Nothing at Exchange Online goes by the key; a DANE TLSA record for this host would.",
    )
