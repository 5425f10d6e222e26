"""What is remembered of chains changes no answer, whatever is sent, in whatever order, as of whatever instant."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.pki.certificate import Certificate, parse
from probe.pki.chain import PresentedChain
from probe.pki.memory import MAX_BYTES, MAX_CHAINS, MAX_LENGTH, Memory
from probe.pki.path import Judgement, build
from probe.pki.recent import Recent
from probe.pki.signature import verify_with
from probe.pki.status import Purpose
from probe.pki.truststore import AnchorStore, RootState, RootVerdict
from tests.authority import raw_extension
from tests.counting import calls
from tests.examples import examples
from tests.pki.judging import DAY, NOW, Lab, RuledStore, read

PURPOSES = (Purpose.SERVER_AUTH, Purpose.CLIENT_AUTH)
TICK, SECOND = timedelta(microseconds=1), timedelta(seconds=1)
CHANGE = NOW + 30 * DAY

LAB, OTHER = Lab(), Lab("other")
A = LAB.authority
FREE = A.intermediate(LAB.root, "Free", path_length=None)
NAMED = A.intermediate(LAB.root, "Named", permitted=("contoso.test",))
STRICT = A.intermediate(LAB.root, "Strict", extra=(raw_extension("2.5.29.36", b"\x30\x03\x80\x01\x00"),))
TWIN = A.intermediate(OTHER.root, "lab issuing", key=LAB.issuing.key)
YOUNG = A.intermediate(LAB.root, "lab issuing", key=LAB.issuing.key, not_before=NOW + 10 * DAY)
ROOT_CROSSED = A.intermediate(OTHER.root, "lab root", key=LAB.root.key, path_length=None)

ISSUERS = [LAB.issuing, FREE, NAMED, STRICT, TWIN, YOUNG, LAB.root]
LEAVES = [
    *(LAB.leaf(issuer) for issuer in ISSUERS),
    *(LAB.leaf(LAB.issuing, name) for name in ("a.contoso.test", "b.fabrikam.test")),
    LAB.leaf(LAB.issuing, eku=()),
    LAB.leaf(LAB.issuing, eku=None, not_after=NOW + DAY),
    LAB.leaf(LAB.issuing, not_before=NOW + DAY),
    LAB.leaf(LAB.issuing, not_before=CHANGE + DAY),
    LAB.leaf(LAB.issuing, key="ed25519"),
    LAB.leaf(LAB.issuing, key="rsa-2048", signature="sha1"),
    LAB.leaf(LAB.issuing, broken_signature=True),
    LAB.leaf(LAB.issuing, authority_key_id=False, subject_key_id=False),
    LAB.leaf(LAB.issuing, extra=(raw_extension("1.2.3.4", b"\x05\x00", critical=True),)),
    LAB.leaf(LAB.issuing, extra=(raw_extension("2.5.29.36", b"\x30\x03\x80\x01\x00"),)),
    # End certificates that are issuers, or look like one.
    LAB.leaf(LAB.issuing, subject="lab root", key=LAB.root.key),
    LAB.leaf(LAB.issuing, subject="LAB ISSUING", key=LAB.issuing.key),
    LAB.leaf(FREE, subject="Free", ca=True, key_usage=("key_cert_sign",)),
    A.self_signed("lab issuing"),
    LAB.issuing, LAB.root, FREE,
]  # fmt: skip
ABOVE = [*ISSUERS, ROOT_CROSSED, OTHER.root, OTHER.issuing, LEAVES[0], LEAVES[1]]


class DatedStore(AnchorStore):
    """A list that takes its roots back at an instant, and for younger certificates at once."""

    def verdict(
        self, root: Certificate, purpose: Purpose, leaf_not_before: datetime, at: datetime
    ) -> RootVerdict:
        del purpose
        if root not in self.roots(root.subject.der):
            return RootVerdict(RootState.ABSENT)
        if at >= CHANGE:
            return RootVerdict(RootState.DISABLED, CHANGE)
        return RootVerdict(RootState.NOT_BEFORE if leaf_not_before > CHANGE else RootState.TRUSTED)

    def dates(self, root: Certificate) -> tuple[datetime, ...]:
        del root
        return (CHANGE,)


LISTS = (
    AnchorStore("empty", []),
    DatedStore("dated", [read(LAB.root), read(OTHER.root)]),
    RuledStore([LAB.root], forbidden=[LEAVES[0], FREE]),
    AnchorStore("other", [read(OTHER.root), read(LAB.issuing)]),
)
TURNS = [
    CHANGE,
    *(turn for each in (*LEAVES, *ISSUERS) for turn in (read(each).not_before, read(each).not_after)),
]
INSTANTS = [
    *(turn + shift for turn in TURNS for shift in (-TICK, 0 * TICK, TICK, SECOND - TICK, SECOND)),
    NOW, datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC),
]  # fmt: skip

blobs = st.sampled_from([each.der for each in ABOVE]) | st.sampled_from([b"junk", LEAVES[1].der[:-1] + b"\0"])
chains = st.tuples(st.sampled_from([each.der for each in LEAVES]), st.lists(blobs, max_size=4))
questions = st.tuples(
    chains, st.sampled_from(INSTANTS), st.lists(st.sampled_from(LISTS), min_size=1, max_size=2)
)


@given(st.lists(questions, min_size=2, max_size=12))
@settings(max_examples=examples(100))
def test_a_memory_answers_as_building_does(
    asked: list[tuple[tuple[bytes, list[bytes]], datetime, list[AnchorStore]]],
) -> None:
    known = Memory()
    for (leaf, others), at, stores in asked:
        chain = PresentedChain.from_der([leaf, *others], known.parse)
        for _ in range(2):
            for store in stores:
                expected = tuple(build(chain, store, each, at) for each in PURPOSES)
                assert known.paths(chain, store, PURPOSES, at) == expected


@pytest.mark.slow
@pytest.mark.parametrize("store", LISTS[1:3])
def test_every_end_certificate_after_every_other(store: AnchorStore) -> None:
    sent = [PresentedChain.from_der([leaf.der, LAB.issuing.der, FREE.der]) for leaf in LEAVES]
    built = [tuple(build(chain, store, each, NOW) for each in PURPOSES) for chain in sent]
    for first, (second, paths) in product(sent, zip(sent, built, strict=True)):
        known = Memory()
        known.paths(first, store, PURPOSES, NOW)
        assert known.paths(second, store, PURPOSES, NOW) == paths


def test_a_chain_seen_before_costs_no_signature_and_no_path_and_one_of_its_issuer_a_signature() -> None:
    known, spent = Memory(), []
    for leaf in (LEAVES[7], LEAVES[7], LEAVES[8], LEAVES[8]):
        chain = PresentedChain.from_der([leaf.der, LAB.issuing.der], known.parse)
        made = calls(lambda chain=chain: [known.paths(chain, each, PURPOSES, NOW) for each in LISTS])
        spent.append((made[verify_with.__code__], made[Judgement.best.__code__]))
    assert spent == [(2, len(LISTS) * len(PURPOSES)), (0, 0), (1, 0), (0, 0)]


def test_what_is_too_large_is_judged_and_forgotten() -> None:
    known = Memory()
    long = PresentedChain.from_der([LEAVES[0].der, LAB.issuing.der, *([b"junk"] * MAX_LENGTH)])
    large = PresentedChain.from_der([LEAVES[0].der, LAB.issuing.der, b"\x30" * (MAX_BYTES + 1)])
    many = PresentedChain.from_der([LEAVES[0].der, LAB.issuing.der, *([b"junk"] * 70)])
    for chain in (long, large, many):
        (path,) = known.paths(chain, LISTS[1], PURPOSES[:1], NOW)
        assert path == build(chain, LISTS[1], PURPOSES[0], NOW)
        assert not known._chains
    blob = b"\x30" * (MAX_BYTES + 1)
    assert known.parse(blob) is not known.parse(blob)
    assert known.parse(LEAVES[0].der) is known.parse(LEAVES[0].der)


def test_what_one_peer_sends_does_not_push_out_what_many_use() -> None:
    recent: Recent[int, str] = Recent(10)
    recent[0] = "used"
    for number in range(1, 200):
        recent[number] = "once"
        if number % 5 == 0:
            assert recent.get(0) == "used"
        assert len(recent) <= 20
    assert recent.get(100) is None
    assert MAX_CHAINS > 8 * MAX_LENGTH


def test_a_certificate_can_be_handed_to_another_process() -> None:
    certificate = parse(LEAVES[0].der)
    assert isinstance(certificate, Certificate)
    assert certificate.public_key is not None
    assert certificate.self_signed is False
    assert copy.deepcopy(certificate) == certificate  # by the means of pickle
