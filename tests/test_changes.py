"""Swaps of one certificate for another: what else has to be changed, and what does not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from probe.eop.rules import Rule
from probe.eop.rules.every import EVERY_RULE
from probe.eop.rules.swap import SWAP_RULES
from probe.eop.swap import MAX_NAMES, compare, not_compared
from probe.eop.vocabulary import Outcome
from probe.pki.certificate import Certificate
from tests.authority import DAY, Authority, Issued
from tests.eop.weighing import evidence

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CA = Authority(now=NOW, name="swap")
ROOT = CA.root("Swap Root")
ISSUING = CA.intermediate(ROOT, "Swap CA")
OLD = CA.leaf(ISSUING, "mail.contoso.test", "autodiscover.contoso.test")
RENEWED = CA.leaf(ISSUING, "mail.contoso.test", "autodiscover.contoso.test", not_before=NOW - DAY)
ELSEWHERE = CA.leaf(ROOT, "mail.contoso.test", "Autodiscover.Contoso.test")


def read(issued: Issued) -> Certificate:
    return Certificate(issued.der)


def rules(*olds: Issued, new: Issued, judged: Outcome = Outcome.ACCEPTED) -> tuple[str, ...]:
    found = compare([read(old) for old in olds], read(new), judged).findings
    assert {finding.rule for finding in found} <= {rule.id for rule in EVERY_RULE}
    return tuple(finding.rule for finding in found)


def test_a_renewal_is_safe() -> None:
    swap = compare([read(OLD)], read(RENEWED), Outcome.ACCEPTED)
    assert swap.outcome is Outcome.ACCEPTED
    assert rules(OLD, new=RENEWED) == ("swap-safe", "swap-same-pin", "swap-new-key")
    assert "<I>CN=Swap CA<S>CN=mail.contoso.test" in swap.findings[1].detail
    assert swap.findings[2].summary == "The key changes (ec-p256 as before)."


def test_another_issuer_leaves_connectors_behind() -> None:
    swap = compare([read(OLD)], read(ELSEWHERE), Outcome.ACCEPTED)
    assert swap.outcome is Outcome.AT_RISK
    assert rules(OLD, new=ELSEWHERE) == ("swap-stale-pin", "swap-new-key")
    stale = swap.findings[0]
    assert "454 4.7.5" in stale.detail
    assert stale.detail.endswith(
        "Old: <I>CN=Swap CA<S>CN=mail.contoso.test\nNew: <I>CN=Swap Root<S>CN=mail.contoso.test"
    )
    assert any("'<I>CN=Swap CA<S>CN=mail.contoso.test'" in str(step) for step in stale.remedy)
    assert str(stale.remedy[-2]) == f"$cert = Get-ExchangeCertificate -Thumbprint {ELSEWHERE.sha1.upper()}"


def test_another_subject_does_so_too() -> None:
    assert "swap-stale-pin" in rules(OLD, new=CA.leaf(ISSUING, "smtp.contoso.test", "mail.contoso.test"))


def test_names_that_get_lost() -> None:
    fewer = CA.leaf(ISSUING, "mail.contoso.test", key=OLD.key)
    swap = compare([read(OLD)], read(fewer), Outcome.ACCEPTED)
    assert [finding.rule for finding in swap.findings] == ["swap-same-pin", "swap-names-lost"]
    assert swap.findings[1].summary == "The new certificate lacks autodiscover.contoso.test."
    assert swap.outcome is Outcome.AT_RISK
    # Negative control: more names are no loss.
    assert "swap-names-lost" not in rules(fewer, new=OLD)


def test_of_many_lost_names_a_few_are_listed() -> None:
    many = CA.leaf(ISSUING, "mail.contoso.test", *(f"n{n}.contoso.test" for n in range(MAX_NAMES + 3)))
    swap = compare([read(many)], read(OLD), Outcome.ACCEPTED)
    lost = next(finding for finding in swap.findings if finding.rule == "swap-names-lost")
    assert lost.summary.endswith(f"n{MAX_NAMES - 1}.contoso.test and 3 more.")


def test_the_same_certificate_changes_nothing() -> None:
    assert rules(OLD, new=OLD) == ("swap-same-certificate",)
    assert compare([read(OLD)], read(OLD), Outcome.ACCEPTED).outcome is Outcome.ACCEPTED


def test_another_kind_of_key() -> None:
    rsa = CA.leaf(ISSUING, "mail.contoso.test", "autodiscover.contoso.test", key="rsa-2048")
    found = compare([read(OLD)], read(rsa), Outcome.ACCEPTED).findings
    assert found[-1].summary == "The key changes from ec-p256 to rsa-2048."
    assert found[-1].remedy == ()


@pytest.mark.parametrize("judged", [Outcome.REJECTED, Outcome.AT_RISK])
def test_what_is_refused_by_itself_is_no_safe_swap(judged: Outcome) -> None:
    swap = compare([read(OLD)], read(RENEWED), judged)
    assert swap.outcome is judged
    assert rules(OLD, new=RENEWED, judged=judged)[0] == "swap-same-pin"


def test_nodes_that_differ_are_compared_each_and_said_once() -> None:
    assert rules(OLD, OLD, new=RENEWED) == rules(OLD, new=RENEWED)
    both = rules(OLD, ELSEWHERE, new=RENEWED)
    assert both == ("swap-same-pin", "swap-new-key", "swap-stale-pin")


def test_nothing_to_compare_with() -> None:
    swap = not_compared("mail.contoso.test:25", "Connection refused.", Outcome.ACCEPTED)
    assert swap.outcome is Outcome.UNKNOWN
    assert swap.findings[0].summary == (
        "mail.contoso.test:25 shows no certificate to compare with: Connection refused."
    )
    assert not_compared("x", None, Outcome.REJECTED).outcome is Outcome.REJECTED
    assert not_compared("x", None, Outcome.ACCEPTED).findings[0].summary.endswith("to compare with.")


def test_no_evidence_of_one_chain_shows_these() -> None:
    seen = evidence(OLD, ISSUING)
    assert [rule.say(seen) for rule in SWAP_RULES] == [None] * len(SWAP_RULES)
    assert len({rule.id for rule in EVERY_RULE}) == len(EVERY_RULE)


@pytest.mark.parametrize("rule", SWAP_RULES, ids=lambda rule: rule.id)
def test_a_rule_is_whole(rule: Rule) -> None:
    assert rule.title
    assert rule.meaning.endswith(".")
    assert rule.references
    assert rule.advice
