"""What the fleet's metrics say, kept as lines: made once a look, and put together once for what is new since."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from probe.render.report.metrics import (
    Lines,
    families,
    labels_of,
    labels_of_span,
    lines_of,
    lines_of_span,
    own_labels,
)
from probe.report.assessment import Assessment
from probe.report.record import Span


class _Told(NamedTuple):
    at: datetime
    lines: Lines


class Kept:
    """The lines of every endpoint, by the target that led to it."""

    def __init__(self) -> None:
        self._targets: dict[str, dict[str, Lines]] = {}
        self._under_way: dict[str, dict[str, Lines]] = {}
        self._told: dict[str, dict[str, _Told]] = {}
        self._exposition: bytes | None = None

    def tell(
        self, key: str, labels: Mapping[str, str], found: Iterable[tuple[Span, Mapping[str, datetime]]]
    ) -> None:
        """Keep what a history says of a target until it is looked at: each endpoint, and when certificates expire."""
        before, now = self._told.get(key, {}), dict[str, _Told]()
        for span, expiries in found:
            own = labels_of(labels_of_span(span, labels))
            known = before.get(own)
            if known is None or known.at != span.last:  # of many thousands few were looked at since
                known = _Told(span.last, lines_of_span(span, own, expiries))
            now[own] = known
        self._told[key], self._exposition = now, None

    def take(
        self, key: str, assessment: Assessment, labels: Mapping[str, str], *, last: bool = False
    ) -> None:
        """Keep what was seen of one endpoint of the target `key`, whose labels its series bear.

        With the `last` one they replace all of the look before: an address that DNS no longer tells is gone.
        """
        own = labels_of(own_labels(assessment, labels))
        self._under_way.setdefault(key, {})[own] = lines_of(assessment, own)
        if last:
            self.settle(key)

    def settle(self, key: str) -> None:
        """Know that the last one was taken."""
        if found := self._under_way.pop(key, None):
            self._targets[key], self._exposition = found, None
            self._told.pop(key, None)

    def keep(self, keys: Collection[str]) -> None:
        """Forget every other target."""
        self._exposition = None
        for kept in (self._targets, self._under_way, self._told):
            for key in kept.keys() - set(keys):
                del kept[key]

    @property
    def exposition(self) -> bytes:
        """All samples, as they are sent."""
        if self._exposition is None:
            self._exposition = self.text().encode()
        return self._exposition

    def text(self) -> str:
        """All samples; of an endpoint that two targets lead to alike those of one."""
        told = {own: each.lines for kept in self._told.values() for own, each in kept.items()}
        looked = {own: lines for kept in self._targets.values() for own, lines in kept.items()}
        return families((told | looked).values())
