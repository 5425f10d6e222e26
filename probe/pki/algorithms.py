"""Algorithm identifiers of keys and signatures, by OID, and the names this product gives them."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

from probe.pki import der

_SIGNATURES = {
    "1.2.840.113549.1.1.2": "md2-rsa",
    "1.2.840.113549.1.1.4": "md5-rsa",
    "1.2.840.113549.1.1.5": "sha1-rsa",
    "1.3.14.3.2.29": "sha1-rsa",
    "1.2.840.113549.1.1.14": "sha224-rsa",
    "1.2.840.113549.1.1.11": "sha256-rsa",
    "1.2.840.113549.1.1.12": "sha384-rsa",
    "1.2.840.113549.1.1.13": "sha512-rsa",
    "1.2.840.113549.1.1.10": "rsa-pss",
    "1.2.840.10045.4.1": "sha1-ecdsa",
    "1.2.840.10045.4.3.1": "sha224-ecdsa",
    "1.2.840.10045.4.3.2": "sha256-ecdsa",
    "1.2.840.10045.4.3.3": "sha384-ecdsa",
    "1.2.840.10045.4.3.4": "sha512-ecdsa",
    "1.2.840.10040.4.3": "sha1-dsa",
    "2.16.840.1.101.3.4.3.2": "sha256-dsa",
    "1.3.101.112": "ed25519",
    "1.3.101.113": "ed448",
    "2.16.840.1.101.3.4.3.17": "ml-dsa-44",
    "2.16.840.1.101.3.4.3.18": "ml-dsa-65",
    "2.16.840.1.101.3.4.3.19": "ml-dsa-87",
}
#: Hash functions that signatures name by themselves (RFC 4055 2.1, 5754 2).
DIGESTS = {
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.4": "sha224",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
_CURVES = {
    "1.2.840.10045.3.1.7": "ec-p256",
    "1.3.132.0.34": "ec-p384",
    "1.3.132.0.35": "ec-p521",
    "1.2.840.10045.3.1.1": "ec-p192",
    "1.3.132.0.33": "ec-p224",
    "1.3.132.0.10": "ec-secp256k1",
    "1.3.36.3.3.2.8.1.1.7": "ec-brainpool256",
    "1.3.36.3.3.2.8.1.1.11": "ec-brainpool384",
    "1.3.36.3.3.2.8.1.1.13": "ec-brainpool512",
}
#: A key up to this size, and a public exponent up to this one (65537), make an ordinary check.
ORDINARY_KEY_BYTES, ORDINARY_EXPONENT_BITS = 512, 17
_RSA = frozenset({"1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10", "1.2.840.113549.1.1.7"})
_EC = "1.2.840.10045.2.1"
_OTHER_KEYS = {"1.2.840.10040.4.1": "dsa", "1.3.101.110": "x25519"}


class Algorithm(NamedTuple):
    """An AlgorithmIdentifier (RFC 5280 4.1.1.2): dotted OID and the DER of its parameters (may be empty)."""

    oid: str
    parameters: bytes

    @property
    def name(self) -> str:
        """A short name such as ``sha256-rsa``, or the OID where it is unknown."""
        return _SIGNATURES.get(self.oid, self.oid)


def read(element: der.Element) -> Algorithm:
    """Read an AlgorithmIdentifier; raises DerError."""
    return _read(element.encoded)


@der.remembered
def _read(encoded: bytes) -> Algorithm:
    parts = der.whole(encoded, der.SEQUENCE, "an algorithm").children()
    if not parts:
        raise der.DerError("an algorithm without an identifier")
    return Algorithm(der.oid(parts[0]), parts[1].encoded if len(parts) > 1 else b"")


def key_name(spki: bytes) -> str:
    """A public key as ``rsa-2048``, ``ec-p256``, ``ed25519``, else its OID, or ``unreadable``."""
    try:
        algorithm, key = der.whole(spki, der.SEQUENCE, "a public key").children()
        kind = read(algorithm)
        if kind.oid in _RSA:
            return f"rsa-{_rsa_bits(key)[0]}"
        if kind.oid == _EC:
            curve = der.oid(der.read(kind.parameters))
            return _CURVES.get(curve, f"ec-{curve}")
    except (ValueError, IndexError):
        return "unreadable"
    return _SIGNATURES.get(kind.oid) or _OTHER_KEYS.get(kind.oid, kind.oid)


def _rsa_bits(key: der.Element) -> tuple[int, int]:
    """The bits of an RSA key's modulus and of its public exponent (RFC 8017 A.1.1); raises DerError."""
    modulus, exponent = der.read(der.bits(key)).children()[:2]
    return der.integer(modulus).bit_length(), der.integer(exponent).bit_length()


def check_cost(spki: bytes) -> int:
    """What one signature check with a public key costs, in checks with an ordinary one of 0.1 ms.

    It grows with the square of the key's length, and with the bits of an RSA key's public exponent: one of full
    size takes a multiplication for each of them.
    """
    exponent = ORDINARY_EXPONENT_BITS
    with suppress(ValueError, IndexError):
        algorithm, key = der.whole(spki, der.SEQUENCE, "a public key").children()
        if read(algorithm).oid in _RSA:
            exponent = _rsa_bits(key)[1]
    size = max(1, (len(spki) // ORDINARY_KEY_BYTES) ** 2)
    return size * max(1, exponent // ORDINARY_EXPONENT_BITS)
