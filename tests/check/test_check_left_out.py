"""Of many MX hosts and addresses some are probed, and the others are told."""

from __future__ import annotations

import pytest

from probe.check.endpoints import Host, endpoints, hosts
from probe.check.options import CheckOptions
from probe.eop.outbound.verdict import DomainVerdict, HostVerdict, Mail
from probe.eop.vocabulary import ConnectorMode, LeftOut
from probe.exchange.outbound.facts import DomainFacts
from probe.net.resolver import MAX_ADDRESSES, MAX_EXCHANGERS
from probe.net.target import parse_target
from tests.net.validating import Reply, ValidatingServer

DOMAIN = "contoso.test"
BEYOND = ("mx33.contoso.test", "mx34.contoso.test")


def exchangers(number: int) -> dict[tuple[str, str], Reply]:
    return {(DOMAIN, "MX"): Reply(*(f"{one} mx{one:02}.{DOMAIN}." for one in range(1, number + 1)))}


def found(number: int) -> tuple[Host, ...]:
    with ValidatingServer(exchangers(number)) as dns:
        return hosts(parse_target(f"mx:{DOMAIN}"), CheckOptions(stores=list, nameserver=dns.address))


def test_exchangers() -> None:
    first, *more = found(MAX_EXCHANGERS + 2)
    assert (first.name, 1 + len(more)) == ("mx01.contoso.test", MAX_EXCHANGERS)
    assert first.left_out == (LeftOut("MX host", DOMAIN, MAX_EXCHANGERS + 2, BEYOND),)
    assert not any(each.left_out for each in (*more, *found(MAX_EXCHANGERS)))


def test_exchangers_beside_one_that_is_named_with_many_preferences() -> None:
    again = (f"{preference} mx01.{DOMAIN}." for preference in range(MAX_EXCHANGERS))
    named = {(DOMAIN, "MX"): Reply(*again, *(f"99 {one}." for one in ("mx01.contoso.test", *BEYOND)))}
    with ValidatingServer(named) as dns:
        first, *_ = hosts(parse_target(f"mx:{DOMAIN}"), CheckOptions(stores=list, nameserver=dns.address))
    assert first.left_out == (LeftOut("MX host", DOMAIN, 3, BEYOND),)


@pytest.mark.parametrize("version", [None, 4])
def test_addresses(version: int | None) -> None:
    every = tuple(f"127.9.1.{number}" for number in range(1, MAX_ADDRESSES + 2))
    options = CheckOptions(stores=list, ip_version=version)
    host, target = Host("mail.contoso.test"), parse_target("mail.contoso.test")
    first, *more = endpoints(target, options, host, (*every, "::1")[: None if version else -1])
    assert [each.address for each in (first, *more)] == [*every[:-1]]
    assert first.left_out == (LeftOut("address", host.name, MAX_ADDRESSES + 1, every[-1:]),)
    assert not any(each.left_out for each in (*more, *endpoints(target, options, host, every[:-1])))


def test_whether_mail_is_blocked_is_not_known_where_hosts_were_left_out() -> None:
    facts, refused = DomainFacts(domain=DOMAIN), (HostVerdict(host="mx01.contoso.test", delivers=False),)
    mode = ConnectorMode.OPPORTUNISTIC
    all_seen = DomainVerdict(facts=facts, mode=mode, hosts=refused)
    some_left = DomainVerdict(facts=facts, mode=mode, hosts=refused, left_out=2)
    assert (all_seen.mail, some_left.mail) == (Mail.BLOCKED, Mail.UNKNOWN)
    assert "2 more of its hosts and addresses could not be judged" in some_left.words
