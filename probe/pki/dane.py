"""TLSA records (RFC 6698) as SMTP uses them (RFC 7671 and 7672), and which chains they authenticate.

1. Leave out what SMTP cannot use: usages 0 and 1 (RFC 7672 3.1.3), unknown parameters, digests of another length
   (RFC 6698 4.1); and a SHA-256 digest beside a SHA-512 one of the same usage and selector (RFC 7671 9).
2. DANE-EE (3): the end certificate as sent, or its key; neither names nor dates count (RFC 7671 5.1, RFC 7672 3.1.1).
3. DANE-TA (2): a certificate sent above the end certificate, or the anchor that the record itself carries; then a way
   up to it by good signatures that keeps to RFC 5280, dates, and a reference name (RFC 7671 5.2, RFC 7672 3.1.2).

Octets are compared as they were sent: a key that is encoded anew may differ.
"""

from __future__ import annotations

import enum
import hashlib
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from probe.pki import algorithms, der
from probe.pki.certificate import Certificate, parse
from probe.pki.element_flags import ElementFlags, too_many_below
from probe.pki.host_names import certificate_matches
from probe.pki.names import folded_rdns
from probe.pki.search import MAX_DEPTH, MAX_PATHS, Path, Signatures
from probe.pki.signature import Signature, load_key
from probe.pki.status import ChainStatus, Purpose
from probe.pki.truststore import AnchorStore
from probe.values import value

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

    from probe.pki.chain import PresentedChain
    from probe.pki.search import Checked

TRUST_ANCHOR, END_ENTITY = 2, 3
"""The usages that SMTP has: DANE-TA and DANE-EE."""

_CERTIFICATE, _KEY = 0, 1  # selectors, RFC 6698 2.1.2
_FULL = 0  # matching types, RFC 6698 2.1.3
_DIGESTS = {1: ("sha256", 32), 2: ("sha512", 64)}
_NO_ROOTS = AnchorStore("", ())


@value
class TlsaRecord:
    """One TLSA record (RFC 6698 2.1): `data` as in the zone, the certificate or key itself, or its digest."""

    usage: int
    selector: int
    matching: int
    data: bytes

    @property
    def text(self) -> str:
        """The record as a zone file has it."""
        return f"{self.usage} {self.selector} {self.matching} {self.data.hex()}"

    @property
    def short(self) -> str:
        """The same, cut where it carries more than the longest digest: a whole certificate or key."""
        size = _DIGESTS[2][1]
        more = f"...({len(self.data) - size} bytes more)" if len(self.data) > size else ""
        return self.text[: len(self.text) - 2 * max(0, len(self.data) - size)] + more

    @property
    def problem(self) -> str | None:
        """Why no sender of mail can use it, in words; None for one that is usable."""
        if self.usage in (0, 1):
            return f"usage {self.usage} is not for SMTP"
        for name, number, highest in (
            ("usage", self.usage, 3),
            ("selector", self.selector, 1),
            ("matching type", self.matching, 2),
        ):
            if number > highest:
                return f"the {name} {number} is unknown"
        digest, size = _DIGESTS.get(self.matching, ("", len(self.data)))
        if len(self.data) != size:
            return f"a {digest} digest has {size} bytes, and it has {len(self.data)}"
        return None if digest or _readable(self) else "its data cannot be read"

    def stands_for(self, certificate: Certificate) -> bool:
        """Whether its data are those of this certificate, whatever the usage."""
        octets = certificate.spki if self.selector == _KEY else certificate.der
        if self.matching != _FULL:
            octets = hashlib.new(_DIGESTS[self.matching][0], octets).digest()
        return octets == self.data


class Standing(enum.Enum):
    """What came of one record for a chain, the nearest to success first."""

    MATCHES = "matches"
    OTHER_NAME = "other-name"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    INVALID_PATH = "invalid-path"
    NO_PATH = "no-path"
    WEAKER = "weaker"
    """Left out beside a record with a stronger digest."""
    UNMATCHED = "unmatched"
    UNUSABLE = "unusable"


@value
class RecordResult:
    """One record's standing, and `why` in words, empty for a match.

    `element` is the place in the chain as sent, from 0, of the certificate it stands for, whether or not that helps.
    """

    record: TlsaRecord
    standing: Standing
    why: str = ""
    element: int | None = None


@value
class DaneResult:
    """What the records of one exchanger say of a chain; `given_up` where bounds of ours left something out."""

    results: tuple[RecordResult, ...]
    given_up: bool = False

    @property
    def decisive(self) -> RecordResult | None:
        """The result nearest to success; None where no record is usable, so that DANE is not checked."""
        usable = [each for each in self.results if each.standing is not Standing.UNUSABLE]
        return min(usable, key=lambda each: _NEARNESS[each.standing], default=None)

    @property
    def authenticated(self) -> bool:
        """Whether some record authenticates the chain."""
        return self.decisive is not None and self.decisive.standing is Standing.MATCHES


_NEARNESS = {standing: place for place, standing in enumerate(Standing)}


def authenticate(
    records: Sequence[TlsaRecord],
    chain: PresentedChain,
    names: Sequence[str],
    at: datetime,
    checked: Checked | None = None,
) -> DaneResult:
    """Compare each record with the chain as sent at `at` (aware UTC).

    `names` are the reference names, any of which will do: the name the records were found at, the MX host, and where
    the MX records are secure the mail domain (RFC 7672 3.2.2). `checked` as for `probe.pki.path.build`.
    """
    comparison = _Comparison(records, chain, names, at, checked)
    results = tuple(comparison.of(record) for record in records)
    return DaneResult(results=results, given_up=comparison.given_up)


class _Route(NamedTuple):
    """A way from the end certificate up to an anchor, which is not part of `path`; None for a key without a name."""

    path: Path
    anchor: Certificate | None

    @property
    def anchors(self) -> Path:
        return () if self.anchor is None else (self.anchor,)


class _BareKey:  # a SigningKey
    """A trust anchor of which a record has nothing but the key."""

    def __init__(self, spki: bytes) -> None:
        self.spki = spki
        self.check_cost = algorithms.check_cost(spki)

    @cached_property
    def public_key(self) -> PublicKeyTypes | None:
        return load_key(self.spki)


class _Comparison:
    """One chain under several records; its ways up are looked for once, and only if a record asks for them."""

    def __init__(
        self,
        records: Sequence[TlsaRecord],
        chain: PresentedChain,
        names: Sequence[str],
        at: datetime,
        checked: Checked | None,
    ) -> None:
        self._entries, self._leaf = chain.entries, chain.leaf
        self._certificates = tuple(dict.fromkeys(chain.certificates))
        self._names, self._at = names, at.replace(microsecond=0)
        self._stronger = {
            (each.usage, each.selector) for each in records if each.matching == 2 and not each.problem
        }
        self._signatures = Signatures(checked=checked)
        self._left_out = False

    @property
    def given_up(self) -> bool:
        return self._left_out or self._signatures.exhausted

    def of(self, record: TlsaRecord) -> RecordResult:
        if problem := record.problem:
            return RecordResult(record=record, standing=Standing.UNUSABLE, why=problem)
        standing, why = Standing.WEAKER, "a record with a SHA-512 digest goes before it"
        found = self._places(record)
        if record.matching != 1 or (record.usage, record.selector) not in self._stronger:
            standing, why = (
                self._end_entity(found) if record.usage == END_ENTITY else self._anchor(record, found)
            )
        return RecordResult(record=record, standing=standing, why=why, element=found[0] if found else None)

    def _places(self, record: TlsaRecord) -> list[int]:
        """Where in the chain the certificates stand that the record could mean, those that its usage means first."""
        found = [
            place
            for place, entry in enumerate(self._entries)
            if isinstance(entry, Certificate) and record.stands_for(entry)
        ]
        return found if record.usage == END_ENTITY else sorted(found, key=lambda place: place == 0)

    def _end_entity(self, found: list[int]) -> tuple[Standing, str]:
        if found[:1] == [0]:
            return Standing.MATCHES, ""
        other = ", but for one above it: usage 2 is for that" if found else ""
        return Standing.UNMATCHED, f"it does not stand for the end certificate{other}"

    def _anchor(self, record: TlsaRecord, found: list[int]) -> tuple[Standing, str]:
        anchors = {entry for place, entry in enumerate(self._entries) if place and place in found}
        if self._leaf is None or (not anchors and record.matching != _FULL):
            other = ", but for the end certificate: usage 3 is for that" if found else ""
            return Standing.UNMATCHED, f"it stands for no issuer in the chain as sent{other}"
        routes = [_Route(path[:-1], path[-1]) for path in self._ways if path[-1] in anchors]
        if record.matching == _FULL and not routes:
            routes = list(self._carried(record))
        none = Standing.NO_PATH, "no signatures lead from the end certificate to the anchor it stands for"
        return min(map(self._judged, routes), key=lambda each: _NEARNESS[each[0]], default=none)

    def _carried(self, record: TlsaRecord) -> Iterator[_Route]:
        """The ways up to the anchor that the record itself carries."""
        if record.selector == _KEY:
            key = _BareKey(record.data)
            yield from (_Route(path, None) for path in self._ways if self._signed(path[-1], key))
        elif isinstance(anchor := parse(record.data), Certificate):
            yield from (_Route(path, anchor) for path in self._ways if self._issued(path[-1], anchor))

    @cached_property
    def _ways(self) -> tuple[Path, ...]:
        return tuple(self._climb())

    def _climb(self) -> Iterator[Path]:
        """Every way up from the end certificate over certificates that were sent, the shortest first."""
        waiting = deque([self._certificates[:1]])
        for _ in range(MAX_PATHS):
            if not waiting:
                return
            path = waiting.popleft()
            yield path
            above = [each for each in self._certificates if each not in path and self._issued(path[-1], each)]
            if len(path) < MAX_DEPTH:
                waiting.extend((*path, each) for each in above)
            elif above:
                self._left_out = True
        self._left_out |= bool(waiting)

    def _issued(self, certificate: Certificate, issuer: Certificate) -> bool:
        named = folded_rdns(certificate.issuer.rdns) == folded_rdns(issuer.subject.rdns)
        return named and self._signed(certificate, issuer)

    def _signed(self, certificate: Certificate, issuer: Certificate | _BareKey) -> bool:
        return self._signatures.check(certificate, issuer) is Signature.VALID

    def _judged(self, route: _Route) -> tuple[Standing, str]:
        if faults := self._flags(route) & ~ChainStatus.NotTimeValid:
            return Standing.INVALID_PATH, f"the path to its anchor is not valid: {', '.join(faults.names())}"
        # An issuing CA that is the anchor may be out of date (RFC 5280 6.1); a root may not, as in OpenSSL.
        dated = [*route.path, *(each for each in route.anchors if each.self_issued)]
        for each in dated:
            if self._at > each.not_after:
                return Standing.EXPIRED, f"the certificate {each.subject.short} has expired"
        for each in dated:
            if self._at < each.not_before:
                return Standing.NOT_YET_VALID, f"the certificate {each.subject.short} is not valid yet"
        if all(certificate_matches(route.path[0], name) is False for name in self._names):
            return Standing.OTHER_NAME, f"the certificate is not for {' or '.join(self._names)}"
        return Standing.MATCHES, ""

    def _flags(self, route: _Route) -> ChainStatus:
        """What Windows' rules, after RFC 5280 6.1, have against a path whose signatures are good."""
        path = route.path + route.anchors
        examiner = ElementFlags(path[0], _NO_ROOTS, Purpose.SERVER_AUTH, self._at, refuse_sha1=False)
        status = examiner.leaf_status
        if too_many_below(path):
            status |= ChainStatus.InvalidBasicConstraints
        if any(examiner.lacks_purpose(each) for each in path):
            status |= ChainStatus.NotValidForUsage
        for place in range(1, len(path)):
            names = examiner.name_status(path, place)
            self._left_out |= names is None
            status |= examiner.issuer_status(path[place]) | (names or ChainStatus.NoError)
        for each in route.path:
            status |= examiner.weak_signature(each)
        return status


def _readable(record: TlsaRecord) -> bool:
    if record.selector == _CERTIFICATE:
        return isinstance(parse(record.data), Certificate)
    try:
        return bool(der.whole(record.data, der.SEQUENCE, "a public key").children())
    except der.DerError:
        return False
