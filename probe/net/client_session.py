"""One connection's observation as a state machine without sockets: SMTP, STARTTLS and TLS put together.

A driver moves bytes and says what time it is (`at_ms`: milliseconds since it began to connect):

    write(observation.bytes_to_send(now)); observation.receive(read(), now)

until `finished`, writes what is left, closes without waiting, and takes the `capture`. The blocking probe and
the concurrent fleet drive the same machine.

After the handshake nothing is waited for: a server may hold back its next bytes until its session tickets are
acknowledged, which costs 40 ms, and all there is to see has been seen. QUIT is written and not waited for. There is
one exception: a TLS 1.3 server that asked for a client certificate says only now whether it can do without one.
Where `looking`, what lies there already is read before anything is written.
"""

from __future__ import annotations

import enum
from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from probe.capture import ORDINARY, Capture, Cause, Fault, FaultKind, Phase, SmtpFacts
from probe.errors import ConnectError, DeadlineError, ObservationError
from probe.net.request import KeyType, ProbeRequest
from probe.smtp.client import ClientConversation, ClientEvent, SmtpFault, SmtpFaultKind
from probe.smtp.transcript import Speaker

if TYPE_CHECKING:
    from collections.abc import Callable

    # Loaded when the handshake begins: until then a check needs no TLS library.
    from probe.net.tls_client import TlsClient
    from probe.net.tls_engine import TlsFailure
    from probe.pki.certificate import Certificate, Unreadable
    from probe.pki.chain import PresentedChain

    Parse = Callable[[bytes], Certificate | Unreadable]


class Retry(enum.Enum):
    """Why a second connection may show more than this one."""

    THROTTLED = "throttled"
    """The server said 421: come back later. Postfix says it to STARTTLS, too, where TLS sessions are counted."""
    LIBRARY_GROUPS = "library-groups"
    """The server found nothing in our ClientHello to agree on: offer the library's own groups."""


# RFC 8446 6.2: what a server says that cannot agree to any offer.
_NO_AGREEMENT = (40, 47, 71)
# Of a client without a certificate: certificate_required in TLS 1.3; handshake_failure (RFC 5246 7.4.6),
# bad_certificate (Go), certificate_unknown and access_denied in older versions.
_DEMANDS = (40, 42, 46, 49, 116)
_CAUSES = {40: Cause.NO_AGREEMENT, 112: Cause.SERVER_NAME_REFUSED}


class ClientSession:
    """One connection, from the first byte to the last; `parse` reads its certificates, where one remembers them."""

    def __init__(self, request: ProbeRequest, ehlo_name: str, parse: Parse | None = None) -> None:
        self._request = request
        self._parse = parse
        self._conversation = ClientConversation(ehlo_name, implicit_tls=request.implicit_tls)
        self._tls: TlsClient | None = None
        self._fault: Fault | None = None
        self.finished = False
        """Whether to write what is left to send, and close."""
        self.looking = False
        """Whether to read once more without waiting, and to `receive` what came, or nothing; until then nothing is
        sent."""
        if request.implicit_tls:
            self._start_tls()

    @property
    def retry(self) -> Retry | None:
        """Why to try once more, if there is a reason."""
        fault = self._conversation.fault
        if fault is not None and fault.throttled:
            return Retry.THROTTLED
        failure = self._tls.failure if self._tls else None
        # Servers without a certificate of the wanted kind say the same: that is an answer, not a mishap.
        wanted = self._request.key_type is KeyType.ANY and not self._request.library_groups
        if wanted and failure and failure.alert in _NO_AGREEMENT and not self._presented():
            return Retry.LIBRARY_GROUPS
        return None

    def bytes_to_send(self, at_ms: int) -> bytes:
        """Return what to send now, once."""
        if self.looking:
            return b""
        if self._tls is None:
            return self._conversation.bytes_to_send(at_ms)
        # The STARTTLS command and the ClientHello never share a write: the server's 220 lies between them.
        return self._tls.bytes_to_send()

    @property
    def lingering(self) -> bool:
        """Whether all is seen but for the server's word on a missing client certificate: not worth a long wait."""
        return self._tls is not None and self._tls.established and not self._request.implicit_tls

    def receive(self, data: bytes, at_ms: int) -> None:
        """Take bytes from the server, in any chunking."""
        if self.finished:
            return
        if self._tls is None:
            self._act(self._conversation.receive(data, at_ms), at_ms)
        else:
            self._hear_tls(self._tls, data, at_ms)

    def receive_eof(self, at_ms: int) -> None:
        """Note that the server closed the connection, or reset it."""
        if self._tls is not None and not self._tls.established:
            self._tls.receive_eof()
        else:
            self._act(self._conversation.receive_eof(at_ms), at_ms)
        self.finished = True

    def break_off(self, error: ObservationError, at_ms: int) -> None:
        """Note that the driver could not go on: no time left, no connection, or too many bytes."""
        if isinstance(error, DeadlineError) and not self._shaking_hands:
            self._conversation.receive_timeout(at_ms)
        else:
            self._fault = self._interrupted(error)
        self.finished = True

    def leave(self, at_ms: int) -> bytes:
        """Return what to send where the driver gives up in the middle: QUIT, if it can be said now."""
        return self._conversation.quit(at_ms) if self._tls is None else b""

    def capture(self) -> Capture:
        """Return everything that was seen; to be asked at the end."""
        request = self._request
        return Capture(
            host=request.host,
            address=request.address,
            port=request.port,
            how=request.how or ORDINARY,
            smtp=self._smtp_facts(),
            tls=self._tls.facts if self._tls else None,
            presented=self._presented(),
            fault=self._fault or self._tls_fault() or self._smtp_fault(),
            stapled=self._tls.stapled if self._tls else None,
        )

    def _act(self, events: tuple[ClientEvent, ...], at_ms: int) -> None:
        for event in events:
            match event:
                case ClientEvent.TLS_READY:
                    self._start_tls()
                case ClientEvent.EHLO_DONE:
                    self._leave(at_ms)
                case ClientEvent.FAILED:
                    # Plaintext after the 220 is dropped, and the handshake tried all the same.
                    self.finished = not self._tainted
                case _:
                    assert_never(event)

    def _start_tls(self) -> None:
        from probe.net.tls_client import TlsClient, client_context

        context = client_context(self._request.key_type, library_groups=self._request.library_groups)
        self._tls = TlsClient(context, server_name=self._request.sni, ask_staple=self._request.ask_staple)

    def _hear_tls(self, tls: TlsClient, data: bytes, at_ms: int) -> None:
        if self.looking:
            self.looking = False
            self._go_on(tls, tls.hear_early(data), at_ms)
            return
        established, lingering = tls.established, self.lingering
        tls.receive(data)
        if lingering:
            tls.plaintext()
            self.finished = True
        elif tls.established:
            self.looking = self._request.look_early and not established and tls.modern
            if not self.looking:
                self._go_on(tls, b"", at_ms)
        self.finished = self.finished or tls.failure is not None

    def _go_on(self, tls: TlsClient, said: bytes, at_ms: int) -> None:
        """After the handshake, in which this was `said` already."""
        if self._request.implicit_tls:
            self._act(self._conversation.receive(said + tls.plaintext(), at_ms), at_ms)
            self._say_inside(self._conversation.bytes_to_send(at_ms))
            self.finished = self.finished or tls.failure is not None
        else:
            self._leave(at_ms)
            self.finished = tls.failure is not None or not (tls.certificate_requested and tls.modern)

    def _leave(self, at_ms: int) -> None:
        self._say_inside(self._conversation.quit(at_ms))
        self.finished = True

    def _say_inside(self, plaintext: bytes) -> None:
        if self._tls is not None and plaintext:
            self._tls.send(plaintext)

    @property
    def _tainted(self) -> bool:
        fault = self._conversation.fault
        return fault is not None and fault.kind is SmtpFaultKind.PLAINTEXT_AFTER_STARTTLS

    def _presented(self) -> PresentedChain | None:
        blobs = self._tls.presented() if self._tls else ()
        if not blobs:
            return None
        from probe.pki.chain import PresentedChain

        return PresentedChain.from_der(blobs, self._parse) if self._parse else PresentedChain.from_der(blobs)

    def _smtp_facts(self) -> SmtpFacts | None:
        conversation = self._conversation
        if self._request.implicit_tls and not conversation.transcript.lines:
            return None
        fault = conversation.fault
        return SmtpFacts(
            banner=str(conversation.banner) if conversation.banner else None,
            ehlo=conversation.ehlo.lines if conversation.ehlo else (),
            starttls_offered=conversation.starttls_offered,
            transcript=conversation.transcript.lines,
            plaintext_after_starttls=fault.detail if fault and self._tainted else None,
        )

    def _smtp_fault(self) -> Fault | None:
        fault = self._conversation.fault
        if fault is None or self._tainted:
            return None
        kind = FaultKind.THROTTLED if fault.throttled else _SMTP_KINDS[fault.kind]
        return Fault(
            phase=Phase.TIMEOUT if kind is FaultKind.TIMEOUT else Phase.SMTP,
            kind=kind,
            message=_smtp_message(fault, kind),
            server_text=str(fault.reply) if fault.reply else self._last_words(),
        )

    def _tls_fault(self) -> Fault | None:
        from probe.net.tls_engine import TlsFailureKind

        failure = self._tls.failure if self._tls else None
        if self._tls is None or failure is None or (self.lingering and not failure.alert):
            return None  # After the handshake an end without an alert is what QUIT asked for.
        demanded = self._tls.certificate_requested and failure.alert in _DEMANDS and self._presented()
        kind = FaultKind.TLS_FAILED
        if demanded:
            kind = FaultKind.CLIENT_CERTIFICATE_DEMANDED
        elif failure.kind is TlsFailureKind.OLD_VERSION:
            kind = FaultKind.OLD_TLS
        plain = failure.kind is TlsFailureKind.NOT_TLS
        cause = Cause.PLAIN_TEXT if plain else _CAUSES.get(failure.alert or 0)
        return Fault(
            phase=Phase.TLS,
            kind=kind,
            message=self._tls_message(failure, cause, demanded=bool(demanded)),
            server_text=failure.server_text,
            cause=cause,
        )

    def _tls_message(self, failure: TlsFailure, cause: Cause | None, *, demanded: bool) -> str:
        if demanded:
            return f"{failure.message}, after it had asked for a client certificate"
        match cause:
            case Cause.PLAIN_TEXT if self._request.implicit_tls:
                return "the server speaks plain text where TLS was expected"
            case Cause.PLAIN_TEXT:
                return "after its 220 to STARTTLS the server answered the TLS ClientHello in plain text"
            case Cause.SERVER_NAME_REFUSED if self._request.sni:
                return f"the server refuses the name {self._request.sni} in SNI (alert unrecognized_name)"
            case _:
                return failure.message

    @property
    def _shaking_hands(self) -> bool:
        return self._tls is not None and not self._tls.established

    def _interrupted(self, error: ObservationError) -> Fault:
        if isinstance(error, DeadlineError):
            message = "the TLS handshake did not come to an end in time"
            return Fault(phase=Phase.TIMEOUT, kind=FaultKind.TIMEOUT, message=message)
        if self._shaking_hands:
            return Fault(phase=Phase.TLS, kind=FaultKind.TLS_FAILED, message=str(error))
        return Fault(
            phase=Phase.SMTP,
            kind=FaultKind.CONNECTION_CLOSED,
            message=str(error),
            server_text=self._last_words(),
        )

    def _last_words(self) -> str | None:
        """Return the last line of the server, whole or not: what there is where no reply was completed."""
        lines = self._conversation.transcript.lines
        return next((line.text for line in reversed(lines) if line.speaker is Speaker.SERVER), None)


def unreached(request: ProbeRequest, error: ObservationError) -> Capture:
    """Return the capture of an endpoint to which no connection came about."""
    timeout = isinstance(error, DeadlineError)
    fault = Fault(
        phase=Phase.TIMEOUT if timeout else Phase.CONNECT if isinstance(error, ConnectError) else Phase.SMTP,
        kind=FaultKind.TIMEOUT if timeout else FaultKind.UNREACHABLE,
        message=str(error),
    )
    return replace(blank(request), fault=fault)


def blank(request: ProbeRequest) -> Capture:
    """Return the capture of an observation that has shown nothing yet."""
    return Capture(host=request.host, address=request.address, port=request.port, how=request.how or ORDINARY)


def _smtp_message(fault: SmtpFault, kind: FaultKind) -> str:
    awaited = fault.stage.value
    match kind:
        case FaultKind.THROTTLED:
            return f"the server asks to come back later, in {awaited}"
        case FaultKind.TIMEOUT:
            return f"{awaited} did not come in time"
        case FaultKind.CONNECTION_CLOSED:
            return f"the server closed the connection before {awaited}"
        case _:
            return _SENTENCES.get(fault.kind) or f"{fault.detail} (instead of {awaited})"


_SMTP_KINDS = {
    SmtpFaultKind.GREETING_THROTTLED: FaultKind.THROTTLED,
    SmtpFaultKind.GREETING_REFUSED: FaultKind.SMTP_REFUSED,
    SmtpFaultKind.EHLO_REFUSED: FaultKind.SMTP_REFUSED,
    SmtpFaultKind.STARTTLS_NOT_OFFERED: FaultKind.NO_STARTTLS,
    SmtpFaultKind.STARTTLS_REFUSED: FaultKind.STARTTLS_REFUSED,
    SmtpFaultKind.CLOSED: FaultKind.CONNECTION_CLOSED,
    SmtpFaultKind.NOT_SMTP: FaultKind.NOT_SMTP,
    SmtpFaultKind.TIMEOUT: FaultKind.TIMEOUT,
}

_SENTENCES = {
    SmtpFaultKind.GREETING_REFUSED: "the server refuses this client in its greeting",
    SmtpFaultKind.EHLO_REFUSED: "the server refuses EHLO",
    SmtpFaultKind.STARTTLS_NOT_OFFERED: "the server does not offer STARTTLS",
    SmtpFaultKind.STARTTLS_REFUSED: "the server offers STARTTLS, but refuses it",
}
