"""What Get-ExchangeCertificate says of the certificates of one or several Exchange servers.

Source: Microsoft, Get-ExchangeCertificate (office-docs-powershell). ``None`` always means that the
evidence does not tell, never a default.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from probe.exchange.problem import Place, Problem
from probe.pki.certificate import Certificate


class Services(enum.Flag):
    """What a certificate is enabled for; an empty value is Exchange's ``None``.

    The numbers of IMAP, POP, IIS and SMTP were observed in published exports; the others are
    inferred from the documented order.
    """

    NONE = 0
    IMAP = 1
    POP = 2
    UM = 4
    IIS = 8
    SMTP = 16
    FEDERATION = 32
    UM_CALL_ROUTER = 64

    @property
    def text(self) -> str:
        """The services as Exchange lists them, e.g. ``IMAP, POP, IIS, SMTP``, or ``None``."""
        return ", ".join(SERVICE_NAMES[one] for one in Services if one in self) or "None"


SERVICE_NAMES = {
    Services.IMAP: "IMAP",
    Services.POP: "POP",
    Services.UM: "UM",
    Services.IIS: "IIS",
    Services.SMTP: "SMTP",
    Services.FEDERATION: "Federation",
    Services.UM_CALL_ROUTER: "UMCallRouter",
}


class Status(enum.Enum):
    """The local server's view of a certificate; EOP may see it otherwise."""

    DATE_INVALID = "DateInvalid"
    INVALID = "Invalid"
    PENDING_REQUEST = "PendingRequest"
    REVOCATION_CHECK_FAILURE = "RevocationCheckFailure"
    REVOKED = "Revoked"
    UNKNOWN = "Unknown"
    UNTRUSTED = "Untrusted"
    VALID = "Valid"


class RootCAType(enum.Enum):
    """Where the local server knows the root from; other than ThirdParty is the best offline hint of trouble."""

    NONE = "None"
    THIRD_PARTY = "ThirdParty"
    ENTERPRISE = "Enterprise"
    REGISTRY = "Registry"
    GROUP_POLICY = "GroupPolicy"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeCertificate:
    """One certificate on one server; where RawData was given, it wins over the text beside it.

    `thumbprint` is lower-case hex (40 digits; fewer, or none, in `Inventory.fragments`). `subject` and
    `issuer` are in Windows' form, None where the export cut them. `names` is empty and
    `names_complete` False where no names were given. Instants are aware UTC. `inferred` names the
    fields whose reading rests on an inference (an enumeration's undocumented number, a local time
    taken as UTC).
    """

    source: Place
    thumbprint: str
    server: str | None = None
    friendly_name: str | None = None
    subject: str | None = None
    issuer: str | None = None
    serial: str | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    names: tuple[str, ...] = ()
    names_complete: bool = False
    services: Services | None = None
    status: Status | None = None
    root_ca_type: RootCAType | None = None
    has_private_key: bool | None = None
    is_self_signed: bool | None = None
    certificate: Certificate | None = None
    inferred: tuple[str, ...] = ()

    def told_by(self, certificate: Certificate) -> Self:
        """The record with what the certificate itself says."""
        return replace(
            self,
            thumbprint=certificate.sha1,
            subject=certificate.subject.windows,
            issuer=certificate.issuer.windows,
            serial=certificate.serial_hex.lower(),
            not_before=certificate.not_before,
            not_after=certificate.not_after,
            names=certificate.names(),
            names_complete=True,
            is_self_signed=certificate.self_signed,
            certificate=certificate,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """The certificates of all servers, in the order found.

    `fragments` are records without a full thumbprint (``| fl FriendlyName,Services``, a cut table)
    that belong to no certificate known so far.
    """

    certificates: tuple[ExchangeCertificate, ...] = ()
    fragments: tuple[ExchangeCertificate, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def servers(self) -> tuple[str, ...]:
        """The servers named, in the order found."""
        return tuple(dict.fromkeys(c.server for c in self.certificates if c.server is not None))

    def on(self, server: str) -> tuple[ExchangeCertificate, ...]:
        """The certificates of one server, by its full or its first name, and those of no named server."""
        return tuple(c for c in self.certificates if c.server is None or same_server(c.server, server))

    def find(self, thumbprint: str) -> tuple[ExchangeCertificate, ...]:
        """Every record of one certificate; `thumbprint` in hex of either case, spaces allowed."""
        wanted = thumbprint.replace(" ", "").lower()
        return tuple(c for c in self.certificates if c.thumbprint == wanted)


def same_server(one: str, other: str) -> bool:
    """Whether two names mean one server: equal, or one is the other's first label (EX01, EX01.contoso.com)."""
    one, other = one.rstrip(".").lower(), other.rstrip(".").lower()
    if "." in one and "." in other:
        return one == other
    return one.partition(".")[0] == other.partition(".")[0]
