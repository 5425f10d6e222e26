"""Rules about time, strength, names, and the manner in which the chain was sent."""

from __future__ import annotations

from datetime import datetime, timedelta

from probe.eop import remedies, replies
from probe.eop.evidence import Evidence
from probe.eop.rules.rule import Rule, Said
from probe.eop.rules.trust import faulty_path
from probe.eop.vocabulary import Confidence, Direction, Outcome, Severity
from probe.exchange import attribution
from probe.pki.certificate import Certificate, Unreadable
from probe.pki.names import certificate_matches

#: HealthChecker marks keys below 2048 bits red (CSS-Exchange); for Exchange Online nothing is known.
_SMALL_RSA = 2048
_NDR = "Microsoft: non-delivery reports in Exchange Online"
_SIGNED_OFF = "MailCleaner issue 598 (connection closed on an expired client certificate; reported)"


def _path_certificates(evidence: Evidence) -> tuple[Certificate, ...]:
    if evidence.leaf is None:
        return ()
    if evidence.deciding is None:
        return (evidence.leaf,)
    return tuple(element.certificate for element in evidence.deciding.best().elements)


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _expired(evidence: Evidence) -> Said | None:
    late = next((c for c in _path_certificates(evidence) if c.not_after < evidence.at), None)
    if late is None or evidence.leaf is None:
        return None
    dane = evidence.direction is Direction.FROM_EOP and late == evidence.leaf
    return Said(
        summary=f"{late.subject.short} expired on {_day(late.not_after)}.",
        detail="The reply named is documented for MTA-STS and DANE; for an outbound connector its text is not known."
        if dane
        else "No reply text is known for this; senders saw the connection closed after STARTTLS.",
        remedy=remedies.renew(evidence.leaf),
        reply=replies.EXPIRED_DANE if dane else None,
        confidence=Confidence.DOCUMENTED if dane else Confidence.REPORTED,
    )


def _not_yet_valid(evidence: Evidence) -> Said | None:
    early = next((c for c in _path_certificates(evidence) if c.not_before > evidence.at), None)
    if early is None:
        return None
    return Said(
        summary=f"{early.subject.short} is not valid before {_day(early.not_before)}.",
        detail="No reply text is known for this. A wrong clock on this machine looks the same.",
    )


def _expires_soon(evidence: Evidence) -> Said | None:
    certificates = _path_certificates(evidence)
    if not certificates or any(not c.not_before <= evidence.at <= c.not_after for c in certificates):
        return None
    # The root's own end is left out: Microsoft's list, not its date, is what changes first.
    within = certificates[:-1] if len(certificates) > 1 else certificates
    soonest = min(within, key=lambda c: c.not_after)
    left = soonest.not_after - evidence.at
    if left > threshold(soonest, evidence):
        return None
    days = max(left.total_seconds(), 0) / 86400
    return Said(
        summary=f"{soonest.subject.short} expires in {days:.1f} days, on {_day(soonest.not_after)}.",
        detail=f"Its lifetime is {(soonest.not_after - soonest.not_before).days} days.",
        remedy=remedies.renew(evidence.leaf) if evidence.leaf == soonest else (),
    )


def threshold(certificate: Certificate, evidence: Evidence) -> timedelta:
    """How long before its end a certificate counts as expiring: days or a share of its life, the shorter."""
    share = (certificate.not_after - certificate.not_before) * evidence.settings.expiring_fraction
    return min(timedelta(days=evidence.settings.expiring_days), share)


def _weak_key(evidence: Evidence) -> Said | None:
    for certificate in _path_certificates(evidence):
        kind, _, size = certificate.key.partition("-")
        if kind == "rsa" and int(size) < _SMALL_RSA:
            return Said(
                summary=f"{certificate.subject.short} has an RSA key of {size} bits.",
                detail="Windows blocks RSA below 1024 bits; whether Exchange Online refuses below 2048 is unknown.",
                severity=Severity.REJECT if int(size) < 1024 else Severity.RISK,
            )
    return None


def _weak_signature(evidence: Evidence) -> Said | None:
    certificates = _path_certificates(evidence)
    for certificate in certificates:
        digest = certificate.signature_name.partition("-")[0]
        # A root's signature on itself proves nothing and is not judged.
        if digest not in ("sha1", "md5", "md2") or (certificate.self_issued and len(certificates) > 1):
            continue
        return Said(
            summary=f"{certificate.subject.short} is signed with {digest.upper()}.",
            detail="Windows takes no chain with MD2 or MD5."
            if digest != "sha1"
            else "Windows still takes SHA-1 by default; whether Exchange Online does is not known.",
            severity=Severity.RISK if digest == "sha1" else Severity.REJECT,
        )
    return None


def _name_mismatch(evidence: Evidence) -> Said | None:
    leaf, settings = evidence.leaf, evidence.settings
    if leaf is None:
        return None
    if evidence.direction is Direction.FROM_EOP and settings.tls_domain:
        return _tls_domain(leaf, settings.tls_domain)
    expected = settings.expected_name
    if expected is None or certificate_matches(leaf, expected):
        return None
    judged = evidence.direction is Direction.FROM_EOP
    return Said(
        summary=f"The certificate is not for {expected} but for {_names(leaf)}.",
        detail="An outbound connector with DomainValidation compares the certificate with its TlsDomain, MTA-STS "
        "and DANE with the host's name; give --tls-domain to judge the connector."
        if judged
        else "Exchange Online does not compare a client certificate with the host's name. It matters where a "
        "connector goes by the certificate: give --tls-sender-certificate-name to judge that.",
        severity=Severity.RISK if judged else Severity.INFO,
        confidence=Confidence.DOCUMENTED if judged else Confidence.INFERRED,
    )


def _tls_domain(leaf: Certificate, wanted: str) -> Said | None:
    if any(attribution.connector_matches(wanted, name) for name in leaf.names()) or (
        not wanted.startswith("*.") and certificate_matches(leaf, wanted)
    ):
        return None
    return Said(
        summary=f"The certificate is not for {wanted}, the connector's TlsDomain, but for {_names(leaf)}.",
        reply=replies.subject_mismatch(wanted, leaf.subject.windows, remedies.thumbprint(leaf)),
        severity=Severity.REJECT,
        confidence=Confidence.DOCUMENTED,
    )


def _names(leaf: Certificate) -> str:
    names = leaf.names()
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return (", ".join(names[:4]) + more) if names else "no DNS name at all"


def _tenant(evidence: Evidence) -> Said | None:
    leaf, connector = evidence.leaf, evidence.settings.tls_sender_certificate_name
    if leaf is None or not connector or evidence.direction is not Direction.TO_EOP:
        return None
    match attribution.match(leaf, connector):
        case attribution.NameMatch.SUBJECT:
            return None
        case attribution.NameMatch.ALTERNATIVE:
            return Said(
                summary=f"The connector's TlsSenderCertificateName {connector} matches an alternative name, not "
                "the subject.",
                detail="That is reported to be enough; one of Microsoft's pages speaks of the subject only.",
                severity=Severity.INFO,
                confidence=Confidence.REPORTED,
            )
        case attribution.NameMatch.NONE:
            return Said(
                summary=f"No name of the certificate matches the inbound connector's TlsSenderCertificateName "
                f"{connector}; it is for {_names(leaf)}.",
                remedy=(
                    "Set the inbound connector to a name of the certificate, in Exchange Online PowerShell:",
                    "PS> Set-InboundConnector -Identity '<name>' -TlsSenderCertificateName "
                    f"{remedies.quoted(next(iter(leaf.names()), '<name in the certificate>'))}",
                    "Or present the certificate the connector expects (TlsCertificateName on the Send connector).",
                ),
                reply=replies.RELAY_DENIED,
            )


def _not_accepted(evidence: Evidence) -> Said | None:
    leaf, domains = evidence.leaf, evidence.settings.accepted_domains
    if leaf is None or not domains or evidence.direction is not Direction.TO_EOP:
        return None
    if any(attribution.owned(name, domains) for name in leaf.names()):
        return None
    return Said(
        summary=f"No name of the certificate lies in an accepted domain ({', '.join(domains[:4])}).",
        detail="Mail from a sender in an accepted domain still passes; mail without one is refused: out-of-office "
        f"replies, non-delivery reports and forwarded mail get {replies.RELAY_DENIED_ATTR36}",
        reply=replies.RELAY_DENIED_ATTR36,
    )


def _chain_order(evidence: Evidence) -> Said | None:
    presented = evidence.capture.presented
    if presented is None or len(presented.certificates) < 2:
        return None
    certificates = presented.certificates
    if len(set(certificates)) < len(certificates):
        return Said(summary="A certificate is sent more than once.")
    pairs = zip(certificates, certificates[1:], strict=False)
    if all(lower.issuer == upper.subject for lower, upper in pairs):
        return None
    return Said(summary="The certificates are not sent in order, each followed by its issuer.")


def _root_sent(evidence: Evidence) -> Said | None:
    presented = evidence.capture.presented
    if presented is None or faulty_path(evidence) is not None:
        return None
    roots = [c for c in presented.certificates[1:] if c.self_issued]
    if not roots:
        return None
    return Said(summary=f"The root {roots[0].subject.short} is sent along; nobody needs it.")


def _unreadable(evidence: Evidence) -> Said | None:
    presented = evidence.capture.presented
    bad = [e for e in presented.entries if isinstance(e, Unreadable)] if presented else []
    if presented is None or not (bad or presented.dropped):
        return None
    first = bool(presented.entries) and isinstance(presented.entries[0], Unreadable)
    what = f"{len(bad)} of {len(presented.entries)} certificates cannot be read" + (
        f" ({bad[0].reason})" if bad else ""
    )
    return Said(
        summary=f"{what}; {presented.dropped} past the limit were left out." if presented.dropped else f"{what}.",
        severity=Severity.RISK if first or presented.dropped else Severity.INFO,
    )


def _mixed(evidence: Evidence) -> Said | None:
    seen = evidence.observations
    leaves = {o.capture.leaf.sha256: o for o in seen if o.capture.leaf is not None}
    if len(leaves) < 2:
        return None
    lines = [
        f"{sum(1 for s in seen if s.capture.leaf == o.capture.leaf)} of {len(seen)} connections: "
        f"{o.outcome.value}, {remedies.thumbprint(o.capture.leaf)}, {o.capture.leaf.subject.short}, issued by "
        f"{o.capture.leaf.issuer.short}" + (f" ({o.capture.variant})" if o.capture.variant else "")
        for o in leaves.values()
        if o.capture.leaf is not None
    ]
    rejected = any(o.outcome is Outcome.REJECTED for o in seen)
    return Said(
        summary=f"{len(leaves)} different certificates answer at this address"
        + (", and one of them would be refused." if rejected else "."),
        detail="\n".join(lines),
        severity=Severity.RISK if len({o.outcome for o in seen}) > 1 else Severity.INFO,
    )


LEAF_RULES: tuple[Rule, ...] = (
    Rule(
        "expired",
        "A certificate of the chain has expired",
        Severity.REJECT,
        Confidence.DOCUMENTED,
        (_NDR, _SIGNED_OFF),
        "The certificate, or a CA certificate above it, is past its end.",
        ("Renew the certificate, import it on every server, enable it for SMTP and set TlsCertificateName again.",),
        _expired,
    ),
    Rule(
        "not-yet-valid",
        "A certificate of the chain is not valid yet",
        Severity.REJECT,
        Confidence.INFERRED,
        ("RFC 5280 4.1.2.5",),
        "The certificate's validity starts in the future.",
        ("Wait until then, or present another certificate; check the clocks of both machines.",),
        _not_yet_valid,
    ),
    Rule(
        "weak-signature",
        "A signature uses an old hash",
        Severity.REJECT,
        Confidence.INFERRED,
        ("Microsoft: protect against weak cryptographic algorithms",),
        "MD2 and MD5 signatures are refused by Windows. SHA-1 is a warning: what Exchange Online does is unknown.",
        ("Get a certificate signed with SHA-256 or better.",),
        _weak_signature,
    ),
    Rule(
        "weak-key",
        "A key is short",
        Severity.REJECT,
        Confidence.INFERRED,
        ("Microsoft: protect against weak cryptographic algorithms", "CSS-Exchange HealthChecker"),
        "RSA below 1024 bits is blocked by Windows; below 2048 bits it is a warning.",
        ("Get a certificate with an RSA key of 2048 bits or more.",),
        _weak_key,
    ),
    Rule(
        "tenant-attribution",
        "The certificate does not match the inbound connector",
        Severity.REJECT,
        Confidence.DOCUMENTED,
        ("Microsoft KB 3212877", "Microsoft KB 4051495 (5.7.64)", "Set-InboundConnector"),
        "Exchange Online finds the tenant of a connection by its certificate's name. If no name matches "
        "TlsSenderCertificateName of an enabled inbound connector, relay is denied.",
        ("Make TlsSenderCertificateName a name of the certificate that is sent, or send the one it names.",),
        _tenant,
    ),
    Rule(
        "not-an-accepted-domain",
        "The certificate's names are not the tenant's",
        Severity.RISK,
        Confidence.DOCUMENTED,
        ("Microsoft KB 4019940 (ATTR36)", "Microsoft KB 3169958"),
        "Neither the certificate's name nor the domain immediately above it is an accepted domain. Messages whose "
        "sender is not in an accepted domain either, such as out-of-office replies, are refused.",
        (
            "Register the domain of the certificate's name as an accepted domain, or use a certificate with a "
            "name in one.",
        ),
        _not_accepted,
    ),
    Rule(
        "name-mismatch",
        "The certificate does not bear the expected name",
        Severity.REJECT,
        Confidence.DOCUMENTED,
        ("Exchange Team blog, 4 June 2025", _NDR),
        "The name that is asked for is not among the certificate's names.",
        ("Get a certificate with that name, or set the connector's TlsDomain to a name of the certificate.",),
        _name_mismatch,
    ),
    Rule(
        "mixed-certificates",
        "Different certificates answer at one address",
        Severity.RISK,
        Confidence.INFERRED,
        ("Microsoft KB 2888788",),
        "Several connections saw different certificates: nodes behind a balancer, one for each key type, or one "
        "for each server name. The worst of them decides, for mail will meet it.",
        ("Put the same certificate on every node, then sample again with --samples.",),
        _mixed,
    ),
    Rule(
        "expires-soon",
        "A certificate of the chain expires soon",
        Severity.RISK,
        Confidence.INFERRED,
        ("CA/Browser Forum ballot SC-081v3",),
        "Less than a third of the lifetime or 30 days remain, whichever is shorter.",
        ("Renew now; a new issuing CA or subject makes TlsCertificateName stale, so set it again.",),
        _expires_soon,
    ),
    Rule(
        "unreadable-certificate",
        "A certificate cannot be read",
        Severity.RISK,
        Confidence.INFERRED,
        ("RFC 5280 4",),
        "A certificate of the chain is not well-formed, or the chain is longer than any real one.",
        ("Install the certificates again as the CA delivers them.",),
        _unreadable,
    ),
    Rule(
        "chain-order",
        "The chain is sent out of order",
        Severity.INFO,
        Confidence.REPORTED,
        ("RFC 8446 4.4.2",),
        "Windows builds the chain in any order, so Exchange Online does too; other programs may not.",
        ("Nothing for Exchange Online. Elsewhere: each certificate is followed by its issuer.",),
        _chain_order,
    ),
    Rule(
        "root-sent",
        "The root is sent along",
        Severity.INFO,
        Confidence.INFERRED,
        ("RFC 8446 4.4.2",),
        "A root in the presented chain makes nobody trust it and costs a kilobyte per connection.",
        ("Leave the root out of the chain file.",),
        _root_sent,
    ),
)
