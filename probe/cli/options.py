"""The options that commands share, each declared once, and how their values are read.

A class of options is taken by a command as one parameter.
"""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from probe.cli.declare import finite, option, seconds
from probe.cli.early import is_store
from probe.cli.output import warn
from probe.eop.settings import Settings
from probe.eop.vocabulary import ConnectorMode, Direction
from probe.errors import ConfigurationError
from probe.text import printable

if TYPE_CHECKING:
    from probe.check.options import CheckOptions
    from probe.net.target import Target
    from probe.pki.truststore import TrustStore

#: The defaults of the thresholds.
DEFAULTS = Settings()


def _not_recorded(context: typer.Context, value: str | None) -> str | None:
    if value is not None and context.params.get("record"):
        raise ConfigurationError("--at asks what would be; --record keeps what is")
    return value


def _server(option: typer.CallbackParam, value: str | None) -> str | None:
    """Refuse what is no address of a name server, before anybody is connected to."""
    if value is not None:
        from probe.net.target import name_server

        try:
            name_server(value)
        except ConfigurationError as error:
            raise ConfigurationError(f"{option.opts[0]}: {error}") from None
    return value


At = Annotated[
    str | None,
    option("--at ISO-INSTANT", "Judge as of this moment (UTC unless it says).", callback=_not_recorded),
]
ListenHost = Annotated[str, option("--host IP", "Address to listen on; 0.0.0.0 or :: for every one.")]
Resolve = Annotated[
    list[str] | None, option("--resolve HOST=IP", "Take this address for a host. Repeatable.")
]
Resolver = Annotated[
    str | None, option("--resolver IP", "DNS server to ask instead of the system's.", callback=_server)
]
Timeout = Annotated[float, seconds("--timeout", "Total for one connection.")]
StoreNames = Annotated[
    list[str] | None,
    option(
        "--store NAME|FILE",
        "microsoft, mozilla or a PEM file; the first decides. Repeatable. Default: microsoft, mozilla. Where "
        "another than Microsoft's decides, the outcome is at-risk at best.",
    ),
]
AuthrootStl = Annotated[
    Path | None,
    option(
        "--authroot-stl FILE",
        "Your own copy of Microsoft's signed root list (authroot.stl or authrootstl.cab).",
    ),
]
DisallowedStl = Annotated[
    Path | None,
    option("--disallowed-stl FILE", "Your own copy of Microsoft's list of disallowed certificates."),
]


def password_file(of: str) -> Any:  # noqa: ANN401 - typer's own
    """The option for the password of `of`."""
    return option(
        "--password-file FILE", f"First line: password of {of}. Else $EOP_PROBE_PASSWORD, else a prompt."
    )


class Stores(NamedTuple):
    """Which root lists judge, and where Microsoft's are read."""

    store: StoreNames = None
    stand_in: Annotated[
        Path | None,
        option(
            "--stand-in FILE",
            "Take the roots of this PEM file as if Microsoft's list held them: labs and what-if.",
        ),
    ] = None
    authroot_stl: AuthrootStl = None
    disallowed_stl: DisallowedStl = None

    def loader(self) -> Callable[[], Sequence[TrustStore]]:
        """Return a function that loads the stores once, however many threads ask; it raises StoreError."""
        lock = threading.Lock()
        loaded: list[TrustStore] = []

        def load() -> Sequence[TrustStore]:
            from probe import stores

            with lock:
                if not loaded:
                    more = self._asdict()
                    loaded.extend(stores.load_judges(more.pop("store") or (), **more, warn=warn))
                return loaded

        return load

    def named(self) -> Callable[[], Sequence[TrustStore]]:
        """The same; where there is no such store or file it is raised here: before anybody is connected to."""
        load = self.loader()
        if not all(map(is_store, self.store or ())):
            load()
        return load


SenderCertificateName = Annotated[
    str | None,
    option(
        "--tls-sender-certificate-name NAME",
        "TlsSenderCertificateName of the inbound connector in Exchange Online.",
    ),
]
AcceptedDomains = Annotated[
    list[str] | None, option("--accepted-domain NAME", "An accepted domain of the tenant. Repeatable.")
]
ExpiringDays = Annotated[
    int,
    option(
        "--expiring-days DAYS",
        "At risk when fewer days remain, or less than the share below, whichever is shorter.",
        min=0,
        max=3650,
    ),
]
ExpiringShare = Annotated[
    float,
    option(
        "--expiring-share SHARE",
        "Share of the certificate's lifetime for --expiring-days.",
        callback=finite,
        min=0.0,
        max=1.0,
        show_default="a third",
    ),
]


class Question(NamedTuple):
    """What is asked of a certificate, and by which thresholds: the options of `check` and `certificate`."""

    direction: Annotated[
        Direction,
        option(
            "--direction",
            "to-eop: EOP judges what your server sends. from-eop: Exchange Online judges your server.",
        ),
    ] = Direction.TO_EOP
    at: At = None
    tls_sender_certificate_name: SenderCertificateName = None
    accepted_domain: AcceptedDomains = None
    tls_domain: Annotated[
        str | None,
        option("--tls-domain NAME", "TlsDomain of the outbound connector (with --direction from-eop)."),
    ] = None
    expiring_days: ExpiringDays = DEFAULTS.expiring_days
    expiring_share: ExpiringShare = DEFAULTS.expiring_fraction
    critical_days: Annotated[
        int,
        option(
            "--critical-days DAYS",
            "CRITICAL for Nagios, and exit code 2, when fewer days remain.",
            min=0,
            max=3650,
        ),
    ] = DEFAULTS.critical_days
    revocation: Annotated[
        bool,
        option("--revocation", "Ask the issuers whether certificates are revoked: stapled OCSP, OCSP, CRLs."),
    ] = False
    revocation_allow_private: Annotated[
        bool, option("--revocation-allow-private", "Ask at addresses that are not public, too.")
    ] = False

    def options(self, stores: Stores) -> CheckOptions:
        """The options of a check, without those of the connection; raises ConfigurationError."""
        self._refuse_the_other_directions()
        from probe.check.options import CheckOptions

        return CheckOptions(
            stores=stores.named(),
            direction=self.direction,
            settings=Settings(
                tls_sender_certificate_name=self.tls_sender_certificate_name,
                accepted_domains=tuple(self.accepted_domain or ()),
                tls_domain=self.tls_domain,
                expiring_days=self.expiring_days,
                expiring_fraction=self.expiring_share,
                critical_days=self.critical_days,
            ),
            at=parse_instant(self.at),
            revocation=self.revocation,
            revocation_allow_private=self.revocation_allow_private,
        )

    def _refuse_the_other_directions(self) -> None:
        """What says nothing of this direction is a mistake: of the option, or of the direction."""
        to_eop = self.direction is Direction.TO_EOP
        given = {
            "--tls-domain": self.tls_domain and to_eop,
            "--tls-sender-certificate-name": self.tls_sender_certificate_name and not to_eop,
            "--accepted-domain": self.accepted_domain and not to_eop,
        }
        other = (Direction.FROM_EOP if to_eop else Direction.TO_EOP).value
        for flag in (flag for flag, value in given.items() if value):
            raise ConfigurationError(f"{flag} is for --direction {other}; this is {self.direction.value}")


DnssecResolver = Annotated[
    str | None,
    option(
        "--dnssec-resolver IP[:PORT]",
        "Validating resolver whose word on DNSSEC counts (mx: targets, from-eop). Without one DANE is unknown.",
        callback=_server,
    ),
]
ConnectorModes = Annotated[
    ConnectorMode,
    option(
        "--connector-mode",
        "SmtpDaneMode and MtaStsMode of the outbound connector (mx: targets, from-eop): none looks at neither, "
        "mandatory demands DANE.",
    ),
]


class Sender(NamedTuple):
    """How Exchange Online, as the sender to a domain, is asked after."""

    dnssec_resolver: DnssecResolver = None
    connector_mode: ConnectorModes = ConnectorMode.OPPORTUNISTIC

    def refuse_unused(self, context: typer.Context, direction: Direction, targets: Iterable[Target]) -> None:
        """What no target has a use for is a mistake, unless it is in the environment, for other runs."""
        if direction is Direction.FROM_EOP and any(each.mx for each in targets):
            return
        for name in self._fields:
            source = context.get_parameter_source(name)
            if source and source.name == "COMMANDLINE":
                flag = f"--{name.replace('_', '-')}"
                raise ConfigurationError(f"{flag} is for mx:DOMAIN targets with --direction from-eop")

    def of(self, options: CheckOptions) -> CheckOptions:
        """The options of a check with these."""
        return replace(options, dnssec_resolver=self.dnssec_resolver, connector_mode=self.connector_mode)


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


def parse_address(text: str | None, option: str = "--ip") -> str | None:
    """Read an IP address; raises ConfigurationError."""
    if text is None:
        return None
    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        raise ConfigurationError(f"{option}: {printable(text, 60)} is no IP address") from None


def overrides(pairs: Sequence[str] | None) -> dict[str, tuple[str, ...]]:
    """Read every ``HOST=IP`` of --resolve, several addresses for a host in order; raises ConfigurationError."""
    from probe.net.target import ascii_host, is_ip_address

    found: dict[str, tuple[str, ...]] = {}
    for pair in pairs or ():
        host, equals, address = pair.partition("=")
        address = address.strip("[]")
        if not equals or not is_ip_address(address):
            raise ConfigurationError(
                f'--resolve: "{printable(pair, 100)}" is not HOST=IP; write it like mail.contoso.com=192.0.2.1'
            )
        name = ascii_host(host)
        found[name] = (*found.get(name, ()), address)
    return found
