"""Rules about a sender that was seen itself: a listener stood in for Exchange Online and asked for its certificate."""

from __future__ import annotations

from probe import powershell
from probe.capture import FaultKind
from probe.eop import remedies
from probe.eop.evidence import Evidence
from probe.eop.rules.rule import Rule, Said
from probe.eop.vocabulary import Basis, Severity
from probe.exchange.replies import wording
from probe.powershell import Command
from probe.statement import Confidence

_REQUIREMENTS = "Exchange Team blog 3851357 (relay through Exchange Online)"


def _no_certificate(evidence: Evidence) -> Said | None:
    presented = evidence.capture.presented
    if evidence.basis is not Basis.LISTENER or presented is None or presented.entries:
        return None
    if evidence.attribution is not None:
        from probe.eop.attribution import of_message

        return of_message(evidence.attribution, "The sender presented no client certificate, and ")
    return Said(
        summary="The sender was asked for a client certificate and presented none.",
        detail="A connector that goes by the certificate cannot match, so relay is denied; mail to the tenant's own "
        "recipients would be taken for mail from the Internet. On Windows the certificate can be missing although "
        "the connector names one: .NET and Schannel may silently withhold a client certificate whose extended key "
        "usage lacks clientAuth, or one without a usable private key.",
        reply=wording.RELAY_DENIED,
    )


def _not_used(evidence: Evidence) -> Said | None:
    fault = evidence.capture.fault
    if fault is None or fault.kind is not FaultKind.STARTTLS_NOT_USED:
        return None
    return Said(
        summary=fault.message,
        detail="Without TLS there is no certificate. Exchange Online takes plain text from the Internet, but no "
        "connector that goes by a certificate can match it; a sender that used no TLS is reported to have been "
        f"told {wording.NO_TLS}, without a token.",
        reply=wording.STARTTLS_REQUIRED_OF_SENDER,
    )


def _unexpected(evidence: Evidence) -> Said | None:
    expected, leaf = evidence.settings.expected_thumbprints, evidence.leaf
    if not expected or leaf is None or not {leaf.sha1, leaf.sha256}.isdisjoint(expected):
        return None
    return Said(
        summary=f"The sender presented {leaf.subject.short}, {remedies.thumbprint(leaf)}, not the certificate that "
        "was expected.",
        detail=f"Expected: {', '.join(mark.upper() for mark in expected)}.",
        remedy=(
            "See which connectors name the certificate that was presented:",
            *powershell.named_by(remedies.pin(leaf)),
            "Name the one you expect on the Send connector (TlsCertificateName), then send again.",
        ),
    )


NO_CERTIFICATE = Rule(
    id="no-client-certificate",
    title="The sender presented no client certificate",
    severity=Severity.REJECT,
    confidence=Confidence.INFERRED,
    references=("Microsoft KB 3212877 (TenantAttribution NDR)", _REQUIREMENTS, "dotnet/runtime issue 121982"),
    meaning="The sender used TLS and was asked for a client certificate, but sent none. Exchange Online finds "
    "the tenant of a relayed message by the certificate or by the sending address. .NET and Schannel may "
    "silently withhold a certificate without clientAuth, which looks just like this.",
    advice=(
        "See which certificate the Send connector names, and what its extended key usage is:",
        Command("Get-SendConnector | fl Name,TlsCertificateName,Fqdn,RequireTLS"),
        Command(
            "Get-ChildItem Cert:\\LocalMachine\\My | fl Thumbprint,HasPrivateKey,EnhancedKeyUsageList,NotAfter,Subject"
        ),
        (
            "Name a certificate of a public CA with TlsCertificateName; if one is named, look for its private key and "
            "for clientAuth."
        ),
        (
            "Other mail servers present a client certificate only if they are told to: Postfix by "
            "smtp_tls_chain_files, Exim by tls_certificate and tls_privatekey of the smtp transport."
        ),
    ),
    say=_no_certificate,
)

SENDER_RULES: tuple[Rule, ...] = (
    Rule(
        id="starttls-not-used",
        title="The sender did not use STARTTLS",
        severity=Severity.REJECT,
        confidence=Confidence.INFERRED,
        references=(
            "Exchange Team blog, 4 June 2025 (451 5.7.3 STARTTLS is required)",
            "Reported for 454 4.7.0 without a token",
        ),
        meaning="STARTTLS was offered, and the sender went on in plain text.",
        advice=(
            "On the Send connector, turn TLS on and do not ignore STARTTLS:",
            powershell.REQUIRE_TLS,
            "Other mail servers: make TLS mandatory for this destination.",
        ),
        say=_not_used,
    ),
    NO_CERTIFICATE,
    Rule(
        id="unexpected-certificate",
        title="Another certificate than expected was presented",
        severity=Severity.RISK,
        confidence=Confidence.INFERRED,
        references=("Microsoft: outbound anonymous TLS certificate selection", "KB 2888788"),
        meaning="The thumbprint is not the one given with --expect: the connector names another certificate, "
        "or Exchange selected another one.",
        advice=(
            "Name the certificate you expect on the Send connector (TlsCertificateName), then send again.",
        ),
        say=_unexpected,
    ),
)
