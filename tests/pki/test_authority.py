"""The test authority itself: what it is asked for is in the certificate, wrong things included."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import pkcs7 as read_pkcs7
from cryptography.hazmat.primitives.serialization import pkcs12 as read_pkcs12

from tests.authority import (
    ANY_PURPOSE,
    CLIENT_AUTH,
    DAY,
    SERVER_AUTH,
    Authority,
    Issued,
    chain_pem,
    pkcs7,
    pkcs12,
    pooled_key,
    raw_extension,
)
from tests.authority_signing import HASHES

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def authority() -> Authority:
    return Authority(now=NOW)


@pytest.fixture
def chain(authority: Authority) -> tuple[Issued, Issued, Issued]:
    root = authority.root()
    issuing = authority.intermediate(root)
    return authority.leaf(issuing, "mail.contoso.test", "*.contoso.test"), issuing, root


def verify_rsa(issued: Issued, digest: hashes.HashAlgorithm) -> None:
    certificate = issued.certificate
    key = issued.issuer.key if issued.issuer else issued.key
    key.public_key().verify(
        certificate.signature, certificate.tbs_certificate_bytes, padding.PKCS1v15(), digest
    )


def openssl_verify(tmp_path: Path, *chain: Issued) -> subprocess.CompletedProcess[str]:
    leaf, *between, root = chain
    for name, certificates in {"leaf": [leaf], "between": between, "root": [root]}.items():
        (tmp_path / name).write_text(chain_pem(*certificates))
    command = ["openssl", "verify", "-attime", str(int(NOW.timestamp())), "-purpose", "sslserver"]
    between_files = ["-untrusted", tmp_path / "between"] if between else []
    return subprocess.run(
        [*command, "-CAfile", tmp_path / "root", *between_files, tmp_path / "leaf"],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_default_chain_is_good(chain: tuple[Issued, Issued, Issued], tmp_path: Path) -> None:
    assert openssl_verify(tmp_path, *chain).returncode == 0


def test_a_broken_signature_is_seen(authority: Authority, tmp_path: Path) -> None:
    root = authority.root()
    leaf = authority.leaf(root, broken_signature=True)
    assert "certificate signature failure" in openssl_verify(tmp_path, leaf, root).stderr
    with pytest.raises(InvalidSignature):
        leaf.certificate.verify_directly_issued_by(root.certificate)


def test_defaults_of_a_leaf(chain: tuple[Issued, Issued, Issued]) -> None:
    leaf, issuing, root = chain
    certificate = leaf.certificate
    san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    eku = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert certificate.subject.rfc4514_string() == "CN=mail.contoso.test"
    assert san.get_values_for_type(x509.DNSName) == ["mail.contoso.test", "*.contoso.test"]
    assert list(eku) == [SERVER_AUTH, CLIENT_AUTH]
    assert certificate.not_valid_after_utc == NOW + 150 * DAY
    assert certificate.not_valid_before_utc == NOW - 50 * DAY
    assert leaf.chain == (leaf, issuing, root)
    assert root.chain == (root,)


def test_every_certificate_has_a_serial_of_its_own_and_the_same_twice(authority: Authority) -> None:
    root = authority.root(serial=7)
    one, other = authority.leaf(root, "a.test"), authority.leaf(root, "b.test")
    again = Authority(now=NOW).root(serial=7)
    assert root.certificate.serial_number == 7
    assert one.certificate.serial_number != other.certificate.serial_number
    assert again.key is root.key


def test_authorities_of_other_names_have_other_keys(authority: Authority) -> None:
    assert Authority(now=NOW, name="internal").root().key is not authority.root().key


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("rsa-2048", 2048), ("rsa-1024", 1024), ("ec-p256", 256), ("ec-p384", 384), ("ec-p521", 521)],
)
def test_kinds_of_keys(authority: Authority, kind: str, expected: int) -> None:
    root = authority.root(key=kind)
    assert root.certificate.public_key().key_size == expected
    root.certificate.verify_directly_issued_by(root.certificate)


def test_ed25519(authority: Authority) -> None:
    root = authority.root(key="ed25519", version=1)
    leaf = authority.leaf(root, key="ed25519")
    assert leaf.certificate.signature_hash_algorithm is None
    leaf.certificate.verify_directly_issued_by(root.certificate)


@pytest.mark.parametrize("signature", ["md5", "sha1", "sha384"])
def test_rsa_signatures_of_any_hash(authority: Authority, signature: str) -> None:
    root = authority.root(key="rsa-2048")
    leaf = authority.leaf(root, signature=signature)
    verify_rsa(leaf, HASHES[signature]())
    assert leaf.certificate.signature_hash_algorithm.name == signature
    with pytest.raises(InvalidSignature):
        verify_rsa(leaf, hashes.SHA512())


def test_sha1_with_an_elliptic_curve(authority: Authority) -> None:
    root = authority.root(signature="sha1")
    certificate = root.certificate
    assert certificate.signature_hash_algorithm.name == "sha1"
    root.key.public_key().verify(
        certificate.signature, certificate.tbs_certificate_bytes, ec.ECDSA(HASHES["sha1"]())
    )


def test_md5_needs_rsa(authority: Authority) -> None:
    with pytest.raises(ValueError, match="no md5 signature"):
        authority.root(signature="md5")


@pytest.mark.parametrize("key", ["ec-p256", "rsa-2048"])
def test_version_1_has_no_extensions(authority: Authority, key: str) -> None:
    root = authority.root(key=key, version=1)
    assert root.certificate.version is x509.Version.v1
    assert len(root.certificate.extensions) == 0
    root.certificate.verify_directly_issued_by(root.certificate)


def test_extensions_can_be_left_out_and_bent(authority: Authority) -> None:
    root = authority.root(
        path_length=3, ca_critical=False, permitted=("contoso.test",), excluded=("10.0.0.0/8",)
    )
    constraints = root.certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    names = root.certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    assert (constraints.value.path_length, constraints.critical) == (3, False)
    assert names.permitted_subtrees == [x509.DNSName("contoso.test")]
    assert len(names.excluded_subtrees) == 1
    bare = authority.leaf(
        root, names=(), ca=None, key_usage=None, eku=None, subject_key_id=False, authority_key_id=False
    )
    assert len(bare.certificate.extensions) == 0


def test_raw_extensions_and_purposes(authority: Authority) -> None:
    noise = raw_extension("1.3.6.1.4.1.55555.1", b"\x05\x00", critical=True)
    leaf = authority.self_signed(extra=(noise,), eku=(ANY_PURPOSE,), eku_critical=True)
    assert noise in list(leaf.certificate.extensions)
    assert leaf.certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).critical


def test_names_and_dates_can_lie(authority: Authority) -> None:
    root = authority.root()
    leaf = authority.leaf(
        root,
        subject="CN=mail,O=Contoso",
        issuer_name="Another CA",
        names=("mail.contoso.test", "192.0.2.1", x509.RFC822Name("a@contoso.test")),
        not_before=NOW + DAY,
        not_after=NOW + timedelta(days=2),
    )
    certificate = leaf.certificate
    san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert certificate.subject.rfc4514_string() == "CN=mail,O=Contoso"
    assert certificate.issuer.rfc4514_string() == "CN=Another CA"
    assert [str(address) for address in san.get_values_for_type(x509.IPAddress)] == ["192.0.2.1"]
    assert certificate.not_valid_before_utc == NOW + DAY


def test_an_unknown_field_or_key_usage_is_an_error(authority: Authority) -> None:
    with pytest.raises(TypeError, match="colour"):
        authority.root(colour="blue")
    with pytest.raises(ValueError, match="no such key usage"):
        authority.root(key_usage=("signing",))


def test_the_same_key_can_be_certified_twice(authority: Authority) -> None:
    root = authority.root()
    other = authority.root("Other Root")
    cross = authority.intermediate(other, root.subject, key=root.key)
    leaf = authority.leaf(root)
    leaf.certificate.verify_directly_issued_by(cross.certificate)
    leaf.certificate.verify_directly_issued_by(root.certificate)


def test_files(chain: tuple[Issued, Issued, Issued]) -> None:
    leaf, issuing, _ = chain
    both = [leaf.certificate, issuing.certificate]
    assert x509.load_pem_x509_certificates(chain_pem(leaf, issuing).encode()) == both
    assert read_pkcs7.load_der_pkcs7_certificates(pkcs7(leaf, issuing)) in (both, both[::-1])
    assert read_pkcs7.load_pem_pkcs7_certificates(pkcs7(leaf, pem=True)) == [leaf.certificate]
    key, certificate, others = read_pkcs12.load_key_and_certificates(
        pkcs12(leaf, issuing, password=b"x"), b"x"
    )
    assert (certificate, others) == (leaf.certificate, [issuing.certificate])
    assert key.private_numbers() == leaf.key.private_numbers()
    assert read_pkcs12.load_key_and_certificates(pkcs12(leaf), None)[2] == []
    loaded = serialization.load_pem_private_key(leaf.key_pem.encode(), None)
    assert loaded.private_numbers() == leaf.key.private_numbers()
    assert leaf.sha1 == leaf.certificate.fingerprint(HASHES["sha1"]()).hex()
    assert leaf.sha256 == leaf.certificate.fingerprint(hashes.SHA256()).hex()


def test_the_pool_makes_a_key_once() -> None:
    assert pooled_key("ec-p256", "pool", 1) is pooled_key("ec-p256", "pool", 1)
    assert pooled_key("ec-p256", "pool", 1) is not pooled_key("ec-p256", "pool", 2)
