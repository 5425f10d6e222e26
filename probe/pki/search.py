"""Which ways lead from the end certificate upwards: a depth-first search with bounds for hostile chains.

Two rounds, after Windows' two passes [D]: first only edges whose signature is good and ways that
end at a root; then, where there is no such way, everything else. At every certificate a candidate
with a bad signature is followed only if no candidate has a good one, for a bad signature
outweighs whatever may come above it [I].
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

from probe.pki.certificate import verify
from probe.pki.names import folded_rdns
from probe.pki.signature import Signature

if TYPE_CHECKING:
    from probe.pki.certificate import Certificate
    from probe.pki.signature import SigningKey
    from probe.pki.truststore import TrustStore

#: Ways looked at in one round, dead ends included [I]; the hardest public suite needs fewer.
MAX_PATHS = 64
#: Certificates in one path [I]; public ones have three to five.
MAX_DEPTH = 12
#: Signatures checked for one judgement [I]: about 0.1 ms each. A key or an exponent of more than
#: ordinary size counts as often as it costs.
MAX_SIGNATURE_CHECKS = 128


Path = tuple["Certificate", ...]
Results = tuple[Signature, ...]


class PathEnd(enum.Enum):
    """How a path ends: at a self-signed certificate, for want of an issuer, or in a loop."""

    ROOT = "root"
    PARTIAL = "partial"
    CYCLIC = "cyclic"


class Route(NamedTuple):
    """One way up: certificates leaf first, what came of each one's signature under the next, and its end."""

    certificates: tuple[Certificate, ...]
    signatures: tuple[Signature, ...]
    end: PathEnd


class Checked(Protocol):
    """Results of signature checks by certificate and issuing key: they never change, so judgements can share them."""

    def get(self, key: tuple[Certificate, bytes], /) -> Signature | None:
        """The result, if it is known."""

    def __setitem__(self, key: tuple[Certificate, bytes], value: Signature, /) -> None:
        """Remember a result."""


def verified(certificate: Certificate, issuer: SigningKey, checked: Checked) -> Signature:
    """The signature of `certificate` under the key of `issuer`, worked out where `checked` does not know it."""
    result = checked.get((certificate, issuer.spki))
    if result is None:
        result = checked[certificate, issuer.spki] = verify(certificate, issuer)
    return result


class Signatures:
    """Signature checks, each made once per certificate and issuing key, within a bound.

    What `checked` already holds is not worked out again, but counts all the same: a verdict does
    not depend on what was judged before.
    """

    def __init__(self, limit: int = MAX_SIGNATURE_CHECKS, checked: Checked | None = None) -> None:
        self._left = limit
        self._checked: Checked = {} if checked is None else checked
        self.known: dict[tuple[Certificate, bytes], Signature] = {}
        self.exhausted = False

    def check(self, certificate: Certificate, issuer: SigningKey) -> Signature:
        """What comes of checking `certificate` with `issuer`'s key; UNCHECKED past the bound."""
        question = (certificate, issuer.spki)
        result = self.known.get(question)
        if result is not None:
            return result
        cost = issuer.check_cost
        if cost > self._left:
            self.exhausted = True
            return Signature.UNCHECKED
        self._left -= cost
        result = self.known[question] = verified(certificate, issuer, self._checked)
        return result


class Search:
    """Every way from `leaf` over candidates whose subject is the issuer's name.

    Windows documents its name comparison as one of two encoded names being identical. One that is spelt
    otherwise, in another string type or case, is found by its key identifier if it was sent [I].
    """

    def __init__(
        self,
        presented: tuple[Certificate, ...],
        store: TrustStore,
        at: datetime,
        is_listed: Callable[[Certificate], bool],
        checked: Checked | None = None,
    ) -> None:
        self.signatures = Signatures(checked=checked)
        self.too_many = self.too_deep = False
        self._leaf = presented[0]
        self._by_subject: dict[bytes, list[Certificate]] = {}
        self._by_key_id: dict[bytes | None, list[Certificate]] = {}
        for certificate in presented:
            self._by_subject.setdefault(certificate.subject.der, []).append(certificate)
            self._by_key_id.setdefault(certificate.subject_key_id, []).append(certificate)
        self._store = store
        self._at = at
        self._is_listed = is_listed
        self._paths = 0
        self.candidates: dict[tuple[bytes, bytes | None], Path] = {}

    def sound(self) -> Iterator[Route]:
        """Ways with good signatures only that end at a root, the most promising first."""
        self._paths = 0
        for route in self._up((self._leaf,), (), sound=True):
            if route.end is PathEnd.ROOT:
                yield route

    def unsound(self) -> Iterator[Route]:
        """Ways that break off, turn in circles, or climb over a bad signature."""
        self._paths = 0
        yield from self._up((self._leaf,), (), sound=False)

    def _up(self, path: Path, signatures: Results, *, sound: bool) -> Iterator[Route]:
        tip = path[-1]
        self.too_many = self.too_many or self._paths >= MAX_PATHS
        # A broken chain is not worth a search without signatures.
        if self._paths >= MAX_PATHS or (self._paths > 0 and self.signatures.exhausted and not sound):
            return
        # A listed root is one whatever its signature [I]; any other has to be signed by itself.
        if tip.self_issued and (self._is_listed(tip) or self.signatures.check(tip, tip) is Signature.VALID):
            yield self._ended(path, signatures, PathEnd.ROOT)
            return
        poor: list[tuple[Certificate, Signature]] = []
        climbed = looped = False
        for candidate in self._candidates(tip):
            result = self.signatures.check(tip, candidate)
            # One name and key twice lead nowhere the first of them did not lead (RFC 4158 2.4.2).
            if any(candidate.spki == each.spki and candidate.subject == each.subject for each in path):
                looped = looped or result is Signature.VALID
            elif result is Signature.VALID:
                climbed = True
                yield from self._step(path, signatures, candidate, result, sound=sound)
            else:
                poor.append((candidate, result))
        if climbed:
            return
        if poor and not sound and not tip.self_issued:
            for candidate, result in sorted(poor, key=lambda pair: pair[1] is Signature.INVALID):
                yield from self._step(path, signatures, candidate, result, sound=sound)
            return
        # A self-issued one nobody else signed is a root, though its own signature be bad.
        end = PathEnd.CYCLIC if looped else PathEnd.PARTIAL
        yield self._ended(path, signatures, PathEnd.ROOT if tip.self_issued and not sound else end)

    def _step(
        self, path: Path, signatures: Results, candidate: Certificate, result: Signature, *, sound: bool
    ) -> Iterator[Route]:
        if len(path) < MAX_DEPTH:
            yield from self._up((*path, candidate), (*signatures, result), sound=sound)
        else:
            self.too_deep = True
            yield self._ended(path, signatures, PathEnd.PARTIAL)

    def _ended(self, path: Path, signatures: Results, end: PathEnd) -> Route:
        self._paths += 1
        return Route(path, signatures, end)

    def _candidates(self, child: Certificate) -> Path:
        """Certificates named like the issuer, the most promising first; among equals listed roots lead."""
        name, key_id = child.issuer.der, child.authority_key_id
        known = self.candidates.get((name, key_id))
        if known is None:
            named = *self._store.roots(name), *self._by_subject.get(name, ())
            keyed = self._by_key_id.get(key_id, ()) if key_id is not None else ()
            wanted = folded_rdns(child.issuer.rdns) if keyed else ()
            alike = (each for each in keyed if wanted and folded_rdns(each.subject.rdns) == wanted)
            everything = dict.fromkeys((*named, *alike))
            known = tuple(sorted(everything, key=lambda each: self._rank(each, key_id)))
            self.candidates[name, key_id] = known
        return known

    def _rank(self, candidate: Certificate, key_id: bytes | None) -> tuple[bool, bool]:
        """Key identifiers and validity only sort candidates; neither breaks a chain [R]."""
        other_key = None not in (key_id, candidate.subject_key_id) and candidate.subject_key_id != key_id
        return other_key, not candidate.not_before <= self._at <= candidate.not_after
