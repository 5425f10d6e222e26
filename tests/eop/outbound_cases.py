"""Evidence in sight of a domain: what its DNS and its policy say, and what became of its other hosts."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from probe.capture import Capture
from probe.eop.evidence import Evidence
from probe.eop.outbound.host import look
from probe.eop.outbound.verdict import DomainVerdict, HostVerdict, Outbound
from probe.eop.vocabulary import ConnectorMode
from probe.exchange.outbound.facts import Dnssec, DomainFacts, Exchanger, PolicyFault, Sts, Tlsa
from probe.pki.dane import TlsaRecord
from probe.smtp.mta_sts import Mode, Policy
from tests.authority import Issued
from tests.eop.weighing import FROM_EOP, HOST, evidence, read

DOMAIN = "contoso.test"
GOOD_HOST = HostVerdict(host="mx2.contoso.test", address="192.0.2.2", delivers=True)
BAD_HOST = HostVerdict(host="mx2.contoso.test", address="192.0.2.2", delivers=False)
UNMET_HOST = HostVerdict(host="mx2.contoso.test", address="192.0.2.2")
MANDATORY = ConnectorMode.MANDATORY


def record(of: Issued, usage: int = 3) -> TlsaRecord:
    """The record ``3 1 1`` of a certificate's key."""
    return TlsaRecord(usage=usage, selector=1, matching=1, data=sha256(read(of).spki).digest())


def signed(*records: TlsaRecord) -> DomainFacts:
    """A domain whose zones are signed, with these TLSA records."""
    tlsa = Tlsa(dnssec=Dnssec.SECURE, records=records)
    host = Exchanger(host=HOST, address=Dnssec.SECURE, tlsa=tlsa)
    return DomainFacts(domain=DOMAIN, mx=Dnssec.SECURE, exchangers=(host,), resolver="192.0.2.53")


def unsigned(*records: TlsaRecord) -> DomainFacts:
    tlsa = Tlsa(dnssec=Dnssec.INSECURE, records=records)
    host = Exchanger(host=HOST, address=Dnssec.INSECURE, tlsa=tlsa)
    return DomainFacts(domain=DOMAIN, mx=Dnssec.INSECURE, exchangers=(host,), resolver="192.0.2.53")


def policy(*mx: str, mode: Mode = Mode.ENFORCE, deviations: tuple[str, ...] = ()) -> DomainFacts:
    """A domain without DNSSEC, with this policy."""
    found = Policy(mode=mode, max_age=86_400, mx=mx or (HOST,), deviations=deviations)
    return replace(unsigned(), sts=Sts(record_id="1", policy=found))


UNFETCHED = replace(
    unsigned(), sts=Sts(record_id="1", fault=PolicyFault.CONNECTION, problem="the policy cannot be had")
)


def sent_to(
    facts: DomainFacts,
    *chain: Issued,
    seen: Capture | None = None,
    others: tuple[HostVerdict, ...] = (),
    mode: ConnectorMode = ConnectorMode.OPPORTUNISTIC,
    place: int = 0,
) -> Evidence:
    """The host as Exchange Online sends to it, in sight of its domain and of the `others` there."""
    alone = evidence(*chain, direction=FROM_EOP, seen=seen)
    hosts = [*others]
    hosts.insert(place, look(alone, facts, mode))
    domain = DomainVerdict(facts=facts, mode=mode, hosts=tuple(hosts))
    return replace(alone, outbound=Outbound(domain, place))
