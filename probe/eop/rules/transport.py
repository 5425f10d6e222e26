"""Rules about the way to the certificate: reachability, SMTP, STARTTLS, the TLS handshake."""

from __future__ import annotations

import re
from collections.abc import Callable

from probe.capture import Capture, Cause, Fault, FaultKind, Phase
from probe.eop.evidence import Evidence
from probe.eop.rules.rule import Given, Rule, Said
from probe.eop.vocabulary import Direction, Severity
from probe.exchange.replies import wording
from probe.powershell import Command, Steps
from probe.smtp.software import Software
from probe.statement import Confidence

_RFC_SMTP = "RFC 5321"
_RFC_STARTTLS = "RFC 3207"
_REACH = "Check the name, the port and the firewalls between here and the server, then run the check again."
_BLOCKED = (
    (
        "Run the check from another network: many providers of Internet access and of virtual machines block port 25 "
        "to the outside."
    ),
)
_PATIENCE = "Allow more time with --timeout, and look for a tarpit or an overloaded server."
SMTP_PORT = 25
# A keyword is replaced by as many X as it has letters, but for the last one; of a banner some 2 and 0 are left.
_MASKED_KEYWORD = re.compile(r"X{3,}[A-Z]")
_MASKED_BANNER = re.compile(r"220[ -][*20 ]*\*{3}[*20 ]*")
_NO_VERDICT = "This is no verdict on the certificate."


def fault_of(evidence: Evidence, *kinds: FaultKind) -> Fault | None:
    fault = evidence.capture.fault
    return fault if fault is not None and fault.kind in kinds else None


def words(fault: Fault) -> str:
    return f'The server\'s own words: "{fault.server_text}".' if fault.server_text else ""


def _plain(
    kind: FaultKind,
    title: str,
    source: str,
    meaning: str,
    advice: str,
    consequence: str = "",
    remedy: Callable[[Capture], tuple[str, ...]] = lambda _: (),
) -> Rule:
    """A rule that only repeats a fault and says what follows from it, and what to do about this one, if more."""

    def repeat(evidence: Evidence) -> Said | None:
        fault = fault_of(evidence, kind)
        if fault is None:
            return None
        detail = " ".join(filter(None, (words(fault), consequence)))
        return Said(summary=fault.message, detail=detail, remedy=remedy(evidence.capture))

    return Rule(
        id=kind.value,
        title=title,
        severity=Severity.RISK,
        confidence=Confidence.INFERRED,
        references=(source,),
        meaning=meaning,
        advice=(advice,),
        say=repeat,
        given=Given.FAULT,
    )


def _offering(evidence: Evidence) -> Steps:
    """What makes another server than Exchange offer STARTTLS; nothing where the rule's advice fits."""
    met = evidence.software
    if met in {None, Software.EXCHANGE}:
        return ()
    return (
        f"The server looks like {met.value}: see that its certificate and key are set and can be read.",
        "Look at its log for why TLS is off.",
        NO_STARTTLS.advice[-1],
    )


def _reaching(capture: Capture) -> tuple[str, ...]:
    """What to do about an endpoint that was not reached: a matter of DNS, or of the network."""
    if capture.fault and capture.fault.cause is Cause.NULL_MX:
        return (
            (
                "This is about DNS, not about firewalls: the domain's MX record says that it takes no mail (RFC 7505). "
                "Where it ought to, replace that record; a server whose name is known is probed without mx:."
            ),
        )
    if capture.fault and capture.fault.phase is Phase.RESOLVE:
        return (
            (
                "This is about DNS, not about firewalls: check how the name is spelt, and its records. --resolver IP "
                "asks another DNS server, --resolve HOST=IP asks none."
            ),
        )
    return (*_BLOCKED, _REACH) if capture.port == SMTP_PORT else ()


def _waiting(capture: Capture) -> tuple[str, ...]:
    """What to do about silence: before there was a connection, before a greeting, or later."""
    if capture.smtp is None and capture.tls is None and capture.presented is None:
        return _reaching(capture)
    if capture.smtp is not None and capture.smtp.banner is None:
        return (
            "A server that speaks TLS from the first byte waits, too, as on port 465: try --implicit-tls.",
            _PATIENCE,
        )
    return ()


def _failed(evidence: Evidence) -> Said | None:
    if evidence.failure is None:
        return None
    return Said(summary=f"A defect of eop-probe: {evidence.failure}.", detail=_NO_VERDICT)


def _inspected(evidence: Evidence) -> Said | None:
    smtp = evidence.capture.smtp
    fault = fault_of(evidence, FaultKind.NO_STARTTLS, FaultKind.SMTP_REFUSED)
    if smtp is None or fault is None:
        return None
    signs = [
        *(
            f'"{line}" in place of a keyword'
            for line in smtp.ehlo[1:]
            if _MASKED_KEYWORD.fullmatch(line.strip())
        ),
        *(["a banner of asterisks"] if smtp.banner and _MASKED_BANNER.fullmatch(smtp.banner) else []),
        *(["a banner without text"] if smtp.banner == "220" else []),
    ]
    if not signs:
        return None
    rejected = fault.kind is FaultKind.NO_STARTTLS and evidence.direction is Direction.FROM_EOP
    return Said(
        summary="What answers looks like a firewall that rewrites SMTP and hides STARTTLS.",
        detail=f"Seen: {', '.join(dict.fromkeys(signs))}. Cisco's ASA and PIX leave this behind (inspect esmtp, the "
        'older "fixup"); the server itself may well offer STARTTLS.',
        reply=wording.STARTTLS_REQUIRED if rejected else None,
        severity=Severity.REJECT if rejected else Severity.RISK,
    )


def _no_starttls(evidence: Evidence) -> Said | None:
    fault = fault_of(evidence, FaultKind.NO_STARTTLS)
    if fault is None:
        return None
    if evidence.direction is Direction.TO_EOP:
        return Said(
            summary=fault.message,
            detail="No certificate could be seen here. That says nothing about the Send connector, whose "
            "certificate Exchange Online judges; use the Exchange side's own evidence, or a listener, for that. "
            + words(fault),
            remedy=_offering(evidence),
            severity=Severity.RISK,
        )
    return Said(
        summary=fault.message,
        detail="An outbound connector that requires TLS cannot deliver here. Without such a connector "
        "Exchange Online would send in plain text. " + words(fault),
        remedy=_offering(evidence),
        reply=wording.STARTTLS_REQUIRED,
        severity=Severity.REJECT,
    )


def _starttls_refused(evidence: Evidence) -> Said | None:
    fault = fault_of(evidence, FaultKind.STARTTLS_REFUSED)
    if fault is None:
        return None
    rejected = evidence.direction is Direction.FROM_EOP
    return Said(
        summary=fault.message,
        detail=words(fault),
        reply=wording.STARTTLS_REQUIRED if rejected else None,
        severity=Severity.REJECT if rejected else Severity.RISK,
        confidence=Confidence.INFERRED,
    )


def _plaintext(evidence: Evidence) -> Said | None:
    smtp = evidence.capture.smtp
    if smtp is None or smtp.plaintext_after_starttls is None:
        return None
    return Said(
        summary="The server sent plain text between its answer to STARTTLS and the TLS handshake.",
        detail="A strict client ends the connection here, for such text can be injected from outside. "
        f"What it sent: {smtp.plaintext_after_starttls}",
    )


INSPECTED = Rule(
    id="smtp-inspected",
    title="SMTP inspection hides STARTTLS",
    severity=Severity.REJECT,
    confidence=Confidence.INFERRED,
    references=("nabla-c0d3/sslyze issue 84",),
    meaning="STARTTLS is not offered, and the greeting or the EHLO reply bears the marks of a firewall that "
    "rewrites SMTP: a banner of asterisks or without text, XXXXXXXA in place of a keyword.",
    advice=(
        (
            "Switch the inspection off on that firewall, or let it pass TLS: on a Cisco ASA no inspect esmtp, or "
            "allow-tls in the policy map of type inspect esmtp."
        ),
        (
            "Compare with a probe from inside the firewall. If STARTTLS is missing there, too, look for event 12014 "
            "on the server."
        ),
    ),
    say=_inspected,
    given=Given.FAULT,
)

NO_STARTTLS = Rule(
    id="no-starttls",
    title="STARTTLS is not offered",
    severity=Severity.REJECT,
    confidence=Confidence.DOCUMENTED,
    references=(
        _RFC_STARTTLS,
        "Exchange Team blog, 4 June 2025",
        "Microsoft: inbound STARTTLS certificate selection",
    ),
    meaning="The server's EHLO reply lacks STARTTLS. Exchange hides it where no eligible certificate is found "
    "(event 12014) or the Receive connector's AuthMechanism lacks TLS; an inspecting firewall can strip it.",
    advice=(
        "Look for event 12014 on the server, and for a certificate with the SMTP service:",
        Command("Get-ExchangeCertificate | fl Thumbprint,Services,NotAfter,CertificateDomains"),
        "Check that the Receive connector which answers here offers TLS:",
        Command(
            "Get-ReceiveConnector | fl Identity,Bindings,RemoteIPRanges,AuthMechanism,Fqdn,TlsCertificateName"
        ),
        "Compare with a probe from inside the firewall: SMTP inspection removes STARTTLS.",
    ),
    say=_no_starttls,
    given=Given.FAULT,
)

ASSESSMENT_FAILED = Rule(
    id="assessment-failed",
    title="The assessment itself failed",
    severity=Severity.RISK,
    confidence=Confidence.INFERRED,
    references=("eop-probe: SECURITY.md",),
    meaning="eop-probe met something that it cannot deal with: a defect of its own. This says nothing about the "
    "certificate, and the other results of the run are not touched.",
    advice=("Please report the line in the summary to the developers of eop-probe.",),
    say=_failed,
)

TRANSPORT_RULES: tuple[Rule, ...] = (
    ASSESSMENT_FAILED,
    INSPECTED,
    _plain(
        FaultKind.UNREACHABLE,
        "The endpoint cannot be reached",
        _RFC_SMTP,
        "The name does not resolve, or no TCP connection comes about: refused, filtered or no route. "
        "Nothing is known of its certificate.",
        _REACH,
        remedy=_reaching,
    ),
    _plain(
        FaultKind.TIMEOUT,
        "The endpoint fell silent",
        "RFC 5321 4.5.3.2",
        "The time allowed for the connection ran out while waiting for the server. postscreen and "
        "tarpits delay greetings on purpose.",
        _PATIENCE,
        remedy=_waiting,
    ),
    _plain(
        FaultKind.THROTTLED,
        "The server turned the connection away for now",
        "RFC 5321 4.2.1",
        "The server answered with a temporary code (421, 450, 454 ...) before STARTTLS. Its own words "
        "are kept; they are about this client and this moment, not about the certificate.",
        "Read the server's words, wait, and try again; allow this client where a limit is named.",
        _NO_VERDICT,
    ),
    _plain(
        FaultKind.SMTP_REFUSED,
        "The server refuses this client",
        "RFC 5321 4.2.1",
        "The server answered with a permanent code (5xx) before STARTTLS, so no certificate was seen.",
        "Read the server's words; probe from an address the server accepts, or probe another connector.",
        _NO_VERDICT,
    ),
    _plain(
        FaultKind.NOT_SMTP,
        "What answers is not SMTP",
        _RFC_SMTP,
        "The first bytes are no SMTP reply: another service listens on this port, or TLS starts at once.",
        "Where TLS starts with the first byte, as on port 465, use --implicit-tls; else check the port.",
    ),
    _plain(
        FaultKind.CONNECTION_CLOSED,
        "The server closed the connection",
        "RFC 5321 3.8",
        "The connection ended before a certificate was shown: a filter, a blocklist, or a failing server.",
        "Look at the server's log for this connection.",
    ),
    NO_STARTTLS,
    Rule(
        id="starttls-refused",
        title="STARTTLS is offered and then refused",
        severity=Severity.REJECT,
        confidence=Confidence.INFERRED,
        references=("RFC 3207 4",),
        meaning="The server lists STARTTLS but answers it with an error (454 is the RFC's): TLS is not available, "
        "often for want of a usable certificate or key.",
        advice=(
            "Look at the server's log for the reason: a missing, expired or unreadable certificate or key.",
        ),
        say=_starttls_refused,
        given=Given.FAULT,
    ),
    Rule(
        id="plaintext-after-starttls",
        title="Plain text follows the answer to STARTTLS",
        severity=Severity.RISK,
        confidence=Confidence.INFERRED,
        references=("RFC 3207 4.2", "CVE-2011-0411"),
        meaning="Bytes arrived in plain text between the 220 and the TLS handshake. Clients differ in what they do "
        "with them; taken into the TLS session they are a way to inject commands or replies.",
        advice=(
            "Update the server or the proxy in front of it: nothing may follow the 220 before the handshake.",
        ),
        say=_plaintext,
    ),
)
