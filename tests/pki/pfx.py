"""PFX files put together element by element (RFC 7292), so that every part can be made wrong."""

from __future__ import annotations

import hashlib
import hmac
from typing import NamedTuple

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.authority import Issued
from tests.rootlist import integer, oid, tlv

PASSWORD = b"correct horse"
PBES2, PBMAC1 = "1.2.840.113549.1.5.13", "1.2.840.113549.1.5.14"
_SHA256 = tlv(0x30, oid("1.2.840.113549.2.9"), tlv(0x05))
_SALT, _IV = bytes(range(8)), bytes(16)


class Cost(NamedTuple):
    """What is written of a derivation; it is made with 2,048 rounds, or with these if `real`."""

    rounds: int = 2048
    real: bool = True

    @property
    def made(self) -> int:
        return self.rounds if self.real else 2048


CHEAP, ENDLESS = Cost(), Cost(2**31 - 1, real=False)


def octets(content: bytes) -> bytes:
    return tlv(0x04, content)


def pieces(content: bytes) -> bytes:
    """An OCTET STRING in pieces (BER)."""
    return tlv(0x24, *(octets(content[at : at + 5]) for at in range(0, len(content), 5)))


def indefinite(tag: int, *parts: bytes) -> bytes:
    return bytes([tag, 0x80]) + b"".join(parts) + b"\0\0"


def pbkdf2(cost: Cost, salt: bytes = octets(_SALT)) -> bytes:
    return tlv(0x30, oid("1.2.840.113549.1.5.12"), tlv(0x30, salt, integer(cost.rounds), _SHA256))


def scrypt(n: int, r: int, p: int) -> bytes:
    return tlv(
        0x30,
        oid("1.3.6.1.4.1.11591.4.11"),
        tlv(0x30, octets(_SALT), integer(n), integer(r), integer(p)),
    )


def pbes2(derivation: bytes) -> bytes:
    cipher = tlv(0x30, oid("2.16.840.1.101.3.4.1.42"), octets(_IV))
    return tlv(0x30, oid(PBES2), tlv(0x30, derivation, cipher))


def encrypted(plain: bytes, key: bytes) -> bytes:
    padding = 16 - len(plain) % 16
    writer = Cipher(algorithms.AES(key), modes.CBC(_IV)).encryptor()
    return writer.update(plain + bytes([padding]) * padding) + writer.finalize()


def derived(cost: Cost) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", PASSWORD, _SALT, cost.made, 32)


def key_der(issued: Issued) -> bytes:
    return issued.key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def bag(number: int, value: bytes) -> bytes:
    return tlv(0x30, oid(f"1.2.840.113549.1.12.10.1.{number}"), tlv(0xA0, value))


def certificate_bag(issued: Issued) -> bytes:
    return bag(3, tlv(0x30, oid("1.2.840.113549.1.9.22.1"), tlv(0xA0, octets(issued.der))))


def shrouded(issued: Issued, cost: Cost = CHEAP, salt: bytes = octets(_SALT)) -> bytes:
    """A key bag with its password."""
    key = derived(cost)
    return bag(2, tlv(0x30, pbes2(pbkdf2(cost, salt)), octets(encrypted(key_der(issued), key))))


def shrouded_by(algorithm: bytes, issued: Issued, key: bytes) -> bytes:
    return bag(2, tlv(0x30, algorithm, octets(encrypted(key_der(issued), key))))


def plain(*bags: bytes) -> bytes:
    """A ContentInfo that is not encrypted."""
    return tlv(0x30, oid("1.2.840.113549.1.7.1"), tlv(0xA0, octets(tlv(0x30, *bags))))


def sealed(*bags: bytes, cost: Cost = CHEAP) -> bytes:
    """A ContentInfo that is encrypted."""
    content = tlv(0x80, encrypted(tlv(0x30, *bags), derived(cost)))
    inner = tlv(0x30, oid("1.2.840.113549.1.7.1"), pbes2(pbkdf2(cost)), content)
    return tlv(0x30, oid("1.2.840.113549.1.7.6"), tlv(0xA0, tlv(0x30, integer(0), inner)))


def pfx(*infos: bytes, mac: Cost | None = None) -> bytes:
    """The file; with `mac` it has a PBMAC1 (RFC 9579)."""
    safe = tlv(0x30, *infos)
    parts = [integer(3), tlv(0x30, oid("1.2.840.113549.1.7.1"), tlv(0xA0, octets(safe)))]
    if mac is not None:
        derivation = tlv(
            0x30,
            oid("1.2.840.113549.1.5.12"),
            tlv(0x30, octets(_SALT), integer(mac.rounds), integer(32), _SHA256),
        )
        made = hmac.digest(derived(mac), safe, "sha256")
        algorithm = tlv(0x30, oid(PBMAC1), tlv(0x30, derivation, _SHA256))
        parts.append(tlv(0x30, tlv(0x30, algorithm, octets(made)), octets(b"unused"), integer(2)))
    return tlv(0x30, *parts)


def in_ber(*infos: bytes) -> bytes:
    """As NSS writes it: no length outside, the content in pieces."""
    data = oid("1.2.840.113549.1.7.1")
    safe = indefinite(0x30, *infos)
    return indefinite(0x30, integer(3), indefinite(0x30, data, indefinite(0xA0, pieces(safe))))
