"""What the fleet's metrics say, kept as lines: made once a look, and only put together for a scrape."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from probe.render.report.metrics import Lines, families, labels_of, lines_of, own_labels
from probe.report.assessment import Assessment


class Kept:
    """The lines of every endpoint, by the target that led to it."""

    def __init__(self) -> None:
        self._targets: dict[str, dict[str, Lines]] = {}
        self._under_way: dict[str, dict[str, Lines]] = {}

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
            self._targets[key] = found

    def keep(self, keys: Collection[str]) -> None:
        """Forget every other target."""
        for kept in (self._targets, self._under_way):
            for key in kept.keys() - set(keys):
                del kept[key]

    def text(self) -> str:
        """All samples; of an endpoint that two targets lead to alike those of one."""
        return families({own: each for kept in self._targets.values() for own, each in kept.items()}.values())
