"""What the product learns of the lab's domains from a resolver that validates: real zones, keys and signatures."""

from __future__ import annotations

import pytest

from probe.exchange.outbound.facts import Dnssec
from probe.net.dnssec import check_resolver, domain_facts
from tests.lab.running import START_SECONDS, Lab
from tests.lab.situations import ADDRESS

pytestmark = [pytest.mark.lab, pytest.mark.timeout(START_SECONDS + 60)]

SECURE, INSECURE, BOGUS = Dnssec.SECURE, Dnssec.INSECURE, Dnssec.BOGUS
#: MX, addresses and TLSA, how many records, and how many of them no sender can use.
FOUND = {
    "none": (SECURE, SECURE, SECURE, 0, 0),
    "ee-key": (SECURE, SECURE, SECURE, 1, 0),
    "ee-whole": (SECURE, SECURE, SECURE, 1, 0),
    "rollover": (SECURE, SECURE, SECURE, 2, 0),
    "pkix": (SECURE, SECURE, SECURE, 2, 2),
    "malformed": (SECURE, SECURE, SECURE, 2, 1),
    "malformed-only": (SECURE, SECURE, SECURE, 1, 1),
    "tlsa-alias": (SECURE, SECURE, SECURE, 1, 0),
    "alias-unsigned": (SECURE, INSECURE, SECURE, 1, 0),
    "unsigned": (INSECURE, INSECURE, INSECURE, 1, 0),
    "host-unsigned": (SECURE, INSECURE, INSECURE, 1, 0),
    "bogus": (BOGUS, BOGUS, BOGUS, 1, 0),
    "broken": (BOGUS, BOGUS, BOGUS, 1, 0),
    "host-bogus": (SECURE, BOGUS, BOGUS, 1, 0),
    "tlsa-bogus": (SECURE, SECURE, BOGUS, 1, 0),
}


@pytest.fixture(scope="module")
def resolver(lab: Lab) -> str:
    return f"{ADDRESS}:{lab.port('resolver')}"


def test_its_word_counts(resolver: str) -> None:
    assert check_resolver(resolver) is None


@pytest.mark.parametrize("name", FOUND)
def test_a_domain(resolver: str, name: str) -> None:
    found = domain_facts(f"{name}.example", resolver)
    (host,) = found.exchangers
    unusable = sum(each.problem is not None for each in host.tlsa.records)
    told = (found.mx, host.address, host.tlsa.dnssec, len(host.tlsa.records), unusable)
    assert told == FOUND[name]
    assert bool(found.failure or host.failure or host.tlsa.failure) == (BOGUS in told)


def test_records_at_the_name_that_the_host_is_an_alias_of(resolver: str) -> None:
    (host,) = domain_facts("alias.example", resolver).exchangers
    assert (host.host, host.tlsa.base, len(host.tlsa.records)) == ("alias.mx.example", "ee-key.mx.example", 1)
