"""Rules about a sender that was seen itself: a listener stood in for Exchange Online and asked for its certificate."""

from __future__ import annotations

from probe import powershell
from probe.capture import Cause, FaultKind
from probe.eop import remedies
from probe.eop.evidence import Evidence
from probe.eop.rules.rule import Given, Rule, Said
from probe.eop.vocabulary import Basis, Severity
from probe.exchange.replies import wording
from probe.powershell import Command, Shell, Steps
from probe.statement import Confidence

_REQUIREMENTS = "Exchange Team blog 3851357 (relay through Exchange Online)"


#: How a sender's session ends that cannot load its own certificate, as seen with Postfix 3.10 and Exim 4.98.
_ENDINGS = {
    Cause.AFTER_LEAVING: "left when it was offered STARTTLS",
    Cause.AFTER_NO_HELLO: "said STARTTLS and sent no ClientHello",
}
OWN_CERTIFICATE = (
    (
        "Look in the sender's log for its own certificate and key first: a file that is missing or cannot be read, a "
        "key of another certificate, a leaf that is not the first of its file. Postfix: smtp_tls_chain_files, or "
        "smtp_tls_cert_file with smtp_tls_key_file; Exim: tls_certificate and tls_privatekey of the smtp transport."
    ),
)


def _no_certificate(evidence: Evidence) -> Said | None:
    presented = evidence.capture.presented
    if evidence.basis is not Basis.LISTENER or presented is None or presented.entries:
        return None
    if evidence.attribution is not None:
        from probe.eop.attribution import of_message

        said = of_message(evidence.attribution, "The sender presented no client certificate, and ")
        if said.severity is Severity.INFO:
            return said
        detail = f"{said.detail}\n{_authorities(evidence)}".strip()
        return said._replace(detail=detail, remedy=_without_names(evidence) or said.remedy)
    return Said(
        summary="The sender was asked for a client certificate and presented none.",
        detail="A connector that goes by the certificate cannot match, so relay is denied; mail to the tenant's own "
        "recipients would be taken for mail from the Internet. On Windows the certificate can be missing although "
        "the connector names one: .NET and Schannel may silently withhold a client certificate whose extended key "
        "usage lacks clientAuth, or one without a usable private key.\n" + _authorities(evidence),
        remedy=_without_names(evidence),
        reply=wording.RELAY_DENIED,
    )


def _named(evidence: Evidence) -> int:
    tls = evidence.capture.tls
    return tls.authorities_named if tls else 0


def _authorities(evidence: Evidence) -> str:
    """What the names in the request for a certificate have to do with it."""
    named = _named(evidence)
    senders = "Senders built on GnuTLS (Exim on Debian, msmtp), Go or Java withhold a certificate"
    if named:
        return (
            f"The request named {named} authorities (--ca-names). {senders} that none of them issued, and deliver "
            "without one; those built on OpenSSL (Postfix, sendmail) send it all the same."
        )
    return (
        f"The request named no authorities, so no list was in the way. {senders} where a list does not fit; what "
        "Exchange Online's request names is not known."
    )


def _without_names(evidence: Evidence) -> Steps:
    if not _named(evidence):
        return ()
    return (
        "Let it send once more, to a request that names nobody. If the certificate comes now, the list was in the way:",
        Command("eop-probe listen --once --ca-names none", Shell.ANY),
        *NO_CERTIFICATE.advice,
    )


def _not_used(evidence: Evidence) -> Said | None:
    fault = evidence.capture.fault
    if fault is None or fault.kind is not FaultKind.STARTTLS_NOT_USED:
        return None
    if fault.cause is Cause.LEFT:
        return Said(
            summary=fault.message,
            detail="A health check does the same. A sender does so that has to encrypt and cannot: seen with Postfix "
            "at smtp_tls_security_level = encrypt, whose key does not belong to its certificate.",
            remedy=OWN_CERTIFICATE,
            severity=Severity.RISK,
        )
    before = _ENDINGS.get(fault.cause) if fault.cause else None
    return Said(
        summary=fault.message,
        detail=(
            f"In an earlier session this sender {before}: most likely its own TLS does not start, and plain text is "
            "what it falls back to.\n"
            if before
            else ""
        )
        + "Without TLS there is no certificate. Exchange Online takes plain text from the Internet, but no "
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

UNEXPECTED_CERTIFICATE = Rule(
    id="unexpected-certificate",
    title="Another certificate than expected was presented",
    severity=Severity.RISK,
    confidence=Confidence.INFERRED,
    references=("Microsoft: outbound anonymous TLS certificate selection", "KB 2888788"),
    meaning="The thumbprint is not the one given with --expect, or with expect.sha256 in a fleet file: the connector "
    "names another certificate, Exchange selected another one, or the server was given a new one.",
    advice=("Name the certificate you expect on the Send connector (TlsCertificateName), then send again.",),
    say=_unexpected,
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
        meaning="STARTTLS was offered, and the sender went on in plain text, or left. A sender whose own certificate "
        "and key cannot be loaded does either; some say STARTTLS and send no ClientHello first.",
        advice=(
            "On the Send connector, turn TLS on and do not ignore STARTTLS:",
            powershell.REQUIRE_TLS,
            *OWN_CERTIFICATE,
            "Only then make TLS mandatory for this destination: without them it would send no mail at all.",
        ),
        say=_not_used,
        given=Given.FAULT,
    ),
    NO_CERTIFICATE,
    UNEXPECTED_CERTIFICATE,
)
