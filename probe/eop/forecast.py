"""When the verdict will change, and why: the next instants at which judging again says something else.

Nothing is extrapolated: at every instant at which something is known to happen (a certificate begins,
comes near its end or ends, or a date in the root list arrives) the same evidence is judged again. So
``--at`` that instant gives the same answer.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, overload

from probe.eop.evidence import Evidence, opinions
from probe.eop.rules.leaf import threshold
from probe.eop.verdict import Decision, decision
from probe.eop.vocabulary import Outcome
from probe.pki.certificate import Certificate
from probe.pki.truststore import RootChange, RootState, TrustStore, list_title
from probe.text import duration

if TYPE_CHECKING:
    from probe.pki.memory import Memory
    from probe.pki.path import BuiltPath

#: Instants that are judged again, about 0.5 ms each; an ordinary chain has two before its end.
MAX_INSTANTS = 16

_SECOND = timedelta(seconds=1)
_LAST_SECOND = datetime.max.replace(microsecond=0, tzinfo=UTC)


#: An instant, and what happens then.
_Event = tuple[datetime, Callable[[], str]]


class Turn(NamedTuple):
    """One change of the verdict: the instant, what is said from then on, and what happens then.

    With `renewal_only` this certificate is left alone, and `outcome` and `rule` are what a
    certificate gets that is issued under the same root from then on.
    """

    at: datetime
    outcome: Outcome
    rule: str | None
    reason: str
    renewal_only: bool = False


class Forecast(Sequence[Turn]):
    """What `forecast` answers, computed when it is first looked at: not every format shows it."""

    def __init__(
        self, evidence: Evidence, store: TrustStore, memory: Memory | None = None, now: Decision | None = None
    ) -> None:
        self._asked = (evidence, store, memory, now)

    def again(self, evidence: Evidence, now: Decision) -> Forecast:
        """That of the same chain with more evidence, by the same list."""
        _, store, memory, _ = self._asked
        return Forecast(evidence, store, memory, now)

    @functools.cached_property
    def _turns(self) -> tuple[Turn, ...]:
        return forecast(*self._asked)

    def __len__(self) -> int:
        return len(self._turns)

    @overload
    def __getitem__(self, index: int) -> Turn: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Turn, ...]: ...
    def __getitem__(self, index: int | slice) -> Turn | tuple[Turn, ...]:
        return self._turns[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._turns == tuple(other)

    def __hash__(self) -> int:
        return hash(self._turns)

    def __reduce__(self) -> tuple[type[tuple[Turn, ...]], tuple[tuple[Turn, ...]]]:
        return tuple, (self._turns,)


def forecast(
    evidence: Evidence, store: TrustStore, memory: Memory | None = None, now: Decision | None = None
) -> tuple[Turn, ...]:
    """The changes to come after `evidence.at` by the deciding store, soonest first; pure.

    It ends with the end of the certificate itself. Empty where there is no chain to judge, and for
    a chain that met a bound of the engine: judging such a one many times would cost too much.
    `store` has to be the store of `evidence.deciding`, and `now` the decision on `evidence`, where it was made.
    """
    leaf, path = evidence.leaf, evidence.deciding.best() if evidence.deciding else None
    if leaf is None or path is None or path.limits:
        return ()
    from probe.pki.memory import Memory

    turns = tuple(_turns(evidence, store, leaf, memory or Memory(), now or decision(evidence)))
    renewal = _renewal(evidence, store, leaf, path)
    if renewal is None or renewal.at in (turn.at for turn in turns):
        return turns
    return tuple(sorted((*turns, renewal), key=lambda turn: turn.at))


def soonest(turns: Sequence[Turn]) -> Turn | None:
    """The first change that concerns the certificate itself, if any is to come."""
    return next((turn for turn in turns if not turn.renewal_only), None)


def _turns(
    evidence: Evidence, store: TrustStore, leaf: Certificate, memory: Memory, before: Decision
) -> Iterator[Turn]:
    """Go from one instant to the next: what comes after depends on the path that is the best by then."""
    for _ in range(MAX_INSTANTS):
        if evidence.at > leaf.not_after:
            return
        coming = tuple(_events(evidence, store, leaf))
        if not coming:
            return
        at = min(when for when, _ in coming)
        judged = opinions(evidence.capture, (store,), evidence.direction, at, memory)
        evidence = replace(evidence, stores=judged, at=at)
        after = decision(evidence)
        if after != before:
            yield Turn(at, *after, "; ".join(sorted({reason() for when, reason in coming if when == at})))
            before = after


def _events(evidence: Evidence, store: TrustStore, leaf: Certificate) -> Iterator[_Event]:
    """Everything known to happen to the chain after `evidence.at`, in no order."""
    path = evidence.deciding.best() if evidence.deciding else None
    elements = [element.certificate for element in path.elements] if path else []
    presented = evidence.capture.presented
    for certificate in dict.fromkeys((*elements, *(presented.certificates if presented else ()))):
        # What is not on the path yet may be once it is valid.
        if certificate.not_before > evidence.at:
            yield certificate.not_before, partial("{} becomes valid".format, certificate.subject.short)
    for certificate in elements:
        for at, reason in _end(certificate, evidence):
            if at > evidence.at:
                yield at, reason
    if path is not None and path.root is not None:
        for change in _announced(evidence, store, elements[-1], leaf):
            if change.at > evidence.at and not change.renewal_only:
                # The rule that decides afterwards says it in full.
                does = "disables" if change.verdict.state is RootState.DISABLED else "restricts"
                name = elements[-1].subject.short
                yield change.at, partial("{} {} the root {}".format, list_title(store.name), does, name)


def _end(certificate: Certificate, evidence: Evidence) -> Iterator[_Event]:
    name = certificate.subject.short
    left = threshold(certificate, evidence)
    # Rules see whole seconds, and notAfter's own second still counts (RFC 5280 4.1.2.5).
    soon = certificate.not_after - left
    if soon.microsecond:
        soon = soon.replace(microsecond=0) + _SECOND
    yield soon, lambda: f"{name} has {duration(left)} left"
    if certificate.not_after < _LAST_SECOND:  # 99991231235959Z says "no expiry" (RFC 5280 4.1.2.5)
        yield certificate.not_after + _SECOND, lambda: f"{name} expires"


def _announced(
    evidence: Evidence, store: TrustStore, root: Certificate, leaf: Certificate
) -> Iterator[RootChange]:
    for purpose in evidence.deciding.paths if evidence.deciding else ():
        yield from store.changes(root, purpose, leaf.not_before, evidence.at)


def _renewal(evidence: Evidence, store: TrustStore, leaf: Certificate, path: BuiltPath) -> Turn | None:
    """The announced date from which on a certificate newly issued under the same root is good for no purpose."""
    if path.root is None or path.root.state is not RootState.TRUSTED or evidence.deciding is None:
        return None
    root = path.elements[-1].certificate
    for at in sorted({change.at for change in _announced(evidence, store, root, leaf)}):
        verdicts = [store.verdict(root, purpose, at, at) for purpose in evidence.deciding.paths]
        if all(verdict.state is not RootState.TRUSTED for verdict in verdicts):
            reason = (
                f"{list_title(store.name)} trusts no certificates newer than that under {root.subject.short}"
            )
            return Turn(at, Outcome.REJECTED, "root-restricted", reason, renewal_only=True)
    return None
