"""Every signature algorithm a chain may carry, good and broken, those libraries frown upon included."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from probe.pki.algorithms import Algorithm
from probe.pki.certificate import Certificate, verify
from probe.pki.signature import Signature, verify_bytes, windows_evaluates
from tests.authority import Authority
from tests.authority_signing import HASHES
from tests.pki.judging import NOW

SIGNED = b"the part to be signed"
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
DSA = dsa.generate_private_key(1024)  # noqa: S505 - finding a larger prime takes seconds
ED25519 = ed25519.Ed25519PrivateKey.generate()
ED448 = ed448.Ed448PrivateKey.generate()
PKCS1 = padding.PKCS1v15()

SHA1 = HASHES["sha1"]()
RSA_OIDS = {"md5": 4, "sha1": 5, "sha224": 14, "sha256": 11, "sha384": 12, "sha512": 13}
EC_OIDS = {"sha1": "1", "sha224": "3.1", "sha256": "3.2", "sha384": "3.3", "sha512": "3.4"}


def digest(name: str) -> hashes.HashAlgorithm:
    return HASHES[name]()


def spki(key: object) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def pss(hash_oid: str, salt: int) -> bytes:
    """RSASSA-PSS-params (RFC 4055 3.1) for one hash in both places; no parameters at all for SHA-1 and 20."""
    inner_hash = bytes.fromhex(f"300d0609{hash_oid}0500")
    mask = bytes.fromhex("301a06092a864886f70d010108") + inner_hash
    parts = ((0xA0, inner_hash), (0xA1, mask), (0xA2, b"\x02\x01" + bytes([salt])))
    inner = b"".join(bytes([tag, len(value)]) + value for tag, value in parts)
    return b"\x30" + bytes([len(inner)]) + inner


def signed_pss(algorithm: hashes.HashAlgorithm, salt: int) -> bytes:
    return RSA.sign(SIGNED, padding.PSS(padding.MGF1(algorithm), salt), algorithm)


CASES = {
    **{
        f"{name}-rsa": (RSA, f"1.2.840.113549.1.1.{last}", b"\x05\x00", RSA.sign(SIGNED, PKCS1, digest(name)))
        for name, last in RSA_OIDS.items()
    },
    **{
        f"{name}-ecdsa": (EC, f"1.2.840.10045.4.{last}", b"", EC.sign(SIGNED, ec.ECDSA(digest(name))))
        for name, last in EC_OIDS.items()
    },
    "sha1-dsa": (DSA, "1.2.840.10040.4.3", b"", DSA.sign(SIGNED, SHA1)),
    "sha256-dsa": (DSA, "2.16.840.1.101.3.4.3.2", b"", DSA.sign(SIGNED, hashes.SHA256())),
    "ed25519": (ED25519, "1.3.101.112", b"", ED25519.sign(SIGNED)),
    "ed448": (ED448, "1.3.101.113", b"", ED448.sign(SIGNED)),
    "pss-default": (RSA, "1.2.840.113549.1.1.10", b"\x30\x00", signed_pss(SHA1, 20)),
    "pss-trailer": (
        RSA,
        "1.2.840.113549.1.1.10",
        b"\x30\x05\xa3\x03\x02\x01\x01",  # [3] trailerField, always 1
        signed_pss(SHA1, 20),
    ),
    "pss-sha256": (
        RSA,
        "1.2.840.113549.1.1.10",
        pss("608648016503040201", 32),
        signed_pss(hashes.SHA256(), 32),
    ),
    "pss-sha512": (
        RSA,
        "1.2.840.113549.1.1.10",
        pss("608648016503040203", 64),
        signed_pss(hashes.SHA512(), 64),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_signature_is_valid_over_its_own_bytes_only(case: tuple) -> None:
    key, oid, parameters, signature = case
    algorithm = Algorithm(oid, parameters)
    assert verify_bytes(spki(key), algorithm, signature, SIGNED) is Signature.VALID
    assert verify_bytes(spki(key), algorithm, signature, SIGNED + b"!") is Signature.INVALID


@pytest.mark.parametrize(
    ("key", "oid", "parameters"),
    [
        (RSA, "1.2.3.4", b""),  # unknown
        (RSA, "1.2.840.113549.1.1.2", b"\x05\x00"),  # MD2: no library has it any more
        (RSA, "1.2.840.113549.1.1.10", b""),  # PSS without parameters
        (RSA, "1.2.840.113549.1.1.10", b"\x30\x04\xa0\x02\x30\x00"),  # PSS with an empty hash
        (RSA, "1.2.840.113549.1.1.10", b"\x30\x02\xa0\x00"),
        (RSA, "1.2.840.113549.1.1.10", pss("608648016503040207", 32)),  # a hash we do not know
        (RSA, "1.2.840.113549.1.1.10", b"\x30\x0f\xa2\x0d\x02\x0b\x7f" + bytes(10)),  # an absurd salt
        (RSA, "1.2.840.113549.1.1.10", b"\x30\x05\xa2\x03\x02\x01\xff"),  # a negative one
        (RSA, "2.16.840.1.101.3.4.3.19", b""),  # ML-DSA with an RSA key
    ],
)
def test_what_cannot_be_evaluated_is_unsupported_not_invalid(
    key: object, oid: str, parameters: bytes
) -> None:
    assert verify_bytes(spki(key), Algorithm(oid, parameters), b"x", SIGNED) is Signature.UNSUPPORTED


def test_a_key_of_another_kind_cannot_have_signed() -> None:
    ecdsa = Algorithm("1.2.840.10045.4.3.2", b"")
    assert verify_bytes(spki(RSA), ecdsa, b"x", SIGNED) is Signature.INVALID
    assert verify_bytes(b"\x30\x00", ecdsa, b"x", SIGNED) is Signature.UNSUPPORTED


def test_both_statements_of_the_algorithm_have_to_agree() -> None:
    authority = Authority(now=NOW)
    root = authority.root()
    leaf, issuer = authority.leaf(root), Certificate(root.der)
    assert verify(Certificate(leaf.der), issuer) is Signature.VALID
    sha256, sha384 = bytes.fromhex("06082a8648ce3d040302"), bytes.fromhex("06082a8648ce3d040303")
    head, inner, rest = leaf.der.partition(sha256)
    assert inner
    assert verify(Certificate(head + inner + rest.replace(sha256, sha384)), issuer) is Signature.INVALID


@pytest.mark.parametrize(
    ("oid", "parameters", "evaluated"),
    [
        ("1.2.840.113549.1.1.11", b"\x05\x00", True),
        ("1.2.840.113549.1.1.14", b"\x05\x00", False),  # SHA-224 with RSA
        ("1.2.840.10045.4.3.1", b"", False),  # SHA-224 with ECDSA
        ("1.2.840.113549.1.1.10", pss("608648016503040201", 32), True),  # PSS with SHA-256
        ("1.2.840.113549.1.1.10", pss("608648016503040204", 28), False),  # PSS with SHA-224
        ("1.2.840.113549.1.1.10", b"\x05", True),  # unreadable: nobody can check it, which is said elsewhere
        ("1.3.101.112", b"", False),
        ("1.3.101.113", b"", False),
        ("1.2.3.4", b"", False),
    ],
)
def test_what_windows_evaluates(oid: str, parameters: bytes, evaluated: bool) -> None:
    assert windows_evaluates(Algorithm(oid, parameters)) is evaluated
