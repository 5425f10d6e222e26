"""Keys out of passwords, and what they decrypt: RFC 8018 (PBES1, PBES2), RFC 7292 B (PKCS#12), RFC 9579 (PBMAC1).

Each derivation is paid for before it is made, so no file can ask for more than the bounds.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import NamedTuple, TypeVar

from cryptography.hazmat.primitives.ciphers import Cipher, modes

from probe.errors import InputError
from probe.pki import der
from probe.pki.ber import Walk

#: Rounds of key derivation that one file may cost; OpenSSL and Windows write 2,000 each, NSS 600,000.
MAX_ROUNDS = 5_000_000
#: Bytes that scrypt may work on, 128 N r p (RFC 7914 2); OpenSSL asks for 16 MiB.
MAX_SCRYPT_BYTES = 256 * 1024 * 1024

_DIGESTS = {
    "1.2.840.113549.2.5": "md5",
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.4": "sha224",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
    "1.2.840.113549.2.7": "sha1",  # these five: HMAC with it
    "1.2.840.113549.2.8": "sha224",
    "1.2.840.113549.2.9": "sha256",
    "1.2.840.113549.2.10": "sha384",
    "1.2.840.113549.2.11": "sha512",
}
_PBES2, _PBMAC1 = "1.2.840.113549.1.5.13", "1.2.840.113549.1.5.14"
_PBKDF2, _SCRYPT = "1.2.840.113549.1.5.12", "1.3.6.1.4.1.11591.4.11"
#: Name and bytes of the key, by the cipher of PBES2, or by the whole algorithm of PKCS#12 and PBES1.
_CIPHERS = {
    "2.16.840.1.101.3.4.1.2": ("aes", 16),
    "2.16.840.1.101.3.4.1.22": ("aes", 24),
    "2.16.840.1.101.3.4.1.42": ("aes", 32),
    "1.2.840.113549.3.7": ("des", 24),
    "1.3.14.3.2.7": ("des", 8),
}
_PKCS12 = {
    "1.2.840.113549.1.12.1.3": ("des", 24),
    "1.2.840.113549.1.12.1.4": ("des", 16),
    "1.2.840.113549.1.12.1.5": ("rc2", 16),
    "1.2.840.113549.1.12.1.6": ("rc2", 5),
}
_PBES1 = {"1.2.840.113549.1.5.3": "md5", "1.2.840.113549.1.5.10": "sha1"}
_KEY, _IV, _MAC = 1, 2, 3  # what a key of PKCS#12 is for (RFC 7292 B.3)
_LONGEST_KEY = 64  # bytes that PBMAC1 may ask for

T = TypeVar("T")


class WrongPasswordError(Exception):
    """What was decrypted, or the MAC, is not what it has to be."""


class Password(NamedTuple):
    """A password as PKCS#5 takes it, and as PKCS#12 does: UTF-16 with a NUL behind it (RFC 7292 B.1)."""

    octets: bytes
    bmp: bytes


def spellings(password: bytes | None) -> tuple[Password, ...]:
    """What to try: the password, and what writers make of none, with a NUL and without."""
    nothing = (Password(b"", b"\0\0"), Password(b"", b""))
    if not password:
        return nothing
    try:
        text = password.decode()
    except UnicodeDecodeError:
        text = password.decode("latin-1")
    return (Password(password, text.encode("utf-16-be") + b"\0\0"), *nothing)


class Opener:
    """Derives keys for one file; raises InputError for what goes beyond the bounds or is not known, DerError."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self._rounds = MAX_ROUNDS

    def decrypt(self, algorithm: der.Element, data: bytes, password: Password) -> bytes:
        """The plain text; raises WrongPasswordError where its padding is wrong."""
        name, parameters = self._walk.children(algorithm, 2)[:2]
        kind, first, second = der.oid(name), *self._walk.children(parameters, 2)[:2]
        if kind == _PBES2:
            called, iv = self._walk.children(second, 2)[:2]
            cipher, size = _known(_CIPHERS, der.oid(called), "encrypted")
            return _decrypted(cipher, self._pbkdf(first, password, size), self._walk.octets(iv), data)
        salt, rounds = self._walk.octets(first), der.integer(second)
        if kind in _PBES1:
            self._spend(rounds)
            both = password.octets + salt
            for _ in range(rounds):
                both = hashlib.new(_PBES1[kind], both, usedforsecurity=False).digest()
            return _decrypted("des", both[:8], both[8:16], data)
        cipher, size = _known(_PKCS12, kind, "encrypted")
        key = self._pkcs12("sha1", _KEY, password, salt, rounds, size)
        return _decrypted(cipher, key, self._pkcs12("sha1", _IV, password, salt, rounds, 8), data)

    def verify(self, mac: der.Element, data: bytes, password: Password) -> None:
        """Check a PFX's MacData (RFC 7292 4); raises WrongPasswordError."""
        made, *rest = self._walk.children(mac, 2)
        algorithm, expected = self._walk.children(made, 2)[:2]
        name, *parameters = self._walk.children(algorithm, 1)
        if der.oid(name) == _PBMAC1:
            derivation, scheme = self._walk.children(parameters[0] if parameters else algorithm, 2)[:2]
            digest = _known(_DIGESTS, der.oid(self._walk.children(scheme, 1)[0]), "secured")
            key = self._pbkdf(derivation, password, None)
        else:
            digest = _known(_DIGESTS, der.oid(name), "secured")
            rounds = der.integer(rest[1]) if len(rest) > 1 else 1
            size = hashlib.new(digest, usedforsecurity=False).digest_size
            key = self._pkcs12(digest, _MAC, password, self._walk.octets(rest[0]), rounds, size)
        if not hmac.compare_digest(hmac.digest(key, data, digest), self._walk.octets(expected)):
            raise WrongPasswordError

    def _spend(self, rounds: int) -> None:
        self._rounds -= rounds
        if rounds < 1 or self._rounds < 0:
            raise InputError(f"asks for more than {MAX_ROUNDS} rounds of key derivation")

    def _pbkdf(self, derivation: der.Element, password: Password, size: int | None) -> bytes:
        """PBKDF2 (RFC 8018 A.2) or scrypt (RFC 7914 7); without `size` as long as the parameters say."""
        name, parameters = self._walk.children(derivation, 2)[:2]
        kind, values = der.oid(name), self._walk.children(parameters, 2)
        salt, numbers = self._walk.octets(values[0]), [one for one in values[1:] if one.tag == der.INTEGER]
        costs = [der.integer(one) for one in numbers]
        if kind == _SCRYPT:
            return _scrypt(password.octets, salt, costs, size or _LONGEST_KEY)
        _known({_PBKDF2: ""}, kind, "encrypted")
        prf = next((self._walk.children(one, 1)[0] for one in values if one.tag == der.SEQUENCE), None)
        digest = _known(_DIGESTS, der.oid(prf), "encrypted") if prf else "sha1"
        rounds, *length = costs or [0]
        size = size or max(1, min(_LONGEST_KEY, *length, _LONGEST_KEY))
        self._spend(rounds * -(-size // hashlib.new(digest, usedforsecurity=False).digest_size))
        return hashlib.pbkdf2_hmac(digest, password.octets, salt, rounds, size)

    def _pkcs12(self, name: str, use: int, password: Password, salt: bytes, rounds: int, size: int) -> bytes:
        """RFC 7292 B.2, its steps numbered."""
        digest = hashlib.new(name, usedforsecurity=False)
        block = digest.block_size
        self._spend(rounds * -(-size // digest.digest_size))
        text = _filled(salt, block) + _filled(password.bmp, block)  # 2 to 4
        out = b""
        while len(out) < size:  # 6
            turn = bytes([use]) * block + text  # 1, 6A
            for _ in range(rounds):
                turn = hashlib.new(name, turn, usedforsecurity=False).digest()
            out += turn
            added = int.from_bytes(_filled(turn, block)[:block]) + 1  # 6B, 6C
            pieces = (int.from_bytes(text[at : at + block]) + added for at in range(0, len(text), block))
            text = b"".join((piece % (1 << 8 * block)).to_bytes(block) for piece in pieces)
        return out[:size]


def _filled(text: bytes, block: int) -> bytes:
    size = -(-len(text) // block) * block
    return (text * (size // len(text) + 1))[:size] if text else b""


def _known(table: dict[str, T], name: str, how: str) -> T:
    if name not in table:
        raise InputError(f"is {how} by an algorithm that is not known here ({name})")
    return table[name]


def _scrypt(password: bytes, salt: bytes, costs: list[int], size: int) -> bytes:
    n, r, p = costs[:3] if len(costs) >= 3 else (0, 0, 0)
    if min(n, r, p) < 1 or 128 * n * r * p > MAX_SCRYPT_BYTES:
        raise InputError(f"asks for more than {MAX_SCRYPT_BYTES >> 20} MiB of key derivation by scrypt")
    try:
        return hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=2 * MAX_SCRYPT_BYTES, dklen=size)
    except ValueError:
        raise InputError(f"asks for scrypt with costs that it does not take ({n}, {r}, {p})") from None


def _decrypted(cipher: str, key: bytes, iv: bytes, data: bytes) -> bytes:
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    from cryptography.hazmat.primitives.ciphers.algorithms import AES

    size = 16 if cipher == "aes" else 8
    if not data or len(data) % size or len(iv) != size:
        raise WrongPasswordError
    if cipher == "rc2":
        from probe.pki.rc2 import decrypt_cbc

        plain = decrypt_cbc(key, iv, data)
    else:
        algorithm = AES(key) if cipher == "aes" else TripleDES((key * 3)[:24])  # one key, or two
        reader = Cipher(algorithm, modes.CBC(iv)).decryptor()
        plain = reader.update(data) + reader.finalize()
    padding = plain[-1]
    if not 1 <= padding <= size or plain[-padding:] != bytes([padding]) * padding:
        raise WrongPasswordError
    return plain[:-padding]
