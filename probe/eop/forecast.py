"""When the verdict will change, and why: the next instants at which judging again says something else.

Nothing is extrapolated: at every instant at which something is known to happen (a certificate begins
or ends, comes near its end, or a date in Microsoft's list arrives) the same evidence is judged again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from probe.eop.evidence import Evidence, weigh
from probe.eop.rules.leaf import threshold
from probe.eop.verdict import Prediction, judge
from probe.eop.vocabulary import Outcome
from probe.pki.status import Purpose
from probe.pki.truststore import TrustStore

#: Instants that are judged again: a chain of a dozen certificates has fewer.
MAX_INSTANTS = 24
#: Certificates are valid up to and including notAfter (RFC 5280 4.1.2.5).
_AFTER_THE_END = timedelta(seconds=1)


class Turn(NamedTuple):
    """One change of the verdict: the instant, what is said from then on, and what happens then.

    `renewal_only` marks a date that leaves this certificate alone but not its renewal.
    """

    at: datetime
    outcome: Outcome
    rule: str | None
    reason: str
    renewal_only: bool = False


def forecast(evidence: Evidence, store: TrustStore) -> tuple[Turn, ...]:
    """The changes to come after `evidence.at` by the deciding store, soonest first; pure.

    Empty where there is no chain to judge. `store` has to be the store of `evidence.deciding`.
    """
    if evidence.leaf is None or evidence.deciding is None:
        return ()
    turns: list[Turn] = []
    before = judge(evidence).prediction
    for at, reason, renewal_only in sorted(set(_events(evidence, store)))[:MAX_INSTANTS]:
        after = _judged(evidence, store, at)
        if renewal_only:
            turns.append(Turn(at, after.outcome, after.rule, reason, renewal_only=True))
        elif (after.outcome, after.rule) != (before.outcome, before.rule):
            turns.append(Turn(at, after.outcome, after.rule, reason))
            before = after
    return tuple(turns)


def _judged(evidence: Evidence, store: TrustStore, at: datetime) -> Prediction:
    later = weigh(
        evidence.capture,
        (store,),
        direction=evidence.direction,
        basis=evidence.basis,
        at=at,
        settings=evidence.settings,
    )
    return judge(later).prediction


def _events(evidence: Evidence, store: TrustStore) -> Iterator[tuple[datetime, str, bool]]:
    """Everything known to happen after `evidence.at`: (instant, what happens, only to a renewal)."""
    path = evidence.deciding.best() if evidence.deciding else None
    for element in path.elements if path else ():
        certificate = element.certificate
        name = certificate.subject.short
        ends = certificate.not_after + _AFTER_THE_END
        yield from _later(evidence, certificate.not_before, f"{name} becomes valid")
        yield from _later(evidence, ends, f"{name} expires")
        soon = certificate.not_after - threshold(certificate, evidence)
        yield from _later(evidence, soon, f"{name} comes near its end")
    if path and path.elements and path.root is not None and evidence.leaf is not None:
        root = path.elements[-1].certificate
        for purpose in Purpose:
            for change in store.changes(root, purpose, evidence.leaf.not_before, evidence.at):
                what = (
                    f"certificates issued from then on under {root.subject.short} are no longer trusted"
                    if change.renewal_only
                    else f"Microsoft's list restricts {root.subject.short}"
                )
                yield change.at, what, change.renewal_only


def _later(evidence: Evidence, at: datetime, reason: str) -> Iterator[tuple[datetime, str, bool]]:
    if at > evidence.at:
        yield at, reason, False
