"""What published tests recorded on Windows, rebuilt: the engine flags the same elements, and none of the twins."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

from probe.pki.host_names import certificate_matches
from tests.authority import raw_extension
from tests.conformance.recorded import OLD_NAMES, RECORDED, Recorded, dns, flags, judged
from tests.pki.judging import Lab, read, shown


@pytest.fixture(scope="module", autouse=True)
def _told(say: list[str]) -> None:
    sources = len({each.source for each in RECORDED})
    say.append(f"Windows: {len(RECORDED)} recorded results of {sources} sources rebuilt, each with a control")


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: case.title)
def test_windows_flags_these_elements(case: Recorded) -> None:
    assert flags(case.levels) == list(case.elements)
    built = judged(case.levels)
    united = " ".join(each for each in case.elements if each != "NoError") or "NoError"
    assert set(shown(built.status).split()) == set((case.whole or united).split())
    assert built.trusted is (shown(built.status) == "NoError")


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: case.title)
def test_without_the_fault_it_flags_nothing(case: Recorded) -> None:
    assert set(flags(case.control)) == {"NoError"}
    assert judged(case.control).trusted


def test_a_loop_that_closes_at_the_leaf_is_cyclic_too() -> None:
    """Wine crypt32 tests, chain9."""
    lab = Lab()
    bare = {"ca": None, "key_usage": None}
    above = lab.authority.root("Above")
    leaf = lab.leaf(above, subject="CN=Leaf", **bare)
    above = lab.authority.intermediate(leaf, "Above", key=above.key, path_length=None, **bare)
    built = lab.judge(leaf, above, store=[])
    assert shown(built.status) == "PartialChain Cyclic InvalidBasicConstraints"
    assert lab.flags(leaf, store=[]) == "PartialChain"


def test_names_of_the_old_identifier_are_for_hosts_too() -> None:
    """Wine crypt32 tests, chain29 (SSL policy)."""
    lab = Lab()
    leaf = lab.leaf(names=(), subject="O=Contoso", extra=(dns("*.contoso.test", OLD_NAMES),))
    assert certificate_matches(read(leaf), "mail.contoso.test") is True
    assert certificate_matches(read(leaf), "mail.fabrikam.test") is False


def _spelt(kind: _ASN1Type, text: str = "Contoso Issuing CA") -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text, _type=kind)])


@pytest.mark.parametrize(
    ("asked", "key_id", "wanted"),
    [
        (_spelt(_ASN1Type.PrintableString), "01", "NoError"),
        (_spelt(_ASN1Type.PrintableString, "CONTOSO  Issuing CA"), "01", "NoError"),
        (_spelt(_ASN1Type.UTF8String), "02", "NoError"),
        (_spelt(_ASN1Type.PrintableString), "02", "PartialChain"),
        (_spelt(_ASN1Type.PrintableString, "Contoso Other CA"), "01", "PartialChain"),
    ],
    ids=["string type", "case", "control: one spelling", "control: another key", "control: another name"],
)
def test_an_issuer_spelt_otherwise_is_found_by_its_key_identifier(
    asked: x509.Name, key_id: str, wanted: str
) -> None:
    """Inferred; two public chains of CT logs need it (BoringSSL's issuer-and-subject-not-byte-for-byte-equal)."""
    lab = Lab()
    named = raw_extension("2.5.29.14", bytes.fromhex("040101"))
    issuing = lab.authority.intermediate(
        lab.root, _spelt(_ASN1Type.UTF8String), subject_key_id=False, extra=(named,)
    )
    points = raw_extension("2.5.29.35", bytes.fromhex("30038001" + key_id))
    leaf = lab.leaf(issuing, issuer_name=asked, authority_key_id=False, extra=(points,))
    assert lab.flags(leaf, issuing) == wanted


@pytest.mark.parametrize(
    ("kind", "digest", "wanted"),
    [
        ("ed25519", "sha256", "ed25519"),
        ("ed448", "sha256", "ed448"),
        ("ec-p256", "sha224", "sha224-ecdsa"),
        ("rsa-2048", "sha224", "sha224-rsa"),
        ("ec-p256", "sha256", None),
        ("rsa-2048", "sha256", None),
    ],
)
def test_what_windows_has_no_algorithm_for_is_never_trusted(
    kind: str, digest: str, wanted: str | None
) -> None:
    """rustls-platform-verifier issue 195; openssl pull request 15572."""
    lab = Lab()
    root = lab.authority.root("Signing Root", key=kind)
    built = lab.judge(lab.leaf(root, signature=digest), store=[root])
    assert built.trusted is (wanted is None)
    said = () if wanted is None else (f"the signature of mail.contoso.test ({wanted})",)
    assert (built.unevaluated, built.ssl_policy_error) == (said, "NTE_BAD_ALGID" if wanted else None)


@pytest.mark.parametrize("kind", ["ed25519", "ed448", "ec-p256"])
def test_nor_is_a_leaf_whose_own_key_windows_does_not_have(kind: str) -> None:
    """Inferred: Schannel has no such key either."""
    lab = Lab()
    built = lab.judge(lab.leaf(key=kind), lab.issuing)
    said = () if kind == "ec-p256" else (f"the key of mail.contoso.test ({kind})",)
    assert (built.trusted, built.unevaluated) == (not said, said)
    assert built.faults == (("not evaluated",) if said else ())
