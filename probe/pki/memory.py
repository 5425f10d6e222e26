"""What one run remembers of chains: the same one is built once, and so is what chains of one issuer share.

Every answer equals that of `probe.pki.path.build`:

1. A path depends on the instant through dates alone (of the certificates it was searched among, and of the lists),
   so an answer stands for the span between the two dates around its instant.
2. It depends on its end certificate through what `_Likeness` and `_Example` hold alone, where that one issues none of
   the others, no bound was met, and no certificate constrains names or policies. Another one that is alike then gets
   the same path with itself at the end.
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

#: The paths of one chain: for every store those for every purpose.
Paths = tuple[tuple[BuiltPath, ...], ...]
Stores = tuple[TrustStore, ...]
Purposes = tuple[Purpose, ...]


class _Span(NamedTuple):
    """The paths from one instant until another."""

    since: datetime
    until: datetime
    paths: Paths

    def covers(self, at: datetime) -> bool:
        return self.since <= at < self.until


class _Likeness(NamedTuple):
    """What the engine looks at in an end certificate that issues nothing; its issuer's names apart."""

    status: ChainStatus
    valid: bool
    disallowed: tuple[bool, ...]
    purposes: tuple[bool, ...]
    algorithm: Algorithm
    known_key: bool
    demands_policies: bool


class _Example(NamedTuple):
    """A chain that was built, for others with the same certificates above the end one."""

    span: _Span
    likeness: _Likeness
    signed: tuple[tuple[Certificate, Signature], ...]
    verdicts: tuple[tuple[TrustStore, Purpose, Certificate, RootVerdict], ...]
    others: frozenset[bytes]
    """Names, key identifiers, keys and encodings: an end certificate that bears one may be an issuer itself."""


class Memory:
    """What is known of certificates and chains in one run; bounded."""

    def __init__(self) -> None:
        self._certificates: Recent[bytes, Certificate | Unreadable] = Recent(MAX_CERTIFICATES)
        self._checked: Recent[tuple[Certificate, bytes], Signature] = Recent(MAX_CERTIFICATES)
        self._chains: Recent[object, tuple[_Span, ...]] = Recent(MAX_CHAINS)
        self._examples: Recent[object, tuple[_Example, ...]] = Recent(MAX_CHAINS)

    def parse(self, data: bytes) -> Certificate | Unreadable:
        """As `probe.pki.certificate.parse`, but the same bytes are read once."""
        found = self._certificates.get(data)
        if found is None:
            found = parse(data)
            if len(data) <= MAX_BYTES:
                self._certificates[data] = found
        return found

    def paths(self, chain: PresentedChain, stores: Stores, purposes: Purposes, at: datetime) -> Paths:
        """The best path by every store for every purpose at `at`; the end certificate has to be readable."""
        too_much = chain.dropped or len(chain.entries) > MAX_LENGTH
        if too_much or any(len(each.der) > MAX_BYTES for each in chain.entries):
            return _Build(chain, stores, purposes, at, Recent(MAX_CERTIFICATES)).paths
        question = (chain.entries, stores, purposes)
        known = self._chains.get(question) or ()
        span = next((span for span in known if span.covers(at)), None)
        if span is None:
            span = self._found(chain, stores, purposes, at)
            self._chains[question] = (span, *known)[:MAX_SPANS]
        return span.paths

    def _found(self, chain: PresentedChain, stores: Stores, purposes: Purposes, at: datetime) -> _Span:
        """By an example, else built, and an example for the next."""
        leaf = chain.certificates[0]
        question = (leaf.issuer.der, leaf.authority_key_id, chain.entries[1:], stores, purposes)
        likeness = _likeness(leaf, stores, purposes, at)
        examples = self._examples.get(question) or ()
        example = next((each for each in examples if self._fits(each, leaf, likeness, at)), None)
        if example is None:
            build = _Build(chain, stores, purposes, at, self._checked)
            example = build.example(likeness)
            if build.is_exemplary(leaf, example):
                self._examples[question] = (example, *examples)[:MAX_EXAMPLES]
        since, until, paths = example.span
        ending = tuple(tuple(_ending_at(leaf, path) for path in each) for each in paths)
        return _span(at, (since, until, *leaf.once(_turns)), ending)

    def _fits(self, example: _Example, leaf: Certificate, likeness: _Likeness, at: datetime) -> bool:
        return (
            example.span.covers(at)
            and example.likeness == likeness
            and _stands_apart(leaf, example.others)
            and all(verified(leaf, issuer, self._checked) is result for issuer, result in example.signed)
            and all(
                store.verdict(root, purpose, leaf.not_before, at) == verdict
                for store, purpose, root, verdict in example.verdicts
            )
        )


class _Build:
    """One chain built by every store for every purpose, and what that rested on."""

    def __init__(
        self,
        chain: PresentedChain,
        stores: Stores,
        purposes: Purposes,
        at: datetime,
        checked: Recent[tuple[Certificate, bytes], Signature],
    ) -> None:
        self._at, self._leaf = at, chain.certificates[0]
        self._runs = [
            (store, [(each, Judgement(chain, store, each, at, checked=checked)) for each in purposes])
            for store in stores
        ]
        self.paths: Paths = tuple(tuple(run.best() for _, run in runs) for _, runs in self._runs)
        every = [run for _, runs in self._runs for _, run in runs]
        self._presented = frozenset(chain.certificates[1:])
        self._others = self._presented.union(*(run.candidates for run in every))
        self._sought = frozenset(name for run in every for name in run.sought)
        self._signed = dict(pair for run in every for pair in run.signed)

    def example(self, likeness: _Likeness) -> _Example:
        """What another end certificate is compared with."""
        verdicts = tuple(
            (store, purpose, *verdict)
            for store, runs in self._runs
            for purpose, run in runs
            for verdict in run.verdicts
        )
        turns = {turn for each in self._others for turn in each.once(_turns)}
        turns.update(turn for store, _, root, _ in verdicts for turn in store.dates(root))
        taken = {mark for each in self._presented for mark in (each.spki, each.der)}
        return _Example(
            _span(self._at, turns, self.paths), likeness, tuple(self._signed.items()), verdicts,
            frozenset(taken | self._sought),
        )  # fmt: skip

    def is_exemplary(self, leaf: Certificate, example: _Example) -> bool:
        """Whether the end certificate counts through what an example holds alone."""
        return (
            _stands_apart(leaf, example.others)
            and not any(path.limits or path.unevaluated for each in self.paths for path in each)
            and CONSTRAINTS not in leaf.extensions
            and not any({NAME_CONSTRAINTS, CONSTRAINTS} & each.extensions.keys() for each in self._others)
        )


def _likeness(leaf: Certificate, stores: Stores, purposes: Purposes, at: datetime) -> _Likeness:
    return _Likeness(
        leaf.once(end_status),
        leaf.not_before <= at.replace(microsecond=0) <= leaf.not_after,
        tuple(store.disallows(leaf) for store in stores),
        tuple(allows(leaf, purpose) for purpose in purposes),
        leaf.signature_algorithm,
        leaf.key not in KEYS_NOT_IN_WINDOWS,
        CONSTRAINTS in leaf.extensions,
    )


def _stands_apart(leaf: Certificate, others: frozenset[bytes]) -> bool:
    """Whether it is no issuer of any certificate that was looked at, nor sent twice."""
    marks = (leaf.subject.der, leaf.spki, leaf.der, leaf.subject_key_id)
    return not leaf.self_issued and others.isdisjoint(filter(None, marks))


def _turns(certificate: Certificate) -> tuple[datetime, ...]:
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
