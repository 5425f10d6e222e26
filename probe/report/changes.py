"""What changed at endpoints, and when, from the spans of their history; what is seen first is no change."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import chain, groupby, pairwise

from probe.pki.certificate import Certificate, Unreadable
from probe.pki.extensions import SUBJECT_ALT_NAMES, Extension
from probe.report.addresses import Absence, Unresolved, absences, hosts, unresolved
from probe.report.periods import Verdict, judged
from probe.report.phases import Outage, Phase, Shown, failed, leaves_of, outages, phases, runs
from probe.report.record import Endpoint, Span
from probe.report.vantages import Differing, Sight, differing, several
from probe.values import value

#: A certificate by its SHA-256; None where the history does not hold it.
Certificates = Callable[[str], Certificate | Unreadable | None]


class Kind(enum.Enum):
    """What changed."""

    NEW_CERTIFICATE = "new-certificate"
    """Another certificate, for other names."""
    RENEWED = "renewed"
    """Another certificate of the same issuer for the same names."""
    ISSUER_CHANGED = "issuer-changed"
    KEY_REUSED = "key-reused"
    """The other certificate has the key of the one before; stands beside the kind above."""
    CHAIN_CHANGED = "chain-changed"
    """The same certificate, sent with others."""
    STARTTLS_GONE = "starttls-gone"
    STARTTLS_BACK = "starttls-back"
    MIXED = "mixed"
    """One address shows several certificates; however often they take turns, it is one change."""
    MIXED_OVER = "mixed-over"
    OUTAGE = "outage"
    OUTAGE_OVER = "outage-over"
    VERDICT = "verdict"
    ADDRESS_ADDED = "address-added"
    ADDRESS_REMOVED = "address-removed"
    """No longer looked at while the host's other addresses are."""
    VANTAGE_POINTS_DIFFER = "vantage-points-differ"
    """Another certificate or verdict from one vantage point than from another at the same time."""
    VANTAGE_POINTS_AGREE = "vantage-points-agree"


@value
class Change:
    """One change, found by the look at `at`; the look before it, at `since`, did not show it.

    `before` and `after` are end certificates by SHA-256. `began` is when what is over began, `ended` when what began
    was over: None while it lasts. `looks` counts the failed ones of an outage, `fault` and `error` are its first and
    its last. `lists` names the root lists that are of another date than when the verdict was another.
    """

    kind: Kind
    target: str
    endpoint: Endpoint
    at: datetime
    since: datetime | None
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    verdict_before: Verdict | None = None
    verdict: Verdict | None = None
    lists: tuple[str, ...] = ()
    began: datetime | None = None
    ended: datetime | None = None
    looks: int = 0
    fault: str | None = None
    error: str | None = None
    sights: tuple[Sight, ...] = ()
    """What each vantage point saw when they began to differ."""

    @property
    def named(self) -> tuple[str, ...]:
        """Every end certificate that it tells of."""
        return (*self.before, *self.after, *(leaf for one in self.sights for leaf in one.leaves))


def changes(spans: Iterable[Span], certificates: Certificates) -> list[Change]:
    """Every change of every endpoint, the earliest first; the spans of an endpoint stand together in their order."""
    found: list[Change] = []
    lives: list[list[Span]] = []
    for _, group in groupby(spans, lambda span: span.endpoint):
        life = list(group)
        lives.append(life)
        if len(life) > 1:
            found += of_endpoint(life, certificates)
    for host in hosts(lives):
        found += map(_of_address, absences(host))
        for time in unresolved(host):
            found += _of_name(time)
    found += chain.from_iterable(map(_of_vantages, differing(several(lives))))
    return sorted(found, key=lambda change: (change.at, change.endpoint))


def of_endpoint(spans: Sequence[Span], certificates: Certificates) -> Iterator[Change]:
    """The changes of one endpoint, those of a kind in their order."""
    change = partial(Change, target=spans[-1].target, endpoint=spans[0].endpoint)
    usable = [span for span in spans if not failed(span)]
    states = phases(runs(usable))
    yield from _of_outages(outages(spans), change)
    yield from _of_phases(states, certificates, change)
    yield from _of_verdicts(usable, states, change)


def _of_outages(found: Iterable[Outage], change: partial[Change]) -> Iterator[Change]:
    for outage in found:
        first, last = outage.spans[0], outage.spans[-1]
        change = partial(change, looks=outage.looks, fault=outage.fault, error=last.error)
        if outage.before:
            yield change(kind=Kind.OUTAGE, at=first.first, since=outage.before, ended=outage.over)
        if outage.over:
            yield change(kind=Kind.OUTAGE_OVER, at=outage.over, since=last.last, began=first.first)


def _of_phases(
    states: Sequence[Phase], certificates: Certificates, change: partial[Change]
) -> Iterator[Change]:
    """From one state to the next; the certificate that is compared with is the last that stood alone."""
    alone = states[0] if states and not states[0].mixed else None
    for before, after in pairwise(states):
        now = partial(change, at=after.first, since=before.last)
        both = partial(now, before=before.leaves, after=after.leaves)
        if before.mixed:
            yield both(kind=Kind.MIXED_OVER, began=before.first)
        if before.plain and not after.plain:
            yield both(kind=Kind.STARTTLS_BACK)
        if after.plain:
            yield both(kind=Kind.STARTTLS_GONE)
        elif after.mixed:
            ended = next((one.first for one in states if one.first > after.first), None)
            yield both(kind=Kind.MIXED, ended=ended)
        else:
            compared = alone if alone and not alone.plain else before
            for kind, one, other in _exchanged(compared.shown, after.shown, certificates):
                yield now(kind=kind, before=(one,), after=(other,))
        if not after.mixed and not after.plain:
            alone = after


def _exchanged(before: Shown, after: Shown, certificates: Certificates) -> Iterator[tuple[Kind, str, str]]:
    """Which certificate took the place of which: of several (one a kind of key) that of its kind."""
    old_ones, new_ones = set(leaves_of(before)), set(leaves_of(after))
    gone, new = old_ones - new_ones, new_ones - old_ones
    if not new and not gone and set(before) != set(after):
        yield Kind.CHAIN_CHANGED, min(old_ones), min(new_ones)
    for sha256 in sorted(new):
        one = certificates(sha256)
        candidates = gone or old_ones
        if not candidates:
            continue
        # Of one alone nothing has to be read.
        old, *others = candidates
        if others:
            old = min(candidates, key=lambda each: (_family(certificates(each)) != _family(one), each))
        other = certificates(old)
        yield _kind(other, one), old, sha256
        if isinstance(one, Certificate) and isinstance(other, Certificate) and one.spki == other.spki:
            yield Kind.KEY_REUSED, old, sha256


def _family(certificate: Certificate | Unreadable | None) -> str:
    return certificate.key.partition("-")[0] if isinstance(certificate, Certificate) else ""


def _kind(old: Certificate | Unreadable | None, new: Certificate | Unreadable | None) -> Kind:
    if not (isinstance(old, Certificate) and isinstance(new, Certificate)):
        return Kind.NEW_CERTIFICATE
    if old.issuer != new.issuer:
        return Kind.ISSUER_CHANGED
    # Most often all of it is the same, and need not be read.
    alike = old.subject == new.subject and _encoded_names(old) == _encoded_names(new)
    return Kind.RENEWED if alike or _names(old) == _names(new) else Kind.NEW_CERTIFICATE


def _encoded_names(certificate: Certificate) -> Extension | None:
    return certificate.extensions.get(SUBJECT_ALT_NAMES)


def _names(certificate: Certificate) -> set[str]:
    return {name.lower() for name in certificate.names()}


def _of_verdicts(spans: Sequence[Span], states: Sequence[Phase], change: partial[Change]) -> Iterator[Change]:
    """Turns of the verdict."""
    for (old, before), (new, after) in pairwise(zip(spans, judged(spans, states), strict=True)):
        if before.verdict != after.verdict:
            yield change(
                kind=Kind.VERDICT,
                at=new.first,
                since=old.last,
                verdict_before=before.verdict,
                verdict=after.verdict,
                lists=_newer_lists(old, new),
            )


def _newer_lists(before: Span, after: Span) -> tuple[str, ...]:
    dated = {used.name: used.dated for used in before.lists}
    return tuple(used.name for used in after.lists if dated.get(used.name, used.dated) != used.dated)


def _of_name(time: Unresolved) -> Iterator[Change]:
    change = partial(Change, target=time.span.target, endpoint=time.span.endpoint)
    return _of_outages([Outage((time.span,), time.before, time.over)], change)


def _of_address(absence: Absence) -> Change:
    kind = Kind.ADDRESS_REMOVED if absence.gone else Kind.ADDRESS_ADDED
    span = absence.span
    return Change(kind=kind, target=span.target, endpoint=span.endpoint, at=absence.at, since=absence.since)


def _of_vantages(found: Differing) -> Iterator[Change]:
    change = partial(Change, target=found.target, endpoint=found.endpoint, since=None, sights=found.sights)
    yield change(kind=Kind.VANTAGE_POINTS_DIFFER, at=found.first, ended=found.over)
    if found.over:
        yield change(kind=Kind.VANTAGE_POINTS_AGREE, at=found.over, began=found.first)
