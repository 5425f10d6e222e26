"""Rules about time, strength, names, and the manner in which the chain was sent."""

from __future__ import annotations

import functools
from datetime import datetime, timedelta
from functools import partial

from probe.eop import remedies
from probe.eop.evidence import Evidence
from probe.eop.rules.rule import Rule, Said
from probe.eop.vocabulary import Direction, Severity
from probe.exchange.replies import wording
from probe.exchange.replies.sources import NDR
from probe.pki.certificate import Certificate
from probe.pki.element_flags import MIN_RSA_BITS
from probe.statement import Confidence
from probe.text import counted, duration

#: HealthChecker marks keys below 2048 bits red (CSS-Exchange); for Exchange Online nothing is known.
_SMALL_RSA = 2048
#: The worst first.
_OLD_DIGESTS = {"md2": "MD2", "md5": "MD5", "sha1": "SHA-1"}
_SIGNED_OFF = "MailCleaner issue 598 (connection closed on an expired client certificate; reported)"


def path_certificates(evidence: Evidence) -> tuple[Certificate, ...]:
    """Those of the deciding path, or what there is of one."""
    if evidence.leaf is None:
        return ()
    decided = evidence.deciding
    return (decided.certificates if decided else ()) or (evidence.leaf,)


def _second(evidence: Evidence) -> datetime:
    """The instant in whole seconds, as the chain engine has it: notAfter's own second still counts."""
    return evidence.at.replace(microsecond=0)


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def ending(evidence: Evidence) -> Certificate | None:
    """The certificate of which is said that it has expired, or expires soon."""
    return _late(evidence) or _soonest(evidence)


def _late(evidence: Evidence) -> Certificate | None:
    second = _second(evidence)
    return next((c for c in path_certificates(evidence) if c.not_after < second), None)


def _soonest(evidence: Evidence) -> Certificate | None:
    certificates = path_certificates(evidence)
    second = _second(evidence)
    if any(not c.not_before <= second <= c.not_after for c in certificates):
        return None
    soon = [c for c in _below_root(evidence) if c.not_after - evidence.at <= threshold(c, evidence)]
    return min(soon, key=lambda c: c.not_after, default=None)


def _expired(evidence: Evidence) -> Said | None:
    late = _late(evidence)
    if late is None or evidence.leaf is None:
        return None
    dane = evidence.direction is Direction.FROM_EOP and late == evidence.leaf
    return Said(
        summary=f"{late.subject.short} expired on {_day(late.not_after)}.",
        detail="The reply named is documented for MTA-STS and DANE; for an outbound connector its text is not known."
        if dane
        else "No reply text is known for this; senders saw the connection closed after STARTTLS.",
        remedy=partial(remedies.renew, evidence.leaf, evidence, queued=True),
        reply=wording.EXPIRED_DANE if dane else None,
        confidence=Confidence.DOCUMENTED if dane else Confidence.REPORTED,
    )


def _not_yet_valid(evidence: Evidence) -> Said | None:
    second = _second(evidence)
    early = next((c for c in path_certificates(evidence) if c.not_before > second), None)
    if early is None:
        return None
    return Said(
        summary=f"{early.subject.short} is not valid before {_day(early.not_before)}.",
        detail="No reply text is known for this. A wrong clock on this machine looks the same.",
    )


def _expires_soon(evidence: Evidence) -> Said | None:
    soonest = _soonest(evidence)
    if soonest is None:
        return None
    left = duration(soonest.not_after - evidence.at)
    return Said(
        summary=f"{soonest.subject.short} expires in {left}, on {_day(soonest.not_after)}.",
        detail=f"Its lifetime is {duration(soonest.not_after - soonest.not_before)}."
        + (
            f" Fewer than {counted(evidence.settings.critical_days, 'day')} are critical (--critical-days): the exit "
            "code is 2."
            if critical(evidence)
            else ""
        ),
        remedy=partial(remedies.renew, evidence.leaf, evidence) if evidence.leaf == soonest else (),
    )


def _below_root(evidence: Evidence) -> tuple[Certificate, ...]:
    """The path without the root: Microsoft's list, not its date, is what changes first."""
    certificates = path_certificates(evidence)
    return certificates[:-1] if len(certificates) > 1 else certificates


def threshold(certificate: Certificate, evidence: Evidence) -> timedelta:
    """How long before its end a certificate counts as expiring: days or a share of its life, the shorter.

    Not later than it is critical.
    """
    asked = evidence.settings
    life = certificate.not_after - certificate.not_before
    return _threshold(life, asked.expiring_fraction, asked.expiring_days, asked.critical_days)


@functools.lru_cache(maxsize=256)  # few lifetimes are in use, and each chain asks a dozen times
def _threshold(life: timedelta, fraction: float, days: int, critical_days: int) -> timedelta:
    # One that ends before it begins has a negative share.
    return max(min(timedelta(days=days), life * fraction), timedelta(days=critical_days))


def critical(evidence: Evidence) -> bool:
    """Whether a certificate of the path has fewer than `critical_days` left."""
    days = timedelta(days=evidence.settings.critical_days)
    return bool(days) and any(c.not_after - evidence.at < days for c in _below_root(evidence))


def _weak_key(evidence: Evidence) -> Said | None:
    rsa = [(int(c.key[4:]), c) for c in path_certificates(evidence) if c.key.startswith("rsa-")]
    size, certificate = min(rsa, key=lambda pair: pair[0], default=(_SMALL_RSA, None))
    if certificate is None or size >= _SMALL_RSA:
        return None
    return Said(
        summary=f"{certificate.subject.short} has an RSA key of {size} bits.",
        detail="Windows blocks RSA below 1024 bits; whether Exchange Online refuses below 2048 is unknown.",
        severity=Severity.REJECT if size < MIN_RSA_BITS else Severity.RISK,
    )


def _weak_signature(evidence: Evidence) -> Said | None:
    certificates = path_certificates(evidence)
    # A root's signature on itself proves nothing and is not judged.
    judged = certificates[:-1] if len(certificates) > 1 and certificates[-1].self_issued else certificates
    digests = [c.signature_name.partition("-")[0] for c in judged]
    for digest, name in _OLD_DIGESTS.items():
        if digest in digests:
            return Said(
                summary=f"{judged[digests.index(digest)].subject.short} is signed with {name}.",
                detail="Windows takes no chain with MD2 or MD5."
                if digest != "sha1"
                else "Windows still takes SHA-1 by default; whether Exchange Online does is not known.",
                severity=Severity.RISK if digest == "sha1" else Severity.REJECT,
            )
    return None


LEAF_RULES: tuple[Rule, ...] = (
    Rule(
        id="expired",
        title="A certificate of the chain has expired",
        severity=Severity.REJECT,
        confidence=Confidence.DOCUMENTED,
        references=(NDR, _SIGNED_OFF),
        meaning="The certificate, or a CA certificate above it, is past its end.",
        advice=(
            "Renew the certificate, import it on every server, enable it for SMTP and set TlsCertificateName again.",
        ),
        say=_expired,
    ),
    Rule(
        id="not-yet-valid",
        title="A certificate of the chain is not valid yet",
        severity=Severity.REJECT,
        confidence=Confidence.INFERRED,
        references=("RFC 5280 4.1.2.5",),
        meaning="The certificate's validity starts in the future.",
        advice=("Wait until then, or present another certificate; check the clocks of both machines.",),
        say=_not_yet_valid,
    ),
    Rule(
        id="weak-signature",
        title="A signature uses an old hash",
        severity=Severity.REJECT,
        confidence=Confidence.INFERRED,
        references=("Microsoft: protect against weak cryptographic algorithms",),
        meaning="MD2 and MD5 signatures are refused by Windows. SHA-1 is a warning: what Exchange Online does "
        "is unknown.",
        advice=("Get a certificate signed with SHA-256 or better.",),
        say=_weak_signature,
    ),
    Rule(
        id="weak-key",
        title="A key is short",
        severity=Severity.REJECT,
        confidence=Confidence.INFERRED,
        references=("Microsoft: protect against weak cryptographic algorithms", "CSS-Exchange HealthChecker"),
        meaning="RSA below 1024 bits is blocked by Windows; below 2048 bits it is a warning.",
        advice=("Get a certificate with an RSA key of 2048 bits or more.",),
        say=_weak_key,
    ),
    Rule(
        id="expires-soon",
        title="A certificate of the chain expires soon",
        severity=Severity.RISK,
        confidence=Confidence.INFERRED,
        references=("CA/Browser Forum ballot SC-081v3",),
        meaning="Less than a third of the lifetime or 30 days remain, whichever is shorter.",
        advice=("Renew now; a new issuing CA or subject makes TlsCertificateName stale, so set it again.",),
        say=_expires_soon,
    ),
)
