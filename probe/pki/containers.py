"""Certificates out of the files administrators have: PEM, DER, PKCS#7, PKCS#12, in any order.

RFC 7468 (PEM), RFC 5652 (PKCS#7), RFC 7292 (PKCS#12). A private key is used for one question, which
certificate it belongs to, and then forgotten, except by `read_with_keys`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_private_key

from probe.errors import InputError
from probe.pki import der, pem, pfx
from probe.pki.ber import Walk
from probe.pki.certificate import Certificate, Unreadable, parse
from probe.pki.chain import PresentedChain
from probe.pki.crypto_errors import REFUSALS
from probe.pki.pbe import Opener, WrongPasswordError

#: Bytes of a certificate file that are read; a chain with its key is a few kilobytes.
MAX_FILE_BYTES = 4 * 1024 * 1024
#: PEM blocks of one file that are looked at.
MAX_BLOCKS = 256

_PKCS7_LABELS = (b"PKCS7", b"CMS")
_SIGNED_DATA = "1.2.840.113549.1.7.2"
_PFX_VERSION = 3  # RFC 7292 4
_CERTIFICATES = 0xA0  # of SignedData, [0] IMPLICIT (RFC 5652 5.1)
_SEQUENCE = b"\x30"
_BASE64 = re.compile(rb"[A-Za-z0-9+/\s]+={0,2}\s*")
# PowerShell's > and Out-File write UTF-16, as a rule with a mark; else a NUL stands beside the first letter.
_UTF16 = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"-\0", "utf-16-le"), (b"\0-", "utf-16-be"))
_IN_BER = "encoded in BER where DER is usual"
_NO_KEY = "holds a private key that cannot be read: the password is wrong, or the key is damaged"
_NOT_KNOWN = "is neither PEM, DER, PKCS#7 nor PKCS#12 (PFX), or it is damaged"


class PasswordNeededError(InputError):
    """The file, or the key in it, is encrypted and the password is missing or wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """What one file holds: certificates in its order, and which of them its private keys belong to."""

    kind: str
    entries: tuple[Certificate | Unreadable, ...]
    keys: int = 0
    """How many private keys are inside."""
    owned: tuple[Certificate, ...] = ()
    """For each key that belongs to a certificate, the first such certificate."""
    unusual: tuple[str, ...] = ()
    """What is unusual about how the file is encoded, each as the rest of a sentence: "The file is ..."."""

    @property
    def leaf(self) -> Certificate:
        """The end certificate: the one a key belongs to, else the first that issued none of the others.

        Raises IndexError where no certificate can be read: `read` refuses such a file.
        """
        if self.owned:
            return self.owned[0]
        readable = [entry for entry in self.entries if isinstance(entry, Certificate)]
        issuers = {c.issuer for c in readable if not c.self_issued}
        return next((c for c in readable if c.subject not in issuers), readable[0])

    @property
    def key_matches(self) -> bool | None:
        """Whether a key belongs to a certificate of the file; None without a key."""
        return bool(self.owned) if self.keys else None

    def as_sent(self, leaf: Certificate | None = None) -> PresentedChain:
        """The chain a server would send: the end certificate (`leaf`, else `self.leaf`), then the others in order.

        A certificate with another key of the file is no part of it.
        """
        first = leaf or self.leaf
        rest = dict.fromkeys(e for e in self.entries if e != first and e not in self.owned)
        return PresentedChain(entries=(first, *rest))


def read(data: bytes, *, password: bytes | None = None) -> Container:
    """Read a certificate file of any of the four forms; raises PasswordNeededError and InputError.

    The messages say what is wrong, not where: the caller knows the file's name.
    """
    return read_with_keys(data, password)[0]


def read_with_keys(
    data: bytes, password: bytes | None
) -> tuple[Container, tuple[tuple[Certificate, PrivateKeyTypes], ...]]:
    """The same, and the keys with the certificates they belong to, in the order of the keys."""
    if len(data) > MAX_FILE_BYTES:
        raise InputError(f"is larger than {MAX_FILE_BYTES} bytes, which no certificate file is")
    if not data.strip():
        raise InputError("is empty")
    file = _File(password)
    kind = file.read(data)
    entries = tuple(file.entries)
    if not entries:
        raise InputError("holds a private key but no certificate" if file.keys else "holds no certificate")
    if not any(isinstance(entry, Certificate) for entry in entries):
        reason = next(entry.reason for entry in entries if isinstance(entry, Unreadable))
        raise InputError(f"holds no certificate that can be read: {reason}")
    pairs = tuple(_pairs(entries, file.keys))
    container = Container(
        kind=kind,
        entries=entries,
        keys=len(file.keys),
        owned=tuple(dict.fromkeys(certificate for certificate, _ in pairs)),
        unusual=tuple(dict.fromkeys((*file.unusual, *((_IN_BER,) if file.walk.met else ())))),
    )
    return container, pairs


def _pairs(
    entries: tuple[Certificate | Unreadable, ...], keys: list[PrivateKeyTypes]
) -> Iterator[tuple[Certificate, PrivateKeyTypes]]:
    """Each key with the first certificate it belongs to: keys are compared, since one has many encodings."""
    bearers = []
    for entry in entries if keys else ():
        if isinstance(entry, Certificate):
            with suppress(*REFUSALS):
                bearers.append((entry, load_der_public_key(entry.spki)))
    for key in keys:
        public = key.public_key()
        yield from islice(((c, key) for c, borne in bearers if borne == public), 1)


class _File:
    """What has been read of one file so far."""

    def __init__(self, password: bytes | None) -> None:
        self.entries: list[Certificate | Unreadable] = []
        self.keys: list[PrivateKeyTypes] = []
        self.unusual: list[str] = []
        self.walk = Walk()
        self._opener = Opener(self.walk)
        self._password = password

    def read(self, data: bytes) -> str:
        """Read all of it; returns what kind of file it is."""
        encoding = next((encoding for mark, encoding in _UTF16 if data.startswith(mark)), None)
        if encoding is not None:
            data = data.decode(encoding, "replace").encode()
            self.unusual.append("text in UTF-16")
        if b"-----BEGIN " in data:
            for block in islice(pem.blocks(data), MAX_BLOCKS):
                self._block(block.label, pem.decoded(block.body), data[block.start : block.end])
            return "PEM"
        if not data.startswith(_SEQUENCE) and _BASE64.fullmatch(data):
            self.unusual.append("base64 without the lines BEGIN and END")
            data = pem.decoded(data)
        return self._binary(data)

    def _block(self, label: bytes, data: bytes, whole: bytes) -> None:
        if label in pem.CERTIFICATE_LABELS:
            found = pem.certificate(data)
            if isinstance(found, Unreadable) and self._pkcs7(data):
                self.unusual.append("a PKCS#7 bundle between the lines of a certificate")
            else:
                self.entries.append(found)
        elif label in _PKCS7_LABELS:
            if not self._pkcs7(data):
                raise InputError(_NOT_KNOWN)
        elif label == b"ENCRYPTED PRIVATE KEY":
            self._encrypted_key(data)
        elif label.endswith(b"PRIVATE KEY"):
            self._private_key(whole + b"\n")

    def _binary(self, data: bytes) -> str:
        try:
            end = self.walk.read(data)[1]
        except der.DerError:
            raise InputError(_NOT_KNOWN) from None
        if data[end:].strip(b"\r\n"):
            count = len(data) - end
            self.unusual.append(f"longer than what it holds: {count} bytes follow, which were left out")
        data = data[:end]
        single = parse(data)
        if isinstance(single, Certificate):
            self.entries.append(single)
            return "DER"
        if self._pkcs7(data):
            return "PKCS#7"
        self._pfx(data)
        return "PKCS#12"

    def _pkcs7(self, data: bytes) -> bool:
        """Take the certificates of SignedData (RFC 5652 5.1); False where it is none."""
        try:
            kind, holder = self.walk.children(self.walk.read(data)[0], 2)[:2]
            if der.oid(kind) != _SIGNED_DATA:
                return False
            signed = self.walk.children(self.walk.children(holder, 1)[0])
            lists = [self.walk.children(part) for part in signed if part.tag == _CERTIFICATES]
        except der.DerError:
            return False
        found = [parse(one.encoded) for several in lists for one in several if one.tag == der.SEQUENCE]
        self.entries += _leaf_to_root(Container(kind="", entries=tuple(found)))
        return True

    def _pfx(self, data: bytes) -> None:
        try:
            parts = self.walk.children(self.walk.read(data)[0], 2)
            if der.integer(parts[0]) != _PFX_VERSION:
                raise InputError(_NOT_KNOWN)
        except der.DerError:
            raise InputError(_NOT_KNOWN) from None
        try:
            held = pfx.read(data, self.walk, self._opener, self._password)
        except WrongPasswordError:
            needs = "needs a password" if self._password is None else "has another password"
            raise PasswordNeededError(f"is a PFX that is damaged or {needs}") from None
        except der.DerError as error:
            raise InputError(f"is a PFX that is damaged, or not put together as one: {error}") from None
        found = Container(kind="", entries=tuple(map(parse, held.certificates)))
        self.entries += _leaf_to_root(found)
        self.keys += held.keys

    def _encrypted_key(self, data: bytes) -> None:
        if self._password is None:
            raise PasswordNeededError("holds an encrypted private key, and no password was given")
        try:
            self.keys.append(pfx.encrypted_key(data, self.walk, self._opener, self._password))
        except (der.DerError, WrongPasswordError):
            raise PasswordNeededError(_NO_KEY) from None

    def _private_key(self, block: bytes) -> None:
        password = self._password if b"ENCRYPTED" in block else None  # which may be another block's
        try:
            self.keys.append(load_pem_private_key(block, password))
        except TypeError:
            raise PasswordNeededError("holds an encrypted private key, and no password was given") from None
        except UnsupportedAlgorithm as error:
            raise InputError(f"holds a private key of a kind that is not known here: {error}") from None
        except REFUSALS:
            raise PasswordNeededError(_NO_KEY) from None


def _leaf_to_root(held: Container) -> tuple[Certificate | Unreadable, ...]:
    """The end certificate and its issuers first: the order in PKCS#7 and PFX means nothing (RFC 5652 5.1: a SET)."""
    by_name = {entry.subject: entry for entry in reversed(held.entries) if isinstance(entry, Certificate)}
    ordered: list[Certificate | Unreadable] = []
    lower = held.leaf if by_name else None
    while lower is not None:  # each is taken out of `by_name`, so names in a circle come to an end
        ordered.append(lower)
        by_name.pop(lower.subject, None)
        lower = by_name.get(lower.issuer)
    return tuple(dict.fromkeys((*ordered, *held.entries)))
