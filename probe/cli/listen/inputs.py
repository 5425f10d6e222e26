"""What ``listen`` is given: its own certificate, who may connect, what is expected, what is known of the tenant."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from probe.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    from OpenSSL import SSL

    from probe.exchange.connector import AcceptedDomain, InboundConnector
    from probe.pki.certificate import Certificate


def own_name() -> str:
    """What the listener calls itself."""
    from probe.net.observe import local_ehlo_name

    # RFC 2606 2: a name that can never be somebody's.
    return local_ehlo_name("") or "eop-probe.invalid"


def context(
    path: Path | None, password_file: Path | None, hostname: str, *, old_tls: bool, ca_names: str
) -> SSL.Context:
    """The listener's side of TLS: its own certificate from a file, or one made for the run; raises InputError."""
    from probe.cli.passwords import Passwords
    from probe.net import clock, own_certificate
    from probe.net.tls_server import server_context

    authorities = [each.der for each in _authorities(ca_names)]
    try:
        own = (
            own_certificate.throw_away(hostname, clock.now())
            if path is None
            else Passwords(password_file).opened(path, own_certificate.from_file)
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
