"""Whatever is sent beside a good chain, the verdict stands; whatever is sent at all, it costs little."""

from __future__ import annotations

import time
from itertools import pairwise

from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.pki.algorithms import check_cost
from probe.pki.certificate import MAX_OWN_COST
from probe.pki.chain import PresentedChain
from probe.pki.path import build
from probe.pki.search import MAX_DEPTH, MAX_SIGNATURE_CHECKS, Checked, Signatures
from probe.pki.signature import Signature
from probe.pki.status import Purpose
from probe.pki.truststore import AnchorStore
from tests.authority import Issued
from tests.examples import examples
from tests.pki.judging import NOW, Lab, read, shown

#: Processor seconds a hostile chain may cost here, on a slow machine; it takes some tens of milliseconds.
HOSTILE = 0.25

LAB = Lab()
FIRST = LAB.authority.intermediate(LAB.root, "First", path_length=None)
SECOND = LAB.authority.intermediate(FIRST, "Second")
LEAF = LAB.leaf(SECOND)
RSA_LEAF = LAB.leaf(LAB.authority.root("RSA", key="rsa-2048"))
FOREIGN = Lab("foreign")
STORE = AnchorStore("lab", [read(LAB.root)])
NEEDED = [FIRST.der, SECOND.der]
OTHERS = [*NEEDED, LAB.root.der, LEAF.der, FOREIGN.root.der, FOREIGN.issuing.der, FOREIGN.leaf().der]


@st.composite
def garbage(draw: st.DrawFn) -> bytes:
    """A certificate with a bit flipped, cut short or repeated, or plain noise."""
    data = draw(st.sampled_from(OTHERS))
    match draw(st.sampled_from(["flip", "cut", "whole", "noise"])):
        case "flip":
            at = draw(st.integers(0, len(data) - 1))
            return data[:at] + bytes([data[at] ^ 1 << draw(st.integers(0, 7))]) + data[at + 1 :]
        case "cut":
            return data[: draw(st.integers(0, len(data)))]
        case "whole":
            return data
        case _:
            return draw(st.binary(max_size=64))


@given(st.lists(garbage(), max_size=60).flatmap(lambda junk: st.permutations([*junk, *NEEDED])))
@settings(max_examples=examples(150))
def test_nothing_beside_a_good_chain_can_spoil_it(others: list[bytes]) -> None:
    built = build(PresentedChain.from_der([LEAF.der, *others]), STORE, Purpose.SERVER_AUTH, NOW)
    assert built.trusted, (shown(built.status), built.limits)


@given(st.lists(garbage(), max_size=20))
@settings(max_examples=examples(100))
def test_garbage_is_judged_never_raised(blobs: list[bytes]) -> None:
    built = build(PresentedChain.from_der(blobs), AnchorStore("empty", []), Purpose.SERVER_AUTH, NOW)
    assert not built.trusted
    assert "PartialChain" not in shown(built.status) or "UntrustedRoot" not in shown(built.status)


def test_many_broken_copies_do_not_hide_the_good_one() -> None:
    flipped = [_flipped(each.der, -1 - number) for number in range(15) for each in (FIRST, SECOND)]
    chain = PresentedChain.from_der([LEAF.der, *flipped, *NEEDED])
    assert build(chain, STORE, Purpose.SERVER_AUTH, NOW).trusted
    without = PresentedChain.from_der([LEAF.der, *flipped, SECOND.der])
    assert shown(build(without, STORE, Purpose.SERVER_AUTH, NOW).status) == "NotSignatureValid"


def _flipped(data: bytes, at: int) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def test_certificates_past_the_bound_are_named_not_used() -> None:
    junk = [FOREIGN.leaf(serial=number + 1) for number in range(63)]
    certificates = [read(each) for each in (LEAF, *junk, FIRST, SECOND)]
    built = build(certificates, STORE, Purpose.SERVER_AUTH, NOW)
    assert shown(built.status) == "PartialChain"
    assert built.limits == ("more than 64 certificates were presented",)
    assert build(certificates[-2:] + certificates[:60], STORE, Purpose.SERVER_AUTH, NOW).trusted


def test_a_chain_of_twelve_is_built_and_one_of_thirteen_is_not() -> None:
    links = [LAB.root]
    for number in range(MAX_DEPTH - 1):
        links.append(LAB.authority.intermediate(links[-1], f"Link {number}", path_length=None))
    for depth, wanted in ((MAX_DEPTH - 2, "NoError"), (MAX_DEPTH - 1, "PartialChain")):
        leaf = LAB.leaf(links[depth])
        built = LAB.judge(leaf, *links[1:])
        assert shown(built.status) == wanted
        assert built.limits == (() if wanted == "NoError" else ("a path of more than 12 certificates",))


def tangle(size: int) -> list[Issued]:
    """Authorities of one name, each signed by the next of another key: every signature has to be tried."""
    authority = LAB.authority
    keys = [authority.root("Tangle", serial=number + 1) for number in range(size)]
    return [authority.intermediate(upper, "Tangle", key=lower.key) for lower, upper in pairwise(keys)]


def test_a_hostile_chain_of_one_name_costs_milliseconds() -> None:
    ring = tangle(63)
    leaf = read(LAB.leaf(ring[0]))
    presented = [leaf, *(read(each) for each in reversed(ring))]
    started = time.thread_time()
    built = build(presented, STORE, Purpose.SERVER_AUTH, NOW)
    assert time.thread_time() - started < HOSTILE
    assert not built.trusted
    assert f"more than {MAX_SIGNATURE_CHECKS} signatures to check" in built.limits
    assert built.undecided
    assert "NotSignatureValid" not in shown(built.status)


def test_cross_signatures_without_end_cost_milliseconds() -> None:
    authority = LAB.authority
    roots = [authority.root(f"Knot {number}") for number in range(8)]
    knot = [
        authority.intermediate(upper, lower.subject, key=lower.key, path_length=None)
        for upper in roots
        for lower in roots
        if upper is not lower
    ]
    presented = [read(LAB.leaf(roots[0])), *map(read, knot)]
    started = time.thread_time()
    built = build(presented, STORE, Purpose.SERVER_AUTH, NOW)
    assert time.thread_time() - started < HOSTILE
    assert "more than 64 paths" in built.limits
    assert shown(built.status) == "PartialChain Cyclic"
    # The way out is found all the same where there is one.
    assert build(presented, AnchorStore("knot", [read(roots[7])]), Purpose.SERVER_AUTH, NOW).trusted


def test_a_signature_is_checked_once_and_only_so_often() -> None:
    leaf, issuer = read(LEAF), read(SECOND)
    checks = Signatures(limit=1)
    assert checks.check(leaf, issuer) is Signature.VALID
    assert checks.check(leaf, issuer) is Signature.VALID
    assert not checks.exhausted
    assert checks.check(issuer, read(FIRST)) is Signature.UNCHECKED
    assert checks.exhausted


def test_shared_results_change_neither_the_verdict_nor_the_bound() -> None:
    shared: Checked = {}
    chain = [read(each) for each in (LEAF, SECOND, FIRST)]
    first = build(chain, STORE, Purpose.SERVER_AUTH, NOW, checked=shared)
    assert len(shared) == 3
    assert build(chain, STORE, Purpose.CLIENT_AUTH, NOW, checked=shared) == first
    assert len(shared) == 3
    checks = Signatures(limit=1, checked=shared)
    assert checks.check(chain[0], chain[1]) is Signature.VALID
    assert checks.check(chain[1], chain[2]) is Signature.UNCHECKED


class PublicOnly:
    """An RSA key nobody has the private half of: of 8,192 bits, which takes seconds to make, or of any exponent."""

    def __init__(self, modulus: int = 2**8191 + 1, exponent: int = 65537) -> None:
        self._numbers = rsa.RSAPublicNumbers(exponent, modulus)

    def public_key(self) -> rsa.RSAPublicKey:
        return self._numbers.public_key()


def test_a_huge_key_counts_as_often_as_it_costs() -> None:
    huge = read(LAB.leaf(LAB.root, key=PublicOnly()))
    assert huge.key == "rsa-8192"
    assert Signatures(limit=4).check(read(RSA_LEAF), huge) is Signature.INVALID
    four_and_one = Signatures(limit=5)
    assert four_and_one.check(read(RSA_LEAF), huge) is Signature.INVALID
    assert four_and_one.check(read(LEAF), read(SECOND)) is Signature.VALID
    assert four_and_one.check(read(SECOND), read(FIRST)) is Signature.UNCHECKED
    checks = Signatures(limit=3)
    assert checks.check(read(LEAF), huge) is Signature.UNCHECKED
    assert checks.exhausted
    assert checks.check(read(LEAF), read(SECOND)) is Signature.VALID


def test_an_exponent_of_full_size_counts_as_often_as_it_costs() -> None:
    slow = read(LAB.leaf(LAB.root, key=PublicOnly(2**2048 - 1, 2**2047 - 1)))
    assert (check_cost(slow.spki), check_cost(read(RSA_LEAF.issuer).spki), check_cost(b"")) == (120, 1, 1)
    assert Signatures(limit=119).check(read(RSA_LEAF), slow) is Signature.UNCHECKED
    assert Signatures(limit=120).check(read(RSA_LEAF), slow) is Signature.INVALID


def test_slow_keys_of_one_name_cost_milliseconds() -> None:
    upper = LAB.authority.root("Slow Root", key="rsa-2048")
    slow = [
        LAB.authority.intermediate(upper, "Slow", key=PublicOnly(2**3072 - 2 * n - 1, 2**3071 - 1))
        for n in range(62)
    ]
    good = LAB.authority.intermediate(upper, "Slow", key="rsa-2048")
    leaf = read(LAB.leaf(good, authority_key_id=False))
    store = AnchorStore("slow", [read(upper)])
    started = time.thread_time()
    built = build([leaf, *map(read, slow)], store, Purpose.SERVER_AUTH, NOW)
    assert time.thread_time() - started < HOSTILE
    assert (built.undecided, built.limits) == (
        True,
        (f"more than {MAX_SIGNATURE_CHECKS} signatures to check",),
    )
    assert build([leaf, read(good)], store, Purpose.SERVER_AUTH, NOW).trusted


def test_a_key_too_dear_to_ask_did_not_sign_itself() -> None:
    slow = PublicOnly(2**3072 - 1, 2**3071 - 1)
    claimed = read(LAB.leaf(LAB.root, subject="CN=Slow", issuer_name="CN=Slow", key=slow))
    assert (claimed.self_issued, claimed.self_signed) == (True, False)
    assert check_cost(claimed.spki) > MAX_OWN_COST
    # A signature of the key's own size by its own algorithm: else there would be nothing to work out.
    issuer = LAB.authority.root("CN=Slow", key="rsa-3072")
    many = [
        read(LAB.leaf(issuer, subject="CN=Slow", issuer_name="CN=Slow", key=slow, serial=number))
        for number in range(2, 82)
    ]
    started = time.thread_time()
    assert not any(one.self_signed for one in many)
    assert time.thread_time() - started < 0.2  # asked, the eighty would take seconds
    assert read(LAB.root).self_signed
