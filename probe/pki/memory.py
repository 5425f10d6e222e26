"""What one run remembers of chains: the same one is built once, and so is what chains of one issuer share.

Every answer equals that of `probe.pki.path.build`:

1. A path depends on the instant through dates alone (of the certificates it was searched among, and of the lists),
   so an answer stands for the span between the two dates around its instant.
2. It depends on its end certificate through what `_End` and `_Example` hold alone, where that one issues none of the
   others, no bound was met, and no certificate constrains names or policies. Another one that is alike then gets the
   same path with itself at the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from probe.pki.algorithms import Algorithm
from probe.pki.certificate import Certificate, Unreadable, parse
from probe.pki.chain import PresentedChain
from probe.pki.element_flags import allows, end_status
from probe.pki.name_constraints import NAME_CONSTRAINTS
from probe.pki.names import Name
from probe.pki.path import KEYS_NOT_IN_WINDOWS, BuiltPath, Judgement, PathElement
from probe.pki.policies import CONSTRAINTS
from probe.pki.recent import Recent
from probe.pki.search import verified
from probe.pki.signature import Signature
from probe.pki.status import ChainStatus, Purpose
from probe.pki.truststore import RootVerdict, TrustStore

#: Chains remembered at least, about 15 KB each; certificates and signatures, of which each has two or three.
MAX_CHAINS, MAX_CERTIFICATES = 512, 1024
#: Certificates of a chain, and bytes of a certificate, that are remembered; public ones stay below 6 and 3,000.
MAX_LENGTH, MAX_BYTES = 12, 16 * 1024
#: Spans remembered of one chain, and end certificates of one issuer that others are compared with.
MAX_SPANS, MAX_EXAMPLES = 4, 4

_MICROSECOND, _SECOND = timedelta(microseconds=1), timedelta(seconds=1)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

#: The paths of one chain by one list, for every purpose.
Paths = tuple[BuiltPath, ...]
Purposes = tuple[Purpose, ...]


class _Span(NamedTuple):
    """The paths from one instant until another."""

    since: datetime
    until: datetime
    paths: Paths


class _End(NamedTuple):
    """What the engine looks at in an end certificate that issues nothing, whatever the list and the instant."""

    status: ChainStatus
    purposes: frozenset[Purpose]
    algorithm: Algorithm
    known_key: bool
    demands_policies: bool


class _Example(NamedTuple):
    """A chain that was built, for others with the same certificates above the end one."""

    span: _Span
    end: _End
    dated: tuple[bool, bool]
    signed: tuple[tuple[Certificate, Signature], ...]
    verdicts: tuple[tuple[Purpose, Certificate, RootVerdict], ...]
    others: frozenset[bytes]
    """Names, key identifiers, keys and encodings: an end certificate that bears one may be an issuer itself."""


class Memory:
    """What is known of certificates and chains in one run; bounded."""

    def __init__(self) -> None:
        self._certificates: Recent[bytes, Certificate | Unreadable] = Recent(MAX_CERTIFICATES)
        self._names: Recent[bytes, Name] = Recent(MAX_CHAINS)
        self._checked: Recent[tuple[Certificate, bytes], Signature] = Recent(MAX_CERTIFICATES)
        self._chains: Recent[object, tuple[_Span, ...]] = Recent(MAX_CHAINS)
        self._examples: Recent[object, tuple[_Example, ...]] = Recent(MAX_CHAINS)

    def parse(self, data: bytes) -> Certificate | Unreadable:
        """As `probe.pki.certificate.parse`, but the same bytes are read once."""
        found = self._certificates.get(data)
        if found is None:
            found = parse(data)
            if isinstance(found, Certificate):
                found.issuer = self._name(found.issuer)
            if len(data) <= MAX_BYTES:
                self._certificates[data] = found
        return found

    def _name(self, name: Name) -> Name:
        """The same name is read once."""
        known = self._names.get(name.der)
        if known is None:
            known = self._names[name.der] = name
        return known

    def paths(self, chain: PresentedChain, store: TrustStore, purposes: Purposes, at: datetime) -> Paths:
        """The best path by `store` for every purpose at `at`; the end certificate has to be readable."""
        return self._known(chain, store, purposes, at).paths

    def until(self, chain: PresentedChain, store: TrustStore, purposes: Purposes, at: datetime) -> datetime:
        """The instant before which `paths` are those at `at`; `at` where that is not known."""
        return self._known(chain, store, purposes, at).until

    def _known(self, chain: PresentedChain, store: TrustStore, purposes: Purposes, at: datetime) -> _Span:
        sent = tuple([each.der for each in chain.entries])
        if chain.dropped or len(sent) > MAX_LENGTH or max(map(len, sent)) > MAX_BYTES:
            return _Span(at, at, _Build(chain, store, purposes, at, Recent(MAX_CERTIFICATES)).paths)
        question = (sent, store, purposes)
        known = self._chains.get(question) or ()
        for span in known:
            if span.since <= at < span.until:
                return span
        span = self._found(chain, sent, store, purposes, at)
        self._chains[question] = (span, *known)[:MAX_SPANS]
        return span

    def _found(
        self,
        chain: PresentedChain,
        sent: tuple[bytes, ...],
        store: TrustStore,
        purposes: Purposes,
        at: datetime,
    ) -> _Span:
        """By an example, else built, and an example for the next."""
        leaf = chain.certificates[0]
        question = (leaf.issuer.der, leaf.authority_key_id, sent[1:], store, purposes)
        end, dated = leaf.once(_end), (_is_valid(leaf, at), store.disallows(leaf))
        examples = self._examples.get(question) or ()
        for example in examples:
            if example.end == end and example.dated == dated and self._fits(example, leaf, store, at):
                break
        else:
            build = _Build(chain, store, purposes, at, self._checked)
            example = build.example(end, dated)
            if build.is_exemplary(leaf, example):
                self._examples[question] = (example, *examples)[:MAX_EXAMPLES]
        since, until, paths = example.span
        different = {id(path): path for path in paths}
        ending = {key: _ending_at(leaf, path) for key, path in different.items()}
        return _span(
            at, (since, until, *leaf.once(turning_points)), tuple(ending[id(path)] for path in paths)
        )

    def _fits(self, example: _Example, leaf: Certificate, store: TrustStore, at: datetime) -> bool:
        return (
            example.span.since <= at < example.span.until
            and _stands_apart(leaf, example.others)
            and all(verified(leaf, issuer, self._checked) is result for issuer, result in example.signed)
            and all(
                store.verdict(root, purpose, leaf.not_before, at) == verdict
                for purpose, root, verdict in example.verdicts
            )
        )


class _Build:
    """One chain built by one list for every purpose, and what that rested on."""

    def __init__(
        self,
        chain: PresentedChain,
        store: TrustStore,
        purposes: Purposes,
        at: datetime,
        checked: Recent[tuple[Certificate, bytes], Signature],
    ) -> None:
        self._at, self._store = at, store
        self._presented = frozenset(chain.certificates[1:])
        self._runs = [(each, Judgement(chain, store, each, at, checked=checked)) for each in purposes]
        found = [run.best() for _, run in self._runs]
        self.paths: Paths = tuple(found[found.index(path)] for path in found)  # equal ones are one
        self._others = self._presented.union(*(run.candidates for _, run in self._runs))

    def example(self, end: _End, dated: tuple[bool, bool]) -> _Example:
        """What another end certificate is compared with."""
        verdicts = tuple((purpose, *verdict) for purpose, run in self._runs for verdict in run.verdicts)
        turns = {turn for each in self._others for turn in each.once(turning_points)}
        turns.update(turn for _, root, _ in verdicts for turn in self._store.dates(root))
        others = {mark for each in self._presented for mark in (each.spki, each.der)}
        return _Example(
            span=_span(self._at, turns, self.paths),
            end=end,
            dated=dated,
            signed=tuple(dict(pair for _, run in self._runs for pair in run.signed).items()),
            verdicts=verdicts,
            others=frozenset(others.union(*(run.sought for _, run in self._runs))),
        )

    def is_exemplary(self, leaf: Certificate, example: _Example) -> bool:
        """Whether the end certificate counts through what an example holds alone."""
        return (
            _stands_apart(leaf, example.others)
            and not example.end.demands_policies
            and not any(path.limits or path.unevaluated for path in self.paths)
            and not any({NAME_CONSTRAINTS, CONSTRAINTS} & each.extensions.keys() for each in self._others)
        )


def _end(leaf: Certificate) -> _End:
    return _End(
        leaf.once(end_status),
        frozenset(purpose for purpose in Purpose if allows(leaf, purpose)),
        leaf.signature_algorithm,
        leaf.key not in KEYS_NOT_IN_WINDOWS,
        CONSTRAINTS in leaf.extensions,
    )


def _is_valid(certificate: Certificate, at: datetime) -> bool:
    return certificate.not_before <= at.replace(microsecond=0) <= certificate.not_after


def _stands_apart(leaf: Certificate, others: frozenset[bytes]) -> bool:
    """Whether it is no issuer of any certificate that was looked at, nor sent twice."""
    marks = (leaf.subject.der, leaf.spki, leaf.der, leaf.subject_key_id)
    return not leaf.self_issued and others.isdisjoint(filter(None, marks))


def turning_points(certificate: Certificate) -> tuple[datetime, ...]:
    """When comparisons of an instant, or of its whole second, with the certificate's dates change."""
    end = certificate.not_after
    passed = (end + _SECOND,) if end < _LAST - _SECOND else ()
    return (certificate.not_before, end + _MICROSECOND, *passed)


def _span(at: datetime, turns: Iterable[datetime], paths: Paths) -> _Span:
    since, until = _FIRST, _LAST
    for turn in turns:
        if turn <= at:
            since = max(since, turn)
        else:
            until = min(until, turn)
    return _Span(since, until, paths)


def _ending_at(leaf: Certificate, path: BuiltPath) -> BuiltPath:
    end = path.elements[0]
    if end.certificate is leaf:
        return path
    end = PathElement(certificate=leaf, status=end.status, source=end.source)
    return BuiltPath(elements=(end, *path.elements[1:]), status=path.status, root=path.root)
