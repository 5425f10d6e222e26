"""Certificates out of the files administrators have: PEM, DER, PKCS#7, PKCS#12, in any order.

A private key in the file is used for one question, which certificate it belongs to, and then
forgotten: of it only the public half is ever kept. RFC 7468 (PEM), RFC 5652 (PKCS#7), RFC 7292
(PKCS#12).
"""

from __future__ import annotations

import binascii
import re
import warnings
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    pkcs7,
    pkcs12,
)

from probe.errors import InputError
from probe.pki.certificate import Certificate, Unreadable, parse
from probe.pki.chain import PresentedChain

#: Bytes of a certificate file that are read; a chain with its key is a few kilobytes.
MAX_FILE_BYTES = 4 * 1024 * 1024
#: PEM blocks of one file that are looked at.
MAX_BLOCKS = 256

_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----(.*?)-----END \1-----", re.DOTALL)
_CERTIFICATE_LABELS = (b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE")


class PasswordNeededError(InputError):
    """The file, or the key in it, is encrypted and the password is missing or wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """What one file holds: certificates in its order, and the public half of a private key if one is inside."""

    kind: str
    entries: tuple[Certificate | Unreadable, ...]
    key: bytes | None = None
    """DER of the SubjectPublicKeyInfo of the private key, or None without one."""

    @property
    def leaf(self) -> Certificate | None:
        """The end certificate: the one the key belongs to, else the first that issued none of the others."""
        readable = [entry for entry in self.entries if isinstance(entry, Certificate)]
        if self.key is not None:
            mine = next((c for c in readable if c.spki == self.key), None)
            if mine is not None:
                return mine
        issuers = {c.issuer for c in readable if not c.self_issued}
        return next((c for c in readable if c.subject not in issuers), readable[0] if readable else None)

    @property
    def key_matches(self) -> bool | None:
        """Whether the key belongs to a certificate of the file; None without a key."""
        if self.key is None:
            return None
        return any(isinstance(e, Certificate) and e.spki == self.key for e in self.entries)

    def as_sent(self) -> PresentedChain:
        """The chain a server would send from this file: the end certificate, then the others in order."""
        leaf = self.leaf
        rest = tuple(dict.fromkeys(entry for entry in self.entries if entry != leaf))
        return PresentedChain(entries=(*((leaf,) if leaf else ()), *rest))


def read(data: bytes, *, password: bytes | None = None) -> Container:
    """Read a certificate file of any of the four forms; raises PasswordNeededError and InputError.

    The messages say what is wrong, not where: the caller knows the file's name.
    """
    if len(data) > MAX_FILE_BYTES:
        raise InputError(f"is larger than {MAX_FILE_BYTES} bytes, which no certificate file is")
    if not data.strip():
        raise InputError("is empty")
    container = _read_pem(data, password) if b"-----BEGIN " in data else _read_der(data, password)
    if not container.entries:
        raise InputError(
            "holds a private key but no certificate" if container.key else "holds no certificate"
        )
    return container


def _read_pem(data: bytes, password: bytes | None) -> Container:
    entries: list[Certificate | Unreadable] = []
    key: bytes | None = None
    blocks = _PEM.findall(data)[:MAX_BLOCKS]
    for label, body in blocks:
        if label in _CERTIFICATE_LABELS:
            entries.append(parse(_base64(body)))
        elif label == b"PKCS7":
            entries += _read_pkcs7(_base64(body)).entries
        elif label.endswith(b"PRIVATE KEY"):
            block = b"-----BEGIN " + label + b"-----" + body + b"-----END " + label + b"-----\n"
            key = _public_half(_private_key(block, password))
    return Container(kind="PEM", entries=tuple(entries), key=key)


def _base64(body: bytes) -> bytes:
    # Anything that is no base64 (headers, junk) is dropped: what remains is judged by its DER.
    lines = [line for line in body.splitlines() if b":" not in line]
    try:
        return binascii.a2b_base64(b"".join(lines))
    except binascii.Error:
        return b""


def _private_key(block: bytes, password: bytes | None) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(block, password)
    except TypeError:
        # No password for an encrypted key, or one for a plain key: the latter may serve another block.
        if password is None:
            raise PasswordNeededError("holds an encrypted private key, and no password was given") from None
        return _private_key(block, None)
    except (ValueError, UnsupportedAlgorithm):
        raise PasswordNeededError(
            "holds a private key that cannot be read: the password is wrong, or the key is damaged"
        ) from None


def _public_half(key: PrivateKeyTypes) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _read_der(data: bytes, password: bytes | None) -> Container:
    single = parse(data)
    if isinstance(single, Certificate):
        return Container(kind="DER", entries=(single,))
    try:
        return _read_pkcs7(data)
    except InputError:
        return _read_pkcs12(data, password)


def _read_pkcs7(data: bytes) -> Container:
    try:
        with warnings.catch_warnings():
            # cryptography warns of PKCS#7 in BER, which Windows writes; it reads it all the same.
            warnings.simplefilter("ignore")
            found = pkcs7.load_der_pkcs7_certificates(data)
    except (ValueError, UnsupportedAlgorithm):
        raise InputError(_NOT_KNOWN) from None
    entries = tuple(parse(certificate.public_bytes(Encoding.DER)) for certificate in found)
    return Container(kind="PKCS#7", entries=entries)


_NOT_KNOWN = "is neither PEM, DER, PKCS#7 nor PKCS#12 (PFX)"
# PKCS#12 begins with a SEQUENCE that holds INTEGER 3 (RFC 7292 4).
_PFX_START = re.compile(rb"\x30(?:[\x00-\x7f]|\x80|[\x81-\x84].{1,4}?)\x02\x01\x03", re.DOTALL)


def _read_pkcs12(data: bytes, password: bytes | None) -> Container:
    if not _PFX_START.match(data):
        raise InputError(_NOT_KNOWN)
    try:
        found = pkcs12.load_pkcs12(data, password)
    except (ValueError, UnsupportedAlgorithm):
        raise PasswordNeededError(
            "is a PFX whose password is missing or wrong"
            if password is None
            else "is a PFX with another password"
        ) from None
    certificates = [c.certificate for c in (found.cert, *found.additional_certs) if c is not None]
    entries = tuple(parse(certificate.public_bytes(Encoding.DER)) for certificate in certificates)
    key = _public_half(found.key) if found.key is not None else None
    return Container(kind="PKCS#12", entries=entries, key=key)
