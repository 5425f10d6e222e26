"""The chain as it was sent, and a plain bundle of roots as a store."""

from __future__ import annotations

from probe.pki.certificate import Unreadable
from probe.pki.chain import MAX_CERTIFICATE_BYTES, PresentedChain
from probe.pki.truststore import AnchorStore, RootState
from tests.authority import Authority
from tests.pki.judging import NOW, Lab, read

AUTHORITY = Authority(now=NOW)
ROOT = AUTHORITY.root()
ISSUING = AUTHORITY.intermediate(ROOT)


def test_the_presented_chain_keeps_order_and_what_it_cannot_read() -> None:
    chain = PresentedChain.from_der([ISSUING.der, b"junk", ROOT.der])
    assert chain.leaf == read(ISSUING)
    assert chain.certificates == (read(ISSUING), read(ROOT))
    assert isinstance(chain.entries[1], Unreadable)
    assert chain.fingerprint[0] == ISSUING.sha256
    assert PresentedChain.from_der([b"junk", ROOT.der]).leaf is None
    assert PresentedChain.from_der([]).leaf is None


def test_the_presented_chain_is_bounded() -> None:
    chain = PresentedChain.from_der([ROOT.der] * 70 + [b"\x30" * (MAX_CERTIFICATE_BYTES + 1)])
    assert (len(chain.entries), chain.dropped) == (64, 7)
    large = PresentedChain.from_der([b"\x30" * (MAX_CERTIFICATE_BYTES + 1)]).entries[0]
    assert isinstance(large, Unreadable)
    assert (large.reason, len(large.der)) == ("larger than 131072 bytes", MAX_CERTIFICATE_BYTES)


def test_a_bundle_trusts_its_self_issued_certificates_only() -> None:
    store = AnchorStore("bundle", map(read, (ROOT, ROOT, ISSUING)), dated=NOW)
    assert (store.name, store.dated) == ("bundle", NOW)
    assert store.roots(read(ROOT).subject.der) == (read(ROOT),)
    assert store.roots(read(ISSUING).subject.der) == ()


def test_a_bundle_knows_its_own_roots() -> None:
    lab = Lab()
    assert lab.judge(lab.leaf(), lab.issuing).root.state is RootState.TRUSTED
    assert lab.judge(lab.leaf(), lab.issuing, lab.root, store=[]).root.state is RootState.ABSENT
