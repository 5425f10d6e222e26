"""Which addresses may be called because a certificate names them, and which are one client's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.net.public_addresses import client_of, is_public

#: IANA's registries, read on 2026-11-27: first and last address of each block, and a neighbour that is public.
BLOCKS = [
    ("0.0.0.0", "0.255.255.255", "1.0.0.0"),
    ("10.0.0.0", "10.255.255.255", "11.0.0.0"),
    ("100.64.0.0", "100.127.255.255", "100.128.0.0"),
    ("127.0.0.0", "127.255.255.255", "128.0.0.0"),
    ("169.254.0.0", "169.254.255.255", "169.255.0.0"),
    ("172.16.0.0", "172.31.255.255", "172.32.0.0"),
    ("192.0.0.0", "192.0.0.255", "192.0.1.0"),
    ("192.0.2.0", "192.0.2.255", "192.0.3.0"),
    ("192.88.99.0", "192.88.99.255", "192.88.98.255"),
    ("192.168.0.0", "192.168.255.255", "192.169.0.0"),
    ("198.18.0.0", "198.19.255.255", "198.20.0.0"),
    ("198.51.100.0", "198.51.100.255", "198.51.101.0"),
    ("203.0.113.0", "203.0.113.255", "203.0.114.0"),
    ("224.0.0.0", "255.255.255.255", "223.255.255.255"),
    ("2001:1::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::"),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"),
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"),
    ("::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2000::"),
    ("4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3ffe::"),
]


@pytest.mark.parametrize(("first", "last", "beside"), BLOCKS)
def test_blocks_of_the_registries_end_where_they_end(first: str, last: str, beside: str) -> None:
    assert (is_public(first), is_public(last), is_public(beside)) == (False, False, True)


@pytest.mark.parametrize(
    "address",
    [
        "::1",
        "fe80::1%1",
        "fec0::1",  # site-local
        "fd00::1",
        "ff02::1",
        "100::1",
        "5f00::1",
        "64:ff9b:1::808:808",  # NAT64 of a local network
        "::8.8.8.8",  # IPv4-compatible
        "::ffff:0:8.8.8.8",  # IPv4-translated
    ],
)
def test_forms_that_are_never_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    ("form", "public", "private"),
    [
        ("mapped", "::ffff:8.8.8.8", "::ffff:10.0.0.1"),
        ("NAT64", "64:ff9b::808:808", "64:ff9b::7f00:1"),
        ("6to4", "2002:808:808::1", "2002:7f00:1::"),
        # Teredo carries two: its server's, and the client's with all bits turned over (RFC 4380 4).
        ("Teredo, client", "2001:0:808:808::f7f7:f7f7", "2001:0:808:808::f5ff:fffe"),
        ("Teredo, server", "2001:0:808:808::f7f7:f7f7", "2001:0:a00:1::f7f7:f7f7"),
    ],
)
def test_what_is_carried_inside_counts_all_of_it(form: str, public: str, private: str) -> None:
    assert (is_public(public), is_public(private)) == (True, False), form


@given(st.ip_addresses())
def test_every_address_is_one_or_the_other(address: object) -> None:
    assert is_public(str(address)) in (True, False)
    assert client_of(str(address))


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_an_ipv6_client_is_its_network(address: str, client: str) -> None:
    assert client_of(address) == client
