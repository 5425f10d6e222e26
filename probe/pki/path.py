"""The chain engine: which path Windows would build from what was presented, and what it would flag.

The algorithm, each step tagged in the code ([D] documented, [R] observed or reported, [I] inferred):

1. The first certificate presented is the end certificate; the others in any order, with the
   store's roots, are candidates for issuers. Nothing is fetched, for Exchange Online fetches
   nothing [D].
2. Search every path whose signatures are good and that ends at a self-signed certificate; only
   where there is none, those that break off or climb over a bad signature. Windows ranks paths by
   good signatures, completeness and a trusted root [D]. Bounds: 64 paths, 12 certificates,
   128 signature checks [I]; one that was met is named in `limits`.
3. Flag the elements of each path: time, usage, constraints, names, extensions, signatures [R].
4. Ask the store about the root, as part of the path: another root may still be good [D], [I].
5. Unite the flags, add those of the chain alone: PartialChain, Cyclic. UntrustedRoot and
   PartialChain exclude each other [R].
6. Take the path with the fewest and mildest flags, then the shortest [I]; at the first one
   without any flag stop.
"""

from __future__ import annotations

import enum
import functools
import itertools
import operator
from collections.abc import ItemsView, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from probe.pki.certificate import Certificate, Unreadable
from probe.pki.chain import MAX_CERTIFICATES, PresentedChain
from probe.pki.element_flags import ElementFlags, too_many_below
from probe.pki.name_constraints import MAX_COMPARISONS
from probe.pki.policies import policy_status
from probe.pki.search import MAX_DEPTH, MAX_PATHS, MAX_SIGNATURE_CHECKS, Checked, PathEnd, Route, Search
from probe.pki.signature import Signature, windows_evaluates
from probe.pki.status import ChainStatus, Purpose, Unevaluated
from probe.pki.truststore import RootState, RootVerdict, TrustStore
from probe.values import value

_CLEAN = ChainStatus.NoError


class ElementSource(enum.Enum):
    """Where an element of a path came from: the peer sent it, or only the store has it."""

    PRESENTED = "presented"
    STORE = "store"


@value
class PathElement:
    """One certificate of a built path, its own flags, and where it came from."""

    certificate: Certificate
    status: ChainStatus
    source: ElementSource
    unevaluated: Unevaluated | None = None


@value
class BuiltPath:
    """The best path found: elements leaf first, the root last if complete.

    `status` unites the elements' flags and those of the chain alone. `root` is what the store says
    of the last element if that is a root. `limits` names the bounds that were met, `unevaluated`
    what could not be judged; both in words, normally empty. A signature that cannot be evaluated
    counts as NotSignatureValid, since nothing vouches for it; one that was given up has no flag.
    """

    elements: tuple[PathElement, ...]
    status: ChainStatus
    root: RootVerdict | None = None
    limits: tuple[str, ...] = ()
    unevaluated: tuple[str, ...] = ()

    @property
    def trusted(self) -> bool:
        """No flag at all, and nothing left out."""
        return self.status is _CLEAN and not self.unevaluated

    @property
    def undecided(self) -> bool:
        """Whether a bound of this engine, not Windows, may be all that speaks against the chain."""
        if not (self.limits or self.unevaluated):
            return False
        alone = self.root is not None and len(self.elements) == 1  # nothing was searched
        given_up = any(each.unevaluated is Unevaluated.BOUND for each in self.elements)
        return not self.trusted and not alone and (given_up or bool(self.limits))

    @property
    def faults(self) -> tuple[str, ...]:
        """The names of the flags, or that it was not evaluated where there is none; empty if trusted."""
        return self.status.names() or (("not evaluated",) if self.unevaluated else ())

    @property
    def ssl_policy_error(self) -> str | None:
        """The one error CERT_CHAIN_POLICY_SSL would report, as an HRESULT's name.

        None for a trusted chain, and where no code is known (InvalidExtension alone). What Windows cannot evaluate
        makes the call itself fail: NTE_BAD_ALGID [R]. Signature, root, partial and expiry are observed in this order
        [R]; usage to critical extension follow a public reimplementation [I]; distrust and the constraints have no
        known place and stand last [I]. The host name is judged elsewhere, after all of these.
        """
        if any(each.unevaluated in (Unevaluated.SIGNATURE, Unevaluated.KEY) for each in self.elements):
            return "NTE_BAD_ALGID"
        status = self.status._value_  # as a number: `&` of flags takes six calls
        return next((name for flags, name in _SSL_POLICY_ORDER if flags._value_ & status), None)


_SSL_POLICY_ORDER = (
    (ChainStatus.NotSignatureValid, "TRUST_E_CERT_SIGNATURE"),
    (ChainStatus.UntrustedRoot, "CERT_E_UNTRUSTEDROOT"),
    # The base policy says CERT_E_CHAINING; the SSL policy makes no difference [R].
    (ChainStatus.PartialChain | ChainStatus.Cyclic, "CERT_E_UNTRUSTEDROOT"),
    (ChainStatus.NotTimeValid, "CERT_E_EXPIRED"),
    (ChainStatus.NotValidForUsage, "CERT_E_WRONG_USAGE"),
    (ChainStatus.HasNotSupportedCriticalExtension, "CERT_E_CRITICAL"),
    (ChainStatus.ExplicitDistrust, "TRUST_E_EXPLICIT_DISTRUST"),
    (ChainStatus.InvalidBasicConstraints, "TRUST_E_BASIC_CONSTRAINTS"),
    (
        ChainStatus.InvalidNameConstraints
        | ChainStatus.HasNotSupportedNameConstraint
        | ChainStatus.HasNotPermittedNameConstraint
        | ChainStatus.HasExcludedNameConstraint,
        "CERT_E_INVALID_NAME",
    ),
    (ChainStatus.InvalidPolicyConstraints | ChainStatus.NoIssuanceChainPolicy, "CERT_E_INVALID_POLICY"),
)
KEYS_NOT_IN_WINDOWS = frozenset({"ed25519", "ed448"})
# Step 6, the worst first; what is in no class weighs like usage.
_WORST = (
    ChainStatus.NotSignatureValid | ChainStatus.HasWeakSignature,
    ChainStatus.PartialChain | ChainStatus.Cyclic,
    ChainStatus.UntrustedRoot | ChainStatus.ExplicitDistrust | ChainStatus.Revoked,
    ChainStatus.InvalidBasicConstraints,
)
_LEAST = ChainStatus.NotTimeValid
_SEVERITIES = (*_WORST, ~functools.reduce(operator.or_, _WORST, _LEAST), _LEAST)
_ROOT_FLAGS = {
    RootState.TRUSTED: ChainStatus.NoError,
    RootState.ABSENT: ChainStatus.UntrustedRoot,  # [D]
    RootState.PILOT: ChainStatus.UntrustedRoot,  # "NOT publicly trusted" [D]
    RootState.DISABLED: ChainStatus.UntrustedRoot,  # the flag is unproven [U]; rejection is what counts
    RootState.NO_EKU: ChainStatus.NotValidForUsage,  # [I]
    RootState.EKU_DISALLOWED: ChainStatus.NotValidForUsage,  # [I]
    RootState.NOT_BEFORE: ChainStatus.NotValidForUsage,  # [I]
    RootState.DISALLOWED: ChainStatus.ExplicitDistrust,  # [R]
}


def build(
    presented: PresentedChain | Sequence[Certificate],
    store: TrustStore,
    purpose: Purpose,
    at: datetime,
    *,
    refuse_sha1: bool = False,
    checked: Checked | None = None,
) -> BuiltPath:
    """Build the best path from what was presented and `store`, judged for `purpose` at `at` (aware UTC).

    `refuse_sha1` judges as a caller would see it that opted in to strong signatures
    (CERT_CHAIN_OPT_IN_WEAK_SIGNATURE) [D]; whether Exchange Online does is unknown. Judgements that
    share `checked` work each signature out once.

    Never raises for what a peer sent: an end certificate that is missing or unreadable gives a
    path without elements, PartialChain, and the reason in `unevaluated`.
    """
    chain = presented if isinstance(presented, PresentedChain) else PresentedChain(entries=tuple(presented))
    if chain.leaf is not None:
        return Judgement(chain, store, purpose, at, refuse_sha1=refuse_sha1, checked=checked).best()
    first = chain.entries[0] if chain.entries else None
    reason = (
        f"the end certificate cannot be read: {first.reason}"
        if isinstance(first, Unreadable)
        else "no certificate was presented"
    )
    return BuiltPath(elements=(), status=ChainStatus.PartialChain, unevaluated=(reason,))


class Judgement:
    """One run of the algorithm over one presented chain."""

    def __init__(
        self,
        chain: PresentedChain,
        store: TrustStore,
        purpose: Purpose,
        at: datetime,
        *,
        refuse_sha1: bool = False,
        checked: Checked | None = None,
    ) -> None:
        # Step 1: duplicates do no harm, nor does what lies past the bound.
        presented = chain.certificates
        self._dropped = chain.dropped > 0 or len(presented) > MAX_CERTIFICATES
        self._presented = dict.fromkeys(presented[:MAX_CERTIFICATES])
        self._leaf = presented[0]
        self._store, self._purpose, self._at = store, purpose, at
        self._verdicts: dict[Certificate, RootVerdict] = {}
        self._examiner = ElementFlags(self._leaf, store, purpose, at, refuse_sha1=refuse_sha1)
        self._search = Search(tuple(self._presented), store, at, self._is_listed, checked)

    def best(self) -> BuiltPath:
        """Step 6 over the two rounds of step 2; the second only where the first finds nothing."""
        paths = self._paths(self._search.sound()) or self._paths(self._search.unsound())
        return self._with_limits(paths[-1] if paths[-1].trusted else min(paths, key=_score))

    @property
    def sought(self) -> Iterator[bytes]:
        """The names and key identifiers of the issuers that were looked for."""
        return (mark for pair in self._search.candidates for mark in pair if mark)

    @property
    def candidates(self) -> Iterator[Certificate]:
        """The certificates that were found by these."""
        return itertools.chain.from_iterable(self._search.candidates.values())

    @property
    def signed(self) -> Iterator[tuple[Certificate, Signature]]:
        """What came of checking the end certificate's signature, by the issuer that was tried."""
        tried = (
            (each, self._search.signatures.known.get((self._leaf, each.spki))) for each in self.candidates
        )
        return ((each, result) for each, result in tried if result)

    @property
    def verdicts(self) -> ItemsView[Certificate, RootVerdict]:
        """What the store was asked about roots, and said."""
        return self._verdicts.items()

    def _paths(self, routes: Iterator[Route]) -> list[BuiltPath]:
        """Every path of one round, judged; the last one is the first without any flag."""
        paths: list[BuiltPath] = []
        for route in routes:
            paths.append(self._judged(route))
            if paths[-1].trusted:
                break
        return paths

    def _judged(self, route: Route) -> BuiltPath:
        """Steps 3 to 5 for one path."""
        path, last = route.certificates, len(route.certificates) - 1
        root = self._verdict(path[last]) if route.end is PathEnd.ROOT else None
        surplus = too_many_below(path)
        elements: list[PathElement] = []
        usage = _CLEAN
        for position in range(last, -1, -1):
            if self._examiner.lacks_purpose(path[position]):
                usage = ChainStatus.NotValidForUsage  # for it and all that stands below it [R]
            length = ChainStatus.InvalidBasicConstraints if position in surplus else _CLEAN  # [R]
            elements.insert(0, self._element(route, position, root, usage | length))
        status = policy_status(path)
        for element in elements:
            if element.status is not _CLEAN:  # uniting flags costs a microsecond each time
                status |= element.status
        if route.end is not PathEnd.ROOT:  # step 5
            status |= ChainStatus.PartialChain
            if route.end is PathEnd.CYCLIC:
                status |= ChainStatus.Cyclic
        left_out = tuple(_left_out(each) for each in elements if each.unevaluated)
        return BuiltPath(elements=tuple(elements), status=status, root=root, unevaluated=left_out)

    def _element(
        self, route: Route, position: int, root: RootVerdict | None, status: ChainStatus
    ) -> PathElement:
        """Step 3 for one element, with step 4 where it is the root; `status` is what the path gives it."""
        certificate = route.certificates[position]
        status |= self._examiner.issuer_status(certificate) if position else self._examiner.leaf_status
        key = Unevaluated.KEY if not position and certificate.key in KEYS_NOT_IN_WINDOWS else None
        names = self._examiner.name_status(route.certificates, position) if position else _CLEAN
        unevaluated = key if names is not None else Unevaluated.BOUND
        verdict = root if position == len(route.certificates) - 1 else None
        if verdict is not None:
            status |= self._root_status(certificate, verdict, alone=position == 0)
        if verdict is None or verdict.state is RootState.ABSENT:  # a listed root's own does not count [I]
            result = (*route.signatures, Signature.VALID)[position]
            signed, left_out = self._signature_status(certificate, result)
            status, unevaluated = status | signed, left_out or unevaluated
        return PathElement(
            certificate=certificate,
            status=status | (names or _CLEAN),
            source=ElementSource.PRESENTED if certificate in self._presented else ElementSource.STORE,
            unevaluated=unevaluated,
        )

    def _signature_status(
        self, certificate: Certificate, result: Signature
    ) -> tuple[ChainStatus, Unevaluated | None]:
        """What a certificate's signature earns it; the path goes on all the same [R]."""
        status = self._examiner.weak_signature(certificate)
        if result is Signature.UNCHECKED:
            return status, Unevaluated.BOUND
        if result is Signature.UNSUPPORTED or not windows_evaluates(certificate.signature_algorithm):
            return status | ChainStatus.NotSignatureValid, Unevaluated.SIGNATURE
        return status if result is Signature.VALID else status | ChainStatus.NotSignatureValid, None

    def _root_status(self, root: Certificate, verdict: RootVerdict, *, alone: bool) -> ChainStatus:
        """Step 4: what the store says; a listed root's own signature does not count [I]."""
        status = _ROOT_FLAGS[verdict.state]
        if verdict.state is not RootState.ABSENT:
            return status
        if self._search.signatures.check(root, root) is Signature.INVALID:
            # With UntrustedRoot on a root, without it on a lone self-signed certificate [R].
            status = ChainStatus.NotSignatureValid | (_CLEAN if alone else status)
        return status

    def _verdict(self, root: Certificate) -> RootVerdict:
        known = self._verdicts.get(root)
        if known is None:
            known = self._store.verdict(root, self._purpose, self._leaf.not_before, self._at)
            self._verdicts[root] = known
        return known

    def _is_listed(self, certificate: Certificate) -> bool:
        return self._verdict(certificate).state is not RootState.ABSENT

    def _with_limits(self, path: BuiltPath) -> BuiltPath:
        search = self._search
        compared = f"more than {MAX_COMPARISONS} comparisons of names with constraints"
        met = (
            (self._dropped and not path.trusted, f"more than {MAX_CERTIFICATES} certificates were presented"),
            (search.too_many, f"more than {MAX_PATHS} paths"),
            (search.too_deep, f"a path of more than {MAX_DEPTH} certificates"),
            (self._examiner.work.spent, compared),
            (search.signatures.exhausted, f"more than {MAX_SIGNATURE_CHECKS} signatures to check"),
        )
        limits = tuple(words for hit, words in met if hit)
        return replace(path, limits=limits) if limits else path


def _left_out(element: PathElement) -> str:
    """What of an element was not evaluated, in words."""
    certificate = element.certificate
    if element.unevaluated is Unevaluated.BOUND:
        return f"{certificate.subject.short}: more comparisons than this program makes"
    if element.unevaluated is Unevaluated.KEY:
        return f"the key of {certificate.subject.short} ({certificate.key})"
    return f"the signature of {certificate.subject.short} ({certificate.signature_name})"


def _score(path: BuiltPath) -> tuple[int, ...]:
    """Step 6: flags by severity, how many elements bear a bad signature, and the length; less is better."""
    flags = tuple((path.status & severity).value.bit_count() for severity in _SEVERITIES)
    broken = sum(
        ChainStatus.NotSignatureValid in element.status or element.unevaluated is not None
        for element in path.elements
    )
    return (flags[0], broken, *flags[1:], len(path.elements))
