"""The certificate extensions a verdict needs, each read leniently from its own DER (RFC 5280 4.2)."""

from __future__ import annotations

import enum
import ipaddress
from typing import NamedTuple

from probe.pki import der
from probe.text import printable

#: Extensions read from one certificate; real ones carry about ten.
MAX_EXTENSIONS = 128
#: Purposes read from one extended key usage.
MAX_PURPOSES = 256
SUBJECT_ALT_NAMES, _OLD_ALT_NAMES = "2.5.29.17", "2.5.29.7"
_DNS_NAME, _EMAIL, _URI, _IP_ADDRESS = 0x82, 0x81, 0x86, 0x87


class Extension(NamedTuple):
    """One extension: whether it is critical, and the content of its OCTET STRING."""

    critical: bool
    value: bytes


class BasicConstraints(NamedTuple):
    """RFC 5280 4.2.1.9: CA or not, and how many intermediates may follow (None: any number)."""

    ca: bool
    path_length: int | None


class KeyUsage(enum.Flag):
    """The bits of RFC 5280 4.2.1.3, in its order."""

    DIGITAL_SIGNATURE = 1
    NON_REPUDIATION = 2
    KEY_ENCIPHERMENT = 4
    DATA_ENCIPHERMENT = 8
    KEY_AGREEMENT = 16
    KEY_CERT_SIGN = 32
    CRL_SIGN = 64
    ENCIPHER_ONLY = 128
    DECIPHER_ONLY = 256


class SubjectAltNames(NamedTuple):
    """The names of RFC 5280 4.2.1.6 by kind, in order, escaped; `others` counts every further entry."""

    dns: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    others: int = 0
    fault: str | None = None


def read_extensions(element: der.Element) -> dict[str, Extension]:
    """Read the [3] EXPLICIT block of a certificate; a repeated OID keeps its first value; raises DerError."""
    found: dict[str, Extension] = {}
    entries = der.expect(der.read(element.content), der.SEQUENCE, "the extensions").children()
    if len(entries) > MAX_EXTENSIONS:
        raise der.DerError(f"more than {MAX_EXTENSIONS} extensions")
    for entry in entries:
        oid, extension = _read_extension(entry.encoded)
        found.setdefault(oid, extension)
    if _OLD_ALT_NAMES in found:  # Windows reads it like the new one [R]
        found.setdefault(SUBJECT_ALT_NAMES, found[_OLD_ALT_NAMES])
    return found


@der.remembered
def _read_extension(encoded: bytes) -> tuple[str, Extension]:
    parts = der.whole(encoded, der.SEQUENCE, "an extension").children()
    if len(parts) not in (2, 3):
        raise der.DerError("an extension that is neither two parts nor three")
    critical = len(parts) > 2 and der.boolean(parts[1])  # the flag is optional
    value = der.expect(parts[-1], der.OCTET_STRING, "an extension's value").content
    return der.oid(parts[0]), Extension(critical, value)


@der.remembered
def read_basic_constraints(value: bytes) -> BasicConstraints:
    """Read a BasicConstraints value; raises DerError."""
    ca, length = False, None
    for part in der.whole(value, der.SEQUENCE, "basic constraints").children():
        if part.tag == der.BOOLEAN:
            ca = der.boolean(part)
        else:
            length = der.integer(part)
    return BasicConstraints(ca, length)


@der.remembered
def read_key_usage(value: bytes) -> KeyUsage:
    """Read a KeyUsage value; unknown bits are dropped; raises DerError."""
    # Bit 0 is the first bit sent, the highest of its byte (X.690 8.6.2); nine bits are defined.
    octets = der.bits(der.read(value))[:2]
    return KeyUsage(
        sum(1 << i for i in range(9) if i >> 3 < len(octets) and octets[i >> 3] & 0x80 >> (i & 7))
    )


@der.remembered
def read_oids(value: bytes) -> tuple[str, ...]:
    """Read a SEQUENCE OF OBJECT IDENTIFIER such as the extended key usage; raises DerError."""
    parts = der.whole(value, der.SEQUENCE, "a list of purposes").children()
    if len(parts) > MAX_PURPOSES:
        raise der.DerError(f"more than {MAX_PURPOSES} purposes")
    return tuple(der.oid(part) for part in parts)


def read_subject_alt_names(value: bytes) -> SubjectAltNames:
    """Read a SubjectAltName value; never raises: what cannot be walked is named in `fault`."""
    kinds: dict[int, list[str]] = {_DNS_NAME: [], _EMAIL: [], _URI: [], _IP_ADDRESS: []}
    others, fault = 0, None
    try:
        for entry in der.whole(value, der.SEQUENCE, "the alternative names").children():
            if entry.tag not in kinds:
                others += 1
            elif entry.tag == _IP_ADDRESS:
                kinds[entry.tag].append(_address(entry.content))
            else:
                kinds[entry.tag].append(printable(entry.content))
    except der.DerError as error:
        fault = str(error)
    dns, emails, uris, addresses = (tuple(kinds[tag]) for tag in (_DNS_NAME, _EMAIL, _URI, _IP_ADDRESS))
    return SubjectAltNames(dns, addresses, emails, uris, others, fault)


def _address(content: bytes) -> str:
    try:
        return str(ipaddress.ip_address(content))
    except ValueError:
        return printable("#" + content.hex())


@der.remembered
def read_key_identifier(value: bytes) -> bytes | None:
    """Read a subject key identifier, or the one inside an authority key identifier; None if unusable."""
    try:
        outer = der.read(value)
        parts = [outer] if outer.tag == der.OCTET_STRING else outer.children()
    except der.DerError:
        return None
    return next((each.content for each in parts if each.tag in (der.OCTET_STRING, 0x80)), None)  # [0]


def read_access_locations(value: bytes, method: str) -> tuple[str, ...]:
    """Read the URIs of one access method (RFC 5280 4.2.2.1), escaped; unusable entries are left out."""
    found: list[str] = []
    try:
        for entry in der.whole(value, der.SEQUENCE, "an access description").children():
            parts = entry.children()
            if len(parts) == 2 and parts[1].tag == _URI and der.oid(parts[0]) == method:  # method, place
                found.append(printable(parts[1].content))
    except der.DerError:
        return tuple(found)
    return tuple(found)
