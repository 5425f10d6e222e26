"""PEM bundles: found by subject, whatever the text around them looks like."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from probe.pki.certificate import Certificate
from probe.pki.status import Purpose
from probe.pki.truststore import RootState
from probe.stores import bundle
from probe.stores.bundle import BundleStore, PemBundle
from tests.authority import Authority, Issued, chain_pem

NOW = datetime(2026, 11, 21, tzinfo=UTC)
AUTHORITY = Authority(now=NOW, name="bundles")
ROOTS = [AUTHORITY.root(f"Lab Root CA {'x' * number}") for number in range(7)]
PEM = chain_pem(*ROOTS).encode()


def read(issued: Issued) -> Certificate:
    return Certificate(issued.der)


@pytest.mark.parametrize("root", ROOTS)
def test_a_name_is_found_wherever_its_bytes_fall(root: Issued) -> None:
    """Names of seven lengths start at each of the three positions in a group of base64 characters."""
    assert PemBundle(PEM).named(read(root).subject.der) == (read(root),)


@given(st.integers(4, 90), st.sampled_from(["\n", "\r\n"]), st.sampled_from(ROOTS))
def test_lines_of_any_length_and_ending(width: int, end: str, root: Issued) -> None:
    text = base64.b64encode(root.der).decode()
    lines = [text[at : at + width] for at in range(0, len(text), width)]
    pem = end.join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])
    assert PemBundle(pem.encode()).named(read(root).subject.der) == (read(root),)


def test_a_name_nobody_bears() -> None:
    assert PemBundle(PEM).named(read(AUTHORITY.root("Somebody Else")).subject.der) == ()


def test_the_same_name_several_times_in_the_order_of_the_text() -> None:
    twins = [AUTHORITY.root("Lab Twin") for _ in range(3)]
    found = PemBundle(chain_pem(ROOTS[0], *twins).encode()).named(read(twins[0]).subject.der)
    assert found == tuple(map(read, twins))


def test_an_issuer_of_that_name_is_not_enough() -> None:
    intermediate = AUTHORITY.intermediate(ROOTS[0])
    assert PemBundle(intermediate.pem.encode()).named(read(ROOTS[0]).subject.der) == ()


def test_a_short_name_is_found_by_the_index() -> None:
    nameless = AUTHORITY.root(x509.Name([]))
    store = PemBundle(chain_pem(*ROOTS, nameless).encode())
    assert store.named(b"\x30\x00") == (read(nameless),)
    assert store.named(read(ROOTS[1]).subject.der) == (read(ROOTS[1]),)


def test_many_names_are_answered_by_the_index_alike() -> None:
    store = PemBundle(PEM)
    for number in range(bundle.LOOKUPS_BEFORE_INDEX + 2):
        assert store.named(b"no such name, number %d" % number) == ()
    assert [store.named(read(root).subject.der) for root in ROOTS] == [(read(root),) for root in ROOTS]


def test_a_name_that_occurs_without_end_is_bounded() -> None:
    store = PemBundle(ROOTS[0].pem.encode() * (bundle.MAX_MATCHES * 2))
    assert 0 < len(store.named(read(ROOTS[0]).subject.der)) <= bundle.MAX_MATCHES


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"hello",
        b"-----BEGIN CERTIFICATE-----",
        b"-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----",
    ],
)
def test_what_holds_no_certificate(text: bytes) -> None:
    assert list(PemBundle(text)) == []
    assert PemBundle(text).named(read(ROOTS[0]).subject.der) == ()


def test_a_block_cut_off_is_left_out() -> None:
    cut = ROOTS[0].pem.replace("-----END CERTIFICATE-----", "").encode()[:-80]
    store = PemBundle(cut + ROOTS[1].pem.encode())
    assert list(store) == [read(ROOTS[1])]
    assert store.named(read(ROOTS[0]).subject.der) == ()


def test_thumbprints() -> None:
    assert PemBundle(PEM).by_sha1() == {root.sha1: root.der for root in ROOTS}


def test_a_plain_store_trusts_its_roots_for_everything_and_forbids_nothing() -> None:
    intermediate = AUTHORITY.intermediate(ROOTS[0])
    store = BundleStore("lab.pem", PemBundle(chain_pem(ROOTS[0], intermediate).encode()), "lab.pem")
    for purpose in Purpose:
        assert store.verdict(read(ROOTS[0]), purpose, NOW, NOW).state is RootState.TRUSTED
        assert store.verdict(read(ROOTS[1]), purpose, NOW, NOW).state is RootState.ABSENT
        assert store.verdict(read(intermediate), purpose, NOW, NOW).state is RootState.ABSENT
    assert not store.disallows(read(ROOTS[1]))
    assert store.dated is None
    assert store.size == 2
    assert list(store.certificates()) == [read(ROOTS[0])]
    assert store.roots(read(intermediate).subject.der) == ()
