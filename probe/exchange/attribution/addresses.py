"""Whether a sending address is one of an inbound connector's SenderIPAddresses (Set-InboundConnector)."""

from __future__ import annotations

import ipaddress

from probe.exchange.attribution.names import CMDLET, Facet
from probe.exchange.connector import InboundConnector
from probe.exchange.problem import quoted
from probe.exchange.selection.candidates import listed
from probe.statement import Confidence, Statement

#: The widest network a connector takes: /24 (Set-InboundConnector).
WIDEST_PREFIX = 24


def by_address(connector: InboundConnector, address: str | None) -> Facet:
    """Compare the sending address, None where unknown, with the connector's; IPv4 only."""
    ranges, name = connector.sender_ip_addresses, quoted(connector.name)
    if not ranges:
        return Facet(fits=False if ranges is not None else None)
    if address is None:
        return _facet(name, "the sending address is not given", ranges, fits=None)
    network = _network(address)
    if network is None or network.version != 4:
        return _facet(name, f"{quoted(address)} is no IPv4 address and can never match", ranges, fits=False)
    unreadable = tuple(one for one in ranges if not _readable(one))
    said = tuple(_about_range(one, name) for one in unreadable)
    if any(_within(network, one) for one in ranges if one not in unreadable):
        return _facet(name, f"{address} is one of these", ranges, said, fits=True)
    if unreadable or "sender_ip_addresses" in connector.incomplete:
        return _facet(name, f"{address} is none of those known", ranges, said, fits=None)
    text = f"{address} is none of these; if the address changed, add it there"
    return _facet(name, text, ranges, fits=False)


def _facet(
    name: str, text: str, ranges: tuple[str, ...], more: tuple[Statement, ...] = (), *, fits: bool | None
) -> Facet:
    said = Statement(
        f"Connector {name} goes by address ({listed(ranges)}): {text}.", Confidence.DOCUMENTED, CMDLET
    )
    return Facet(fits, (said, *more))


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text.strip().strip("[]"), strict=False)
    except ValueError:
        return None


def _readable(text: str) -> bool:
    network = _network(text)
    return network is not None and network.version == 4 and network.prefixlen >= WIDEST_PREFIX


def _about_range(text: str, name: str) -> Statement:
    said = f"{quoted(text)} of connector {name} is no IPv4 address and no network from /24 to /32."
    return Statement(said, Confidence.DOCUMENTED, CMDLET)


def _within(address: ipaddress.IPv4Network | ipaddress.IPv6Network, text: str) -> bool:
    network = _network(text)
    return network is not None and address.network_address in network
