"""Which path is built, what time and the store say of it, and what several faults add up to."""

from __future__ import annotations

import pytest

from probe.pki.certificate import Certificate
from probe.pki.chain import PresentedChain
from probe.pki.host_names import certificate_matches
from probe.pki.path import ElementSource, build
from probe.pki.search import Checked
from probe.pki.status import ChainStatus, Purpose
from probe.pki.truststore import AnchorStore, RootState
from tests.authority import raw_extension
from tests.pki.judging import DAY, HOST, NOW, Lab, RuledStore, read, shown


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab()


# ---- the path itself ----------------------------------------------------------------------------------------


def test_a_good_chain_has_no_flag_and_ends_at_the_store(lab: Lab) -> None:
    built = lab.judge(lab.leaf(), lab.issuing)
    assert (built.trusted, shown(built.status), built.ssl_policy_error) == (True, "NoError", None)
    assert [each.source for each in built.elements] == [
        ElementSource.PRESENTED,
        ElementSource.PRESENTED,
        ElementSource.STORE,
    ]
    assert built.root is not None
    assert built.root.state is RootState.TRUSTED
    assert (built.limits, built.unevaluated) == ((), ())


def test_order_junk_and_duplicates_do_no_harm(lab: Lab) -> None:
    leaf, other = lab.leaf(), Lab("other")
    junk = (other.root, other.issuing, other.leaf())
    assert lab.flags(leaf, *junk, lab.root, lab.issuing, lab.issuing, leaf) == "NoError"
    assert lab.flags(leaf, *junk, lab.root) == "PartialChain"


def test_the_first_certificate_is_the_end_certificate(lab: Lab) -> None:
    built = lab.judge(lab.issuing, lab.leaf())
    assert built.elements[0].certificate == read(lab.issuing)
    assert built.trusted


def test_an_expired_twin_of_the_intermediate_is_passed_over(lab: Lab) -> None:
    expired = lab.authority.intermediate(
        lab.root, lab.issuing.subject, key=lab.issuing.key, not_before=NOW - 30 * DAY, not_after=NOW - DAY
    )
    leaf = lab.leaf()
    for presented in ((expired, lab.issuing), (lab.issuing, expired)):
        assert lab.flags(leaf, *presented) == "NoError"
    assert lab.flags(leaf, expired) == "NotTimeValid"


def test_a_cross_certificate_that_leads_nowhere_is_passed_over(lab: Lab) -> None:
    foreign = Lab("foreign")
    cross = lab.authority.intermediate(
        foreign.root, lab.root.subject, key=lab.root.key, path_length=None, not_after=NOW - DAY
    )
    leaf = lab.leaf()
    assert lab.flags(leaf, lab.issuing, cross) == "NoError"
    assert lab.flags(leaf, lab.issuing, cross, foreign.root, store=[]) == "UntrustedRoot NotTimeValid"


def test_a_root_reached_only_over_a_cross_certificate_counts(lab: Lab) -> None:
    foreign = Lab("foreign")
    cross = lab.authority.intermediate(foreign.root, lab.root.subject, key=lab.root.key, path_length=None)
    leaf = lab.leaf()
    assert lab.flags(leaf, lab.issuing, cross, store=[foreign.root]) == "NoError"
    assert lab.flags(leaf, lab.issuing, store=[foreign.root]) == "PartialChain"


def test_a_self_signed_leaf_is_trusted_only_in_the_store(lab: Lab) -> None:
    leaf = lab.authority.self_signed(HOST)
    built = lab.judge(leaf)
    assert (shown(built.status), built.ssl_policy_error) == ("UntrustedRoot", "CERT_E_UNTRUSTEDROOT")
    assert lab.flags(leaf, store=[leaf]) == "NoError"


def test_a_private_root_is_untrusted_if_sent_and_missing_if_not(lab: Lab) -> None:
    leaf = lab.leaf()
    sent = lab.judge(leaf, lab.issuing, lab.root, store=[])
    assert shown(sent.status) == "UntrustedRoot"
    assert [shown(each.status) for each in sent.elements] == ["NoError", "NoError", "UntrustedRoot"]
    unsent = lab.judge(leaf, lab.issuing, store=[])
    assert (shown(unsent.status), unsent.root) == ("PartialChain", None)
    # The SSL policy has one answer for both.
    assert sent.ssl_policy_error == unsent.ssl_policy_error == "CERT_E_UNTRUSTEDROOT"


def test_a_missing_intermediate_breaks_the_chain(lab: Lab) -> None:
    leaf = lab.leaf()
    assert lab.flags(leaf) == "PartialChain"
    assert lab.flags(leaf, lab.issuing) == "NoError"


def test_an_intermediate_in_the_store_is_no_anchor(lab: Lab) -> None:
    leaf = lab.leaf()
    assert lab.flags(leaf, lab.issuing, store=[lab.issuing]) == "PartialChain"
    assert lab.flags(leaf, lab.issuing, lab.root, store=[lab.issuing]) == "UntrustedRoot"
    assert lab.flags(leaf, lab.issuing, store=[lab.root]) == "NoError"


def test_authorities_in_a_loop_are_partial_and_cyclic(lab: Lab) -> None:
    one = lab.authority.root("One")
    two = lab.authority.intermediate(one, "Two", path_length=None)
    one_by_two = lab.authority.intermediate(two, "One", key=one.key, path_length=None)
    leaf = lab.leaf(two)
    built = lab.judge(leaf, two, one_by_two, store=[])
    assert shown(built.status) == "PartialChain Cyclic"
    assert built.ssl_policy_error == "CERT_E_UNTRUSTEDROOT"
    assert lab.flags(leaf, two, one_by_two, store=[one]) == "NoError"


def test_a_namesake_that_did_not_sign_makes_no_loop(lab: Lab) -> None:
    missing = lab.authority.root("Namesake")
    middle = lab.authority.intermediate(missing, "Middle", path_length=None)
    leaf, twin = (lab.leaf(middle, "Namesake", key=lab.issuing.key, serial=each) for each in (1, 2))
    assert lab.flags(leaf, middle, twin) == "PartialChain"


def test_the_issuer_a_key_identifier_points_at_is_tried_first(lab: Lab) -> None:
    impostors = [lab.authority.intermediate(lab.root, lab.issuing.subject, serial=each) for each in (1, 2, 3)]
    checked: Checked = {}
    chain = [read(each) for each in (lab.leaf(), *impostors, lab.issuing)]
    store = AnchorStore("lab", [read(lab.root)])
    assert build(chain, store, Purpose.SERVER_AUTH, NOW, checked=checked).trusted
    assert sum(issuer == chain[-1].spki for _, issuer in checked) == 1
    assert next(iter(checked))[1] == chain[-1].spki


def test_key_identifiers_neither_make_nor_break_a_chain(lab: Lab) -> None:
    bare = lab.authority.intermediate(lab.root, "Bare", subject_key_id=False, authority_key_id=False)
    assert lab.flags(lab.leaf(bare, authority_key_id=False), bare) == "NoError"
    wrong = raw_extension("2.5.29.35", b"\x30\x04\x80\x02\xab\xcd")
    leaf = lab.leaf(authority_key_id=False, extra=(wrong,))
    assert lab.flags(leaf, lab.issuing) == "NoError"
    assert lab.flags(leaf) == "PartialChain"


def test_of_a_good_and_a_bad_issuer_of_one_name_the_good_one_wins(lab: Lab) -> None:
    impostor = lab.authority.intermediate(lab.root, lab.issuing.subject)
    leaf = lab.leaf()
    assert lab.flags(leaf, impostor, lab.issuing) == "NoError"
    assert lab.flags(leaf, lab.issuing, impostor) == "NoError"
    assert lab.flags(leaf, impostor) == "NotSignatureValid"


# ---- time ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "validity",
    [
        {"not_before": NOW - 9 * DAY, "not_after": NOW - DAY},
        {"not_before": NOW + DAY, "not_after": NOW + 9 * DAY},
    ],
    ids=["expired", "not yet valid"],
)
def test_a_certificate_outside_its_time_is_flagged_wherever_it_stands(lab: Lab, validity: dict) -> None:
    assert lab.flags(lab.leaf(**validity), lab.issuing) == "NotTimeValid"
    issuing = lab.authority.intermediate(lab.root, **validity)
    assert lab.flags(lab.leaf(issuing), issuing) == "NotTimeValid"
    root = lab.authority.root(**validity)
    built = lab.judge(lab.leaf(root), store=[root])
    assert (shown(built.status), built.ssl_policy_error) == ("NotTimeValid", "CERT_E_EXPIRED")


def test_the_last_second_is_still_valid(lab: Lab) -> None:
    leaf = lab.leaf(not_after=NOW)
    assert lab.flags(leaf, lab.issuing, at=NOW.replace(microsecond=999_999)) == "NoError"
    assert lab.flags(leaf, lab.issuing, at=NOW.replace(second=1)) == "NotTimeValid"


def test_a_leaf_of_825_days_is_nothing_to_windows(lab: Lab) -> None:
    leaf = lab.leaf(not_after=NOW + 825 * DAY)
    assert lab.flags(leaf, lab.issuing, at=NOW + 700 * DAY) == "NoError"
    assert lab.flags(leaf, lab.issuing, at=NOW + 826 * DAY) == "NotTimeValid"


# ---- what the store says ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "flags"),
    [
        (RootState.TRUSTED, "NoError"),
        (RootState.PILOT, "UntrustedRoot"),
        (RootState.DISABLED, "UntrustedRoot"),
        (RootState.NO_EKU, "NotValidForUsage"),
        (RootState.EKU_DISALLOWED, "NotValidForUsage"),
        (RootState.NOT_BEFORE, "NotValidForUsage"),
        (RootState.DISALLOWED, "ExplicitDistrust"),
    ],
)
def test_a_root_of_the_list_is_judged_by_the_lists_rules(lab: Lab, state: RootState, flags: str) -> None:
    built = lab.judge(lab.leaf(), lab.issuing, store=RuledStore([lab.root], state))
    assert [shown(each.status) for each in built.elements] == ["NoError", "NoError", flags]
    assert built.root is not None
    assert built.root.state is state


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_disallowed_certificate_is_distrusted_where_it_stands(lab: Lab, position: int) -> None:
    chain = (lab.leaf(), lab.issuing, lab.root)
    built = lab.judge(*chain, store=RuledStore([lab.root], forbidden=[chain[position]]))
    wanted = ["NoError"] * 3
    wanted[position] = "ExplicitDistrust"
    assert [shown(each.status) for each in built.elements] == wanted
    assert built.ssl_policy_error == "TRUST_E_EXPLICIT_DISTRUST"


def test_another_root_of_the_same_key_may_still_be_good(lab: Lab) -> None:
    twin = lab.authority.root(lab.root.subject, key=lab.root.key, serial=7)
    store = AnchorStore("both", [read(lab.root)])
    built = lab.judge(lab.leaf(), lab.issuing, twin, store=store)
    assert built.trusted
    assert built.elements[-1].certificate == read(lab.root)
    assert lab.flags(lab.leaf(), lab.issuing, twin, store=[]) == "UntrustedRoot"


# ---- several at once, and nothing at all --------------------------------------------------------------------


def test_faults_add_up(lab: Lab) -> None:
    leaf = lab.leaf(not_after=NOW - DAY)
    built = lab.judge(leaf, lab.issuing, lab.root, store=[])
    assert shown(built.status) == "UntrustedRoot NotTimeValid"
    assert built.ssl_policy_error == "CERT_E_UNTRUSTEDROOT"
    assert lab.flags(leaf, store=[]) == "PartialChain NotTimeValid"
    # The name is another question: it is asked last, and answered all the same.
    assert certificate_matches(read(leaf), "other.contoso.test") is False
    assert certificate_matches(read(leaf), HOST) is True


def test_a_milder_fault_is_preferred(lab: Lab) -> None:
    twin = {"subject": lab.issuing.subject, "key": lab.issuing.key}
    expired = lab.authority.intermediate(lab.root, not_after=NOW - DAY, **twin)
    unfit = lab.authority.intermediate(lab.root, ca=False, path_length=None, **twin)
    leaf = lab.leaf()
    for presented in ((expired, unfit), (unfit, expired)):
        assert lab.flags(leaf, *presented) == "NotTimeValid"


def test_a_complete_path_is_preferred_to_a_broken_one(lab: Lab) -> None:
    complete, nowhere = Lab("complete"), Lab("nowhere")
    ends = [lab.authority.intermediate(each.root, "Same", path_length=None) for each in (complete, nowhere)]
    leaf = lab.leaf(ends[0], broken_signature=True)
    for presented in (ends, ends[::-1]):
        assert lab.flags(leaf, *presented, complete.root) == "NotSignatureValid UntrustedRoot"
    assert lab.flags(leaf, *ends) == "NotSignatureValid PartialChain"


def test_the_order_of_the_ssl_policy_covers_every_flag_but_one() -> None:
    lab = Lab()
    leaf = lab.leaf(names=(), extra=(raw_extension("2.5.29.17", b"\x01"),))
    assert lab.judge(leaf, lab.issuing).ssl_policy_error is None  # InvalidExtension alone has no code


def test_no_end_certificate_gives_no_path(lab: Lab) -> None:
    store = AnchorStore("lab", [read(lab.root)])
    nothing = build([], store, Purpose.SERVER_AUTH, NOW)
    assert nothing.status is ChainStatus.PartialChain
    assert (nothing.elements, nothing.unevaluated) == ((), ("no certificate was presented",))
    for chain in (PresentedChain.from_der([]), PresentedChain.from_der([b"\x00", lab.leaf().der])):
        built = build(chain, store, Purpose.SERVER_AUTH, NOW)
        assert (built.elements, built.trusted) == ((), False)
    assert "cannot be read: an element is cut off" in built.unevaluated[0]
    good = PresentedChain.from_der([lab.leaf().der, b"\x00", lab.issuing.der])
    assert build(good, store, Purpose.SERVER_AUTH, NOW).trusted


def test_an_rsa_key_below_1024_bits_is_weak(lab: Lab) -> None:
    leaf = lab.leaf(key="rsa-1024")
    modulus = leaf.key.public_key().public_numbers().n.to_bytes(128)
    shorter = leaf.der.replace(modulus, b"\x00" + modulus[1:])
    assert int(Certificate(shorter).key.removeprefix("rsa-")) < 1024
    assert lab.flags(Certificate(shorter), lab.issuing) == "NotSignatureValid HasWeakSignature"
    assert lab.flags(leaf, lab.issuing) == "NoError"
