"""A certificate authority for tests in which every field can be overridden, the wrong ones included.

    authority = Authority(now=NOW)
    root = authority.root("Lab Root")
    issuing = authority.intermediate(root, "Lab Issuing CA 1")
    leaf = authority.leaf(issuing, "mail.contoso.test")
    leaf.pem + issuing.pem, leaf.key_pem, leaf.chain

What a keyword can change is a field of `Profile`. Keys come from a pool, so that a test run makes each of
them once: the n-th key of an authority is always the same one, and authorities of other names have others.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import combinations
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs7 as _pkcs7
from cryptography.hazmat.primitives.serialization import pkcs12 as _pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from tests.authority_signing import PrivateKey, sign

SERVER_AUTH = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT_AUTH = ExtendedKeyUsageOID.CLIENT_AUTH
ANY_PURPOSE = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE

DAY = timedelta(days=1)

_EDWARDS = {"ed25519": ed25519.Ed25519PrivateKey, "ed448": ed448.Ed448PrivateKey}
# Any two make an RSA key of 2,048 bits at once; a new one takes 0.1 s. No secrets.
_PRIMES = combinations(
    [int(line, 16) for line in Path(__file__).with_name("primes.txt").read_text().split()], 2
)
_CURVES = {"ec-p256": ec.SECP256R1, "ec-p384": ec.SECP384R1, "ec-p521": ec.SECP521R1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Everything a certificate says; `None` leaves an extension out."""

    subject: x509.Name | str
    not_before: datetime
    not_after: datetime
    # DNS names as ASCII text, addresses as text, or ready GeneralNames; empty: no extension.
    names: tuple[str | x509.GeneralName, ...] = ()
    names_critical: bool = False
    issuer_name: x509.Name | str | None = None  # another name than the real issuer's subject
    key: str | PrivateKey = "ec-p256"
    serial: int | None = None  # None: derived from the rest, the same in every run
    ca: bool | None = False
    path_length: int | None = None
    ca_critical: bool = True
    key_usage: tuple[str, ...] | None = ("digital_signature",)
    eku: tuple[ObjectIdentifier, ...] | None = (SERVER_AUTH, CLIENT_AUTH)
    eku_critical: bool = False
    authority_key_id: bool = True
    subject_key_id: bool = True
    permitted: tuple[str | x509.GeneralName, ...] = ()
    excluded: tuple[str | x509.GeneralName, ...] = ()
    constraints_critical: bool = True
    extra: tuple[x509.Extension[x509.UnrecognizedExtension], ...] = ()  # see `raw_extension`
    signature: str = "sha256"  # a key of HASHES; without meaning for Ed25519 and Ed448 issuers
    broken_signature: bool = False
    validity: bytes | None = None  # the whole DER instead of the two instants: times no builder writes
    version: int = 3  # 1: no extension whatever the fields above say


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A certificate, its private key and who issued it (None: it signed itself)."""

    der: bytes
    key: PrivateKey
    subject: x509.Name
    issuer: Issued | None = None

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate as cryptography reads it; ValueError if it was made unreadable."""
        return x509.load_der_x509_certificate(self.der)

    @property
    def chain(self) -> tuple[Issued, ...]:
        """The certificate and its issuers, the root last."""
        return (self,) if self.issuer is None else (self, *self.issuer.chain)

    @property
    def pem(self) -> str:
        return _pem(self.der)

    @property
    def key_pem(self) -> str:
        """The private key, PKCS#8, not encrypted."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode("ascii")

    @property
    def sha1(self) -> str:
        """The thumbprint Windows shows, lower-case hex."""
        return hashlib.sha1(self.der, usedforsecurity=False).hexdigest()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.der).hexdigest()


@dataclass(slots=True, kw_only=True)
class Authority:
    """Issues roots, intermediates and leaves around one instant, with keys from a pool of its own name."""

    now: datetime
    name: str = "authority"
    _issued: int = field(default=0, init=False)

    def root(self, subject: x509.Name | str = "Lab Root CA", **overrides: object) -> Issued:
        """A self-signed CA certificate: five years old, five to come."""
        return self._issue(None, self._ca(subject, years=5), overrides)

    def intermediate(
        self, issuer: Issued, subject: x509.Name | str = "Lab Issuing CA 1", **overrides: object
    ) -> Issued:
        """A CA certificate under `issuer`, good for leaves only: two years old, two to come."""
        profile = replace(self._ca(subject, years=2), path_length=0)
        return self._issue(issuer, profile, overrides)

    def leaf(self, issuer: Issued, *names: str, **overrides: object) -> Issued:
        """A certificate for the DNS names, the first of them its CN: 50 of its 200 days are gone."""
        return self._issue(issuer, self._end_entity(names or ("mail.contoso.test",)), overrides)

    def self_signed(self, *names: str, **overrides: object) -> Issued:
        """A leaf that signed itself, as Exchange's set-up makes them."""
        return self._issue(None, self._end_entity(names or ("mail.contoso.test",)), overrides)

    def _ca(self, subject: x509.Name | str, *, years: int) -> Profile:
        return Profile(
            subject=subject,
            not_before=self.now - years * 365 * DAY,
            not_after=self.now + years * 365 * DAY,
            ca=True,
            key_usage=("key_cert_sign", "crl_sign"),
            eku=None,
        )

    def _end_entity(self, names: tuple[str, ...]) -> Profile:
        return Profile(
            subject=names[0], names=names, not_before=self.now - 50 * DAY, not_after=self.now + 150 * DAY
        )

    def _issue(self, issuer: Issued | None, profile: Profile, overrides: dict[str, object]) -> Issued:
        profile = replace(profile, **overrides)
        if isinstance(profile.key, str):
            profile = replace(profile, key=pooled_key(profile.key, self.name, self._issued))
            self._issued += 1
        return issue(profile, issuer)


@functools.cache
def pooled_key(kind: str, owner: str = "", number: int = 0) -> PrivateKey:
    """The private key of that kind (`rsa-BITS`, `ec-p256`, `ec-p384`, `ec-p521`, `ed25519`, `ed448`), made once."""
    del owner, number  # they only tell keys of one kind apart
    if kind in _EDWARDS:
        return _EDWARDS[kind].generate()
    if kind == "rsa-2048" and (primes := next(_PRIMES, None)):
        return _rsa_key(*primes)
    if kind.startswith("rsa-"):
        return rsa.generate_private_key(65537, int(kind.removeprefix("rsa-")))
    return ec.generate_private_key(_CURVES[kind]())


def _rsa_key(p: int, q: int) -> rsa.RSAPrivateKey:
    public = rsa.RSAPublicNumbers(65537, p * q)
    d = pow(65537, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), rsa.rsa_crt_iqmp(p, q), public)
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def issue(profile: Profile, issuer: Issued | None) -> Issued:
    """The certificate that the profile describes, signed by the issuer's key (None: by the profile's own)."""
    subject = as_name(profile.subject)
    issuer_name = as_name(profile.issuer_name or (issuer.subject if issuer else subject))
    signer = issuer.key if issuer else profile.key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(profile.key.public_key())
        .not_valid_before(profile.not_before)
        .not_valid_after(profile.not_after)
        .serial_number(_serial(profile, subject, issuer_name))
    )
    if profile.version != 1:
        for value, critical in _extensions(profile, signer):
            builder = builder.add_extension(value, critical=critical)
    der = sign(
        builder,
        signer,
        profile.signature,
        version=profile.version,
        broken=profile.broken_signature,
        validity=profile.validity,
    )
    return Issued(der=der, key=profile.key, subject=subject, issuer=issuer)


def as_name(value: x509.Name | str) -> x509.Name:
    """A name from `mail.contoso.test` (a CN) or `CN=mail,O=Contoso` (RFC 4514, most specific first)."""
    if isinstance(value, x509.Name):
        return value
    if "=" in value:
        return x509.Name.from_rfc4514_string(value)
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, value)])


def raw_extension(
    oid: str, value: bytes, *, critical: bool = False
) -> x509.Extension[x509.UnrecognizedExtension]:
    """An extension with any content, sense or nonsense, for `Profile.extra`."""
    identifier = ObjectIdentifier(oid)
    return x509.Extension(identifier, critical, x509.UnrecognizedExtension(identifier, value))


def chain_pem(*certificates: Issued) -> str:
    """The certificates one after the other, in the order given."""
    return "".join(certificate.pem for certificate in certificates)


def pkcs7(*certificates: Issued, pem: bool = False) -> bytes:
    """A PKCS#7 bundle (.p7b) of the certificates, DER or PEM; it sorts them as DER's SET OF wants."""
    encoding = serialization.Encoding.PEM if pem else serialization.Encoding.DER
    return _pkcs7.serialize_certificates([each.certificate for each in certificates], encoding)


def pkcs12(leaf: Issued, *others: Issued, password: bytes | None = None, name: str = "mail") -> bytes:
    """A PKCS#12 file (.pfx) with the leaf, its key and the other certificates."""
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return _pkcs12.serialize_key_and_certificates(
        name.encode(), leaf.key, leaf.certificate, [each.certificate for each in others] or None, encryption
    )


def _pem(der: bytes) -> str:
    # Not by way of cryptography: a certificate it can't parse has a PEM form too.
    text = base64.b64encode(der).decode("ascii")
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def _serial(profile: Profile, subject: x509.Name, issuer: x509.Name) -> int:
    if profile.serial is not None:
        return profile.serial
    public = profile.key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    said = (
        public
        + subject.public_bytes()
        + issuer.public_bytes()
        + repr((profile.not_before, profile.not_after)).encode()
    )
    # Positive and at most 20 octets (RFC 5280, 4.1.2.2).
    return int.from_bytes(hashlib.sha256(said).digest()[:16]) | 1


def _extensions(profile: Profile, signer: PrivateKey) -> Iterable[tuple[x509.ExtensionType, bool]]:
    if profile.ca is not None:
        yield x509.BasicConstraints(ca=profile.ca, path_length=profile.path_length), profile.ca_critical
    if profile.key_usage is not None:
        yield _key_usage(profile.key_usage), True
    if profile.eku is not None:
        yield x509.ExtendedKeyUsage(profile.eku), profile.eku_critical
    if profile.names:
        yield x509.SubjectAlternativeName(_general_names(profile.names)), profile.names_critical
    if profile.subject_key_id:
        yield x509.SubjectKeyIdentifier.from_public_key(profile.key.public_key()), False
    if profile.authority_key_id:
        yield x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False
    if profile.permitted or profile.excluded:
        yield _name_constraints(profile), profile.constraints_critical
    for extra in profile.extra:
        yield extra.value, extra.critical


def _key_usage(bits: tuple[str, ...]) -> x509.KeyUsage:
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    if unknown := set(bits) - set(names):
        raise ValueError(f"no such key usage: {sorted(unknown)}")
    return x509.KeyUsage(**{name: name in bits for name in names})


def _general_names(values: Iterable[str | x509.GeneralName]) -> list[x509.GeneralName]:
    return [_general_name(value) if isinstance(value, str) else value for value in values]


def _general_name(value: str) -> x509.GeneralName:
    # A network (10.0.0.0/8) makes sense in name constraints only, an address in a SAN only.
    for kind in (ipaddress.ip_address, ipaddress.ip_network):
        try:
            return x509.IPAddress(kind(value))
        except ValueError:
            continue
    return x509.DNSName(value)


def _name_constraints(profile: Profile) -> x509.NameConstraints:
    return x509.NameConstraints(
        permitted_subtrees=_general_names(profile.permitted) or None,
        excluded_subtrees=_general_names(profile.excluded) or None,
    )
