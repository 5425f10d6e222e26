"""By which mechanism Exchange Online goes for one host, as its domain's DNS has it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from probe.eop.outbound.host import look
from probe.eop.outbound.verdict import Mechanism, Refusal
from probe.eop.vocabulary import ConnectorMode
from probe.exchange.outbound.facts import Dnssec, DomainFacts
from tests.eop.outbound_cases import record, signed
from tests.eop.weighing import FROM_EOP, LEAF, evidence

DANE = signed(record(LEAF))
(EXCHANGER,) = DANE.exchangers


def with_address(dnssec: Dnssec) -> DomainFacts:
    return replace(DANE, exchangers=(replace(EXCHANGER, address=dnssec),))


@pytest.mark.parametrize(
    ("facts", "mechanism", "refusal"),
    [
        (DANE, Mechanism.DANE, None),
        # An alias that is signed, into a zone that is not (RFC 7672 2.2.2).
        (with_address(Dnssec.INSECURE), Mechanism.DANE, None),
        (with_address(Dnssec.BOGUS), Mechanism.DANE, Refusal.DNSSEC),
        (with_address(Dnssec.UNKNOWN), None, None),
        (replace(DANE, mx=Dnssec.INSECURE), None, None),
    ],
)
def test_where_dane_is_looked_at(
    facts: DomainFacts, mechanism: Mechanism | None, refusal: Refusal | None
) -> None:
    found = look(evidence(LEAF, direction=FROM_EOP), facts, ConnectorMode.OPPORTUNISTIC)
    assert (found.mechanism, found.refusal) == (mechanism, refusal)
