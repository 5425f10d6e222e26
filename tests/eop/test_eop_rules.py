"""Every rule in every branch, by the table of cases, and what all findings have in common."""

from __future__ import annotations

from datetime import timedelta

import pytest

from probe.eop.rules import RULES, Rule
from probe.eop.rules.leaf import threshold
from probe.eop.rules.rule import given
from probe.eop.verdict import decision, judge
from probe.eop.vocabulary import Direction, Outcome, Severity
from probe.pki.truststore import RootState
from probe.statement import Confidence
from tests.authority import DAY, raw_extension
from tests.eop.cases import CASES, EXPIRED, HEALTHY, SHORT_LIVED, Case, leaf, restricted
from tests.eop.weighing import (
    CA,
    FROM_EOP,
    HOST,
    ISSUING,
    LEAF,
    NOW,
    TO_EOP,
    anchors,
    capture,
    evidence,
    finding,
    read,
    rules,
    verdict,
)


@pytest.mark.parametrize("case", CASES, ids=[f"{n}-{case.rule}" for n, case in enumerate(CASES)])
def test_rule(case: Case) -> None:
    found = finding(judge(case.evidence), case.rule)
    assert (found.severity, found.confidence, found.reply) == (case.severity, case.confidence, case.reply)
    assert case.words in found.summary
    assert case.detail in found.detail
    assert case.rule not in rules(judge(case.twin))


@pytest.mark.parametrize("case", CASES, ids=[f"{n}-{case.rule}" for n, case in enumerate(CASES)])
def test_a_decision_is_the_verdicts_and_a_rule_is_silent_without_what_it_is_given(case: Case) -> None:
    for seen in (case.evidence, case.twin):
        if seen.failure is None:
            made, present = judge(seen).prediction, given(seen)
            assert decision(seen) == (made.outcome, made.rule)
            assert [rule.id for rule in RULES if rule.given not in present and rule.say(seen)] == []


DESIGN = """untrusted-root self-signed missing-intermediate expired not-yet-valid expires-soon root-restricted
stores-disagree name-mismatch tenant-attribution not-an-accepted-domain client-auth-missing server-auth-missing weak-key
weak-signature old-tls no-starttls starttls-refused plaintext-after-starttls mixed-certificates chain-order root-sent
chain-bad-signature constraint-violated unreachable throttled timeout tls-failed"""


# A sender has to be seen for these; their cases are the listener's tests.
OF_THE_LISTENER = {"starttls-not-used", "no-client-certificate", "unexpected-certificate"}


def test_every_rule_has_a_case() -> None:
    assert {case.rule for case in CASES} == {rule.id for rule in RULES} - OF_THE_LISTENER


def test_the_published_ids_are_there() -> None:
    assert set(DESIGN.split()) <= {rule.id for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_is_whole(rule: Rule) -> None:
    """For a reader without evidence: title, meaning, sources and advice; no severity is worse than the table's."""
    assert rule.title
    assert not rule.title.endswith(".")
    assert rule.meaning.endswith(".")
    assert rule.references
    assert rule.advice
    if rule.id in OF_THE_LISTENER:
        return
    severities = [Severity.REJECT, Severity.RISK, Severity.INFO]
    worst = min((case.severity for case in CASES if case.rule == rule.id), key=severities.index)
    assert worst is rule.severity


def test_ids_are_unique() -> None:
    ids = [rule.id for rule in RULES]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_finding_reads_well(case: Case) -> None:
    """Sentences end, nothing is left unfilled, each finding says what to do and where that is from."""
    for each in judge(case.evidence).findings:
        assert not each.summary[0].islower() or each.summary.startswith((HOST, f"a.{HOST}", "not-a-ca"))
        assert each.summary.endswith(".")
        assert each.remedy
        assert each.references
        assert "None" not in each.summary + each.detail
        assert "  " not in each.summary + each.detail


@pytest.mark.parametrize("direction", [TO_EOP, FROM_EOP])
def test_a_healthy_chain_has_no_finding(direction: Direction) -> None:
    found = verdict(
        LEAF,
        ISSUING,
        direction=direction,
        expected_name=HOST,
        tls_domain="*.contoso.test",
        tls_sender_certificate_name=HOST,
        accepted_domains=("contoso.test",),
    )
    assert found.findings == ()
    assert found.prediction.outcome is Outcome.ACCEPTED
    # Nothing wrong is our reading of Microsoft's rules, not Microsoft's word.
    assert (found.prediction.reply, found.prediction.confidence) == (None, Confidence.INFERRED)


def test_a_restricted_root_is_named_once() -> None:
    assert rules(judge(restricted(RootState.NO_EKU))) == ["root-restricted"]


def test_the_second_of_the_end_still_counts() -> None:
    """The chain engine knows whole seconds, so the rules do: they must not call expired what it trusts."""
    ending = leaf(not_before=NOW - 90 * DAY, not_after=NOW)
    late = timedelta(microseconds=999_999)
    assert rules(verdict(ending, ISSUING, at=NOW + late)) == ["expires-soon"]
    assert rules(verdict(ending, ISSUING, at=NOW + timedelta(seconds=1))) == ["expired"]


def test_a_chain_without_a_store_is_judged_by_its_certificate() -> None:
    found = verdict(EXPIRED, ISSUING, stores=())
    assert rules(found) == ["expired"]
    assert verdict(LEAF, ISSUING, stores=()).prediction.outcome is Outcome.UNKNOWN


def test_expiry_of_the_root_is_not_announced() -> None:
    """Microsoft's list, not the root's date, is what changes first."""
    root = CA.root("Ending Root", not_after=NOW + 5 * DAY)
    assert rules(verdict(leaf(issuer=root), stores=[anchors(root)])) == []
    assert rules(verdict(root, stores=[anchors(root)])) == ["expires-soon"]


def test_the_threshold_is_the_shorter_of_days_and_share() -> None:
    assert threshold(read(LEAF), HEALTHY) == 30 * DAY
    assert threshold(read(leaf(**SHORT_LIVED)), HEALTHY) == 47 * DAY / 3


def aia(url: bytes) -> object:
    """An authorityInfoAccess with one caIssuers location (RFC 5280 4.2.2.1)."""
    oid = bytes.fromhex("06082b06010505073002")  # caIssuers
    location = bytes([0x86, len(url)]) + url
    access = bytes([0x30, len(oid) + len(location)]) + oid + location
    return raw_extension("1.3.6.1.5.5.7.1.1", bytes([0x30, len(access)]) + access)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (b"http://pki.fabrikam.test/ca.cer", "publishes it: http://pki.fabrikam.test/ca.cer"),
        (b"ldap:///CN=ca", "from the CA that issued " + "{sha1}"),
    ],
)
def test_the_missing_intermediate_is_told_where_to_get(url: bytes, told: str) -> None:
    lonely = leaf(extra=(aia(url),))
    remedy = finding(verdict(lonely), "missing-intermediate").remedy
    assert told.format(sha1=lonely.sha1.upper()) in remedy[0]
    assert 'CN=Fabrikam Public TLS CA 1, O="Fabrikam, Inc.", C=US' in remedy[0]


def test_nothing_seen_is_nothing_said() -> None:
    nothing = evidence(seen=capture(smtp=None))
    assert [rule.id for rule in RULES if rule.say(nothing)] == []
    assert judge(nothing).prediction.outcome is Outcome.UNKNOWN
