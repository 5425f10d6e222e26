"""What a session of the listener showed, as a capture."""

from __future__ import annotations

from dataclasses import replace

from probe.capture import Capture, Cause, Fault, FaultKind, Phase, SmtpFacts
from probe.net.server_session import ServerSession, SessionRecord
from probe.net.tls_engine import TlsFailure
from probe.smtp.server_values import EOP_KEYWORDS
from probe.smtp.transcript import Speaker
from probe.text import sentence

#: TLS alerts by which a client refuses the server's certificate (RFC 8446 6.2).
_DISTRUST_ALERTS = frozenset({42, 43, 44, 45, 46, 48})

NOT_USED = Fault(
    phase=Phase.SMTP,
    kind=FaultKind.STARTTLS_NOT_USED,
    message="The sender was offered STARTTLS and sent MAIL without it.",
)
_LEFT = replace(NOT_USED, message="The sender was offered STARTTLS and left without it.", cause=Cause.LEFT)
_NO_HELLO = Fault(
    phase=Phase.TLS,
    kind=FaultKind.TLS_FAILED,
    message="The sender said STARTTLS and sent no ClientHello.",
    cause=Cause.NO_CLIENT_HELLO,
)

WITHOUT_TLS = Capture(host="", address=None, port=0, fault=NOT_USED)

_AFTER = {Cause.LEFT: Cause.AFTER_LEAVING, Cause.NO_CLIENT_HELLO: Cause.AFTER_NO_HELLO}


def capture_now(session: ServerSession) -> Capture:
    """As much of a running session as a rule may look at."""
    return Capture(
        host="", address=session.peer_address, port=0, tls=session.tls.facts if session.tls else None
    )


def as_capture(record: SessionRecord, before: Cause | None = None) -> Capture:
    """What an ended session showed; `before`: how another one of the same sender had ended that came to no TLS."""
    lines = record.transcript
    said = next((line.text for line in lines if line.speaker is Speaker.SERVER), None)
    return Capture(
        host=record.client_name or record.peer_address,
        address=record.peer_address,
        port=record.peer_port,
        smtp=SmtpFacts(banner=said, ehlo=EOP_KEYWORDS, starttls_offered=True, transcript=lines),
        tls=record.tls if record.tls_established else None,
        fault=_fault(record, before),
    )


def _fault(record: SessionRecord, before: Cause | None) -> Fault | None:
    failure = record.tls_failure
    if record.tls_established:
        return None
    if record.hello_awaited:
        return _NO_HELLO
    if record.left:
        return _LEFT
    if failure is None:
        return replace(NOT_USED, cause=_AFTER.get(before) if before else None)
    if "unsupported protocol" in failure.message:
        message = "The sender offers nothing newer than TLS 1.1."
        return Fault(phase=Phase.TLS, kind=FaultKind.OLD_TLS, message=message)
    return Fault(
        phase=Phase.TLS,
        kind=FaultKind.TLS_FAILED,
        message=_tls_message(failure),
        server_text=failure.server_text,
    )


def _tls_message(failure: TlsFailure) -> str:
    said = sentence(failure.message.replace("the peer", "the sender"))
    if failure.alert in _DISTRUST_ALERTS:
        return f"{said} It does not trust the listener's own certificate."
    return said
