"""Name constraints (RFC 5280 4.2.1.10): which names a CA may vouch for.

Read from raw DER, since a library drops or refuses what decides here: a `minimum`, an asterisk,
an unsupported kind of name. Case never counts, ``.example.com`` is a suffix, and an asterisk in a
constraint stands for itself [R].
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from probe.pki import der
from probe.pki.extensions import SUBJECT_ALT_NAMES
from probe.pki.names import EMPTY_NAME, Name, Rdns, folded_rdns
from probe.pki.status import ChainStatus

if TYPE_CHECKING:
    from probe.pki.certificate import Certificate

#: Comparisons of a name with a constraint in one judgement; real chains need a few dozen.
MAX_COMPARISONS = 1 << 14
# GeneralName tags (RFC 5280 4.2.1.6).
_OTHER, _EMAIL, _DNS, _X400, _DIRECTORY, _EDI, _URI, _IP, _REGISTERED = (
    0xA0, 0x81, 0x82, 0xA3, 0xA4, 0xA5, 0x86, 0x87, 0x88,
)  # fmt: skip
_UNSUPPORTED = frozenset({_X400, _EDI, _REGISTERED})  # [D], with otherName other than a UPN
_UPN = "1.3.6.1.4.1.311.20.2.3"
NAME_CONSTRAINTS = "2.5.29.30"
_EMAIL_ATTRIBUTE = "1.2.840.113549.1.9.1"
_BROKEN = ChainStatus.InvalidExtension | ChainStatus.InvalidNameConstraints

#: What a name is compared as: folded text, an address's octets, or the relative names of a
#: directory name; None for the kinds Windows does not support.
Value = str | bytes | Rdns | None


class GeneralName(NamedTuple):
    """A name or constraint: its tag (for an other name the OID of its type) and its comparable value."""

    kind: int | str
    value: Value


class Constraints(NamedTuple):
    """What one CA permits and excludes; `unsupported`: a minimum or maximum Windows does not evaluate."""

    permitted: tuple[GeneralName, ...] = ()
    excluded: tuple[GeneralName, ...] = ()
    unsupported: bool = False


class Comparisons:
    """The work left for name constraints in one judgement, and whether it ran out."""

    def __init__(self, limit: int = MAX_COMPARISONS) -> None:
        self.left = limit

    @property
    def spent(self) -> bool:
        """More was asked for than allowed."""
        return self.left < 0


def violations(
    authority: Certificate, names: tuple[GeneralName, ...], work: Comparisons
) -> ChainStatus | None:
    """The flags `authority`, which has constraints, earns by the `names` of one certificate below it.

    None where the comparisons allowed do not suffice.
    """
    try:
        constraints = read_constraints(authority.extensions[NAME_CONSTRAINTS].value)
    except der.DerError:
        return _BROKEN  # observed [R]
    work.left -= len(names) * (len(constraints.permitted) + len(constraints.excluded))
    if work.spent:
        return None
    if constraints.unsupported:
        return ChainStatus.HasNotSupportedNameConstraint  # and nothing else [R]
    status = ChainStatus.NoError
    for name in names:
        status |= _violation(name, constraints)
    return status


def _violation(name: GeneralName, constraints: Constraints) -> ChainStatus:
    permitted = [each for each in constraints.permitted if each.kind == name.kind]
    excluded = [each for each in constraints.excluded if each.kind == name.kind]
    if name.value is None:  # only where such a name occurs (RFC 5280 4.2.1.10) [I]
        return ChainStatus.HasNotSupportedNameConstraint if permitted or excluded else ChainStatus.NoError
    if isinstance(name.value, str) and "\0" in name.value and (permitted or excluded):
        return _BROKEN  # observed [R]
    status = ChainStatus.NoError
    if any(_within(name, each) for each in excluded):
        status |= ChainStatus.HasExcludedNameConstraint
    if permitted and not any(_within(name, each) for each in permitted):
        status |= ChainStatus.HasNotPermittedNameConstraint
    return status


def names_of(certificate: Certificate, *, common_names: bool = False) -> tuple[GeneralName, ...]:
    """Every name of a certificate that can be constrained; undecodable entries are left out.

    The subject is a directory name; its e-mail address counts (RFC 5280 4.2.1.10). With
    `common_names`, for an end certificate without alternative names, each CN counts as the DNS
    name Windows takes it for [I].
    """
    found: list[GeneralName] = []
    extension = certificate.extensions.get(SUBJECT_ALT_NAMES)
    with suppress(der.DerError):  # what cannot be walked is flagged InvalidExtension elsewhere
        entries = der.whole(extension.value, der.SEQUENCE, "names").children() if extension else ()
        found.extend(_read_name(entry, constraint=False) for entry in entries)
    subject = certificate.subject
    if subject.rdns:
        found.append(GeneralName(_DIRECTORY, folded_rdns(subject.rdns)))
    found.extend(GeneralName(_EMAIL, each.lower()) for each in subject.values(_EMAIL_ATTRIBUTE))
    if extension is None and common_names:
        hosts = (each.lower() for each in subject.common_names if "." in each and not {" ", "@"} & {*each})
        found.extend(GeneralName(_DNS, each) for each in hosts)
    return tuple(found)


def read_constraints(value: bytes) -> Constraints:
    """Read a NameConstraints value; raises DerError where a part of it cannot be decoded."""
    permitted: tuple[GeneralName, ...] = ()
    excluded: tuple[GeneralName, ...] = ()
    unsupported = False
    for part in der.whole(value, der.SEQUENCE, "name constraints").children():
        names, odd = _read_subtrees(part)
        unsupported |= odd
        if part.tag == 0xA0:
            permitted += names
        elif part.tag == 0xA1:
            excluded += names
        else:
            raise der.DerError("neither permitted nor excluded names")
    return Constraints(permitted, excluded, unsupported)


def _read_subtrees(part: der.Element) -> tuple[tuple[GeneralName, ...], bool]:
    names: list[GeneralName] = []
    unsupported = False
    for subtree in part.children():
        fields = der.expect(subtree, der.SEQUENCE, "a constraint").children()
        if not fields:
            raise der.DerError("a constraint without a name")
        # minimum other than 0, or any maximum: not supported [D]
        unsupported |= any(each.tag != 0x80 or any(each.content) for each in fields[1:])
        names.append(_read_name(fields[0], constraint=True))
    return tuple(names), unsupported


def _read_name(entry: der.Element, *, constraint: bool) -> GeneralName:
    """One GeneralName; raises DerError."""
    tag = entry.tag
    if tag in (_DNS, _EMAIL, _URI):
        return GeneralName(tag, _text(entry, constraint=constraint))
    if tag == _IP:
        if constraint and len(entry.content) not in (8, 32):  # address and mask
            raise der.DerError("an address constraint of an odd length")
        return GeneralName(tag, entry.content)
    if tag == _DIRECTORY:
        name = Name(entry.content)
        if not name.rdns and entry.content != EMPTY_NAME:
            raise der.DerError("an unreadable directory name, or one of too many attributes")
        return GeneralName(tag, folded_rdns(name.rdns))
    if tag == _OTHER:
        return _other_name(entry)
    if tag in _UNSUPPORTED:
        return GeneralName(tag, None)
    raise der.DerError(f"a name of unknown kind 0x{tag:02x}")


def _text(entry: der.Element, *, constraint: bool) -> str:
    try:
        text = entry.content.decode("ascii").lower()
    except UnicodeDecodeError:
        raise der.DerError("a name that is not ASCII") from None
    if entry.tag == _URI and not constraint:
        try:
            return urlsplit(text).hostname or ""
        except ValueError:
            return ""
    return text.rstrip(".") if entry.tag == _DNS else text


def _other_name(entry: der.Element) -> GeneralName:
    parts = entry.children()
    if len(parts) != 2:  # type-id and [0] EXPLICIT value
        raise der.DerError("an other name that is not a type and a value")
    kind = der.oid(parts[0])
    if kind != _UPN:
        return GeneralName(kind, None)
    return GeneralName(kind, der.read(parts[1].content).content.decode("utf-8", "replace").lower())


def _within(name: GeneralName, constraint: GeneralName) -> bool:
    """Whether `name` lies inside the subtree `constraint`, which is of its own kind."""
    inner, outer = name.value, constraint.value
    if isinstance(inner, str) and isinstance(outer, str):
        return _text_within(name.kind, inner, outer)
    if isinstance(inner, bytes) and isinstance(outer, bytes):
        half = len(outer) // 2
        network = zip(inner, outer[:half], outer[half:], strict=False)
        return len(inner) == half and all(a & m == n & m for a, n, m in network)
    return isinstance(inner, tuple) and isinstance(outer, tuple) and inner[: len(outer)] == outer


def _text_within(kind: int | str, text: str, limit: str) -> bool:
    if not limit:
        return True
    if kind == _EMAIL:
        host = text.rpartition("@")[2]
        if "@" in limit:
            return text == limit
        return host.endswith(limit) if limit.startswith(".") else host == limit
    if kind == _URI:
        return text.endswith(limit) if limit.startswith(".") else text == limit
    if kind == _DNS:
        return text == limit or text.endswith(limit if limit.startswith(".") else "." + limit)
    return text.endswith(limit)  # a UPN: the domain or the whole, [I]
