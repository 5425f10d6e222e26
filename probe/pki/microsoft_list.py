"""Microsoft's certificate trust list (CTL): its structure, its entries and the signature over it.

A CTL is PKCS#7 SignedData (RFC 2315 section 9) around Microsoft's own content type 1.3.6.1.4.1.311.10.1:
a SEQUENCE, not an OCTET STRING, which is why ``openssl cms -verify`` cannot check it. Its fields:
Microsoft, [MS-CAESO] and wincrypt.h (CTL_INFO, CERT_*_PROP_ID). Reading the list costs well below a
millisecond because an entry's properties are read only when somebody asks for that entry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from probe.pki import algorithms, der
from probe.pki.certificate import Certificate, read_time, verify
from probe.pki.extensions import read_oids
from probe.pki.signature import Signature, verify_bytes
from probe.text import printable

#: Bytes of one list; the real one has 205 kB.
MAX_CTL_BYTES = 8 * 1024 * 1024
#: Entries of one list; Microsoft's has 555.
MAX_ENTRIES = 50_000
#: Certificates read from one list's signature; real ones carry two.
MAX_EMBEDDED_CERTIFICATES = 16
#: Certificates from the signer up to the root; the real path has three.
MAX_SIGNER_PATH = 6

#: SHA-256 of "Microsoft Root Certificate Authority 2010", where a genuine list's signature has to end.
MICROSOFT_ROOT_2010 = "df545bf919a2439c36983b54cdfc903dfa4f37d3996d8d84b4c31eec6f3c163e"

#: Usages of lists and of their signers (wincrypt.h: szOID_ROOT_LIST_SIGNER, szOID_DISALLOWED_LIST).
ROOT_LIST = "1.3.6.1.4.1.311.10.3.9"
DISALLOWED_LIST = "1.3.6.1.4.1.311.10.3.30"
#: What identifies a subject: its SHA-1 thumbprint, or the hash under its own signature (wincrypt.h).
BY_SHA1 = "1.3.14.3.2.26"
BY_SIGNATURE_HASH = "1.3.6.1.4.1.311.10.11.15"

_SIGNED_DATA = "1.2.840.113549.1.7.2"
_CTL_CONTENT = "1.3.6.1.4.1.311.10.1"
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_PROPERTY = "1.3.6.1.4.1.311.10.11."  # the attribute's last arc is the CERT_*_PROP_ID
_EXPLICIT_0 = 0xA0
# A SignerInfo may name the bare key algorithm and leave the hash to digestAlgorithm (RFC 5754 3.2).
_RSA_ENCRYPTION = "1.2.840.113549.1.1.1"
_RSA_WITH = {
    "sha256": "1.2.840.113549.1.1.11",
    "sha384": "1.2.840.113549.1.1.12",
    "sha512": "1.2.840.113549.1.1.13",
}
_T = TypeVar("_T")
_EPOCH_OF_FILETIME = datetime(1601, 1, 1, tzinfo=UTC)
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


class CtlError(ValueError):
    """The bytes are no certificate trust list, or not one that Microsoft signed; the text says why."""


class CtlEntry:
    """What the list says of one certificate.

    A property is None where the entry does not carry it. `unread` names properties that could not be
    read; whoever decides by this entry is then not certain. Meanings: Microsoft, wincrypt.h and the
    trusted root program's "Deprecation Definitions".
    """

    def __init__(self, identifier: bytes, properties: dict[str, bytes]) -> None:
        self.identifier = identifier
        self.properties = properties
        unread: list[int] = []
        self.purposes = _property(properties, 9, read_oids, unread)
        name = _property(properties, 11, lambda value: value.decode("utf-16-le", "replace"), unread) or ""
        self.friendly_name = printable(name.rstrip("\0"), 256)
        self.sha256 = (_property(properties, 98, bytes, unread) or b"").hex()
        self.disallowed_at = _property(properties, 104, read_filetime, unread)
        self.disallowed_purposes = _property(properties, 122, read_oids, unread)
        self.not_before = _property(properties, 126, read_filetime, unread)
        self.not_before_purposes = _property(properties, 127, read_oids, unread)
        self.unread = tuple(unread)

    @property
    def sha1(self) -> str:
        """The identifier in lower-case hex; in the list of roots that is the SHA-1 thumbprint."""
        return self.identifier.hex()

    def carries(self, number: int) -> bool:
        """Whether the entry has the property of that number, be it empty."""
        return f"{_PROPERTY}{number}" in self.properties


def _property(
    properties: dict[str, bytes], number: int, reader: Callable[[bytes], _T], unread: list[int]
) -> _T | None:
    value = properties.get(f"{_PROPERTY}{number}")
    try:
        return None if value is None else reader(value)
    except ValueError:
        unread.append(number)
        return None


def read_filetime(value: bytes) -> datetime | None:
    """Read a FILETIME: 8 bytes little-endian, 100 ns since 1601 UTC; empty means cleared, None.

    Raises CtlError for any other length. What lies past the year 9999 becomes its last moment.
    """
    if not value:
        return None
    if len(value) != 8:
        raise CtlError(f"a FILETIME of {len(value)} bytes")
    try:
        return _EPOCH_OF_FILETIME + timedelta(microseconds=int.from_bytes(value, "little") // 10)
    except OverflowError:
        return _END_OF_TIME


class Ctl:
    """One list: its head, and its entries by identifier in the list's order. Not yet verified."""

    def __init__(self, data: bytes) -> None:
        """Walk the structure; raises CtlError where there is none."""
        try:
            self._signed_data = _open_signed_data(data)
            self._read_head(_open_content(self._signed_data[2]))
        except CtlError:
            raise
        except (ValueError, IndexError) as error:
            raise CtlError(f"not a certificate trust list: {error}") from error

    def _read_head(self, content: der.Element) -> None:
        self._content = content
        parts = content.children()[::-1]  # read by pop(); order of CTL_INFO
        if parts[-1].tag == der.INTEGER:
            parts.pop()  # version, absent where it is the default
        self.usages = read_oids(parts.pop().encoded)
        for optional in (der.OCTET_STRING, der.INTEGER):  # the list's identifier, its sequence number
            if parts[-1].tag == optional:
                parts.pop()
        self.this_update = read_time(parts.pop())
        if parts[-1].tag in (der.UTC_TIME, der.GENERALIZED_TIME):
            parts.pop()  # nextUpdate: Microsoft's list has none
        self.subject_algorithm = algorithms.read(parts.pop()).oid
        subjects = parts[-1] if parts and parts[-1].tag == der.SEQUENCE else None
        self._spans = _index(subjects) if subjects else {}

    def __len__(self) -> int:
        return len(self._spans)

    def __contains__(self, identifier: bytes) -> bool:
        return identifier in self._spans

    def __iter__(self) -> Iterator[CtlEntry]:
        """Every entry in the list's order; reads each of them, some 50 ms for the whole list."""
        return (entry for identifier in self._spans if (entry := self.entry(identifier)))

    def entry(self, identifier: bytes) -> CtlEntry | None:
        """The entry of that identifier, or None; raises CtlError if it cannot be walked."""
        start = self._spans.get(identifier)
        if start is None:
            return None
        try:
            _, attributes = der.read(self._content.data, start).children()
            return CtlEntry(identifier, dict(map(_read_attribute, attributes.children())))
        except (ValueError, IndexError) as error:
            raise CtlError(f"an entry of the list cannot be read: {error}") from error

    def verify(
        self,
        roots: Callable[[bytes], Iterable[Certificate]],
        *,
        pin: str = MICROSOFT_ROOT_2010,
        usages: frozenset[str] = frozenset({ROOT_LIST}),
    ) -> Certificate:
        """Check the signature up to the root whose SHA-256 is `pin`; return the signer's certificate.

        `roots` finds candidates by the DER of their subject. The signer's extended key usage must hold one
        of `usages`, and every certificate must have been valid at thisUpdate: signers live for a year, and
        a list stays good after that. Raises CtlError.
        """
        try:
            info, embedded, signer = _signature_of(self._signed_data)
            _check_attributes(info, self._content, signer)
            usages_of_signer = signer.extended_key_usage or ()
        except CtlError:
            raise
        except (ValueError, IndexError) as error:
            raise CtlError(f"its signature cannot be read: {error}") from error
        if not usages.intersection(usages_of_signer):
            raise CtlError(f"its signer {signer.subject.short!r} may not sign such lists")
        _check_path(signer, embedded, roots, pin, self.this_update)
        return signer


def _open_signed_data(data: bytes) -> list[der.Element]:
    if len(data) > MAX_CTL_BYTES:
        raise CtlError(f"larger than {MAX_CTL_BYTES} bytes")
    kind, wrapped = der.whole(data, der.SEQUENCE, "the list").children()[:2]
    if der.oid(kind) != _SIGNED_DATA:
        raise CtlError("not a signed list (PKCS#7 SignedData)")
    return der.expect(der.read(data, wrapped.body, wrapped.end), der.SEQUENCE, "the signed data").children()


def _open_content(encapsulated: der.Element) -> der.Element:
    kind, wrapped = encapsulated.children()[:2]
    if der.oid(kind) != _CTL_CONTENT:
        raise CtlError("signed data, but no certificate trust list inside")
    return der.expect(der.read(wrapped.data, wrapped.body, wrapped.end), der.SEQUENCE, "the content")


def _index(subjects: der.Element) -> dict[bytes, int]:
    """Map each identifier to where its entry starts; the first of equal ones wins."""
    found: dict[bytes, int] = {}
    data, offset, end = subjects.data, subjects.body, subjects.end
    while offset < end:
        if len(found) > MAX_ENTRIES:
            raise CtlError(f"it has more than {MAX_ENTRIES} entries")
        # Nearly every entry is a SEQUENCE with two bytes of length around a SHA-1: read without detours, for
        # walking the 555 of them properly costs a check 2 ms.
        if data[offset : offset + 2] == b"\x30\x82" and data[offset + 4 : offset + 6] == b"\x04\x14":
            after = offset + 4 + int.from_bytes(data[offset + 2 : offset + 4], "big")
            if offset + 26 <= after <= end:
                found.setdefault(data[offset + 6 : offset + 26], offset)
                offset = after
                continue
        entry = der.read(data, offset, end)
        identifier = der.expect(der.read(data, entry.body, entry.end), der.OCTET_STRING, "an identifier")
        found.setdefault(data[identifier.body : identifier.end], offset)
        offset = entry.end
    return found


def _read_attribute(attribute: der.Element) -> tuple[str, bytes]:
    """One property: its OID, and the content of the OCTET STRING in its SET (raw if it is no such thing)."""
    kind, values = attribute.children()
    inner = values.children()
    single = len(inner) == 1 and inner[0].tag == der.OCTET_STRING
    return der.oid(kind), inner[0].content if single else values.content


# ---- the signature -----------------------------------------------------------------------------


def _signature_of(
    signed_data: list[der.Element],
) -> tuple[list[der.Element], list[Certificate], Certificate]:
    """The one SignerInfo, the certificates that came along, and the signer's among them."""
    signers = signed_data[-1] if len(signed_data) > 3 and signed_data[-1].tag == der.SET else None
    infos = signers.children() if signers else []
    if len(infos) != 1:
        raise CtlError(f"signed by {len(infos) or 'nobody'} instead of one signer")
    holder = next((part for part in signed_data[3:] if part.tag == _EXPLICIT_0), None)
    elements = holder.children() if holder else []
    if len(elements) > MAX_EMBEDDED_CERTIFICATES:
        raise CtlError(f"more than {MAX_EMBEDDED_CERTIFICATES} certificates in its signature")
    info, embedded = infos[0].children(), [Certificate(element.encoded) for element in elements]
    issuer, serial = info[1].children()  # IssuerAndSerialNumber, RFC 2315 6.7
    wanted = issuer.encoded, der.integer(serial)
    signer = next((each for each in embedded if (each.issuer.der, each.serial) == wanted), None)
    if signer is None:
        raise CtlError("the certificate of its signer is missing")
    return info, embedded, signer


def _check_attributes(info: list[der.Element], content: der.Element, signer: Certificate) -> None:
    """Check digest and signature (RFC 2315 9.3, 9.4).

    The digest is over the content without tag and length, the signature over the attributes encoded
    as a SET instead of [0].
    """
    digest_algorithm = algorithms.DIGESTS.get(algorithms.read(info[2]).oid, "")
    if info[3].tag != _EXPLICIT_0 or digest_algorithm not in _RSA_WITH:
        raise CtlError("signed without attributes or with an outdated hash")
    values = {der.oid(a.children()[0]): a.children()[1].children()[0] for a in info[3].children()}
    if _MESSAGE_DIGEST not in values or _CONTENT_TYPE not in values:
        raise CtlError("the signature does not name what it signs")
    digest = hashlib.new(digest_algorithm, content.content).digest()
    if values[_MESSAGE_DIGEST].content != digest or der.oid(values[_CONTENT_TYPE]) != _CTL_CONTENT:
        raise CtlError("the content was changed after it was signed")
    algorithm = algorithms.read(info[4])
    if algorithm.oid == _RSA_ENCRYPTION:
        algorithm = algorithms.Algorithm(_RSA_WITH[digest_algorithm], b"")
    signed = b"\x31" + info[3].encoded[1:]
    outcome = verify_bytes(signer.spki, algorithm, info[5].content, signed)
    if outcome is not Signature.VALID:
        unknown = "" if outcome is Signature.INVALID else " (unknown algorithm)"
        raise CtlError(f"its signature is wrong{unknown}")


def _check_path(
    signer: Certificate,
    embedded: list[Certificate],
    roots: Callable[[bytes], Iterable[Certificate]],
    pin: str,
    at: datetime,
) -> None:
    """Walk from the signer to the pinned root, each step proven by a signature."""
    current = signer
    for _ in range(MAX_SIGNER_PATH):
        if not current.not_before <= at <= current.not_after:
            raise CtlError(f"{current.subject.short!r} was not valid when the list was issued")
        if current.sha256 == pin:
            return
        current = _issuer_of(current, [*roots(current.issuer.der), *embedded], pin)
    raise CtlError("the path from its signer to Microsoft's root is too long")


def _issuer_of(certificate: Certificate, candidates: list[Certificate], pin: str) -> Certificate:
    named = (each for each in candidates if each.subject == certificate.issuer and each != certificate)
    for candidate in named:
        may_sign = candidate.sha256 == pin or candidate.is_ca
        if may_sign and verify(certificate, candidate) is Signature.VALID:
            return candidate
    raise CtlError(f"the signature of {certificate.subject.short!r} does not lead to Microsoft's root")
