"""Rules about names: the probed host, the connector's TlsDomain, the tenant's connector and domains."""

from __future__ import annotations

from collections.abc import Sequence

from probe.eop import remedies, replies
from probe.eop.evidence import Evidence
from probe.eop.rules.rule import Rule, Said
from probe.eop.vocabulary import Direction, Severity
from probe.exchange.attribution import names as attribution
from probe.exchange.replies import wording
from probe.pki.certificate import Certificate
from probe.pki.host_names import certificate_matches
from probe.powershell import quoted
from probe.statement import Confidence

_NDR = "Microsoft: non-delivery reports in Exchange Online"


def _name_mismatch(evidence: Evidence) -> Said | None:
    leaf, settings = evidence.leaf, evidence.settings
    if leaf is None:
        return None
    if evidence.direction is Direction.FROM_EOP and settings.tls_domain:
        return _tls_domain(leaf, settings.tls_domain)
    expected = settings.expected_name
    if expected is None or (matches := certificate_matches(leaf, expected)):
        return None
    if matches is None:
        return _common_name_only(expected, evidence.direction)
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


def _common_name_only(expected: str, direction: Direction) -> Said:
    """Alternative names without a dNSName among them: .NET looks at the CN then, the SSL policy may not."""
    return Said(
        summary=f"Only the subject's CN bears {expected}; the alternative names hold no DNS name.",
        detail="Programs differ in whether the CN counts then; which way Exchange Online goes is not known.",
        severity=Severity.RISK if direction is Direction.FROM_EOP else Severity.INFO,
        confidence=Confidence.INFERRED,
    )


def _tls_domain(leaf: Certificate, wanted: str) -> Said | None:
    # "*." of a TlsDomain stands for all subdomains, that of a certificate for one label.
    if wanted.startswith("*."):
        names = leaf.dns_names or leaf.subject.common_names
        matches: bool | None = any(attribution.connector_matches(wanted, name) for name in names)
    else:
        matches = certificate_matches(leaf, wanted)
    if matches:
        return None
    if matches is None:
        return _common_name_only(wanted, Direction.FROM_EOP)
    return Said(
        summary=f"The certificate is not for {wanted}, the connector's TlsDomain, but for {_names(leaf)}.",
        reply=replies.subject_mismatch(wanted, leaf.subject.windows, remedies.thumbprint(leaf)),
        severity=Severity.REJECT,
        confidence=Confidence.DOCUMENTED,
    )


def _names(leaf: Certificate) -> str:
    """The names that count: where there are alternative names the CN does not."""
    return _listed(leaf.dns_names or leaf.subject.common_names)


def _listed(names: Sequence[str]) -> str:
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
        case attribution.NameMatch.WILDCARD:
            return Said(
                summary=f"Only a wildcard of the certificate covers the connector's TlsSenderCertificateName "
                f"{connector}; it is for {_all_names(leaf)}.",
                detail="Whether Exchange Online takes a wildcard certificate for a connector that goes by one host "
                "name is not documented. If it does not, relay is denied with 550 5.7.64.",
                remedy=_attribution_remedy(leaf),
                severity=Severity.RISK,
                confidence=Confidence.INFERRED,
            )
        case attribution.NameMatch.NONE:
            return Said(
                summary=f"No name of the certificate matches the inbound connector's TlsSenderCertificateName "
                f"{connector}; it is for {_all_names(leaf)}.",
                # Set-InboundConnector: domain.*.contoso.com is not valid.
                detail="The connector's value is not valid either: a wildcard can only stand in front, as *.domain."
                if "*" in connector.removeprefix("*.")
                else "",
                remedy=_attribution_remedy(leaf),
                reply=wording.RELAY_DENIED,
            )


def _all_names(leaf: Certificate) -> str:
    return _listed(leaf.names())


def _attribution_remedy(leaf: Certificate) -> tuple[str, ...]:
    return (
        "Set the inbound connector to a name of the certificate, in Exchange Online PowerShell:",
        (
            "PS> Set-InboundConnector -Identity '<name>' -TlsSenderCertificateName "
            f"{quoted(next(iter(leaf.names()), '<name in the certificate>'))}"
        ),
        "Or present the certificate the connector expects (TlsCertificateName on the Send connector).",
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
        f"replies, non-delivery reports and forwarded mail get {wording.RELAY_DENIED_ATTR36}",
        reply=wording.RELAY_DENIED_ATTR36,
    )


NAME_RULES: tuple[Rule, ...] = (
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
            (
                "Register the domain of the certificate's name as an accepted domain, or use a certificate with a "
                "name in one."
            ),
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
)
