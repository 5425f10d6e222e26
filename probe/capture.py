"""What one connection showed: the conversation, the handshake, the chain as it was sent, and what ended it."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

from probe.values import value

if TYPE_CHECKING:
    # Loaded when there is a certificate: until then a check needs no library for them.
    from probe.pki.certificate import Certificate
    from probe.pki.chain import PresentedChain
    from probe.smtp.transcript import TranscriptLine


class Phase(enum.Enum):
    """How far a connection came before it failed."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    SMTP = "smtp"
    TLS = "tls"
    TIMEOUT = "timeout"


class FaultKind(enum.Enum):
    """Why no certificate, or not a clean conversation, came about; values are rule ids."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    THROTTLED = "throttled"
    SMTP_REFUSED = "smtp-refused"
    NOT_SMTP = "not-smtp"
    CONNECTION_CLOSED = "connection-closed"
    NO_STARTTLS = "no-starttls"
    STARTTLS_REFUSED = "starttls-refused"
    TLS_FAILED = "tls-failed"
    CLIENT_CERTIFICATE_DEMANDED = "client-certificate-demanded"
    OLD_TLS = "old-tls"
    STARTTLS_NOT_USED = "starttls-not-used"
    """Seen by a listener: the sender was offered STARTTLS and went on without it."""


class Cause(enum.Enum):
    """What is known beyond a fault's kind, where it decides what to do about it."""

    NULL_MX = "null-mx"
    NO_AGREEMENT = "no-agreement"
    """The alert handshake_failure: nothing that was offered would do."""
    SERVER_NAME_REFUSED = "server-name-refused"
    """The alert unrecognized_name (RFC 6066 3)."""
    PLAIN_TEXT = "plain-text"
    """Plain text in place of TLS."""
    NO_CLIENT_HELLO = "no-client-hello"
    """Seen by a listener: the sender said STARTTLS and did not begin the handshake."""
    LEFT = "left"
    """Seen by a listener: the sender said EHLO and QUIT, and nothing in between."""
    AFTER_NO_HELLO = "after-no-hello"
    AFTER_LEAVING = "after-leaving"
    """In an earlier session the same sender had ended so."""


@value
class Fault:
    """What ended an observation early: phase, kind, one sentence, and the server's own words (escaped)."""

    phase: Phase
    kind: FaultKind
    message: str
    server_text: str | None = None
    cause: Cause | None = None


class KeyAnswer(enum.Enum):
    """What came of a connection, of one that asked for one kind of key in particular."""

    SHOWN = "shown"
    """It counts: it was an ordinary one, or it showed a certificate of that kind."""
    NOT_HELD = "not-held"
    NOT_ASKED = "not-asked"
    """The question did not get through: whether the server holds such a key is not known."""


class How(NamedTuple):
    """How one of several connections was made: as which sample (from 1), for which kind of key, with SNI or without."""

    sample: int = 0
    key_type: str = ""
    sni: bool = True

    @property
    def label(self) -> str:
        """A few words without a comma: ``sample 2``, ``RSA without SNI``; empty for the only connection."""
        what = f"sample {self.sample}" if self.sample else self.key_type.upper()
        return " ".join(filter(None, (what, "" if self.sni else "without SNI")))


@value
class SmtpFacts:
    """The plaintext half of the conversation; texts are escaped."""

    banner: str | None
    ehlo: tuple[str, ...]
    starttls_offered: bool
    transcript: tuple[TranscriptLine, ...]
    plaintext_after_starttls: str | None = None


@value
class TlsFacts:
    """The TLS half: `version` as in ``TLSv1.3``, `cipher` and `group` by their IANA or OpenSSL names."""

    version: str
    cipher: str
    group: str | None
    client_certificate_requested: bool
    authorities_named: int = 0
    """How many authorities the request for a client certificate named; a request that names none takes any."""
    early_ticket: bool | None = None
    """Whether a session ticket was seen before our Finished left; None: nobody looked."""


ORDINARY = How()
_KEY_TYPES = {"rsa": "rsa", "ec-": "ecdsa", "ed": "eddsa", "ml-dsa": "ml-dsa"}


@value
class Capture:
    """One connection's worth of observation.

    `presented` is None where no handshake came far enough; `fault` may stand beside a captured chain.
    """

    host: str
    address: str | None
    port: int
    smtp: SmtpFacts | None = None
    tls: TlsFacts | None = None
    presented: PresentedChain | None = None
    fault: Fault | None = None
    how: How = ORDINARY
    answer: KeyAnswer = KeyAnswer.SHOWN
    stapled: bytes | None = None
    """The OCSP response sent along, where one was asked for; untrusted bytes."""

    @property
    def leaf(self) -> Certificate | None:
        """The end certificate, where one was seen and can be read."""
        return self.presented.leaf if self.presented else None

    @property
    def name_refused(self) -> bool:
        """Whether the server refused the name in SNI."""
        return self.fault is not None and self.fault.cause is Cause.SERVER_NAME_REFUSED

    @property
    def key_type(self) -> str | None:
        """The end certificate's kind of key (``rsa``, ``ecdsa``, ``eddsa``, ``ml-dsa``), if it is one of these."""
        key = self.leaf.key if self.leaf else ""
        return next((kind for start, kind in _KEY_TYPES.items() if key.startswith(start)), None)
