"""TLS over memory BIOs, no sockets: what client and server have in common.

Bytes from the peer go into `receive`, bytes for it come out of `bytes_to_send`; the handshake goes as far as it
can at each step. Failures are values (`TlsFailure`). What happens inside is watched through OpenSSL's info
callback, the one public way to see every alert, and to see that a CertificateRequest came (`get_client_ca_list`
only lists the names in one, and Exchange Online's and many others' are empty).
"""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Iterable
from typing import NamedTuple

from OpenSSL import SSL, crypto

from probe.capture import TlsFacts
from probe.net import tls_messages
from probe.text import printable

CIPHERS = b"ALL:!aNULL:!eNULL:!PSK:!SRP:@SECLEVEL=0"
"""Whatever authenticates and encrypts, however weak: the probe is there to see the certificate."""

_BIO_BYTES = 65_536

#: Bytes of garbage that are quoted.
_QUOTED_BYTES = 80

# RFC 8446 5.1 and 4; RFC 5246 A.1: content types 20 to 23, the major version is 3 in all of them.
_RECORD_TYPES = b"\x14\x15\x16\x17"
_SSL_MAJOR = 3
_HANDSHAKE_RECORD = 0x16
_SERVER_HELLO = 2

ALERTS = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    22: "record_overflow",
    40: "handshake_failure",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    116: "certificate_required",
    120: "no_application_protocol",
}
"""RFC 8446 6, RFC 5246 7.2 and RFC 6066 9: the alerts by number."""


class TlsFailureKind(enum.Enum):
    """In which way a handshake failed."""

    ALERT = "alert"
    NOT_TLS = "not-tls"
    OLD_VERSION = "old-version"
    """The peer speaks SSL 3.0, older than anything we do."""
    TOO_LARGE = "too-large"
    """A message beyond OpenSSL's limits: 100 KiB of certificates."""
    UNREADABLE_CERTIFICATE = "unreadable-certificate"
    CLOSED = "closed"
    PROTOCOL = "protocol"


class TlsFailure(NamedTuple):
    """What went wrong: one sentence; the number of the peer's alert; the peer's own words, printable."""

    kind: TlsFailureKind
    message: str
    alert: int | None = None
    server_text: str | None = None


class Witness:
    """Remembers what OpenSSL's callbacks saw of one handshake."""

    __slots__ = ("alert", "certificate_requested", "early_ticket", "message", "stapled", "tickets")

    def __init__(self) -> None:
        self.alert: int | None = None
        self.certificate_requested = False
        self.message: tls_messages.CertificateMessage | None = None
        self.stapled = b""
        self.tickets = 0
        self.early_ticket: bool | None = None


def new_context(method: int, oldest: int) -> SSL.Context:
    """Return a context for `TlsEngine`: nothing is verified, nothing resumed, everything watched."""
    context = SSL.Context(method)
    context.set_min_proto_version(oldest)
    context.set_cipher_list(CIPHERS)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_info_callback(_note_state)
    tls_messages.watch(context)
    return context


def _note_state(connection: SSL.Connection, where: int, value: int) -> None:
    witness: Witness = connection.get_app_data()
    if where & SSL.SSL_CB_READ_ALERT == SSL.SSL_CB_READ_ALERT:
        witness.alert = value & 0xFF
    elif where & SSL.SSL_CB_LOOP:
        state = connection.get_state_string()
        witness.certificate_requested |= state.endswith(b"read server certificate request")
        witness.tickets += state.endswith(b"read server session ticket")


class TlsEngine:
    """One side of one TLS connection; contexts come from the modules of the two sides.

    The context's callbacks find the `Witness` as the connection's application data. `established`: the handshake
    is complete on this side.
    """

    def __init__(self, context: SSL.Context) -> None:
        self._connection = SSL.Connection(context, None)
        self._witness = Witness()
        self._connection.set_app_data(self._witness)
        self.failure: TlsFailure | None = None
        self.established = False
        self._heard = b""

    @property
    def facts(self) -> TlsFacts | None:
        """What was agreed on, as soon as the peer's hello has settled it."""
        cipher = self._connection.get_cipher_name()
        if cipher is None:
            return None
        # The group is not known on a connection that failed early, and absent from older OpenSSL.
        group = self._connection.get_group_name() if self.established else None
        return TlsFacts(
            version=self._connection.get_protocol_version_name(),
            cipher=cipher,
            group=str(group) if group else None,
            client_certificate_requested=self._witness.certificate_requested,
            authorities_named=len(self._connection.get_client_ca_list()) if self.established else 0,
            early_ticket=self._witness.early_ticket,
        )

    @property
    def silent(self) -> bool:
        """Whether not a byte has come from the peer."""
        return not self._heard

    def receive(self, data: bytes) -> None:
        """Take bytes from the peer, in any chunking, and go on with the handshake."""
        if self.failure is not None or not data:
            return
        if len(self._heard) < _QUOTED_BYTES:
            self._heard += data[: _QUOTED_BYTES - len(self._heard)]
            if not looks_like_tls(self._heard):
                self._fail(TlsFailureKind.NOT_TLS, "the peer does not speak TLS", words=True)
                return
        self._connection.bio_write(data)
        self.advance()

    def receive_eof(self) -> None:
        """Note that the peer closed the connection."""
        if not self.established:
            self._fail(TlsFailureKind.CLOSED, "the connection was closed during the TLS handshake")

    def advance(self) -> None:
        """Go on with the handshake; on the client's side the first call makes the ClientHello."""
        if self.established or self.failure is not None:
            return
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            self._keep_message()
        except SSL.Error as error:
            self._keep_message()
            self._fail_with(error)
        else:
            self._keep_message()
            self.established = True

    def bytes_to_send(self) -> bytes:
        """Return what to send to the peer, once."""
        chunks: list[bytes] = []
        with contextlib.suppress(SSL.WantReadError):
            while not chunks or len(chunks[-1]) == _BIO_BYTES:
                chunks.append(self._connection.bio_read(_BIO_BYTES))
        return b"".join(chunks)

    def send(self, plaintext: bytes) -> None:
        """Encrypt data for the peer, after the handshake; a connection that broke meanwhile takes none."""
        try:
            self._connection.sendall(plaintext)
        except SSL.Error as error:
            self._fail_with(error)

    def say_goodbye(self) -> None:
        """Tell the peer, as far as there is a connection, that nothing more will come (close_notify)."""
        if self.established and self.failure is None:
            with contextlib.suppress(SSL.Error):
                self._connection.shutdown()

    def plaintext(self) -> bytes:
        """Return what the peer has said inside TLS, once; a failure or the peer's farewell ends it."""
        chunks: list[bytes] = []
        while self.established and self.failure is None:
            try:
                chunks.append(self._connection.recv(_BIO_BYTES))
            except SSL.WantReadError:
                break
            except SSL.ZeroReturnError:
                self._fail(TlsFailureKind.CLOSED, "the peer ended the TLS connection")
            except SSL.Error as error:
                self._fail_with(error)
        return b"".join(chunks)

    def _keep_message(self) -> None:
        self._witness.message = tls_messages.take() or self._witness.message

    def _fail(self, kind: TlsFailureKind, message: str, *, words: bool = False) -> None:
        if self.failure is None:
            text = printable(self._heard.rstrip(b"\r\n")) if words and self._heard else None
            self.failure = TlsFailure(kind, message, self._witness.alert, text)

    def _fail_with(self, error: SSL.Error) -> None:
        alert = self._witness.alert
        if alert is not None:
            name = ALERTS.get(alert, f"number {alert}")
            self._fail(TlsFailureKind.ALERT, f"the peer ended the TLS handshake with the alert {name}")
        elif is_ssl3_hello(self._heard):
            self._fail(TlsFailureKind.OLD_VERSION, "the peer speaks SSL 3.0 and nothing newer")
        else:
            self._fail(*self._own_reason(_reason(error)))

    def _own_reason(self, reason: str) -> tuple[TlsFailureKind, str]:
        """Return what our side did not like; `reason` is OpenSSL's word for it."""
        if reason == "excessive message size":
            return TlsFailureKind.TOO_LARGE, "the peer's certificates exceed OpenSSL's limit of 100 KiB"
        if self._witness.message is not None and self._connection.get_peer_certificate() is None:
            return (
                TlsFailureKind.UNREADABLE_CERTIFICATE,
                f"a certificate of the peer cannot be read: {reason}",
            )
        return TlsFailureKind.PROTOCOL, f"the TLS handshake failed: {reason or 'no reason given'}"


def dump(certificates: Iterable[crypto.X509]) -> tuple[bytes, ...]:
    """Return each certificate's DER; cryptography would refuse the chain for one that it cannot parse."""
    return tuple(crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate) for certificate in certificates)


def looks_like_tls(start: bytes) -> bool:
    """Return whether bytes can begin a TLS record (RFC 8446 5.1)."""
    return start[0] in _RECORD_TYPES and (len(start) < 2 or start[1] == _SSL_MAJOR)


def is_ssl3_hello(start: bytes) -> bool:
    """Return whether bytes begin with a ServerHello of SSL 3.0 (RFC 6101 5.2.1, 5.6.1.3)."""
    return (
        len(start) >= 11
        and start[0] == _HANDSHAKE_RECORD
        and start[5] == _SERVER_HELLO
        and start[9:11] == b"\x03\x00"
    )


def _reason(error: SSL.Error) -> str:
    """Return OpenSSL's own word for the first of its errors: lower case, without markup."""
    first = error.args[0] if error.args else None
    return str(first[0][2]) if isinstance(first, list) and first else ""
