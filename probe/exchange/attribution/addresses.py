"""Whether a sending address is one of an inbound connector's SenderIPAddresses (Set-InboundConnector)."""

from __future__ import annotations

import ipaddress

from probe.exchange.attribution.names import CMDLET, Facet, called
from probe.exchange.connector import InboundConnector
from probe.exchange.problem import quoted
from probe.statement import documented
from probe.text import listed, sentence

#: The widest network a connector takes: /24 (Set-InboundConnector).
WIDEST_PREFIX = 24


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
