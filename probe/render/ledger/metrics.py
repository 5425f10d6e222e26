"""The ledger as metrics, for a textfile collector: when each endpoint was last confirmed, and last contradicted."""

from __future__ import annotations

from collections.abc import Iterator

from probe.render.page.options import RenderOptions
from probe.render.report.metrics import Lines, Metric, families, labels_of, labels_of_endpoint, line
from probe.report.ledger.values import Entry, Joined, Ledger


def render(ledger: Ledger, options: RenderOptions) -> str:
    """Gauges of each source by itself; of an endpoint of which Microsoft said nothing there are none."""
    own = {"file": options.file} if options.file else {}
    found: dict[tuple[Metric, str], float] = {}
    for entry in ledger.entries:
        for metric, labels, at in _samples(entry, own):
            found[metric, labels] = max(at, found.get((metric, labels), at))
    lines: Lines = {}
    for (metric, labels), at in found.items():
        lines[metric] = lines.get(metric, "") + line(metric, labels, at)
    made = line(Metric.GENERATED_TIMESTAMP_SECONDS, labels_of(own), ledger.at.timestamp())
    return families([lines, {Metric.GENERATED_TIMESTAMP_SECONDS: made}])


def _samples(entry: Entry, own: dict[str, str]) -> Iterator[tuple[Metric, str, float]]:
    endpoint = labels_of_endpoint(entry.series.target, entry.series.endpoint, own)

    def sample(metric: Metric, one: Joined) -> tuple[Metric, str, float]:
        word = {"source": one.word.source.name.lower(), "trust": one.word.trust.value}
        return metric, labels_of(endpoint | word), one.word.begin.timestamp()

    yield from (sample(Metric.CONFIRMED_TIMESTAMP_SECONDS, one) for one in entry.confirmations)
    yield from (sample(Metric.CONTRADICTED_TIMESTAMP_SECONDS, one) for one in entry.contradictions)
