"""Signing certificates in ways that cryptography's builder refuses: SHA-1, MD5, version 1, broken.

The builder makes a certificate it likes, then the part to be signed is rewritten and signed once more.
"""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa

PrivateKey = (
    rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey
)

HASHES = {
    "md5": hashes.MD5,
    "sha1": hashes.SHA1,
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
# AlgorithmIdentifier of the signatures the builder refuses, whole DER (RFC 3279, 2.2.1 and 2.2.3).
_RSA_MD5 = bytes.fromhex("300d06092a864886f70d0101040500")
_RSA_SHA1 = bytes.fromhex("300d06092a864886f70d0101050500")
_ECDSA_SHA1 = bytes.fromhex("300906072a8648ce3d0401")


def sign(
    builder: x509.CertificateBuilder,
    signer: PrivateKey,
    digest: str,
    *,
    version: int = 3,
    broken: bool = False,
    validity: bytes | None = None,
) -> bytes:
    """The certificate as DER; the digest, a key of `HASHES`, means nothing for Ed25519 and Ed448."""
    old = digest in {"sha1", "md5"}
    modern = None if _is_edwards(signer) else (hashes.SHA256 if old else HASHES[digest])()
    der = builder.sign(signer, modern).public_bytes(serialization.Encoding.DER)
    body, algorithm, signature = _elements(_content(der))
    if old or version == 1 or validity:
        algorithm = _old_algorithm(signer, digest) if old else algorithm
        body = _rewritten(body, algorithm, version=version, validity=validity)
        signature = _bit_string(_sign(signer, body, digest))
    if broken:
        signature = signature[:-1] + bytes([signature[-1] ^ 1])
    return _tlv(0x30, body + algorithm + signature)


def _is_edwards(key: PrivateKey) -> bool:
    return isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)


def _old_algorithm(signer: PrivateKey, signature: str) -> bytes:
    if isinstance(signer, rsa.RSAPrivateKey):
        return _RSA_MD5 if signature == "md5" else _RSA_SHA1
    if isinstance(signer, ec.EllipticCurvePrivateKey) and signature == "sha1":
        return _ECDSA_SHA1
    raise ValueError(f"no {signature} signature with such a key")


def _sign(signer: PrivateKey, body: bytes, signature: str) -> bytes:
    if isinstance(signer, rsa.RSAPrivateKey):
        return signer.sign(body, padding.PKCS1v15(), HASHES[signature]())
    if isinstance(signer, ec.EllipticCurvePrivateKey):
        return signer.sign(body, ec.ECDSA(HASHES[signature]()))
    return signer.sign(body)


def _rewritten(body: bytes, algorithm: bytes, *, version: int, validity: bytes | None) -> bytes:
    """TBSCertificate (RFC 5280, 4.1) with another algorithm and validity; version 1 has neither [0] nor extensions."""
    explicit_version, serial, _, issuer, said, *rest = _elements(_content(body))
    start = b"" if version == 1 else explicit_version
    return _tlv(0x30, start + serial + algorithm + issuer + (validity or said) + b"".join(rest))


def _bit_string(value: bytes) -> bytes:
    return _tlv(0x03, b"\x00" + value)


def _tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


def _content(value: bytes) -> bytes:
    """What one DER value holds, without tag and length."""
    return value[_header_size(value) :]


def _elements(content: bytes) -> list[bytes]:
    """The DER values that stand one after the other, each with tag and length."""
    found = []
    while content:
        end = _header_size(content) + _size(content)
        found.append(content[:end])
        content = content[end:]
    return found


def _header_size(value: bytes) -> int:
    return 2 if value[1] < 0x80 else 2 + (value[1] & 0x7F)


def _size(value: bytes) -> int:
    return value[1] if value[1] < 0x80 else int.from_bytes(value[2 : _header_size(value)])
