"""Whether one certificate's key signed another, also with algorithms libraries no longer like.

SHA-1 and MD5 go through the key's low-level verify: ``verify_directly_issued_by`` of cryptography
refuses them with ValueError, which would read as a broken signature.
"""

from __future__ import annotations

import enum
from contextlib import suppress
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from probe.pki import der
from probe.pki.algorithms import DIGESTS

if TYPE_CHECKING:
    from typing import Protocol

    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

    from probe.pki.algorithms import Algorithm

    class SigningKey(Protocol):
        """An issuer as far as checking its signatures goes."""

        @property
        def spki(self) -> bytes: ...
        @property
        def public_key(self) -> PublicKeyTypes | None: ...
        @property
        def check_cost(self) -> int: ...


_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "md5": hashes.MD5, "sha1": hashes.SHA1, "sha224": hashes.SHA224,
    "sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512,
}  # fmt: skip
_PSS_DEFAULT_SALT = 20  # bytes, RFC 4055 3.1
_UNUSABLE = (UnsupportedAlgorithm, ValueError, LookupError, TypeError, OverflowError)


class Signature(enum.Enum):
    """What came of checking one signature."""

    VALID = "valid"
    INVALID = "invalid"
    UNSUPPORTED = "unsupported"
    UNCHECKED = "unchecked"
    """Given up for a bound of ours."""


def load_key(spki: bytes) -> PublicKeyTypes | None:
    """The key in the DER of a SubjectPublicKeyInfo; None where it cannot be used."""
    try:
        return load_der_public_key(spki)
    except _UNUSABLE:
        return None


def verify_bytes(spki: bytes, algorithm: Algorithm, signature: bytes, signed: bytes) -> Signature:
    """Check `signature` over `signed` with the key in the DER of a SubjectPublicKeyInfo."""
    return verify_with(load_key(spki), algorithm, signature, signed)


def verify_with(
    key: PublicKeyTypes | None, algorithm: Algorithm, signature: bytes, signed: bytes
) -> Signature:
    """Check `signature` over `signed` with a key of `load_key`."""
    try:
        _check(key, algorithm, signature, signed)
    except InvalidSignature:
        return Signature.INVALID
    except _UNUSABLE:
        return Signature.UNSUPPORTED
    return Signature.VALID


def windows_evaluates(algorithm: Algorithm) -> bool:
    """Whether Windows' chain building has the algorithm: not so Ed25519, Ed448, SHA-224 and unknown ones [R].

    Sources: rustls-platform-verifier issue 195 (NTE_BAD_ALGID), openssl pull request 15572 and dotnet/runtime
    issue 69485 (no SHA-224 in CNG).
    """
    names = [algorithm.name]
    if algorithm.name == "rsa-pss":
        with suppress(ValueError, LookupError):
            names = list(_pss(algorithm.parameters)[:2])
    return algorithm.name != algorithm.oid and not any(name.startswith(("ed", "sha224")) for name in names)


def _check(key: PublicKeyTypes | None, algorithm: Algorithm, signature: bytes, signed: bytes) -> None:
    digest, _, family = algorithm.name.partition("-")
    match key:
        case rsa.RSAPublicKey() if family == "rsa":
            key.verify(signature, signed, padding.PKCS1v15(), _hash(digest))
        case rsa.RSAPublicKey() if algorithm.name == "rsa-pss":
            digest, mask, salt = _pss(algorithm.parameters)
            key.verify(signature, signed, padding.PSS(padding.MGF1(_hash(mask)), salt), _hash(digest))
        case ec.EllipticCurvePublicKey() if family == "ecdsa":
            key.verify(signature, signed, ec.ECDSA(_hash(digest)))
        case dsa.DSAPublicKey() if family == "dsa":
            key.verify(signature, signed, _hash(digest))
        case ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey() if algorithm.name in ("ed25519", "ed448"):
            key.verify(signature, signed)
        case _ if key is not None and family in ("rsa", "ecdsa", "dsa"):
            # A known algorithm with a key of another kind: that key cannot have made it.
            raise InvalidSignature
        case _:
            raise UnsupportedAlgorithm(f"signature algorithm {algorithm.name}")


def _hash(name: str) -> hashes.HashAlgorithm:
    found = _HASHES.get(name)
    if found is None:
        raise UnsupportedAlgorithm(f"hash {name}")
    return found()


def _pss(parameters: bytes) -> tuple[str, str, int]:
    """Read RSASSA-PSS-params (RFC 4055 3.1): hash, mask generation, salt length; all optional."""
    digest, mask, salt = "sha1", "sha1", _PSS_DEFAULT_SALT
    for part in der.whole(parameters, der.SEQUENCE, "PSS parameters").children():
        inner = der.read(part.content)
        if part.tag == 0xA0:  # [0] hashAlgorithm
            digest = DIGESTS[der.oid(inner.children()[0])]
        elif part.tag == 0xA1:  # [1] maskGenAlgorithm: MGF1 and its hash
            mask = DIGESTS[der.oid(inner.children()[1].children()[0])]
        elif part.tag == 0xA2:  # [2] saltLength
            salt = der.integer(inner)
    return digest, mask, salt
