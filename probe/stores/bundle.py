"""A PEM bundle searched by subject without parsing its certificates: a check needs two or three of hundreds.

The subject's DER is looked for in the base64 text itself, once for each of the three ways its bytes can
fall into groups of four characters (RFC 4648 section 4). What is found is decoded, parsed and compared,
so a chance match does no harm. Measured on Microsoft's 555 roots: 0.4 ms to open and 0.4 ms for each name,
against 50 ms for parsing all. Who asks for many names gets an index instead.
"""

from __future__ import annotations

import binascii
import hashlib
from collections.abc import Iterator

from probe.pki.certificate import Certificate, parse
from probe.pki.truststore import PlainStore

_BEGIN = b"-----BEGIN CERTIFICATE-----"
_END = b"-----END CERTIFICATE-----"

#: Names looked up by search before an index of all certificates is worth its 50 ms.
LOOKUPS_BEFORE_INDEX = 64
#: Bytes a name must have to be searched for; a shorter one would be found everywhere.
MIN_SEARCHED_BYTES = 12
#: Matches followed up for one name; the most common one in use has two certificates.
MAX_MATCHES = 64


class PemBundle:
    """The certificates of a PEM text, found by the DER of their subject, in the text's order."""

    def __init__(self, text: bytes) -> None:
        # Without line ends a name is one piece of text wherever its lines were broken.
        self._text = text.replace(b"\r", b"").replace(b"\n", b"")
        self._found: dict[bytes, tuple[Certificate, ...]] = {}
        self._indexed = False

    def __len__(self) -> int:
        return self._text.count(_BEGIN)

    def __iter__(self) -> Iterator[Certificate]:
        """Every readable certificate, parsed, in the text's order."""
        for blob in self.blobs():
            certificate = parse(blob)
            if isinstance(certificate, Certificate):
                yield certificate

    def blobs(self) -> Iterator[bytes]:
        """The DER of every block in order; empty where it is no base64."""
        return (_decode(block.partition(_END)[0]) for block in self._text.split(_BEGIN)[1:])

    def by_sha1(self) -> dict[str, bytes]:
        """The DER of every certificate by its thumbprint, lower-case hex: for listings, some 6 ms for 555."""
        return {hashlib.sha1(blob, usedforsecurity=False).hexdigest(): blob for blob in self.blobs()}

    def named(self, subject: bytes) -> tuple[Certificate, ...]:
        """The certificates whose subject has exactly this DER; each name is searched for once."""
        found = self._found.get(subject)
        if found is not None or self._indexed:
            return found or ()
        if len(self._found) >= LOOKUPS_BEFORE_INDEX or len(subject) < MIN_SEARCHED_BYTES:
            self._build_index()
            return self._found.get(subject, ())
        found = tuple(self._search(subject))
        self._found[subject] = found
        return found

    def roots(self, subject: bytes) -> tuple[Certificate, ...]:
        """Those of them that are self-issued."""
        return tuple(root for root in self.named(subject) if root.self_issued)

    def _build_index(self) -> None:
        by_subject: dict[bytes, list[Certificate]] = {}
        for certificate in self:
            by_subject.setdefault(certificate.subject.der, []).append(certificate)
        self._found = {subject: tuple(certificates) for subject, certificates in by_subject.items()}
        self._indexed = True

    def _search(self, subject: bytes) -> Iterator[Certificate]:
        hits = (hit for needle in _needles(subject) for hit in self._hits(needle))
        for start in sorted({self._text.rfind(_BEGIN, 0, hit) + len(_BEGIN) for hit in hits}):
            certificate = parse(_decode(self._text[start : self._text.find(_END, start)]))
            if isinstance(certificate, Certificate) and certificate.subject.der == subject:
                yield certificate

    def _hits(self, needle: bytes) -> Iterator[int]:
        hit = self._text.find(needle)
        for _ in range(MAX_MATCHES):
            if hit < 0:
                return
            yield hit
            hit = self._text.find(needle, hit + 1)


def _decode(text: bytes) -> bytes:
    try:
        return binascii.a2b_base64(text)
    except ValueError:
        return b""


def _needles(subject: bytes) -> Iterator[bytes]:
    """The base64 characters that `subject` alone decides, for each of its three possible positions."""
    for shift in range(3):
        encoded = binascii.b2a_base64(bytes(shift) + subject, newline=False)
        first = -(-8 * shift // 6)  # characters that hold bits of what stands before
        last = 8 * (shift + len(subject)) // 6  # the next one holds bits of what follows
        yield encoded[first:last]


class BundleStore(PlainStore):
    """A plain store over a PEM bundle, which names no date; the file's own only says when it was copied."""

    def __init__(self, name: str, bundle: PemBundle, origin: str) -> None:
        self.name = name
        self.origin = origin
        self._bundle = bundle

    @property
    def size(self) -> int:
        """How many certificates the bundle holds, intermediates included."""
        return len(self._bundle)

    def roots(self, subject: bytes) -> tuple[Certificate, ...]:
        """The roots whose subject has exactly this DER, in the bundle's order."""
        return self._bundle.roots(subject)

    def certificates(self) -> Iterator[Certificate]:
        """Every root, parsed."""
        return (root for root in self._bundle if root.self_issued)
