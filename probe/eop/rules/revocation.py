"""Rules about revocation; they speak only where it was checked (--revocation)."""

from __future__ import annotations

from probe.eop.evidence import Evidence
from probe.eop.rules.rule import Given, Rule, Said
from probe.eop.vocabulary import Direction, Severity
from probe.statement import Confidence

_DIRECTED = "Microsoft: TlsSettings of an outbound connector (CertificateValidation)"
_UNREADABLE = "a blog of 2014 (an unreadable CRL means distrust; reported)"
_NOT_STATED = (
    "Whether Exchange Online asks about the revocation of a client certificate is stated nowhere; for "
    "mail from Exchange Online, CertificateValidation does check revocation lists."
)


# Standings are compared by their words: the module of their enum is loaded only where somebody asks.
def _revoked(evidence: Evidence) -> Said | None:
    told = [each for each in evidence.revocation or () if each.source is not None]
    bad = next((each for each in told if each.answer.standing.value == "revoked"), None)
    coming = next((each for each in told if each.answer.standing.value == "good" and each.answer.since), None)
    if bad is None and coming is not None:
        return Said(
            summary=f"{coming.certificate.subject.short} will be revoked on {coming.answer.since:%Y-%m-%d %H:%M} UTC "
            f"({coming.answer.detail}).",
            detail="Its issuer says so already, with a date that is still to come.",
            severity=Severity.RISK,
            confidence=Confidence.INFERRED,
        )
    if bad is None:
        return None
    since = f" on {bad.answer.since:%Y-%m-%d %H:%M} UTC" if bad.answer.since else ""
    outbound = evidence.direction is Direction.FROM_EOP
    return Said(
        summary=f"{bad.certificate.subject.short} was revoked{since} ({bad.answer.detail}).",
        detail="" if outbound else _NOT_STATED,
        severity=None if outbound else Severity.RISK,
        confidence=None if outbound else Confidence.INFERRED,
    )


def _unknown(evidence: Evidence) -> Said | None:
    open_ones = [each for each in evidence.revocation or () if each.answer.standing.value == "unknown"]
    if not open_ones:
        return None
    outbound = evidence.direction is Direction.FROM_EOP
    names = ", ".join(each.certificate.subject.short for each in open_ones)
    return Said(
        summary=f"Nobody could be heard on whether {names} is revoked.",
        detail="\n".join(f"{each.certificate.subject.short}: {each.answer.detail}" for each in open_ones)
        + ("" if outbound else f"\n{_NOT_STATED}"),
        severity=None if outbound else Severity.INFO,
        confidence=None if outbound else Confidence.INFERRED,
    )


REVOCATION_RULES: tuple[Rule, ...] = (
    Rule(
        id="revoked",
        title="A certificate of the chain is revoked",
        severity=Severity.REJECT,
        confidence=Confidence.DOCUMENTED,
        references=(_DIRECTED, "RFC 5280 5", "RFC 6960"),
        meaning="Its issuer took the certificate back. An outbound connector with CertificateValidation or "
        "DomainValidation checks revocation lists. Only seen with --revocation; no SMTP reply for it is known.",
        advice=("Replace the certificate at once; if its key was stolen, make a new key as well.",),
        say=_revoked,
        given=Given.REVOCATION,
    ),
    Rule(
        id="revocation-unknown",
        title="Whether a certificate is revoked could not be learned",
        severity=Severity.RISK,
        confidence=Confidence.REPORTED,
        references=(_DIRECTED, _UNREADABLE),
        meaning="No OCSP responder and no CRL gave an answer that counts. It may be this machine that cannot "
        "reach them: Exchange Online asks from elsewhere. Only seen with --revocation.",
        advice=(
            "Look at the reasons given; a CRL or OCSP responder of a CA has to be reachable from the Internet.",
        ),
        say=_unknown,
        given=Given.REVOCATION,
    ),
)
