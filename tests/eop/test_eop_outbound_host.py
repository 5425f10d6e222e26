"""By which mechanism Exchange Online goes for one host, as its domain's DNS has it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from probe.eop.outbound.host import look
from probe.eop.outbound.verdict import Mechanism, Refusal
from probe.eop.settings import Settings
from probe.eop.verdict import judge
from probe.eop.vocabulary import ConnectorMode, Outcome
from probe.exchange.outbound.facts import Dnssec, DomainFacts
from probe.statement import Confidence
from tests.authority import Issued
from tests.eop.outbound_cases import GOOD_HOST, UNMET_HOST, policy, record, sent_to, signed, unsigned
from tests.eop.weighing import (
    CA,
    FROM_EOP,
    ISSUING,
    LEAF,
    NOW,
    PRIVATE_ISSUING,
    PRIVATE_LEAF,
    PRIVATE_ROOT,
    SELF_SIGNED,
    evidence,
)

DAY = timedelta(days=1)
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


EDWARDS = CA.self_signed("mail.contoso.test", key="ed25519")
EXPIRED = CA.leaf(ISSUING, "mail.contoso.test", not_before=NOW - 90 * DAY, not_after=NOW - DAY)
OF_PRIVATE_ROOT = (PRIVATE_LEAF, PRIVATE_ISSUING, PRIVATE_ROOT)


@pytest.mark.parametrize(
    ("usage", "chain", "rule"),
    [
        (3, (SELF_SIGNED,), "self-signed"),
        (3, OF_PRIVATE_ROOT, "untrusted-root"),
        (3, (LEAF,), "missing-intermediate"),
        (3, (EXPIRED, ISSUING), "expired"),
        (2, OF_PRIVATE_ROOT, "untrusted-root"),
    ],
)
def test_what_dane_asks_nobody_is_no_known_refusal(usage: int, chain: tuple[Issued, ...], rule: str) -> None:
    of = record(chain[-1] if usage == 2 else chain[0], usage)
    beside, without = judge(sent_to(signed(of), *chain)), judge(sent_to(unsigned(of), *chain))
    made = beside.prediction
    assert (made.outcome, made.rule, made.reply) == (Outcome.AT_RISK, rule, None)
    assert made.confidence is Confidence.INFERRED
    assert "whether it does beside DANE is stated nowhere" in beside.findings[0].detail
    assert (without.prediction.outcome, without.prediction.rule) == (Outcome.REJECTED, rule)


def test_a_connector_that_compares_names_was_named() -> None:
    weighed = sent_to(signed(record(SELF_SIGNED)), SELF_SIGNED)
    asked = replace(weighed, settings=Settings(tls_domain="mail.contoso.test"))
    assert judge(asked).prediction.outcome is Outcome.REJECTED


def test_a_key_that_windows_does_not_have_is_refused_whatever_dane_says() -> None:
    made = judge(sent_to(signed(record(EDWARDS)), EDWARDS))
    assert "dane-valid" in [each.rule for each in made.findings]
    assert (made.prediction.outcome, made.prediction.rule) == (Outcome.REJECTED, "not-evaluated")


def test_records_that_are_not_looked_at_may_be_the_ones_that_count() -> None:
    """None that was read can be used, and there are more."""
    (host,) = signed(record(LEAF, usage=1)).exchangers
    cut = replace(DANE, exchangers=(replace(host, tlsa=replace(host.tlsa, left_out=True)),))
    whole = replace(DANE, exchangers=(host,))
    asked = evidence(LEAF, ISSUING, direction=FROM_EOP)
    delivers = [look(asked, facts, ConnectorMode.OPPORTUNISTIC).delivers for facts in (cut, whole)]
    assert delivers == [None, True]


@pytest.mark.parametrize(
    ("mx", "tlsa", "open_"),
    [
        (Dnssec.UNKNOWN, Dnssec.UNKNOWN, True),
        (Dnssec.SECURE, Dnssec.UNKNOWN, True),
        (Dnssec.INSECURE, Dnssec.UNKNOWN, False),
        (Dnssec.SECURE, Dnssec.INSECURE, False),
    ],
)
def test_dane_goes_before_a_refusal_by_policy(mx: Dnssec, tlsa: Dnssec, *, open_: bool) -> None:
    facts = policy("mx9.contoso.test")
    (host,) = facts.exchangers
    known = replace(host, address=Dnssec.SECURE, tlsa=replace(host.tlsa, dnssec=tlsa))
    for others in ((), (GOOD_HOST,), (UNMET_HOST,)):
        weighed = sent_to(replace(facts, mx=mx, exchangers=(known,)), LEAF, ISSUING, others=others)
        assert weighed.outbound is not None
        assert ("Whether DANE holds is not known; where it does, " in weighed.outbound.domain.words) is open_
    # The control: a policy that refuses nobody.
    named = sent_to(replace(policy(), mx=mx, exchangers=(known,)), LEAF, ISSUING)
    assert named.outbound is not None
    assert "Whether DANE holds" not in named.outbound.domain.words
