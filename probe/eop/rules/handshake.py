"""Rules about the TLS handshake: how it failed, what it demanded, which key it was asked for."""

from __future__ import annotations

from probe.capture import Cause, Fault, FaultKind, KeyAnswer
from probe.eop import replies
from probe.eop.evidence import Evidence
from probe.eop.rules.rule import Given, Rule, Said
from probe.eop.rules.sender import OWN_CERTIFICATE
from probe.eop.rules.transport import fault_of, words
from probe.eop.vocabulary import Basis, Direction, Severity
from probe.exchange.replies.wording import RENEGOTIATE, RENEGOTIATE_REPORTS
from probe.powershell import Steps, eop_probe
from probe.statement import Confidence

_OLD_VERSIONS = frozenset({"SSLv3", "TLSv1", "TLSv1.0", "TLSv1.1"})
_SENDER_LOG = (
    (
        "Look at the sender's log for its reason. If it does not trust the listener's own certificate, give the "
        "listener one that it trusts (--certificate), or let the test connector encrypt only (TlsAuthLevel "
        "EncryptionOnly)."
    ),
)
_DEVICE = (
    (
        "Look for a proxy or an inspecting device between here and the server: it passes STARTTLS on without speaking "
        "TLS. Compare with a probe from inside."
    ),
)
_PLAIN_PORT = ("Drop --implicit-tls: the port speaks plain SMTP first, and STARTTLS leads to TLS.",)


def _tls_failed(evidence: Evidence) -> Said | None:
    fault = fault_of(evidence, FaultKind.TLS_FAILED)
    if fault is None:
        return _name_refused(evidence)
    detail = "No certificate was seen. " + words(fault)
    if evidence.leaf is not None:
        detail = "The certificates were shown before the handshake failed, and are judged below."
    elif fault.cause is Cause.NO_CLIENT_HELLO:
        detail = (
            "Its own TLS does not start: most likely its certificate and key cannot be loaded. Seen with Exim, which "
            "goes on in plain text at once, in another connection."
        )
    return Said(
        summary=fault.message,
        detail=detail,
        remedy=_remedy(evidence, fault),
        severity=Severity.RISK,
    )


def _server_name(evidence: Evidence) -> Steps:
    capture = evidence.capture
    host = f"[{capture.host}]" if ":" in capture.host else capture.host
    return (
        "Check without a server name, or with --sni and a name that the server knows:",
        eop_probe("check", f"{host}:{capture.port}", sni="none"),
        "On the server, let an unknown name get the usual certificate: RFC 6066 3 advises against breaking off.",
    )


def _remedy(evidence: Evidence, fault: Fault) -> Steps:
    match fault.cause:
        case Cause.SERVER_NAME_REFUSED:
            return _server_name(evidence)
        case Cause.NO_CLIENT_HELLO:
            return OWN_CERTIFICATE
        case _ if evidence.basis is Basis.LISTENER:
            return _SENDER_LOG
        case Cause.PLAIN_TEXT:
            return _DEVICE if evidence.capture.smtp else _PLAIN_PORT
        case _:
            return ()


def _name_refused(evidence: Evidence) -> Said | None:
    """Of several connections those with a name were refused, and another one decides."""
    refused = next((o.capture for o in evidence.connections if o.capture.name_refused), None)
    if refused is None or refused.fault is None:
        return None
    return Said(
        summary=refused.fault.message,
        detail="Without a name it shows the certificate that is judged here. Which name Exchange Online sends, if any, "
        "is not documented.",
        remedy=_server_name(evidence),
        severity=Severity.RISK if evidence.direction is Direction.FROM_EOP else Severity.INFO,
    )


def _demanded(evidence: Evidence) -> Said | None:
    fault = fault_of(evidence, FaultKind.CLIENT_CERTIFICATE_DEMANDED)
    if fault is None:
        return None
    return Said(
        summary=f"{fault.message} That is no fault towards Exchange Online, which presents one.",
        detail="This probe has none. The server's own certificates were shown before, and are judged here.",
        severity=Severity.INFO if evidence.leaf else Severity.RISK,
    )


def _old_tls(evidence: Evidence) -> Said | None:
    tls, fault = evidence.capture.tls, fault_of(evidence, FaultKind.OLD_TLS)
    version = tls.version if tls else None
    if fault is None and version not in _OLD_VERSIONS:
        return None
    peer = "sender" if evidence.basis is Basis.LISTENER else "server"
    said = fault.message if fault else f"The {peer} speaks {version} at best."
    return Said(
        summary=f"{said} Exchange Online refuses TLS 1.0 and 1.1.",
        detail="A sender that offers nothing newer sees its connection dropped."
        if evidence.direction is Direction.TO_EOP
        else "Exchange Online's handshake with this server fails; where no connector requires TLS it "
        "may fall back to plain text.",
        reply=replies.old_tls(evidence.direction),
        confidence=Confidence.DOCUMENTED if evidence.direction is Direction.TO_EOP else Confidence.REPORTED,
    )


def _not_asked(evidence: Evidence) -> Said | None:
    failed = [o.capture for o in evidence.observations if o.capture.answer is KeyAnswer.NOT_ASKED]
    if not failed:
        return None
    kinds = " and ".join(dict.fromkeys(each.how.label for each in failed))
    return Said(
        summary=f"Whether the server holds another certificate could not be asked ({kinds}).",
        detail="\n".join(f"{each.how.label}: {each.fault.message}" for each in failed if each.fault),
    )


def _early_ticket(evidence: Evidence) -> Said | None:
    if evidence.direction is not Direction.FROM_EOP:
        return None
    seen = (evidence.capture, *(each.capture for each in evidence.connections))
    if not any(each.tls and each.tls.early_ticket for each in seen):
        return None
    return Said(
        summary="A session ticket was seen before the client's Finished had left, where Exchange Online is reported to "
        "break off.",
        detail="The reports are about mail servers written in Go; of others that do the same (GnuTLS) none is known. "
        "Whether Microsoft has changed it is not known. A server that is not seen doing it may do it all the same.",
        reply=RENEGOTIATE,
    )


HANDSHAKE_RULES: tuple[Rule, ...] = (
    Rule(
        id="tls-failed",
        title="The TLS handshake failed",
        severity=Severity.RISK,
        confidence=Confidence.INFERRED,
        references=("RFC 3207", "RFC 8446 6"),
        meaning="STARTTLS was accepted but no TLS session came about. The summary names the alert, the version or "
        "what arrived instead of TLS.",
        advice=(
            "Look at the server's TLS log; check its protocol versions, cipher suites and certificate key.",
        ),
        say=_tls_failed,
    ),
    Rule(
        id="client-certificate-demanded",
        title="The server demands a client certificate",
        severity=Severity.RISK,
        confidence=Confidence.INFERRED,
        references=("RFC 8446 4.4.2.4", "RFC 5246 7.4.6"),
        meaning="The server asked for a client certificate and ended the handshake with a probe that has "
        "none. Exchange Online presents one. The server's certificates are sent first, so they were seen and "
        "are judged.",
        advice=("Nothing has to be done for Exchange Online. Other senders get in only with a certificate.",),
        say=_demanded,
        given=Given.FAULT,
    ),
    Rule(
        id="old-tls",
        title="Only TLS 1.0 or 1.1",
        severity=Severity.REJECT,
        confidence=Confidence.DOCUMENTED,
        references=("Microsoft message center MC229914", "Microsoft: send and receive e-mails, SocketError"),
        meaning="Exchange Online has refused TLS 1.0 and 1.1 since January 2021; TLS 1.2 is needed.",
        advice=(
            (
                "Enable TLS 1.2 on the server (Schannel registry settings on Windows; for Exchange follow "
                "Microsoft's TLS 1.2 guidance), then run this check again."
            ),
        ),
        say=_old_tls,
    ),
    Rule(
        id="early-session-ticket",
        title="A TLS 1.3 session ticket that comes too early",
        severity=Severity.RISK,
        confidence=Confidence.REPORTED,
        references=(RENEGOTIATE_REPORTS, "RFC 8446 4.6.1"),
        meaning="Exchange Online's TLS 1.3 client is reported to break off where a session ticket arrives before its "
        "own Finished has left. The sender's queue shows the reply, TLS-RPT says validation-failure only, and it does "
        "not fall back. Seen in the one connection that is made, without waiting: a server whose tickets come a moment "
        "later is not seen.",
        advice=(
            "Switch session tickets off in the mail server (Go: SessionTicketsDisabled in tls.Config), or update it.",
        ),
        say=_early_ticket,
    ),
)

KEY_TYPE_NOT_ASKED = Rule(
    id="key-type-not-asked",
    title="Another kind of key could not be asked for",
    severity=Severity.RISK,
    confidence=Confidence.INFERRED,
    references=("RFC 8446 4.4.2.2",),
    meaning="A server can hold a certificate for each kind of key, RSA and ECDSA, each with a chain of its "
    "own, and shows one of them as the client's signature algorithms ask. --thorough asked for the other, and "
    "the server gave no answer that tells whether it holds one: mail may meet a chain that was not judged.",
    advice=("Look at the server's own list of certificates, and judge each with eop-probe certificate.",),
    say=_not_asked,
    given=Given.SEVERAL,
)
