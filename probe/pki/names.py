"""Distinguished names in the form Windows writes, and which host names a certificate is for.

Form: CertNameToStr with CERT_X500_NAME_STR and the reversed order .NET and Exchange use: the most
specific part first, ``S=`` for the state, quotes around values with special characters. Exchange
compares this very string in TlsCertificateName (``<I>issuer<S>subject``).
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from probe.pki import der
from probe.text import printable

#: Attributes of one name that are read; Windows itself stores far fewer.
MAX_ATTRIBUTES = 64

_SHORT = {
    "2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "SERIALNUMBER", "2.5.4.6": "C", "2.5.4.7": "L",
    "2.5.4.8": "S", "2.5.4.9": "STREET", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "T",
    "2.5.4.42": "G", "2.5.4.43": "I", "2.5.4.46": "dnQualifier", "2.5.4.13": "Description",
    "2.5.4.17": "PostalCode", "2.5.4.18": "POBox", "2.5.4.20": "Phone",
    "0.9.2342.19200300.100.1.25": "DC", "0.9.2342.19200300.100.1.1": "OID.0.9.2342.19200300.100.1.1",
    "1.2.840.113549.1.9.1": "E", "1.2.840.113549.1.9.2": "unstructuredName",
}  # fmt: skip
_ENCODINGS = {
    0x0C: "utf-8", 0x12: "ascii", 0x13: "latin-1", 0x14: "latin-1", 0x16: "latin-1",
    0x1A: "latin-1", 0x1C: "utf-32-be", 0x1E: "utf-16-be",
}  # fmt: skip
#: The DER of a name without parts.
EMPTY_NAME = b"\x30\x00"
#: A name folded for comparison: its relative names, each a set of identifier and text.
Rdns = tuple[frozenset[tuple[str, str]], ...]
_NEEDS_QUOTES = frozenset(',+="\n<>#;')


class Attribute(NamedTuple):
    """One attribute of a name: dotted OID and its text, escaped at this border."""

    oid: str
    value: str


class Name:
    """A distinguished name: the DER it was sent as, and what it says; equal by its DER.

    A name that cannot be read (RFC 5280 4.1.2.4) has no parts and shows its DER in hex.
    """

    def __init__(self, encoded: bytes) -> None:
        self.der = encoded

    @cached_property
    def rdns(self) -> tuple[tuple[Attribute, ...], ...]:
        """The relative names in the order sent, most general first; empty where unreadable."""
        try:
            return _read_rdns(self.der)
        except der.DerError:
            return ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Name) and self.der == other.der

    def __hash__(self) -> int:
        return hash(self.der)

    def __repr__(self) -> str:
        return f"Name({self.windows!r})"

    @cached_property
    def windows(self) -> str:
        """The name as Windows and Exchange write it, e.g. ``CN=x, O="Fabrikam, Inc.", C=US``."""
        if not self.rdns and self.der != EMPTY_NAME:
            return printable("#" + self.der.hex())
        return printable(", ".join(" + ".join(map(_pair, rdn)) for rdn in reversed(self.rdns)))

    @property
    def common_names(self) -> tuple[str, ...]:
        """Every CN, most specific first."""
        return self.values("2.5.4.3")

    def values(self, oid: str) -> tuple[str, ...]:
        """Every value of one attribute, most specific first."""
        return tuple(a.value for rdn in reversed(self.rdns) for a in rdn if a.oid == oid)

    @cached_property
    def short(self) -> str:
        """The CN, else the last organisational part, else the whole name: what a person calls it."""
        for oid in ("2.5.4.3", "2.5.4.11", "2.5.4.10"):
            if found := self.values(oid):
                return found[0]
        return self.windows or "(empty name)"


def _read_rdns(encoded: bytes) -> tuple[tuple[Attribute, ...], ...]:
    rdns: list[tuple[Attribute, ...]] = []
    budget = MAX_ATTRIBUTES
    for rdn in der.whole(encoded, der.SEQUENCE, "a name").children():
        pairs = der.expect(rdn, der.SET, "a relative name").children()
        budget -= len(pairs)
        if budget < 0:
            raise der.DerError(f"a name with more than {MAX_ATTRIBUTES} attributes")
        rdns.append(tuple(_read_attribute(pair) for pair in pairs))
    return tuple(rdns)


def _read_attribute(pair: der.Element) -> Attribute:
    parts = der.expect(pair, der.SEQUENCE, "an attribute").children()
    if len(parts) != 2:  # type and value, RFC 5280 4.1.2.4
        raise der.DerError("an attribute that is not a type and a value")
    return Attribute(der.oid(parts[0]), _text(parts[1]))


def _text(element: der.Element) -> str:
    encoding = _ENCODINGS.get(element.tag)
    if encoding is None:
        return printable("#" + element.encoded.hex())
    try:
        return printable(element.content.decode(encoding))
    except UnicodeDecodeError:
        return printable(element.content)


def _pair(attribute: Attribute) -> str:
    label = _SHORT.get(attribute.oid, f"OID.{attribute.oid}")
    value = attribute.value
    if not value or value != value.strip() or _NEEDS_QUOTES.intersection(value):
        value = '"' + value.replace('"', '""') + '"'
    return f"{label}={value}"


def folded_rdns(rdns: tuple[tuple[Attribute, ...], ...]) -> Rdns:
    """The relative names for comparison: case and repeated spaces fold away (RFC 5280 7.1)."""
    return tuple(frozenset((a.oid, " ".join(a.value.casefold().split())) for a in rdn) for rdn in rdns)
