"""Which IP addresses are of the public Internet, and which are one client's.

The table is this project's own copy of IANA's special-purpose registries (RFC 6890 and its updates), not Python's:
what `ipaddress.is_global` says of an address has changed between releases of Python.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

#: IPv4 that is not for everyone (IANA IPv4 Special-Purpose Address Registry; multicast by RFC 5771).
_SPECIAL_4 = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # this network, RFC 791
        "10.0.0.0/8",  # private, RFC 1918
        "100.64.0.0/10",  # shared by a provider's customers, RFC 6598
        "127.0.0.0/8",  # loopback, RFC 1122
        "169.254.0.0/16",  # link-local, RFC 3927
        "172.16.0.0/12",  # private, RFC 1918
        "192.0.0.0/24",  # protocol assignments, RFC 6890; its two anycast services are the nearest network's own
        "192.0.2.0/24",  # documentation, RFC 5737
        "192.88.99.0/24",  # 6to4 relays, given up, RFC 7526
        "192.168.0.0/16",  # private, RFC 1918
        "198.18.0.0/15",  # benchmarks, RFC 2544
        "198.51.100.0/24",  # documentation, RFC 5737
        "203.0.113.0/24",  # documentation, RFC 5737
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, RFC 1112, and broadcast, RFC 919
    )
)
#: The one block of IPv6 that IANA hands out for global unicast (RFC 4291 2.4). Outside are loopback, link-local,
#: site-local (RFC 3879), unique local, multicast, discard-only, IPv4-compatible and IPv4-translated forms, the
#: local-use NAT64 prefix (RFC 8215) and segment routing (RFC 9602).
_GLOBAL_UNICAST = IPv6Network("2000::/3")
#: What in it is not for everyone (IANA IPv6 Special-Purpose Address Registry).
_SPECIAL_6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments, RFC 2928: benchmarks, ORCHID; Teredo is judged by what it carries
        "2001:db8::/32",  # documentation, RFC 3849
        "3fff::/20",  # documentation, RFC 9637
    )
)

_MAPPED = IPv6Network("::ffff:0:0/96")  # RFC 4291 2.5.5.2
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052 2.1
_TEREDO = IPv6Network("2001::/32")  # RFC 4380 4
_SIX_TO_FOUR = IPv6Network("2002::/16")  # RFC 3056 2

#: Bits of an IPv6 address that name one network (RFC 4291 2.5.4): one client has all of the rest.
_CLIENT_BITS = 64


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public Internet.

    One that carries IPv4 addresses inside (mapped, NAT64, 6to4, Teredo) is if all of those are.
    """
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in _SPECIAL_4)
    carried = _carried(ip)
    if carried:
        return all(is_public(str(each)) for each in carried)
    return ip in _GLOBAL_UNICAST and not any(ip in network for network in _SPECIAL_6)


def client_of(address: str) -> str:
    """Whose connections an IP address's are counted among: an IPv6 client has a whole /64 of them."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv4Address):
        return str(ip)
    if ip.ipv4_mapped:  # an IPv4 client, as a socket for both kinds shows it
        return str(ip.ipv4_mapped)
    return str(IPv6Network((ip, _CLIENT_BITS), strict=False))


def _carried(ip: IPv6Address) -> tuple[IPv4Address, ...]:
    value = int(ip)
    if ip in _MAPPED or ip in _NAT64:
        return (IPv4Address(value & 0xFFFFFFFF),)
    if ip in _SIX_TO_FOUR:
        return (IPv4Address(value >> 80 & 0xFFFFFFFF),)
    if ip in _TEREDO:
        return (IPv4Address(value >> 64 & 0xFFFFFFFF), IPv4Address(~value & 0xFFFFFFFF))
    return ()
