"""The certificate a server presents: out of a file with its key, or made on the spot."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from probe.errors import InputError
from probe.pki import algorithms, containers, der

#: How long a certificate that is made on the spot is good for.
THROW_AWAY_LIFE = timedelta(days=7)
#: Old senders and printers know no other kind of key.
_RSA_BITS = 2048


class Identity(NamedTuple):
    """A server's chain, its own certificate first, and its key, both PEM; the key is not encrypted."""

    chain_pem: bytes
    key_pem: bytes


def throw_away(hostname: str, now: datetime) -> Identity:
    """Make a self-signed certificate for one run of a server; `now` is aware."""
    key = rsa.generate_private_key(65537, _RSA_BITS)
    # A common name holds 64 characters at most (RFC 5280, A.1).
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostname[:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + THROW_AWAY_LIFE)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(hostname)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Identity(certificate.public_bytes(Encoding.PEM), _key_pem(key))


def from_file(data: bytes, password: bytes | None) -> Identity:
    """Take chain and key out of a PEM or PKCS#12 file; raises InputError, PasswordNeededError among them."""
    held, pairs = containers.read_with_keys(data, password)
    if not held.keys:
        raise InputError("holds no private key, which a server needs")
    if not pairs:
        raise InputError("holds a private key that belongs to none of its certificates")
    leaf, key = pairs[0]
    if algorithms.read(der.read(leaf.spki).children()[0]).name == "rsa-pss":
        # pyOpenSSL takes the keys of cryptography, which makes plain RSA of them; OpenSSL wants the very kind.
        raise InputError("holds an RSA-PSS certificate, which this listener cannot present; use RSA or ECDSA")
    return Identity("".join(entry.pem for entry in held.as_sent().entries).encode(), _key_pem(key))


def _key_pem(key: PrivateKeyTypes) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
