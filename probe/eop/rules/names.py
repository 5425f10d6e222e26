"""Rules about names: the probed host, the connector's TlsDomain, the tenant's connector and domains."""

from __future__ import annotations

from probe.eop import remedies, replies
from probe.eop.evidence import Evidence
from probe.eop.rules.rule import Rule, Said
from probe.eop.vocabulary import Direction, Severity
from probe.exchange.replies.sources import NDR
from probe.pki.certificate import Certificate
from probe.pki.host_names import certificate_matches
from probe.powershell import NAME, Steps, expect_name
from probe.statement import Confidence
from probe.text import listed


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
        from probe.exchange.attribution.names import connector_matches

        names = leaf.dns_names or leaf.subject.common_names
        matches: bool | None = any(connector_matches(wanted, name) for name in names)
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
    return listed(leaf.dns_names or leaf.subject.common_names)


def _tenant(evidence: Evidence) -> Said | None:
    told = evidence.attribution is not None or evidence.settings.tls_sender_certificate_name
    if evidence.leaf is None or not told or evidence.direction is not Direction.TO_EOP:
        return None
    from probe.eop.attribution import connector_half

    return connector_half(evidence, _attribution_remedy(evidence.leaf))


def _attribution_remedy(leaf: Certificate) -> Steps:
    return (
        "Set the inbound connector to a name of the certificate:",
        *expect_name(min(leaf.names(), key=lambda name: "*" in name, default=NAME)),
        "Or present the certificate the connector expects (TlsCertificateName on the Send connector).",
    )


def _not_accepted(evidence: Evidence) -> Said | None:
    told = evidence.attribution is not None or evidence.settings.accepted_domains
    if evidence.leaf is None or not told or evidence.direction is not Direction.TO_EOP:
        return None
    from probe.eop.attribution import domain_half

    return domain_half(evidence)


NAME_RULES: tuple[Rule, ...] = (
    Rule(
        id="tenant-attribution",
        title="The certificate does not match the inbound connector",
        severity=Severity.REJECT,
        confidence=Confidence.DOCUMENTED,
        references=("Microsoft KB 3212877", "Microsoft KB 4051495 (5.7.64)", "Set-InboundConnector"),
        meaning="Exchange Online finds the tenant of a connection by its certificate's name. If no name matches "
        "TlsSenderCertificateName of an enabled inbound connector, relay is denied.",
        advice=(
            "Make TlsSenderCertificateName a name of the certificate that is sent, or send the one it names.",
        ),
        say=_tenant,
    ),
    Rule(
        id="not-an-accepted-domain",
        title="The certificate's names are not the tenant's",
        severity=Severity.RISK,
        confidence=Confidence.DOCUMENTED,
        references=("Microsoft KB 4019940 (ATTR36)", "Microsoft KB 3169958"),
        meaning="Neither the certificate's name nor the domain immediately above it is an accepted domain. "
        "Messages whose sender is not in an accepted domain either, such as out-of-office replies, are refused.",
        advice=(
            (
                "Register the domain of the certificate's name as an accepted domain, or use a certificate with a "
                "name in one."
            ),
        ),
        say=_not_accepted,
    ),
    Rule(
        id="name-mismatch",
        title="The certificate does not bear the expected name",
        severity=Severity.REJECT,
        confidence=Confidence.DOCUMENTED,
        references=("Exchange Team blog, 4 June 2025", NDR),
        meaning="The name that is asked for is not among the certificate's names.",
        advice=(
            "Get a certificate with that name, or set the connector's TlsDomain to a name of the certificate.",
        ),
        say=_name_mismatch,
    ),
)
