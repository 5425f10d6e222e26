"""What one connection showed: the conversation, the handshake, the chain as it was sent, and what ended it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

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
    OLD_TLS = "old-tls"
    STARTTLS_NOT_USED = "starttls-not-used"
    """Seen by a listener: the sender was offered STARTTLS and went on without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What ended an observation early: phase, kind, one sentence, and the server's own words (escaped)."""

    phase: Phase
    kind: FaultKind
    message: str
    server_text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpFacts:
    """The plaintext half of the conversation; texts are escaped."""

    banner: str | None
    ehlo: tuple[str, ...]
    starttls_offered: bool
    transcript: tuple[TranscriptLine, ...]
    plaintext_after_starttls: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFacts:
    """The TLS half: `version` as in ``TLSv1.3``, `cipher` and `group` by their IANA or OpenSSL names."""

    version: str
    cipher: str
    group: str | None
    client_certificate_requested: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """One connection's worth of observation.

    `variant` names how it was made where several are (``rsa, sni``); `presented` is None where no
    handshake came far enough; `fault` may stand beside a captured chain.
    """

    host: str
    address: str | None
    port: int
    smtp: SmtpFacts | None = None
    tls: TlsFacts | None = None
    presented: PresentedChain | None = None
    fault: Fault | None = None
    variant: str = ""
    stapled: bytes | None = None
    """The OCSP response sent along, where one was asked for; untrusted bytes."""

    @property
    def leaf(self) -> Certificate | None:
        """The end certificate, where one was seen and can be read."""
        return self.presented.leaf if self.presented else None
