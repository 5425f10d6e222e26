"""Certificates out of the files administrators have: PEM, DER, PKCS#7, PKCS#12, in any order.

A private key in the file is used for one question, which certificate it belongs to, and then
forgotten: of it only the public half is ever kept. RFC 7468 (PEM), RFC 5652 (PKCS#7), RFC 7292
(PKCS#12).
"""

from __future__ import annotations

import binascii
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    pkcs7,
    pkcs12,
)

from probe.errors import InputError
from probe.pki import der
from probe.pki.certificate import Certificate, Unreadable, parse
from probe.pki.chain import PresentedChain
from probe.pki.crypto_errors import REFUSALS

#: Bytes of a certificate file that are read; a chain with its key is a few kilobytes.
MAX_FILE_BYTES = 4 * 1024 * 1024
#: PEM blocks of one file that are looked at.
MAX_BLOCKS = 256

#: Rounds of key derivation that a password may cost; OpenSSL writes 2,048, Windows 2,000 or more.
MAX_ROUNDS = 2_000_000
#: Elements of an encrypted file in which rounds are looked for; a PFX with three certificates has about 150.
MAX_ELEMENTS = 10_000

_BEGIN, _DASHES = b"-----BEGIN ", b"-----"
_CERTIFICATE_LABELS = (b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE")
_PKCS7_LABELS = (b"PKCS7", b"CMS")
_CONSTRUCTED = 0x20
# PowerShell's > and Out-File write UTF-16 with this mark.
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


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
    if data.startswith(_UTF16_MARKS):
        data = data.decode("utf-16", "replace").encode()
    container = _read_pem(data, password) if _BEGIN in data else _read_der(data, password)
    if not container.entries:
        raise InputError(
            "holds a private key but no certificate" if container.key else "holds no certificate"
        )
    if container.leaf is None:
        raise InputError(f"holds no certificate that can be read: {_reason(container.entries[0])}")
    return container


def _reason(entry: Certificate | Unreadable) -> str:
    return entry.reason if isinstance(entry, Unreadable) else ""


def _read_pem(data: bytes, password: bytes | None) -> Container:
    entries: list[Certificate | Unreadable] = []
    keys: list[bytes] = []
    for label, body in _blocks(data):
        if label in _CERTIFICATE_LABELS:
            entries.append(_certificate(_base64(body)))
        elif label in _PKCS7_LABELS:
            entries += _read_pkcs7(_base64(body)).entries
        elif label.endswith(b"PRIVATE KEY"):
            keys.append(_public_half(_private_key(label, body, password)))
    known = {entry.spki for entry in entries if isinstance(entry, Certificate)}
    key = next((key for key in keys if key in known), keys[0] if keys else None)
    return Container(kind="PEM", entries=tuple(entries), key=key)


def _blocks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Label and body of each whole PEM block, MAX_BLOCKS at most; one pass, whatever stands between."""
    for piece in data.split(_BEGIN, MAX_BLOCKS)[1:]:
        label, dashes, rest = piece.partition(_DASHES)
        body, end, _ = rest.partition(b"-----END " + label + _DASHES)
        if dashes and end:
            yield label, body


def _base64(body: bytes) -> bytes:
    # Anything that is no base64 (headers, junk) is dropped: what remains is judged by its DER.
    lines = [line for line in body.splitlines() if b":" not in line]
    try:
        return binascii.a2b_base64(b"".join(lines))
    except binascii.Error:
        return b""


def _certificate(data: bytes) -> Certificate | Unreadable:
    """One certificate; OpenSSL's TRUSTED CERTIFICATE has settings of its own behind it."""
    try:
        return parse(der.read(data).encoded)
    except der.DerError:
        return parse(data)


def _private_key(label: bytes, body: bytes, password: bytes | None) -> PrivateKeyTypes:
    _refuse_endless(_base64(body))
    block = _BEGIN + label + _DASHES + body + b"-----END " + label + b"-----\n"
    try:
        return load_pem_private_key(block, password)
    except TypeError:
        # No password for an encrypted key, or one for a plain key: the latter may serve another block.
        if password is None:
            raise PasswordNeededError("holds an encrypted private key, and no password was given") from None
        return _private_key(label, body, None)
    except REFUSALS:
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
    except REFUSALS:
        raise InputError(_NOT_KNOWN) from None
    entries = tuple(parse(certificate.public_bytes(Encoding.DER)) for certificate in found)
    return Container(kind="PKCS#7", entries=_leaf_to_root(Container(kind="PKCS#7", entries=entries)))


def _leaf_to_root(held: Container) -> tuple[Certificate | Unreadable, ...]:
    """The end certificate and its issuers first: the order in PKCS#7 means nothing (RFC 5652 5.1: a SET)."""
    by_name = {entry.subject: entry for entry in reversed(held.entries) if isinstance(entry, Certificate)}
    ordered: list[Certificate | Unreadable] = []
    lower = held.leaf
    while lower is not None:  # each is taken out of `by_name`, so names in a circle come to an end
        ordered.append(lower)
        by_name.pop(lower.subject, None)
        lower = by_name.get(lower.issuer)
    return tuple(dict.fromkeys((*ordered, *held.entries)))


_NOT_KNOWN = "is neither PEM, DER, PKCS#7 nor PKCS#12 (PFX)"
# PKCS#12 begins with a SEQUENCE that holds INTEGER 3 (RFC 7292 4).
_PFX_START = re.compile(rb"\x30(?:[\x00-\x7f]|\x80|[\x81-\x84].{1,4}?)\x02\x01\x03", re.DOTALL)


def _read_pkcs12(data: bytes, password: bytes | None) -> Container:
    if not _PFX_START.match(data):
        raise InputError(_NOT_KNOWN)
    _refuse_endless(data)
    try:
        found = pkcs12.load_pkcs12(data, password)
    except REFUSALS:
        if password is not None:  # which may belong to another file: one without needs none
            return _read_pkcs12_plain(data)
        raise PasswordNeededError("is a PFX that is damaged or needs a password") from None
    certificates = [c.certificate for c in (found.cert, *found.additional_certs) if c is not None]
    entries = tuple(parse(certificate.public_bytes(Encoding.DER)) for certificate in certificates)
    key = _public_half(found.key) if found.key is not None else None
    return Container(kind="PKCS#12", entries=entries, key=key)


def _read_pkcs12_plain(data: bytes) -> Container:
    try:
        return _read_pkcs12(data, None)
    except PasswordNeededError:
        raise PasswordNeededError("is a PFX that is damaged or has another password") from None


def _refuse_endless(data: bytes) -> None:
    """Raise InputError for a file that would derive its key for minutes (PBKDF2, RFC 8018 5.2; scrypt)."""
    if any(rounds > MAX_ROUNDS for rounds in _rounds(data)):
        raise InputError(f"asks for more than {MAX_ROUNDS} rounds of key derivation")


def _rounds(data: bytes) -> Iterator[int]:
    """Every INTEGER that follows a salt: what PBE, PBKDF2, scrypt and the PFX's own MAC have in common."""
    waiting = [(0, len(data))]
    for _ in range(MAX_ELEMENTS):
        if not waiting:
            return
        try:
            children = der.read(data, *waiting.pop()).children()
        except der.DerError:
            continue  # not encoded as it has to be: for the library to refuse
        for salt, number in pairwise(children):
            if (salt.tag, number.tag) == (der.OCTET_STRING, der.INTEGER) and number.body < number.end:
                yield der.integer(number)
        waiting += [(child.start, child.end) for child in children if child.tag & _CONSTRUCTED]
        waiting += [(child.body, child.end) for child in children if child.tag == der.OCTET_STRING]
