"""The options that commands share, each with its environment variable, and how their values are read."""

from __future__ import annotations

import enum
import math
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.eop.vocabulary import Direction
from probe.errors import ConfigurationError
from probe.text import printable

if TYPE_CHECKING:
    from probe.pki.truststore import TrustStore


class Format(enum.StrEnum):
    """How the report is written."""

    TERMINAL = "terminal"
    JSON = "json"
    JSONL = "jsonl"
    NAGIOS = "nagios"
    PROMETHEUS = "prometheus"
    JUNIT = "junit"
    HTML = "html"


def finite(value: float) -> float:
    """Refuse what is no number: "nan" lies in every range."""
    if not math.isfinite(value):
        raise typer.BadParameter("not a number")
    return value


DirectionOption = Annotated[
    Direction,
    typer.Option(
        "--direction",
        envvar="EOP_PROBE_DIRECTION",
        help="to-eop: EOP judges what your server sends. from-eop: Exchange Online judges your server.",
    ),
]
Stores = Annotated[
    list[str] | None,
    typer.Option(
        "--store",
        envvar="EOP_PROBE_STORE",
        metavar="NAME|FILE",
        help="microsoft, mozilla or a PEM file; the first decides. Repeatable. Default: microsoft, mozilla. Where "
        "another than Microsoft's decides, the outcome is at-risk at best.",
    ),
]
StandIn = Annotated[
    Path | None,
    typer.Option(
        "--stand-in",
        envvar="EOP_PROBE_STAND_IN",
        metavar="FILE",
        help="Take the roots of this PEM file as if Microsoft's list held them: labs and what-if.",
    ),
]
At = Annotated[
    str | None,
    typer.Option(
        "--at",
        envvar="EOP_PROBE_AT",
        metavar="ISO-INSTANT",
        help="Judge as of this moment (UTC unless it says).",
    ),
]
OutputFormat = Annotated[
    Format, typer.Option("--format", envvar="EOP_PROBE_FORMAT", help="How the report is written.")
]
Output = Annotated[
    str | None,
    typer.Option("--output", envvar="EOP_PROBE_OUTPUT", metavar="FILE", help="Write the report there."),
]
SenderCertificateName = Annotated[
    str | None,
    typer.Option(
        "--tls-sender-certificate-name",
        envvar="EOP_PROBE_TLS_SENDER_CERTIFICATE_NAME",
        metavar="NAME",
        help="TlsSenderCertificateName of the inbound connector in Exchange Online.",
    ),
]
AcceptedDomains = Annotated[
    list[str] | None,
    typer.Option(
        "--accepted-domain",
        envvar="EOP_PROBE_ACCEPTED_DOMAIN",
        metavar="NAME",
        help="An accepted domain of the tenant. Repeatable.",
    ),
]
TlsDomain = Annotated[
    str | None,
    typer.Option(
        "--tls-domain",
        envvar="EOP_PROBE_TLS_DOMAIN",
        metavar="NAME",
        help="TlsDomain of the outbound connector (with --direction from-eop).",
    ),
]
ExpiringDays = Annotated[
    int,
    typer.Option(
        "--expiring-days",
        envvar="EOP_PROBE_EXPIRING_DAYS",
        min=0,
        max=3650,
        help="At risk when fewer days remain, or less than the share below, whichever is shorter.",
    ),
]
ExpiringShare = Annotated[
    float,
    typer.Option(
        "--expiring-share",
        callback=finite,
        envvar="EOP_PROBE_EXPIRING_SHARE",
        min=0.0,
        max=1.0,
        show_default="a third",
        help="Share of the certificate's lifetime for --expiring-days.",
    ),
]
AuthrootStl = Annotated[
    Path | None,
    typer.Option(
        "--authroot-stl",
        envvar="EOP_PROBE_AUTHROOT_STL",
        metavar="FILE",
        help="Your own copy of Microsoft's signed root list (authroot.stl or authrootstl.cab).",
    ),
]
DisallowedStl = Annotated[
    Path | None,
    typer.Option(
        "--disallowed-stl",
        envvar="EOP_PROBE_DISALLOWED_STL",
        metavar="FILE",
        help="Your own copy of Microsoft's list of disallowed certificates.",
    ),
]
Resolve = Annotated[
    list[str] | None,
    typer.Option(
        "--resolve",
        envvar="EOP_PROBE_RESOLVE",
        metavar="HOST=IP",
        help="Take this address for a host. Repeatable.",
    ),
]
Revocation = Annotated[
    bool,
    typer.Option(
        "--revocation",
        envvar="EOP_PROBE_REVOCATION",
        help="Ask the issuers whether certificates are revoked: stapled OCSP, OCSP, CRLs.",
    ),
]
RevocationAllowPrivate = Annotated[
    bool,
    typer.Option(
        "--revocation-allow-private",
        envvar="EOP_PROBE_REVOCATION_ALLOW_PRIVATE",
        help="Ask at addresses that are not public, too.",
    ),
]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose",
        "-v",
        envvar="EOP_PROBE_VERBOSE",
        help="Show every fact and remedy, and the SMTP conversation.",
    ),
]


def parse_instant(text: str | None, option: str = "--at") -> datetime | None:
    """Read an ISO 8601 instant; without a zone it is UTC; raises ConfigurationError."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f'{option}: "{printable(text, 60)}" is no instant; write it like 2026-12-31 or 2026-12-31T08:00:00Z'
        ) from None


def overrides(pairs: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Read every ``HOST=IP`` of --resolve, several addresses for a host in order; raises ConfigurationError."""
    from probe.net.target import ascii_host, is_ip_address

    found: dict[str, tuple[str, ...]] = {}
    for pair in pairs:
        host, equals, address = pair.partition("=")
        address = address.strip("[]")
        if not equals or not is_ip_address(address):
            raise ConfigurationError(
                f'--resolve: "{printable(pair, 100)}" is not HOST=IP; write it like mail.contoso.com=192.0.2.1'
            )
        name = ascii_host(host)
        found[name] = (*found.get(name, ()), address)
    return found


def store_loader(
    specs: Sequence[str] | None,
    stand_in: Path | None = None,
    *,
    authroot_stl: Path | None,
    disallowed_stl: Path | None,
    warn: Callable[[str], None],
) -> Callable[[], Sequence[TrustStore]]:
    """Return a function that loads the stores once, however many threads ask; it raises StoreError."""
    lock = threading.Lock()
    loaded: list[TrustStore] = []

    def load() -> Sequence[TrustStore]:
        from probe import stores

        with lock:
            if not loaded:
                loaded.extend(
                    stores.load_judges(
                        specs or (),
                        stand_in=stand_in,
                        authroot_stl=authroot_stl,
                        disallowed_stl=disallowed_stl,
                        warn=warn,
                    )
                )
            return loaded

    return load
