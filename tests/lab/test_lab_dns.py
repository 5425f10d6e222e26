"""The lab's own DNS: what its resolver says of each kind of zone."""

from __future__ import annotations

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from probe.exchange.outbound.facts import Dnssec
from probe.net.dnssec import domain_facts
from tests.lab.running import PATIENCE_SECONDS, START_SECONDS, Lab
from tests.lab.situations import ADDRESS

pytestmark = [pytest.mark.lab, pytest.mark.timeout(START_SECONDS + 60)]


def ask(lab: Lab, name: str, kind: str, flags: int = 0) -> dns.message.Message:
    query = dns.message.make_query(name, kind, flags=dns.flags.RD | dns.flags.AD | flags, use_edns=0)
    # Over UDP a question, or its answer, may be lost.
    return dns.query.tcp(query, ADDRESS, timeout=PATIENCE_SECONDS, port=lab.port("resolver"))


@pytest.mark.parametrize(
    ("name", "kind", "rcode", "authentic"),
    [
        ("ee-key.example", "MX", dns.rcode.NOERROR, True),
        ("ee-key.mx.example", "A", dns.rcode.NOERROR, True),
        ("_25._tcp.ee-key.mx.example", "TLSA", dns.rcode.NOERROR, True),
        ("_25._tcp.tlsa-alias.mx.example", "TLSA", dns.rcode.NOERROR, True),
        # The zone proves that there is none.
        ("_25._tcp.none.mx.example", "TLSA", dns.rcode.NXDOMAIN, True),
        ("ee-key.mx.example", "AAAA", dns.rcode.NOERROR, True),
        ("unsigned.example", "MX", dns.rcode.NOERROR, False),
        ("_25._tcp.mx.unsigned.example", "TLSA", dns.rcode.NOERROR, False),
        ("bogus.example", "MX", dns.rcode.SERVFAIL, False),
        ("broken.example", "MX", dns.rcode.SERVFAIL, False),
        ("host-bogus.example", "MX", dns.rcode.NOERROR, True),
        ("mx.bogus.example", "A", dns.rcode.SERVFAIL, False),
        ("tlsa-bogus.mx.example", "A", dns.rcode.NOERROR, True),
        ("_25._tcp.tlsa-bogus.mx.example", "TLSA", dns.rcode.SERVFAIL, False),
    ],
)
def test_what_the_resolver_says(lab: Lab, name: str, kind: str, rcode: int, authentic: bool) -> None:
    answer = ask(lab, name, kind)
    assert (answer.rcode(), bool(answer.flags & dns.flags.AD)) == (rcode, authentic)


@pytest.mark.parametrize("name", ["bogus.example", "broken.example"])
def test_a_bogus_answer_is_there_where_nobody_checks_it(lab: Lab, name: str) -> None:
    told = ask(lab, name, "MX").extended_errors()
    assert {each.code for each in told} <= {dns.edns.EDECode.DNSSEC_BOGUS, dns.edns.EDECode.DNSKEY_MISSING}
    assert told
    unchecked = ask(lab, name, "MX", dns.flags.CD)
    assert unchecked.rcode() == dns.rcode.NOERROR
    assert len(unchecked.answer) == 1


SIGNED, UNSIGNED, BROKEN = Dnssec.SECURE, Dnssec.INSECURE, Dnssec.BOGUS


@pytest.mark.parametrize(
    ("name", "mx", "exchangers"),
    [
        ("ee-key", SIGNED, {"ee-key.mx": (SIGNED, SIGNED, [(3, 1, 1)])}),
        ("none", SIGNED, {"none.mx": (SIGNED, SIGNED, [])}),
        ("rollover", SIGNED, {"rollover.mx": (SIGNED, SIGNED, [(3, 1, 1)] * 2)}),
        ("pkix", SIGNED, {"pkix.mx": (SIGNED, SIGNED, [(0, 0, 1), (1, 1, 1)])}),
        (
            "two",
            SIGNED,
            {"wrong.mx": (SIGNED, SIGNED, [(3, 1, 1)]), "ee-key.mx": (SIGNED, SIGNED, [(3, 1, 1)])},
        ),
        ("alias", SIGNED, {"alias.mx": (SIGNED, SIGNED, [(3, 1, 1)])}),
        ("tlsa-alias", SIGNED, {"tlsa-alias.mx": (SIGNED, SIGNED, [(3, 1, 1)])}),
        ("alias-unsigned", SIGNED, {"alias-unsigned.mx": (UNSIGNED, SIGNED, [(3, 1, 1)])}),
        ("unsigned", UNSIGNED, {"mx.unsigned": (UNSIGNED, UNSIGNED, [(3, 1, 1)])}),
        ("host-unsigned", SIGNED, {"mx.unsigned": (UNSIGNED, UNSIGNED, [(3, 1, 1)])}),
        ("bogus", BROKEN, {"mx.bogus": (BROKEN, BROKEN, [(3, 1, 1)])}),
        ("broken", BROKEN, {"mx.broken": (BROKEN, BROKEN, [(3, 1, 1)])}),
        ("host-bogus", SIGNED, {"mx.bogus": (BROKEN, BROKEN, [(3, 1, 1)])}),
        ("tlsa-bogus", SIGNED, {"tlsa-bogus.mx": (SIGNED, BROKEN, [(3, 1, 1)])}),
        ("nowhere", SIGNED, {}),
    ],
)
def test_what_the_product_takes_it_for(
    lab: Lab, name: str, mx: Dnssec, exchangers: dict[str, tuple[Dnssec, Dnssec, list[tuple[int, ...]]]]
) -> None:
    facts = domain_facts(f"{name}.example", f"{ADDRESS}:{lab.port('resolver')}")
    found = {
        each.host.removesuffix(".example"): (
            each.address,
            each.tlsa.dnssec,
            sorted((one.usage, one.selector, one.matching) for one in each.tlsa.records),
        )
        for each in facts.exchangers
    }
    assert (facts.mx, found) == (mx, exchangers)


def test_delv_follows_the_signatures_from_the_root(lab: Lab) -> None:
    """BIND's own validation, from the lab's root key."""
    answers = {
        name: lab.inside("resolver", "delv", "@127.0.0.54", "-a", "/run/lab/anchor", "+root=.", name, "MX")
        for name in ("ee-key.example", "unsigned.example", "bogus.example", "broken.example")
    }
    assert "; fully validated" in answers["ee-key.example"]
    assert "; unsigned answer" in answers["unsigned.example"]
    assert "resolution failed" in answers["bogus.example"]
    assert "resolution failed" in answers["broken.example"]
