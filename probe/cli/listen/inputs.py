"""What ``listen`` is given: its own certificate, who may connect, what is expected, what is known of the tenant."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from probe.cli import options as shared
from probe.cli.declare import option, seconds
from probe.eop.settings import Settings
from probe.errors import ConfigurationError, InputError
from probe.net.target import LOOPBACK
from probe.smtp.server_values import EnvelopeCommand

if TYPE_CHECKING:
    from OpenSSL import SSL

    from probe.exchange.connector import AcceptedDomain, InboundConnector
    from probe.listen.examiner import ListenOptions
    from probe.net.listener_settings import ListenerLimits
    from probe.pki.certificate import Certificate


#: A port that needs no rights; EOP's own is 25.
DEFAULT_PORT = 2525
#: Seconds without a byte, and of a whole session. RFC 5321 4.5.3.2.7 grants a client five minutes to think; this
#: listener may stand open to the Internet, and a sender that tries again later loses nothing.
IDLE_S, TOTAL_S = 60.0, 300.0


class Place(NamedTuple):
    """Where it listens, and to whom."""

    host: shared.ListenHost = LOOPBACK
    port: Annotated[
        int,
        option("--port PORT", "Port; 0 for any free one.", variable="LISTEN_PORT", min=0, max=65535),
    ] = DEFAULT_PORT
    allow: Annotated[
        list[str] | None,
        option(
            "--allow CIDR",
            "Addresses that may connect; others are closed without a word. Repeatable. Default: all.",
        ),
    ] = None


def own_name() -> str:
    """What the listener calls itself."""
    from probe.net.observe import local_ehlo_name

    # RFC 2606 2: a name that can never be somebody's.
    return local_ehlo_name("") or "eop-probe.invalid"


class OwnSide(NamedTuple):
    """The listener's own side of TLS."""

    certificate: Annotated[
        Path | None,
        option(
            "--certificate FILE",
            "The listener's own certificate with its key, PEM or PFX. [default: made on the spot]",
        ),
    ] = None
    password_file: Annotated[Path | None, shared.password_file("--certificate")] = None
    ca_names: Annotated[
        str,
        option(
            "--ca-names none|microsoft|FILE",
            "Whom the request for a client certificate names: nobody, all of Microsoft's list, or the "
            "certificates of a file.",
        ),
    ] = "none"

    def context(self, hostname: str, *, old_tls: bool) -> SSL.Context:
        """With the certificate from the file, or one made for the run; raises InputError."""
        from probe.cli.passwords import Passwords
        from probe.net import clock, own_certificate
        from probe.net.tls_server import server_context

        authorities = [each.der for each in _authorities(self.ca_names)]
        try:
            own = (
                own_certificate.throw_away(hostname, clock.now())
                if self.certificate is None
                else Passwords(self.password_file).opened(self.certificate, own_certificate.from_file)
            )
            return server_context(own.chain_pem, own.key_pem, old_tls=old_tls, authorities=authorities)
        except InputError as error:
            raise InputError(f"--certificate: {error}") from None


def _authorities(ca_names: str) -> Sequence[Certificate]:
    """Whom the request for a client certificate is to name, each name once; raises InputError, StoreError."""
    from probe.cli.passwords import Passwords
    from probe.pki.certificate import Certificate

    if ca_names == "none":
        return ()
    if ca_names == "microsoft":
        from probe.stores import load_microsoft

        found: Iterable[object] = load_microsoft().certificates()
    else:
        try:
            found = Passwords(None).open(Path(ca_names)).entries
        except InputError as error:
            raise InputError(f"--ca-names: {error}; give none, microsoft or a file of certificates") from None
    return tuple({each.subject.der: each for each in found if isinstance(each, Certificate)}.values())


class Answers(NamedTuple):
    """What senders are told, and by what it is known."""

    stage: Annotated[EnvelopeCommand, option("--stage", "The command that is answered with the verdict.")] = (
        EnvelopeCommand.RCPT
    )
    defer: Annotated[
        bool,
        option(
            "--defer", "Say permanent refusals (550) as temporary ones, so that the sender keeps its message."
        ),
    ] = False
    tls_sender_certificate_name: shared.SenderCertificateName = None
    accepted_domain: shared.AcceptedDomains = None
    inbound_connectors: Annotated[
        list[Path] | None,
        option(
            "--inbound-connectors FILE",
            "Get-InboundConnector export: attribute each message as Exchange Online does. Repeatable.",
        ),
    ] = None
    accepted_domains: Annotated[
        list[Path] | None,
        option("--accepted-domains FILE", "Get-AcceptedDomain export, to go with it. Repeatable."),
    ] = None
    sending_address: Annotated[
        str | None,
        option(
            "--sending-address IP",
            "Address Exchange Online sees of the senders, where they are behind NAT.",
        ),
    ] = None
    expect: Annotated[
        list[str] | None,
        option(
            "--expect THUMBPRINT|FILE",
            "The certificate that ought to be presented; another one is a finding. Repeatable.",
        ),
    ] = None

    def options(self, stores: shared.Stores, settings: Settings, at: datetime | None) -> ListenOptions:
        """By what senders are judged, `settings` completed; raises ConfigurationError, InputError."""
        from probe.listen.examiner import ListenOptions

        name, domains = self.tls_sender_certificate_name, self.accepted_domain or ()
        known = tenant([*(self.inbound_connectors or ()), *(self.accepted_domains or ())], name, domains)
        return ListenOptions(
            stores=stores.loader(),
            settings=replace(
                settings,
                # With connectors the attribution says more than the rules about one name.
                tls_sender_certificate_name=None if known.connectors else name,
                accepted_domains=() if known.connectors else tuple(domains),
                expected_thumbprints=expected(self.expect or ()),
            ),
            at=at,
            stage=self.stage,
            defer=self.defer,
            connectors=known.connectors,
            domains=known.domains,
            address=shared.parse_address(self.sending_address, "--sending-address"),
        )


class End(NamedTuple):
    """When it is over, but for Ctrl-C and SIGTERM."""

    once: Annotated[bool, option("--once", "End after the first sender's session.")] = False
    until_accepted: Annotated[
        bool, option("--until-accepted", "End when a sender would be accepted (or is at risk).")
    ] = False
    timeout: Annotated[
        float | None,
        seconds(
            "--timeout",
            "End after so many seconds. [default: never]",
            longest=31_536_000,
            variable="LISTEN_TIMEOUT",
        ),
    ] = None


class AtOnce(NamedTuple):
    """How many sessions there may be."""

    max_sessions: Annotated[int, option("--max-sessions N", "Sessions at once.", min=1, max=10_000)] = 512
    max_per_address: Annotated[
        int, option("--max-per-address N", "Of those, from one address.", min=1, max=10_000)
    ] = 64

    def limits(self) -> ListenerLimits:
        """These and the listener's own."""
        from probe.net.listener_settings import ListenerLimits

        return ListenerLimits(
            sessions=self.max_sessions, per_address=self.max_per_address, idle_s=IDLE_S, total_s=TOTAL_S
        )


class TenantInputs(NamedTuple):
    """What is known of the tenant: its inbound connectors, and its accepted domains if they are known."""

    connectors: tuple[InboundConnector, ...] = ()
    domains: tuple[AcceptedDomain, ...] | None = None


def tenant(files: Sequence[Path], name: str | None, domains: Sequence[str]) -> TenantInputs:
    """The exports' connectors and domains, with the name and the domains given on the command line."""
    if not files and not (name and domains):
        return TenantInputs()
    from probe.cli.exchange.common import gather_files, warn_of
    from probe.exchange.attribution.names import connector_asking_for
    from probe.exchange.connector import AcceptedDomain
    from probe.exchange.problem import Place

    here = Place("the command line")
    found, gathered = gather_files(files) if files else (None, None)
    connectors, accepted = (gathered.inbound_connectors, gathered.accepted_domains) if gathered else ((), ())
    if found is not None and gathered is not None:
        warn_of((*found.problems, *gathered.problems))
    if files and not connectors:
        raise InputError("--inbound-connectors: the files hold no inbound connector")
    if name:
        connectors = (*connectors, replace(connector_asking_for(name), name="of the command line"))
    accepted = (*accepted, *(AcceptedDomain(source=here, domain_name=domain) for domain in domains))
    return TenantInputs(connectors, accepted or None)


def allowed(networks: Sequence[str]) -> Callable[[str], bool]:
    """A test for addresses; IPv4 addresses that arrive at an IPv6 socket count as what they are."""
    if not networks:
        return lambda _address: True
    try:
        wanted = [ipaddress.ip_network(text.strip(), strict=False) for text in networks]
    except ValueError as error:
        raise ConfigurationError(f"--allow: {error}; write it like 192.0.2.0/24") from None

    def allowed(text: str) -> bool:
        address = ipaddress.ip_address(text.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in wanted)

    return allowed


def expected(values: Sequence[str]) -> tuple[str, ...]:
    """The thumbprints that --expect gives, or those of the end certificates of its files."""
    return tuple(_thumbprint(value) or _thumbprint_of(Path(value)) for value in values)


def _thumbprint(text: str) -> str | None:
    """SHA-1 or SHA-256 in any of the ways people copy it, colons and spaces included; None for another text."""
    digits = "".join(c for c in text.lower() if c not in " :-\u200e")
    right = len(digits) in (40, 64) and all(c in "0123456789abcdef" for c in digits)
    return digits if right else None


def _thumbprint_of(path: Path) -> str:
    from probe.cli.passwords import Passwords

    try:
        return Passwords(None).open(path).leaf.sha1
    except InputError as error:
        raise InputError(f"--expect: {error}") from None
