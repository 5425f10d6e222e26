"""PKCS#12 (PFX): every certificate and every key of a file, DER or BER (RFC 7292).

Read here and not by a library: OpenSSL gives one key of several, and derives keys for as long as the
file asks it to. What cannot be walked to its end is not opened.
"""

from __future__ import annotations

from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_private_key

from probe.errors import InputError
from probe.pki import der
from probe.pki.ber import Walk
from probe.pki.crypto_errors import REFUSALS
from probe.pki.pbe import Opener, Password, WrongPasswordError, spellings

_DATA, _ENCRYPTED = "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.6"
_BAG = "1.2.840.113549.1.12.10.1."
_X509 = "1.2.840.113549.1.9.22.1"
#: Bags of bags inside each other; no writer is known that makes any.
_MAX_NESTING = 8


class Held(NamedTuple):
    """What a PFX holds: the DER of certificates, and private keys, each in the file's order."""

    certificates: tuple[bytes, ...]
    keys: tuple[PrivateKeyTypes, ...]


def read(data: bytes, walk: Walk, opener: Opener, password: bytes | None) -> Held:
    """Open a PFX with the password, or without where it needs none.

    Raises WrongPasswordError, InputError for what it asks too much of or is not known, DerError.
    """
    for one in spellings(password):
        try:
            return _File(walk, opener, one).read(data)
        except WrongPasswordError:
            continue
    raise WrongPasswordError


def private_key(data: bytes) -> PrivateKeyTypes:
    """A PKCS#8 key that is not encrypted; raises InputError."""
    try:
        return load_der_private_key(data, None)
    except REFUSALS as error:
        raise InputError(f"holds a private key that cannot be read ({error})") from None


def encrypted_key(data: bytes, walk: Walk, opener: Opener, password: bytes) -> PrivateKeyTypes:
    """The key in an EncryptedPrivateKeyInfo (RFC 5958 3); raises as `read` does."""
    return _decrypted_key(walk.read(data)[0], walk, opener, spellings(password)[0])


def _decrypted_key(encrypted: der.Element, walk: Walk, opener: Opener, password: Password) -> PrivateKeyTypes:
    algorithm, content = walk.children(encrypted, 2)[:2]
    plain = opener.decrypt(algorithm, walk.octets(content), password)
    try:
        der.whole(plain, der.SEQUENCE, "a private key")
    except der.DerError:
        raise WrongPasswordError from None  # by chance its padding was right
    return private_key(plain)


class _File:
    """One file and one spelling of its password."""

    def __init__(self, walk: Walk, opener: Opener, password: Password) -> None:
        self._walk, self._opener, self._password = walk, opener, password
        self._certificates: list[bytes] = []
        self._keys: list[PrivateKeyTypes] = []

    def read(self, data: bytes) -> Held:
        _, safe, *mac = self._walk.children(self._walk.read(data)[0], 2)
        authenticated = self._content(safe)
        if mac:
            self._opener.verify(mac[0], authenticated, self._password)
        for info in self._walk.children(self._walk.read(authenticated)[0]):
            self._bags(self._walk.read(self._content(info))[0])
        return Held(tuple(self._certificates), tuple(self._keys))

    def _content(self, info: der.Element) -> bytes:
        """What a ContentInfo holds, decrypted (RFC 5652 3 and 8)."""
        kind, inner = self._tagged(info)
        if kind == _DATA:
            return self._walk.octets(inner)
        if kind != _ENCRYPTED:
            raise InputError(f"is a PFX whose content is not encrypted by a password ({kind})")
        _, algorithm, content = self._walk.children(self._walk.children(inner, 2)[1], 3)[:3]
        plain = self._opener.decrypt(algorithm, self._walk.octets(content), self._password)
        try:
            self._walk.read(plain)
        except der.DerError:
            raise WrongPasswordError from None  # by chance its padding was right
        return plain

    def _tagged(self, pair: der.Element) -> tuple[str, der.Element]:
        """An object identifier and what stands in the [0] behind it."""
        name, holder = self._walk.children(pair, 2)[:2]
        return der.oid(name), self._walk.children(holder, 1)[0]

    def _bags(self, content: der.Element, depth: int = 0) -> None:
        """SafeContents (RFC 7292 4.2); revocation lists and secrets are passed over."""
        if depth > _MAX_NESTING:
            raise der.DerError(f"bags more than {_MAX_NESTING} inside each other")
        for bag in self._walk.children(content):
            kind, inner = self._tagged(bag)
            match kind.removeprefix(_BAG):
                case "1":
                    self._keys.append(private_key(inner.encoded))
                case "2":
                    key = _decrypted_key(inner, self._walk, self._opener, self._password)
                    self._keys.append(key)
                case "3":
                    kind, certificate = self._tagged(inner)
                    if kind == _X509:
                        self._certificates.append(self._walk.octets(certificate))
                case "6":
                    self._bags(inner, depth + 1)
