"""Certificate trust lists for tests, signed by a throw-away PKI in place of Microsoft's.

    publisher = Publisher(NOW)
    data = publisher.root_list(Listed(root.der, purposes=(SERVER_AUTH,)), ...)
    Ctl(data).verify(publisher.bundle.named, pin=publisher.pin)

Every part of a list can be made wrong: `content` and `sign` take what `root_list` chooses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ObjectIdentifier

from probe.stores.bundle import PemBundle
from tests.authority import Authority, Issued

ROOT_LIST = "1.3.6.1.4.1.311.10.3.9"
DISALLOWED_LIST = "1.3.6.1.4.1.311.10.3.30"
SHA1 = "1.3.14.3.2.26"
SIGNATURE_HASH = "1.3.6.1.4.1.311.10.11.15"
_CTL = "1.3.6.1.4.1.311.10.1"
_SHA256 = "2.16.840.1.101.3.4.2.1"
_RSA = "1.2.840.113549.1.1.1"
_ECDSA_SHA256 = "1.2.840.10045.4.3.2"
_1601 = datetime(1601, 1, 1, tzinfo=UTC)
CLEARED = "cleared"  # a date whose value is empty


def tlv(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


@cache
def oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    content = bytearray()
    for arc in (40 * first + second, *rest):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(arc & 0x7F | 0x80)
        content += bytes(reversed(groups))
    return tlv(0x06, bytes(content))


def oids(*dotted: str) -> bytes:
    return tlv(0x30, *map(oid, dotted))


def algorithm(dotted: str) -> bytes:
    return tlv(0x30, oid(dotted), tlv(0x05))


def utc_time(instant: datetime) -> bytes:
    return tlv(0x17, instant.strftime("%y%m%d%H%M%SZ").encode())


def integer(value: int) -> bytes:
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def filetime(instant: datetime | str) -> bytes:
    if instant == CLEARED:
        return b""
    ticks = (instant - _1601) // (datetime.resolution) * 10
    return ticks.to_bytes(8, "little")


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One subject; dates are instants, CLEARED or None (no such property), purposes dotted OIDs."""

    der: bytes = b""
    identifier: bytes | None = None  # None: the SHA-1 of `der`
    name: str | None = None
    purposes: tuple[str, ...] | None = None
    disallowed_at: datetime | str | None = None
    disallowed_purposes: tuple[str, ...] | None = None
    not_before: datetime | str | None = None
    not_before_purposes: tuple[str, ...] | None = None
    raw: tuple[tuple[str, bytes], ...] = ()  # dotted OID and content, as they are

    def encoded(self) -> bytes:
        identifier = self.identifier or hashlib.sha1(self.der, usedforsecurity=False).digest()
        return tlv(0x30, tlv(0x04, identifier), tlv(0x31, *self._attributes()))

    def _attributes(self) -> Iterable[bytes]:
        values = (
            (9, self.purposes and oids(*self.purposes)),
            (11, self.name and (self.name + "\0").encode("utf-16-le")),
            (98, hashlib.sha256(self.der).digest()),
            (104, self.disallowed_at and filetime(self.disallowed_at)),
            (122, self.disallowed_purposes and oids(*self.disallowed_purposes)),
            (126, self.not_before and filetime(self.not_before)),
            (127, self.not_before_purposes and oids(*self.not_before_purposes)),
        )
        for number, value in values:
            if value is not None:
                yield attribute(f"1.3.6.1.4.1.311.10.11.{number}", value)
        for dotted, value in self.raw:
            yield attribute(dotted, value)


def attribute(dotted: str, value: bytes) -> bytes:
    return tlv(0x30, oid(dotted), tlv(0x31, tlv(0x04, value)))


def content(
    *listed: Listed,
    dated: datetime,
    usage: str = ROOT_LIST,
    subject_algorithm: str = SHA1,
    identifier: str = "",
    sequence: int | None = 7,
    next_update: datetime | None = None,
    without_subjects: bool = False,
) -> bytes:
    """The list itself, a SEQUENCE, not signed."""
    return tlv(
        0x30,
        oids(usage),
        tlv(0x04, (identifier + "\0").encode("utf-16-le")) if identifier else b"",
        b"" if sequence is None else integer(sequence),
        utc_time(dated),
        utc_time(next_update) if next_update else b"",
        algorithm(subject_algorithm),
        b"" if without_subjects else tlv(0x30, *(each.encoded() for each in listed)),
    )


def sign(
    inner: bytes,
    signer: Issued,
    embedded: Iterable[Issued],
    *,
    content_type: str = _CTL,
    digest_algorithm: str = _SHA256,
    digest: bytes | None = None,
    attributes: tuple[bytes, ...] | None = None,
    signers: int = 1,
) -> bytes:
    """PKCS#7 SignedData around `inner`, signed by the key of `signer`."""
    said = attributes if attributes is not None else signed_attributes(body(inner), digest)
    certificate = signer.certificate
    info = tlv(
        0x30,
        integer(1),
        tlv(0x30, certificate.issuer.public_bytes(), integer(certificate.serial_number)),
        algorithm(digest_algorithm),
        tlv(0xA0, *said) if said else b"",
        algorithm(_RSA if isinstance(signer.key, rsa.RSAPrivateKey) else _ECDSA_SHA256),
        tlv(0x04, _signature(signer, tlv(0x31, *said))),
    )
    return wrap(
        integer(1),
        tlv(0x31, algorithm(_SHA256)),
        tlv(0x30, oid(content_type), tlv(0xA0, inner)),
        tlv(0xA0, *(each.der for each in embedded)),
        tlv(0x31, *[info] * signers),
    )


def wrap(*parts: bytes, content_type: str = "1.2.840.113549.1.7.2") -> bytes:
    return tlv(0x30, oid(content_type), tlv(0xA0, tlv(0x30, *parts)))


def signed_attributes(signed: bytes, digest: bytes | None = None) -> tuple[bytes, ...]:
    return (
        tlv(0x30, oid("1.2.840.113549.1.9.3"), tlv(0x31, oid(_CTL))),
        attribute("1.2.840.113549.1.9.4", digest or hashlib.sha256(signed).digest()),
    )


def _signature(signer: Issued, data: bytes) -> bytes:
    if isinstance(signer.key, rsa.RSAPrivateKey):
        return signer.key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    return signer.key.sign(data, ec.ECDSA(hashes.SHA256()))


def body(encoded: bytes) -> bytes:
    """The content octets of one element."""
    return encoded[2 + (encoded[1] & 0x7F if encoded[1] & 0x80 else 0) :]


class Publisher:
    """Stands in for Microsoft: a root, a CA for lists and a signer good for one year around `now`."""

    def __init__(self, now: datetime, *, name: str = "publisher", key: str = "ec-p256") -> None:
        self.now = now
        self.authority = Authority(now=now, name=name)
        self.root = self.authority.root("Lab List Root 2010")
        self.ca = self.authority.intermediate(self.root, "Lab List CA 2024")
        self.signer = self.another_signer(key=key)

    def another_signer(self, **overrides: object) -> Issued:
        chosen = {"eku": (ObjectIdentifier(ROOT_LIST),), "names": ()} | overrides
        return self.authority.leaf(self.ca, "Lab List Publisher", **chosen)

    @property
    def pin(self) -> str:
        return self.root.sha256

    @property
    def bundle(self) -> PemBundle:
        return PemBundle(self.root.pem.encode())

    def root_list(self, *listed: Listed, dated: datetime | None = None) -> bytes:
        return self.publish(content(*listed, dated=dated or self.now))

    def disallowed_list(
        self, *listed: Listed, by: str = SIGNATURE_HASH, dated: datetime | None = None
    ) -> bytes:
        return self.publish(
            content(
                *listed,
                dated=dated or self.now,
                usage=DISALLOWED_LIST,
                subject_algorithm=by,
                identifier="DisallowedCert_AutoUpdate_1",
            )
        )

    def publish(self, inner: bytes) -> bytes:
        return sign(inner, self.signer, (self.ca, self.signer))
