"""How a watched fleet stands now: the values that pages and metrics are made of.

Of each endpoint what its last look that counts said is held, never its evidence: that of the targets looked at lately
alone, as many as `MAX_LATEST`.
"""

from __future__ import annotations

from asyncio import Future, get_running_loop
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from probe.alarms.seen import Seen
from probe.eop.forecast import Turn, soonest
from probe.fleet.by_history import ByHistory
from probe.fleet.watch.described import Described, interval_s
from probe.pki.certificate import Certificate
from probe.pki.recent import Recent
from probe.render.report.facts import path_certificates, soonest_expiry
from probe.report.assessment import Assessment
from probe.report.record import Endpoint, Span
from probe.serve.kept import Kept

#: Targets at least whose last assessments are held whole, and twice as many at most.
MAX_LATEST = 200


class Certified(NamedTuple):
    """A certificate that is shown somewhere; names are escaped."""

    sha256: str
    subject: str
    issuer: str
    not_after: datetime


class Stands(NamedTuple):
    """How one endpoint stands: its last state, seen from `span.first` to `span.last`.

    `expires` is when the first certificate of the deciding path does (of what the history told, of the chain as sent),
    `turn` the next change of the verdict. `certificates` are those of all chains, each once. `domains` are those
    that it was looked at for, where a history told.
    """

    span: Span
    expires: datetime | None = None
    turn: Turn | None = None
    certificates: tuple[Certified, ...] = ()
    domains: tuple[str, ...] = ()


class Watched(NamedTuple):
    """A configured target; `due` is when it is looked at next, `endpoints` are none before the first look.

    `again`: when it is looked at once more, where a look left doubts, which counts only then.
    """

    key: str
    text: str
    labels: Mapping[str, str]
    direction: str
    interval_s: int
    due: datetime | None
    endpoints: tuple[Stands, ...]
    again: datetime | None = None


class Progress(NamedTuple):
    """How far the watch is: targets in all and seen, under way now, left of this round, and the next one's turn."""

    targets: int
    seen: int
    under_way: int
    left: int
    due: datetime | None


class Looking(Protocol):
    """The watch, as far as its progress goes."""

    @property
    def due(self) -> Mapping[str, int]:
        """When each target is due, in seconds since 1970."""

    @property
    def next_due(self) -> float | None:
        """When the next one is."""

    @property
    def under_way(self) -> int:
        """Looks that are being made."""

    @property
    def left(self) -> int:
        """Targets of this round that are still to be settled."""

    def again_at(self, key: str) -> float | None:
        """When a target whose last look left doubts is looked at once more."""

    def look_now(self, key: str) -> bool:
        """Look at a target out of its turn; whether there is such a one that is not being looked at."""


class Standing:
    """Hears what a watch settles; `number` grows with each target that is."""

    def __init__(self, what: Described) -> None:
        self.number = 0
        self.looking: Looking | None = None
        """Who looks; None where another process does."""
        self._endpoints: dict[str, dict[Endpoint, Stands]] = {}
        self._new: dict[str, dict[Endpoint, tuple[Stands, Assessment]]] = {}
        self.kept = Kept()
        """The metrics of what was looked at."""
        self._latest: Recent[str, tuple[Assessment, ...]] = Recent(MAX_LATEST)
        self._waiting: set[Future[None]] = set()
        self.follow(what)

    def follow(self, what: Described) -> Described:
        """What is watched from now on; what was seen of a target that stays is kept."""
        self.what = what
        self._endpoints = {key: one for key, one in self._endpoints.items() if key in what.entries}
        self._new = {key: one for key, one in self._new.items() if key in what.entries}
        self.kept.keep(what.entries)
        self._notify()
        return what

    def tell(self, told: Iterable[Stands]) -> None:
        """Take what a history says for how all endpoints of configured targets stand."""
        stands = {one.span.endpoint: one for one in told}
        domains = {endpoint: one.domains for endpoint, one in stands.items()}
        by_history = ByHistory((one.span for one in stands.values()), domains)
        for key, entry in self.what.entries.items():
            spans = [replace(one, target=entry.target.text) for one in by_history.of(entry, self.what.base)]
            if spans:
                found = {one.endpoint: stands[one.endpoint]._replace(span=one) for one in spans}
                self._endpoints[key] = found
                ends = ({one.sha256: one.not_after for one in each.certificates} for each in found.values())
                self.kept.tell(
                    key, _labels(entry.labels, spans[0].endpoint.variant), zip(spans, ends, strict=True)
                )
        self._notify()

    def see(self, key: str, seen: Seen) -> None:
        """Take in what counts of one endpoint."""
        before = self._endpoints.get(key, {}).get(seen.record.endpoint)
        stands = _stands(seen, before, tuple(map(certified, _certificates(seen.assessment))))
        self._new.setdefault(key, {})[seen.record.endpoint] = stands, seen.assessment
        self.kept.take(key, seen.assessment, _labels(seen.labels, seen.record.endpoint.variant))

    def settle(self, key: str) -> None:
        """Show what was seen of a target in place of all that was seen of it before."""
        new = self._new.pop(key, {})
        if key in self.what.entries and new:
            self._endpoints[key] = {endpoint: stands for endpoint, (stands, _) in new.items()}
            self.kept.settle(key)
            self._latest[key] = tuple(assessment for _, assessment in new.values())
            self._notify()

    async def news(self, after: int) -> int:
        """Wait until more than so many targets were settled; the number by then."""
        while self.number <= after:
            waiting = get_running_loop().create_future()
            self._waiting.add(waiting)
            try:
                await waiting
            finally:
                self._waiting.discard(waiting)
        return self.number

    def watched(self) -> list[Watched]:
        """Every configured target, in the order of the description."""
        return [found for key in self.what.entries if (found := self.target(key))]

    def target(self, key: str) -> Watched | None:
        """The configured target of this key."""
        entry = self.what.entries.get(key)
        if entry is None:
            return None
        looking = self.looking
        due, again = (looking.due.get(key), looking.again_at(key)) if looking else (None, None)
        return Watched(
            key,
            entry.target.text,
            entry.labels,
            entry.keys.direction or self.what.base.direction.value,
            interval_s(entry),
            _moment(due),
            tuple(self._endpoints.get(key, {}).values()),
            _moment(again),
        )

    def latest(self, key: str) -> tuple[Assessment, ...]:
        """The assessments of the last look at a target with all evidence; none where that is no longer held."""
        return (self._latest.get(key) or ()) if key in self.what.entries else ()

    def progress(self) -> Progress:
        """How far the watch is."""
        targets, looking = len(self.what.entries), self.looking
        if looking is None:
            return Progress(targets, len(self._endpoints), 0, 0, None)
        return Progress(
            targets, len(self._endpoints), looking.under_way, looking.left, _moment(looking.next_due)
        )

    def _notify(self) -> None:
        self.number += 1
        waiting, self._waiting = self._waiting, set()
        for one in waiting:
            if not one.done():
                one.set_result(None)


def _labels(labels: Mapping[str, str], variant: str) -> Mapping[str, str]:
    """With what tells apart two ways to ask the same endpoint."""
    return {**labels, "variant": variant} if variant else labels


def _moment(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)


def certified(certificate: Certificate) -> Certified:
    """What a list of certificates shows of one."""
    return Certified(
        certificate.sha256, certificate.subject.short, certificate.issuer.short, certificate.not_after
    )


def _certificates(assessment: Assessment) -> list[Certificate]:
    connections = [each.capture for each in assessment.evidence.connections] or [assessment.capture]
    shown = (one.presented.certificates for one in connections if one.presented)
    return list({each.sha256: each for chain in shown for each in chain}.values())


def _stands(seen: Seen, before: Stands | None, certificates: tuple[Certified, ...]) -> Stands:
    record = seen.record
    goes_on = before is not None and before.span.state == record.state
    span = Span(
        number=0,
        target=record.target,
        endpoint=record.endpoint,
        state=record.state,
        first=before.span.first if before and goes_on else record.at,
        last=record.at,
        looks=before.span.looks + 1 if before and goes_on else 1,
        elapsed_ms=record.elapsed_ms,
        lists=record.lists,
        error=record.error,
    )
    expires = soonest_expiry(path_certificates(seen.assessment))
    return Stands(span, expires, soonest(seen.assessment.forecast), certificates)
