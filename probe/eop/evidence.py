"""The evidence a verdict is drawn from: what was seen, what the stores say, what the user told us."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from probe.eop.settings import Settings
from probe.eop.vocabulary import Basis, Direction, Outcome
from probe.pki.certificate import Certificate
from probe.pki.chain import PresentedChain
from probe.pki.status import Purpose
from probe.pki.truststore import TrustStore
from probe.smtp.transcript import TranscriptLine

if TYPE_CHECKING:
    from probe.pki.path import BuiltPath
    from probe.pki.search import Checked
    from probe.pki.standing import CertificateStanding


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


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePath:
    """What one store makes of the presented chain: the path for each purpose that was asked."""

    name: str
    dated: datetime | None
    paths: dict[Purpose, BuiltPath]

    def best(self) -> BuiltPath:
        """The path that decides: a trusted one if any purpose has it, else the first purpose's.

        Which purpose EOP asks of a client certificate is unknown, so either will do (to-eop asks
        serverAuth and clientAuth, from-eop serverAuth alone).
        """
        return next((path for path in self.paths.values() if path.trusted), next(iter(self.paths.values())))

    @property
    def trusted(self) -> bool:
        """Whether some purpose has a faultless path."""
        return self.best().trusted


class Observation(NamedTuple):
    """One of several captures of an address, and what came of judging it alone."""

    capture: Capture
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything a rule may look at; the first of `stores` decides, the others are second opinions."""

    direction: Direction
    basis: Basis
    capture: Capture
    stores: tuple[StorePath, ...]
    at: datetime
    settings: Settings
    observations: tuple[Observation, ...] = ()
    """Every capture of this address, this one included, where several were made."""
    revocation: tuple[CertificateStanding, ...] | None = None
    """What is known of each certificate of the deciding path below the root; None: not checked."""

    @property
    def leaf(self) -> Certificate | None:
        """The end certificate, where one was seen and can be read."""
        return self.capture.leaf

    @property
    def deciding(self) -> StorePath | None:
        """What the deciding store says, where there is a chain to judge."""
        return self.stores[0] if self.stores else None


def weigh(
    capture: Capture,
    stores: Iterable[TrustStore],
    *,
    direction: Direction,
    basis: Basis,
    at: datetime,
    settings: Settings,
    checked: Checked | None = None,
) -> Evidence:
    """Build what every store makes of a captured chain at `at`; pure, the deciding store first.

    Each signature is worked out once; calls that share `checked` do so together.

    EOP's purpose for a client certificate is unknown, so to-eop asks both; Exchange Online as a
    client asks serverAuth.
    """
    # The engine is loaded for the judgement: an observation, which holds its evidence in these values, needs none.
    from probe.pki.path import build

    purposes = (
        (Purpose.SERVER_AUTH, Purpose.CLIENT_AUTH)
        if direction is Direction.TO_EOP
        else (Purpose.SERVER_AUTH,)
    )
    presented = capture.presented
    checked = {} if checked is None else checked
    judged = (
        tuple(
            StorePath(
                name=store.name,
                dated=store.dated,
                paths={
                    purpose: build(presented, store, purpose, at, checked=checked) for purpose in purposes
                },
            )
            for store in stores
        )
        if presented is not None and presented.leaf is not None
        else ()
    )
    return Evidence(
        direction=direction, basis=basis, capture=capture, stores=judged, at=at, settings=settings
    )
