"""Whether one inbound connector of Exchange Online takes a connection for its own (Set-InboundConnector)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import NamedTuple

from probe.exchange.attribution.names import CMDLET, Facet, called, connector_matches
from probe.exchange.connector import ConnectorType, InboundConnector, domain_of_space
from probe.exchange.problem import quoted
from probe.statement import Statement, all_of, any_of, documented, inferred
from probe.text import listed, sentence

#: The widest network a connector takes: /24 (Set-InboundConnector).
WIDEST_PREFIX = 24


class ConnectorMatch(NamedTuple):
    """What a connector would say to a connection if it is enabled."""

    connector: InboundConnector
    certificate: Facet
    address: Facet
    domain: Facet

    @property
    def partner(self) -> bool:
        """Whether it is for another organisation's servers."""
        return self.connector.connector_type is ConnectorType.PARTNER

    @property
    def fits(self) -> bool | None:
        """Whether it matches, by certificate or by address, for this sender."""
        return all_of((any_of((self.certificate.fits, self.address.fits)), self.domain.fits))

    @property
    def active(self) -> bool | None:
        """Whether it matches and is not disabled."""
        return self.fits if self.connector.enabled is not False else False

    @property
    def statements(self) -> tuple[Statement, ...]:
        """Everything said about it; a facet that decides nothing stays silent."""
        by_address = self.address.fits is True and self.certificate.fits is not True
        by_name = () if by_address else self.certificate.statements
        may = any_of((self.certificate.fits, self.address.fits)) is not False
        by_domain = self.domain.statements if may else ()
        return (*by_name, *self.address.statements, *by_domain, *self._state())

    def _state(self) -> Iterator[Statement]:
        name = called(self.connector)
        if self.connector.enabled is False and self.fits is not False:
            text = f"{name} is disabled; enabled, it {'would' if self.fits else 'might'} match"
            yield documented(sentence(text), CMDLET)
        elif self.connector.enabled is None and self.fits:
            yield inferred(f"This presumes that {name} is enabled.")


def by_sender(connector: InboundConnector, sender_domain: str | None) -> Facet:
    """Compare the sender's domain, "" for the null sender, None where unknown, with SenderDomains."""
    covered = _covers(connector, sender_domain)
    if connector.connector_type is ConnectorType.PARTNER:
        return Facet(covered)
    if connector.sender_domains is None:
        text = f"This presumes that {called(connector)} takes every SenderDomain."
        return Facet(fits=True, statements=(inferred(text),))
    if covered is not False:
        return Facet(covered)
    text = (
        f"SenderDomains of {called(connector)} ({', '.join(connector.sender_domains)}) does not hold the sender's "
        "domain; whether a connector for own servers then still counts is not published."
    )
    return Facet(None, (inferred(text),))


def _covers(connector: InboundConnector, sender_domain: str | None) -> bool | None:
    if connector.sender_domains is None:
        return None
    plain = tuple(domain_of_space(domain) for domain in connector.sender_domains)
    if "*" in plain:
        return True
    if sender_domain is None:
        return None
    below = (one for one in plain if one.startswith("*."))
    if sender_domain in plain or any(connector_matches(one, sender_domain) for one in below):
        return True
    return None if "sender_domains" in connector.incomplete else False


def by_address(connector: InboundConnector, address: str | None) -> Facet:
    """Compare the sending address, None where unknown, with the connector's; IPv4 only."""
    ranges = connector.sender_ip_addresses
    if not ranges:
        return Facet(fits=False if ranges is not None else None)
    networks = {one: _network(one) for one in ranges}
    unreadable = tuple(
        f"{quoted(one)} of {called(connector)} is no IPv4 address and no network from /24 to /32."
        for one, network in networks.items()
        if network is None
    )
    given = _network(address) if address is not None else None
    if address is None:
        fits, text, unreadable = None, "the sending address is not given", ()
    elif given is None:
        fits, text, unreadable = False, f"{quoted(address)} is no IPv4 address and can never match", ()
    elif any(network and given.network_address in network for network in networks.values()):
        fits, text = True, f"{address} is one of these"
    elif unreadable or "sender_ip_addresses" in connector.incomplete:
        fits, text = None, f"{address} is none of those known"
    else:
        fits, text = False, f"{address} is none of these; if the address changed, add it there"
    said = sentence(f"{called(connector)} goes by address ({listed(ranges)}): {text}")
    return Facet(fits, tuple(documented(one, CMDLET) for one in (said, *unreadable)))


def _network(text: str) -> ipaddress.IPv4Network | None:
    try:
        network = ipaddress.IPv4Network(text.strip().strip("[]"), strict=False)
    except ValueError:
        return None
    return network if network.prefixlen >= WIDEST_PREFIX else None
