"""What the findings add up to: the outcome, the reply, the order, and the four stories of Microsoft's articles."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.capture import FaultKind
from probe.eop.finding import Finding
from probe.eop.rules import RULES
from probe.eop.verdict import Verdict, about_chain, judge
from probe.eop.vocabulary import Basis, Direction, Outcome, Severity
from probe.pki.truststore import AnchorStore, ListRole
from probe.powershell import Command, expect_name
from probe.statement import Confidence
from probe.stores.bundle import PemBundle
from probe.stores.microsoft import MicrosoftStore
from tests.authority import CLIENT_AUTH, DAY, SERVER_AUTH, Issued, pooled_key
from tests.eop.cases import CASES, Case, leaf
from tests.eop.weighing import (
    CA,
    FROM_EOP,
    HOST,
    ISSUING,
    LEAF,
    NOW,
    PRIVATE_ISSUING,
    PRIVATE_LEAF,
    PRIVATE_ROOT,
    PUBLIC,
    ROOT,
    SELF_SIGNED,
    TO_EOP,
    anchors,
    capture,
    evidence,
    fault,
    finding,
    rules,
    tls,
    verdict,
)
from tests.examples import examples
from tests.rootlist import Listed, Publisher

SEVERITIES = (Severity.REJECT, Severity.RISK, Severity.INFO)


class TestStories:
    """The articles this program is about, each with the way out of it as the control."""

    def test_kb_2888788_the_internal_certificate_wins(self) -> None:
        found = verdict(PRIVATE_LEAF, PRIVATE_ISSUING, PRIVATE_ROOT, expected_name=HOST)
        predicted = found.prediction
        assert (predicted.outcome, predicted.rule) == (Outcome.REJECTED, "untrusted-root")
        assert predicted.reply == (
            "454 4.7.0 Failed to establish appropriate TLS channel: UntrustedRoot: Access Denied"
        )
        assert predicted.confidence is Confidence.DOCUMENTED
        assert predicted.basis is Basis.RECEIVE_CONNECTOR
        steps = finding(found, "untrusted-root").remedy
        mark = PRIVATE_LEAF.sha1.upper()
        assert Command(f"Get-ExchangeCertificate -Thumbprint {mark} | fl FriendlyName,Services") in steps
        assert any(str(step).startswith(f"Get-ExchangeCertificate -DomainName '{HOST}'") for step in steps)
        # The KB's own command never stands alone: the cmdlet's documentation contradicts it.
        told = [step for step in steps if "KB 2888788" in str(step)]
        assert len(told) == 1
        assert "additive" in str(told[0])
        assert "never the internal transport certificate" in str(steps[-1])
        assert not any("Remove-ExchangeCertificate" in str(step) for step in steps)

    def test_kb_2888788_mended(self) -> None:
        assert verdict(LEAF, ISSUING, expected_name=HOST).prediction.outcome is Outcome.ACCEPTED

    def test_5_7_64_the_connector_expects_another_name(self) -> None:
        found = verdict(LEAF, ISSUING, tls_sender_certificate_name="relay.contoso.test")
        assert found.prediction.reply == "550 5.7.64 TenantAttribution; Relay Access Denied SMTP"
        assert found.prediction.rule == "tenant-attribution"
        steps = finding(found, "tenant-attribution").remedy
        assert expect_name(HOST)[0] in steps
        mended = verdict(LEAF, ISSUING, tls_sender_certificate_name=HOST)
        assert (mended.prediction.outcome, mended.findings) == (Outcome.ACCEPTED, ())

    @pytest.mark.parametrize(
        ("value", "invalid"),
        [("domain.*.contoso.com", True), ("*.*.contoso.com", True), ("*.fabrikam.test", False)],
    )
    def test_a_connector_with_a_wildcard_in_the_middle(self, value: str, invalid: bool) -> None:
        """Set-InboundConnector: an embedded wildcard is not valid."""
        told = finding(verdict(LEAF, ISSUING, tls_sender_certificate_name=value), "tenant-attribution")
        assert ("a wildcard inside, which is not allowed" in told.summary) is invalid

    def test_5_7_64_is_about_this_direction_only(self) -> None:
        found = verdict(LEAF, ISSUING, tls_sender_certificate_name="relay.contoso.test", direction=FROM_EOP)
        assert found.prediction.outcome is Outcome.ACCEPTED

    def test_attr36_mail_without_a_sender_is_refused(self) -> None:
        """Mail from an accepted domain still passes, so this is a risk, and the reply is in the finding."""
        found = verdict(LEAF, ISSUING, accepted_domains=("fabrikam.test",))
        assert (found.prediction.outcome, found.prediction.reply) == (Outcome.AT_RISK, None)
        told = finding(found, "not-an-accepted-domain")
        assert told.reply is not None
        assert told.reply.startswith("550 5.7.64 Relay Access Denied ATTR36.")
        assert (
            verdict(LEAF, ISSUING, accepted_domains=("contoso.test",)).prediction.outcome is Outcome.ACCEPTED
        )
        assert rules(verdict(LEAF, ISSUING, accepted_domains=("fabrikam.test",), direction=FROM_EOP)) == []

    def test_4_4_317_the_intermediate_is_missing(self) -> None:
        found = verdict(LEAF, direction=FROM_EOP)
        assert found.prediction.reply == "450 4.4.317 Cannot connect to remote server [Message=UntrustedRoot]"
        assert (found.prediction.rule, found.prediction.confidence) == (
            "missing-intermediate",
            Confidence.DOCUMENTED,
        )
        steps = finding(found, "missing-intermediate").remedy
        assert any("Cert:\\LocalMachine\\CA" in str(step) for step in steps)
        # A server with a private CA mostly leaves its root out, and then looks just like this.
        assert any("is a private CA, none of that helps" in str(step) for step in steps)
        assert verdict(LEAF, ISSUING, direction=FROM_EOP).prediction.outcome is Outcome.ACCEPTED

    def test_untrusted_root_and_missing_intermediate_are_told_apart(self) -> None:
        """Exchange Online answers both alike; what is to be done differs."""
        whole = verdict(PRIVATE_LEAF, PRIVATE_ISSUING, PRIVATE_ROOT)
        broken = verdict(PRIVATE_LEAF)
        assert whole.prediction.reply == broken.prediction.reply
        assert (rules(whole), rules(broken)) == (["untrusted-root"], ["missing-intermediate"])
        assert finding(whole, "untrusted-root").remedy != finding(broken, "missing-intermediate").remedy


class TestMicrosoftList:
    """The same through a real signed list with Microsoft's rules for single roots."""

    def judged(
        self, *listed: Listed, chain: tuple[Issued, ...] = (LEAF, ISSUING), **fields: object
    ) -> Verdict:
        publisher = Publisher(NOW, name="verdict")
        from probe.pki.microsoft_list import Ctl

        data = publisher.root_list(*listed)
        entries = Ctl(data)
        entries.verify(publisher.bundle.named, pin=publisher.pin)
        store = MicrosoftStore(entries, PemBundle(ROOT.pem.encode()), origin="a test")
        return verdict(*chain, stores=[store], **fields)

    def test_a_listed_root(self) -> None:
        assert self.judged(Listed(der=ROOT.der)).prediction.outcome is Outcome.ACCEPTED

    def test_a_root_that_is_only_at_hand(self) -> None:
        """The package carries certificates the list does not name."""
        assert rules(self.judged(Listed(der=PRIVATE_ROOT.der))) == ["untrusted-root"]

    def test_a_root_for_older_certificates(self) -> None:
        limited = Listed(der=ROOT.der, not_before=NOW - 100 * DAY)
        found = self.judged(limited)
        assert rules(found) == ["root-restricted"]
        assert "issued on or after 12 August 2026; this one was issued on" in found.findings[0].summary
        older = leaf(not_before=NOW - 101 * DAY)
        assert self.judged(limited, chain=(older, ISSUING)).prediction.outcome is Outcome.ACCEPTED

    def test_a_disabled_root(self) -> None:
        assert rules(self.judged(Listed(der=ROOT.der, disallowed_at=NOW - DAY))) == ["root-restricted"]
        assert rules(self.judged(Listed(der=ROOT.der, disallowed_at=NOW + DAY))) == []

    @pytest.mark.parametrize(
        ("purpose", "direction", "expected"),
        [
            (SERVER_AUTH, TO_EOP, "client-auth-missing"),
            (CLIENT_AUTH, TO_EOP, "server-auth-missing"),
            (SERVER_AUTH, FROM_EOP, None),
            (CLIENT_AUTH, FROM_EOP, "root-restricted"),
        ],
    )
    def test_a_root_for_one_purpose(
        self, purpose: object, direction: Direction, expected: str | None
    ) -> None:
        """Which purpose EOP asks of a client certificate is unknown: one that is granted is enough."""
        listed = Listed(der=ROOT.der, purposes=(purpose.dotted_string,))
        found = self.judged(listed, direction=direction)
        assert found.prediction.rule == expected
        if direction is TO_EOP:
            assert found.prediction.outcome is Outcome.AT_RISK


class TestOutcome:
    @pytest.mark.parametrize("kind", list(FaultKind))
    @pytest.mark.parametrize("direction", [TO_EOP, FROM_EOP])
    def test_no_certificate_is_never_accepted(self, kind: FaultKind, direction: Direction) -> None:
        found = verdict(seen=capture(fault=fault(kind, "It failed.")), direction=direction)
        assert found.prediction.outcome in (Outcome.UNKNOWN, Outcome.REJECTED)
        assert found.prediction.rule == kind.value
        assert found.prediction.reply is None or found.prediction.outcome is Outcome.REJECTED

    def test_a_chain_beside_a_fault_is_judged(self) -> None:
        seen = capture(SELF_SIGNED, fault=fault(FaultKind.TLS_FAILED, "The handshake failed."))
        found = verdict(seen=seen)
        assert found.prediction.rule == "self-signed"
        assert rules(found) == ["self-signed", "tls-failed"]

    def test_an_unreadable_leaf_is_unknown(self) -> None:
        found = verdict(b"\x30\x03abc", ISSUING)
        assert (found.prediction.outcome, found.prediction.rule) == (
            Outcome.UNKNOWN,
            "unreadable-certificate",
        )

    def test_a_note_changes_nothing(self) -> None:
        found = verdict(LEAF, ISSUING, ROOT)
        assert (rules(found), found.prediction.rule, found.prediction.outcome) == (
            ["root-sent"],
            None,
            Outcome.ACCEPTED,
        )

    def test_the_most_specific_reject_decides(self) -> None:
        """Windows reports an untrusted root ahead of expiry and names."""
        old = CA.self_signed(HOST, not_before=NOW - 90 * DAY, not_after=NOW - DAY)
        assert rules(verdict(old))[:2] == ["self-signed", "expired"]

    def test_old_tls_comes_before_the_chain(self) -> None:
        found = verdict(seen=capture(SELF_SIGNED, tls=tls("TLSv1")))
        assert found.prediction.rule == "old-tls"

    def test_a_trusted_path_for_one_purpose_is_no_refusal(self) -> None:
        for purpose in (SERVER_AUTH, CLIENT_AUTH):
            found = verdict(leaf(eku=(purpose,)), ISSUING)
            assert found.prediction.outcome is Outcome.AT_RISK


class TestWorst:
    ORDER = (Outcome.REJECTED, Outcome.UNKNOWN, Outcome.AT_RISK, Outcome.ACCEPTED)

    @given(st.lists(st.sampled_from(list(Outcome)), min_size=1))
    def test_is_the_first_in_the_order(self, outcomes: list[Outcome]) -> None:
        worst = Outcome.worst(tuple(outcomes))
        assert worst in outcomes
        assert all(self.ORDER.index(worst) <= self.ORDER.index(outcome) for outcome in outcomes)

    def test_of_nothing_is_unknown(self) -> None:
        assert Outcome.worst(()) is Outcome.UNKNOWN

    def test_exit_codes_are_the_published_ones(self) -> None:
        assert {outcome.value: outcome.exit_code for outcome in Outcome} == {
            "accepted": 0,
            "at-risk": 1,
            "rejected": 2,
            "unknown": 3,
        }


RSA_CA = CA.intermediate(ROOT, "RSA CA", key="rsa-2048")
NO_CA = CA.intermediate(ROOT, "RSA CA", key="rsa-2048", ca=False, path_length=None)
FLAWS: dict[str, dict[str, object]] = {
    "expired": {"not_before": NOW - 90 * DAY, "not_after": NOW - DAY},
    "weak-key": {"key": pooled_key("rsa-1024", "eop")},
    "chain-bad-signature": {"broken_signature": True},
    "client-auth-missing": {"eku": (SERVER_AUTH,)},
}
SAID: dict[str, dict[str, object]] = {
    "name-mismatch": {"expected_name": "mx.fabrikam.test"},
    "tenant-attribution": {"tls_sender_certificate_name": "relay.contoso.test"},
    "not-an-accepted-domain": {"accepted_domains": ("fabrikam.test",)},
}
SENT = {"root-sent": (ISSUING, ROOT), "chain-order": (ROOT, ISSUING), "missing-intermediate": ()}


@settings(max_examples=examples(60))
@given(
    flaws=st.sets(st.sampled_from(sorted(FLAWS))),
    said=st.sets(st.sampled_from(sorted(SAID))),
    sent=st.sampled_from([None, *sorted(SENT)]),
    trusted=st.booleans(),
    direction=st.sampled_from([TO_EOP, FROM_EOP]),
)
def test_any_faults_together(
    *, flaws: set[str], said: set[str], sent: str | None, trusted: bool, direction: Direction
) -> None:
    """The outcome is the worst finding's, findings are sorted, in the table's order, and each is there once."""
    end = leaf(**{key: value for flaw in flaws for key, value in FLAWS[flaw].items()})
    told = {key: value for each in said for key, value in SAID[each].items()}
    store: AnchorStore = PUBLIC if trusted else anchors()
    above = SENT[sent] if sent else (ISSUING,)
    found = verdict(end, *above, stores=[store], direction=direction, **told)
    places = [(SEVERITIES.index(f.severity), _row(f)) for f in found.findings]
    assert all(earlier < later for earlier, later in pairwise(places))
    worst = found.findings[0].severity if found.findings else Severity.INFO
    assert (
        found.prediction.outcome
        is {
            Severity.REJECT: Outcome.REJECTED,
            Severity.RISK: Outcome.AT_RISK,
            Severity.INFO: Outcome.ACCEPTED,
        }[worst]
    )
    assert found.prediction.rule == (found.findings[0].rule if worst is not Severity.INFO else None)


def _row(finding: Finding) -> int:
    return [rule.id for rule in RULES].index(finding.rule)


@settings(max_examples=examples(60))
@given(
    flaws=st.sets(st.sampled_from([*sorted(FLAWS), "not-yet-valid", "no-ca", "md5"])),
    direction=st.sampled_from([TO_EOP, FROM_EOP]),
)
def test_what_windows_would_not_trust_is_never_good(flaws: set[str], direction: Direction) -> None:
    """No flag of the engine goes without a finding: an untrusted chain is rejected, or at risk for its usage alone."""
    fields = {key: value for flaw in flaws & FLAWS.keys() for key, value in FLAWS[flaw].items()}
    if "not-yet-valid" in flaws:
        fields |= {"not_before": NOW + DAY, "not_after": NOW + 90 * DAY}
    authority = NO_CA if "no-ca" in flaws else RSA_CA
    end = leaf(issuer=authority, signature="md5" if "md5" in flaws else "sha256", **fields)
    weighed = evidence(end, authority, direction=direction)
    assert weighed.deciding is not None
    if not weighed.deciding.trusted:
        assert judge(weighed).prediction.outcome is Outcome.REJECTED


@pytest.mark.parametrize("case", CASES, ids=[f"{n}-{case.rule}" for n, case in enumerate(CASES)])
def test_only_microsofts_list_can_say_accepted(case: Case) -> None:
    """The same evidence, judged by a list of somebody else's: never accepted, and no reply of Exchange Online's."""
    for weighed in (case.evidence, case.twin):
        others = tuple(replace(store, role=ListRole.OTHER) for store in weighed.stores)
        made = judge(replace(weighed, stores=others)).prediction
        assert made.outcome is not Outcome.ACCEPTED
        assert not (others and made.reply and about_chain(weighed, made.rule))


def test_the_same_evidence_gives_the_same_verdict() -> None:
    weighed = evidence(PRIVATE_LEAF, PRIVATE_ISSUING, PRIVATE_ROOT)
    assert judge(weighed) == judge(replace(weighed))


class _Counted(dict):
    """The paths of a store, and how often somebody looked for the best one."""

    looked = 0

    def values(self) -> object:
        self.looked += 1
        return super().values()


@pytest.mark.parametrize("chain", [(LEAF, ISSUING), (LEAF,)], ids=["accepted", "rejected"])
def test_the_best_path_is_looked_for_once_a_verdict(chain: tuple[Issued, ...]) -> None:
    weighed = evidence(*chain)
    paths = _Counted(weighed.stores[0].paths)
    counted = replace(weighed, stores=(replace(weighed.stores[0], paths=paths),))
    assert paths.looked == 1
    assert judge(counted) == judge(weighed)
    assert paths.looked == 1


def _tower(height: int) -> list[Issued]:
    """A leaf and so many CAs between it and the root, leaf first."""
    chain = [CA.intermediate(ROOT, "Floor 0", path_length=None)]
    for number in range(1, height):
        chain.insert(0, CA.intermediate(chain[0], f"Floor {number}", path_length=None))
    return [CA.leaf(chain[0], HOST), *chain]


@pytest.mark.parametrize("direction", [TO_EOP, FROM_EOP])
def test_what_a_bound_of_ours_gave_up_is_unknown_not_refused(direction: Direction) -> None:
    given_up = verdict(*_tower(12), direction=direction)
    assert (given_up.prediction.outcome, given_up.prediction.rule) == (Outcome.UNKNOWN, "not-evaluated")
    assert given_up.prediction.reply is None
    assert verdict(*_tower(10), direction=direction).prediction.outcome is Outcome.ACCEPTED
    # What is wrong with the certificate itself needs no path to be told.
    expired = verdict(*_tower(12), direction=direction, at=NOW + 400 * DAY)
    assert (expired.prediction.outcome, expired.prediction.rule) == (Outcome.REJECTED, "expired")
    broken = verdict(*_tower(10)[:-1], direction=direction)
    assert (broken.prediction.outcome, broken.prediction.rule) == (Outcome.REJECTED, "missing-intermediate")


def test_names_that_a_bound_of_ours_gave_up_are_unknown_too() -> None:
    hosts = tuple(f"h{number}.contoso.test" for number in range(128))
    strict = CA.intermediate(ROOT, "Strict CA", excluded=tuple(f"x{each}" for each in hosts))
    given_up = verdict(CA.leaf(strict, *hosts), strict)
    assert (given_up.prediction.outcome, given_up.prediction.rule) == (Outcome.UNKNOWN, "not-evaluated")
    assert verdict(CA.leaf(strict, *hosts[:64]), strict).prediction.outcome is Outcome.ACCEPTED
    excluded = verdict(CA.leaf(strict, f"x{hosts[0]}"), strict)
    assert (excluded.prediction.outcome, excluded.prediction.rule) == (
        Outcome.REJECTED,
        "constraint-violated",
    )
