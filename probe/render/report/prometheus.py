"""A report as metrics in Prometheus' text exposition format 0.0.4, for a textfile collector or a scrape.

Each series bears what tells this file's from another's: a collector drops what two files say alike.
"""

from __future__ import annotations

from probe.render.page.options import RenderOptions
from probe.render.report.facts import worst_first
from probe.render.report.metrics import Lines, Metric, families, labels_of, line, lines_of, own_labels
from probe.report.assessment import Report


def render(report: Report, options: RenderOptions) -> str:
    """Render every metric with its HELP and TYPE; of an endpoint that occurs twice the worst outcome is told."""
    own = {"file": options.file} if options.file else {}
    if not report.assessments:
        return families([_of_run(report, labels_of(own))])
    endpoints: dict[str, Lines] = {}
    for assessment in worst_first(report):
        labels = labels_of(own_labels(assessment, own))
        if labels not in endpoints:
            endpoints[labels] = lines_of(assessment, labels) | _of_run(report, labels)
    return families(endpoints.values())


def _of_run(report: Report, labels: str) -> Lines:
    """What is to be said of the run, of each endpoint: there is no other name for a run."""
    metrics = {Metric.GENERATED_TIMESTAMP_SECONDS: report.generated_at.timestamp()}
    if report.interrupted:
        metrics[Metric.INTERRUPTED] = 1
    return {metric: line(metric, labels, value) for metric, value in metrics.items()}
