"""Rules about the way to the certificate: reachability, SMTP, STARTTLS, the TLS handshake."""

from __future__ import annotations

from probe.capture import Fault, FaultKind
from probe.eop import replies
from probe.eop.evidence import Evidence
from probe.eop.rules.rule import Rule, Said
from probe.eop.vocabulary import Basis, Direction, Severity
from probe.exchange.replies import wording
from probe.powershell import Command, Steps
from probe.smtp.software import Software
from probe.statement import Confidence

_OLD_VERSIONS = frozenset({"SSLv3", "TLSv1", "TLSv1.0", "TLSv1.1"})
_RFC_SMTP = "RFC 5321"
_RFC_STARTTLS = "RFC 3207"
_NO_VERDICT = "This is no verdict on the certificate."
_SENDER_LOG = (
    (
        "Look at the sender's log for its reason. If it does not trust the listener's own certificate, give the "
        "listener one that it trusts (--certificate), or let the test connector encrypt only (TlsAuthLevel "
        "EncryptionOnly)."
    ),
)


def _fault(evidence: Evidence, *kinds: FaultKind) -> Fault | None:
    fault = evidence.capture.fault
    return fault if fault is not None and fault.kind in kinds else None


def _words(fault: Fault) -> str:
    return f'The server\'s own words: "{fault.server_text}".' if fault.server_text else ""


def _peer(evidence: Evidence) -> str:
    return "sender" if evidence.basis is Basis.LISTENER else "server"


def _plain(
    kind: FaultKind, title: str, source: str, meaning: str, advice: str, consequence: str = ""
) -> Rule:
    """A rule that only repeats a fault and says what follows from it."""

    def repeat(evidence: Evidence) -> Said | None:
        fault = _fault(evidence, kind)
        if fault is None:
            return None
        return Said(summary=fault.message, detail=" ".join(filter(None, (_words(fault), consequence))))

    return Rule(kind.value, title, Severity.RISK, Confidence.INFERRED, (source,), meaning, (advice,), repeat)


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


def _no_starttls(evidence: Evidence) -> Said | None:
    fault = _fault(evidence, FaultKind.NO_STARTTLS)
    if fault is None:
        return None
    if evidence.direction is Direction.TO_EOP:
        return Said(
            summary=fault.message,
            detail="No certificate could be seen here. That says nothing about the Send connector, whose "
            "certificate Exchange Online judges; use the Exchange side's own evidence, or a listener, for that. "
            + _words(fault),
            remedy=_offering(evidence),
            severity=Severity.RISK,
        )
    return Said(
        summary=fault.message,
        detail="An outbound connector that requires TLS cannot deliver here. Without such a connector "
        "Exchange Online would send in plain text. " + _words(fault),
        remedy=_offering(evidence),
        reply=wording.STARTTLS_REQUIRED,
        severity=Severity.REJECT,
    )


def _starttls_refused(evidence: Evidence) -> Said | None:
    fault = _fault(evidence, FaultKind.STARTTLS_REFUSED)
    if fault is None:
        return None
    rejected = evidence.direction is Direction.FROM_EOP
    return Said(
        summary=fault.message,
        detail=_words(fault),
        reply=wording.STARTTLS_REQUIRED if rejected else None,
        severity=Severity.REJECT if rejected else Severity.RISK,
        confidence=Confidence.INFERRED,
    )


def _tls_failed(evidence: Evidence) -> Said | None:
    fault = _fault(evidence, FaultKind.TLS_FAILED)
    if fault is None:
        return None
    seen = evidence.leaf is not None
    return Said(
        summary=fault.message,
        detail="The certificates were shown before the handshake failed, and are judged below."
        if seen
        else "No certificate was seen. " + _words(fault),
        remedy=_SENDER_LOG if evidence.basis is Basis.LISTENER else (),
        severity=Severity.RISK,
    )


def _old_tls(evidence: Evidence) -> Said | None:
    tls, fault = evidence.capture.tls, _fault(evidence, FaultKind.OLD_TLS)
    version = tls.version if tls else None
    if fault is None and version not in _OLD_VERSIONS:
        return None
    said = fault.message if fault else f"The {_peer(evidence)} speaks {version} at best."
    return Said(
        summary=f"{said} Exchange Online refuses TLS 1.0 and 1.1.",
        detail="A sender that offers nothing newer sees its connection dropped."
        if evidence.direction is Direction.TO_EOP
        else "Exchange Online's handshake with this server fails; where no connector requires TLS it "
        "may fall back to plain text.",
        reply=replies.old_tls(evidence.direction),
        confidence=Confidence.DOCUMENTED if evidence.direction is Direction.TO_EOP else Confidence.REPORTED,
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


NO_STARTTLS = Rule(
    "no-starttls",
    "STARTTLS is not offered",
    Severity.REJECT,
    Confidence.DOCUMENTED,
    (_RFC_STARTTLS, "Exchange Team blog, 4 June 2025", "Microsoft: inbound STARTTLS certificate selection"),
    "The server's EHLO reply lacks STARTTLS. Exchange hides it where no eligible certificate is found "
    "(event 12014) or the Receive connector's AuthMechanism lacks TLS; an inspecting firewall can strip it.",
    (
        "Look for event 12014 on the server, and for a certificate with the SMTP service:",
        Command("Get-ExchangeCertificate | fl Thumbprint,Services,NotAfter,CertificateDomains"),
        "Check that the Receive connector which answers here offers TLS:",
        Command(
            "Get-ReceiveConnector | fl Identity,Bindings,RemoteIPRanges,AuthMechanism,Fqdn,TlsCertificateName"
        ),
        "Compare with a probe from inside the firewall: SMTP inspection removes STARTTLS.",
    ),
    _no_starttls,
)

TRANSPORT_RULES: tuple[Rule, ...] = (
    _plain(
        FaultKind.UNREACHABLE,
        "The endpoint cannot be reached",
        _RFC_SMTP,
        "The name does not resolve, or no TCP connection comes about: refused, filtered or no route. "
        "Nothing is known of its certificate.",
        "Check the name, the port and the firewalls between here and the server, then run the check again.",
    ),
    _plain(
        FaultKind.TIMEOUT,
        "The endpoint fell silent",
        "RFC 5321 4.5.3.2",
        "The time allowed for the connection ran out while waiting for the server. postscreen and "
        "tarpits delay greetings on purpose.",
        "Allow more time with --timeout, and look for a tarpit or an overloaded server.",
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
        "Check the port; use --implicit-tls for port 465.",
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
        "starttls-refused",
        "STARTTLS is offered and then refused",
        Severity.REJECT,
        Confidence.INFERRED,
        ("RFC 3207 4",),
        "The server lists STARTTLS but answers it with an error (454 is the RFC's): TLS is not available, "
        "often for want of a usable certificate or key.",
        ("Look at the server's log for the reason: a missing, expired or unreadable certificate or key.",),
        _starttls_refused,
    ),
    Rule(
        "plaintext-after-starttls",
        "Plain text follows the answer to STARTTLS",
        Severity.RISK,
        Confidence.INFERRED,
        ("RFC 3207 4.2", "CVE-2011-0411"),
        "Bytes arrived in plain text between the 220 and the TLS handshake. Clients differ in what they do "
        "with them; taken into the TLS session they are a way to inject commands or replies.",
        ("Update the server or the proxy in front of it: nothing may follow the 220 before the handshake.",),
        _plaintext,
    ),
    Rule(
        "tls-failed",
        "The TLS handshake failed",
        Severity.RISK,
        Confidence.INFERRED,
        (_RFC_STARTTLS, "RFC 8446 6"),
        "STARTTLS was accepted but no TLS session came about. The summary names the alert, the version or "
        "what arrived instead of TLS.",
        ("Look at the server's TLS log; check its protocol versions, cipher suites and certificate key.",),
        _tls_failed,
    ),
    Rule(
        "old-tls",
        "Only TLS 1.0 or 1.1",
        Severity.REJECT,
        Confidence.DOCUMENTED,
        ("Microsoft message center MC229914", "Microsoft: send and receive e-mails, SocketError"),
        "Exchange Online has refused TLS 1.0 and 1.1 since January 2021; TLS 1.2 is needed.",
        (
            (
                "Enable TLS 1.2 on the server (Schannel registry settings on Windows; for Exchange follow "
                "Microsoft's TLS 1.2 guidance), then run this check again."
            ),
        ),
        _old_tls,
    ),
)
