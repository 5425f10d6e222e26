"""One X.509 certificate, read leniently from its DER; every fact is computed when asked for.

RFC 5280 section 4. What cannot be walked at all becomes :class:`Unreadable`, a value: a
certificate that does not parse is evidence too.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from probe.pki import algorithms, der
from probe.pki.extensions import (
    SUBJECT_ALT_NAMES,
    BasicConstraints,
    Extension,
    KeyUsage,
    SubjectAltNames,
    read_access_locations,
    read_basic_constraints,
    read_extensions,
    read_key_identifier,
    read_key_usage,
    read_oids,
    read_subject_alt_names,
)
from probe.pki.names import Name
from probe.pki.signature import Signature, load_key, verify_with
from probe.text import printable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

    from probe.pki.signature import SigningKey

#: What asking a certificate whether it signed itself may cost, in ordinary checks: RSA of 16,384 bits.
MAX_OWN_COST = 16
#: Bytes of a serial number, which is shown in hex; RFC 5280 4.1.2.2 allows 20.
MAX_SERIAL_BYTES = 1000
_TBS_PARTS_AT_LEAST = 6  # serial, signature, issuer, validity, subject, key (RFC 5280 4.1.2)
_EXTENSIONS_TAG = 0xA3
_T = TypeVar("_T")


class _Encoded:
    """Bytes sent as a certificate, and what is known of them without reading; equal and hashed by them."""

    def __init__(self, data: bytes) -> None:
        self.der = data

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.der == other.der

    def __hash__(self) -> int:
        return hash(self.der)

    @cached_property
    def sha1(self) -> str:
        """Lower-case hex of SHA-1, Windows' thumbprint."""
        return hashlib.sha1(self.der, usedforsecurity=False).hexdigest()

    @cached_property
    def sha256(self) -> str:
        """Lower-case hex of SHA-256."""
        return hashlib.sha256(self.der).hexdigest()

    @property
    def pem(self) -> str:
        """The bytes as a PEM block (RFC 7468), be they a certificate or not."""
        text = base64.b64encode(self.der).decode("ascii")
        lines = [text[i : i + 64] for i in range(0, len(text), 64)]
        return "\n".join(("-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""))


class Unreadable(_Encoded):
    """A certificate whose structure cannot be walked: its bytes, and what is wrong with them."""

    def __init__(self, data: bytes, reason: str) -> None:
        super().__init__(data)
        self.reason = reason


class Certificate(_Encoded):
    """A certificate by its DER: hashable, equal by its bytes, immutable by convention."""

    def __init__(self, data: bytes) -> None:
        """Walk the outer structure; raises DerError where there is none."""
        super().__init__(data)
        outer = der.whole(data, der.SEQUENCE, "a certificate").children()
        if len(outer) != 3:  # TBS, algorithm, signature: RFC 5280 4.1
            raise der.DerError("a certificate that is not three parts")
        self._tbs = der.expect(outer[0], der.SEQUENCE, "the part to be signed")
        self.signature_algorithm = algorithms.read(outer[1])
        self.signature = der.bits(outer[2])
        parts = self._tbs.children()
        self.version = 1
        if parts and parts[0].tag == 0xA0:  # [0] EXPLICIT version
            self.version = der.integer(der.read(parts[0].content)) + 1
            parts = parts[1:]
        if len(parts) < _TBS_PARTS_AT_LEAST:
            raise der.DerError("a certificate that lacks fields")
        if len(parts[0].content) > MAX_SERIAL_BYTES:
            raise der.DerError(f"a serial number of more than {MAX_SERIAL_BYTES} bytes")
        self.serial = der.integer(parts[0])
        self.inner_signature_algorithm = algorithms.read(parts[1])
        self.issuer = Name(parts[2].encoded)
        times = der.expect(parts[3], der.SEQUENCE, "the validity").children()
        if len(times) != 2:  # notBefore and notAfter, RFC 5280 4.1.2.5
            raise der.DerError("a validity that is not two times")
        self.not_before, self.not_after = map(read_time, times)
        self.subject = Name(parts[4].encoded)
        self.spki = der.expect(parts[5], der.SEQUENCE, "the public key").encoded
        self._extensions = next((p for p in parts[6:] if p.tag == _EXTENSIONS_TAG), None)
        self._known: dict[Callable[[Certificate], object], object] = {}

    def __reduce__(self) -> tuple[type[Certificate], tuple[bytes]]:
        return Certificate, (self.der,)

    def __repr__(self) -> str:
        return f"Certificate({self.subject.windows!r}, sha1={self.sha1})"

    def once(self, of: Callable[[Certificate], _T]) -> _T:
        """What `of` makes of this certificate, worked out at the first call; it has to be a function of a module."""
        try:
            return self._known[of]  # type: ignore[return-value]  # what `of` itself put there
        except KeyError:
            found = self._known[of] = of(self)
            return found

    @property
    def tbs(self) -> bytes:
        """The octets the issuer signed."""
        return self._tbs.encoded

    @property
    def serial_hex(self) -> str:
        """The serial number in hex as Windows shows it: upper case, whole bytes."""
        size = max(1, (self.serial.bit_length() + 8) // 8)
        text = self.serial.to_bytes(size, "big", signed=True).hex().upper()
        return text[2:] if text.startswith("00") and len(text) > 2 else text  # sign byte

    @property
    def self_issued(self) -> bool:
        """Subject and issuer are the same name."""
        return self.subject == self.issuer

    @cached_property
    def self_signed(self) -> bool:
        """Self-issued, and its own key made the signature; a key that costs too much to ask has not."""
        affordable = self.self_issued and self.check_cost <= MAX_OWN_COST
        return affordable and verify(self, self) is Signature.VALID

    @cached_property
    def public_key(self) -> PublicKeyTypes | None:
        """The key as the library has it; None where it has none of the kind."""
        return load_key(self.spki)

    @cached_property
    def check_cost(self) -> int:
        """What checking a signature with its key costs, in ordinary checks."""
        return algorithms.check_cost(self.spki)

    @cached_property
    def key(self) -> str:
        """The public key's kind and size: ``rsa-2048``, ``ec-p256``, ``ed25519``, or its OID."""
        return algorithms.key_name(self.spki)

    @property
    def signature_name(self) -> str:
        """The signature algorithm, e.g. ``sha256-rsa``, or its OID."""
        return self.signature_algorithm.name

    @cached_property
    def _extension_table(self) -> tuple[dict[str, Extension], str | None]:
        try:
            return read_extensions(self._extensions) if self._extensions else {}, None
        except der.DerError as error:
            return {}, str(error)

    @property
    def extensions(self) -> dict[str, Extension]:
        """The extensions by dotted OID; empty where there are none or they cannot be walked."""
        return self._extension_table[0]

    @property
    def extensions_fault(self) -> str | None:
        """Why the extensions cannot be walked, or None."""
        return self._extension_table[1]

    def extension(self, oid: str, read: Callable[[bytes], _T]) -> _T | None:
        """What `read` makes of an extension's value; None where it is absent; raises what `read` raises."""
        found = self.extensions.get(oid)
        return None if found is None else read(found.value)

    @cached_property
    def basic_constraints(self) -> BasicConstraints | None:
        """RFC 5280 4.2.1.9; None where absent; raises DerError where undecodable."""
        return self.extension("2.5.29.19", read_basic_constraints)

    @cached_property
    def key_usage(self) -> KeyUsage | None:
        """RFC 5280 4.2.1.3; None where absent; raises DerError where undecodable."""
        return self.extension("2.5.29.15", read_key_usage)

    @cached_property
    def extended_key_usage(self) -> tuple[str, ...] | None:
        """The purposes as dotted OIDs (RFC 5280 4.2.1.12); None where absent; raises DerError."""
        return self.extension("2.5.29.37", read_oids)

    @cached_property
    def subject_alt_names(self) -> SubjectAltNames:
        """RFC 5280 4.2.1.6; empty where absent; undecodable entries are counted, never raised."""
        return self.extension(SUBJECT_ALT_NAMES, read_subject_alt_names) or SubjectAltNames()

    @property
    def dns_names(self) -> tuple[str, ...]:
        """The dNSName entries of the subject alternative name, in order, escaped."""
        return self.subject_alt_names.dns

    @cached_property
    def authority_key_id(self) -> bytes | None:
        """The key identifier of the issuer (RFC 5280 4.2.1.1), or None."""
        return self.extension("2.5.29.35", read_key_identifier)

    @cached_property
    def subject_key_id(self) -> bytes | None:
        """The key identifier (RFC 5280 4.2.1.2), or None."""
        return self.extension("2.5.29.14", read_key_identifier)

    @cached_property
    def issuer_urls(self) -> tuple[str, ...]:
        """Where the CA publishes the issuer's certificate (RFC 5280 4.2.2.1), escaped."""
        return self.access_locations("1.3.6.1.5.5.7.48.2")

    def access_locations(self, method: str) -> tuple[str, ...]:
        """The places the CA names for one access method (RFC 5280 4.2.2.1), escaped."""
        return self.extension("1.3.6.1.5.5.7.1.1", lambda value: read_access_locations(value, method)) or ()

    @property
    def is_ca(self) -> bool:
        """Whether it says that it is a CA's (RFC 5280 4.2.1.9); what is undecodable says nothing."""
        try:
            return self.basic_constraints is not None and self.basic_constraints.ca
        except der.DerError:
            return False

    def names(self) -> tuple[str, ...]:
        """Every DNS name it could stand for: the SAN's, and the CNs (Windows looks at CN where no SAN is)."""
        return tuple(dict.fromkeys((*self.dns_names, *self.subject.common_names)))


def parse(data: bytes) -> Certificate | Unreadable:
    """Read one DER certificate; what cannot be walked comes back as Unreadable, never raised."""
    try:
        return Certificate(data)
    except der.DerError as error:
        return Unreadable(data, printable(str(error)))


def read_time(element: der.Element) -> datetime:
    """UTCTime or GeneralizedTime in whole seconds (RFC 5280 4.1.2.5); fractions are cut off."""
    text = element.content.decode("ascii", "replace")
    if element.tag == der.UTC_TIME and len(text) >= 13:  # YYMMDDhhmmssZ
        text = ("19" if text[:2] >= "50" else "20") + text
    elif element.tag != der.GENERALIZED_TIME:
        raise der.DerError("a time of an unknown type")
    if len(text) >= 14 and text[:14].isdecimal():
        # Not by strptime, which loads modules of its own: 1.5 ms of every start.
        month, day, hour, minute, second = (int(text[at : at + 2]) for at in range(4, 14, 2))
        with suppress(ValueError):
            if text[:4] == "0000":  # before Python's first year; no instant lies between
                return datetime.min.replace(tzinfo=UTC)
            return datetime(int(text[:4]), month, day, hour, minute, second, tzinfo=UTC)
    raise der.DerError(f"an unreadable time {printable(text, 40)!r}")


def verify(certificate: Certificate, issuer: SigningKey) -> Signature:
    """Check the signature of `certificate` with the key of `issuer`; names are not compared."""
    if certificate.signature_algorithm != certificate.inner_signature_algorithm:
        return Signature.INVALID  # RFC 5280 4.1.1.2: both must be the same
    return verify_with(
        issuer.public_key, certificate.signature_algorithm, certificate.signature, certificate.tbs
    )
