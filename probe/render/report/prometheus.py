"""Metrics in Prometheus' text exposition format 0.0.4, for a textfile collector or a scrape.

One series per endpoint and metric; the outcome is the exit code: 0 accepted, 1 at-risk, 2 rejected, 3 unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from probe.eop.forecast import soonest
from probe.render.page.options import RenderOptions
from probe.render.report.facts import path_certificates, soonest_expiry, worst_first
from probe.report.assessment import Assessment, Report


class _Metric(NamedTuple):
    """Name without prefix, and what it says."""

    name: str
    help: str


_OUTCOME = _Metric("outcome", "Predicted outcome: 0 accepted, 1 at-risk, 2 rejected, 3 unknown.")
_SUCCESS = _Metric("success", "Whether a certificate was observed and judged.")
_NOT_AFTER = _Metric(
    "not_after_timestamp_seconds", "When the first certificate of the deciding path expires."
)
_NEXT_CHANGE = _Metric("next_change_timestamp_seconds", "When the outcome will change as far as is known.")
_DURATION = _Metric("duration_seconds", "Time spent on every connection to the endpoint.")
_TRUSTED = _Metric("store_trusted", "Whether a list of roots trusts the presented chain.")
_FINDING = _Metric("finding", "A rule that had something to say; always 1.")
_GENERATED = _Metric("generated_timestamp_seconds", "When the report was made.")
_METRICS = (_OUTCOME, _SUCCESS, _NOT_AFTER, _NEXT_CHANGE, _DURATION, _TRUSTED, _FINDING, _GENERATED)

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

#: Values by metric and labels: the format forbids the same series twice, as for a target given twice.
_Series = dict[_Metric, dict[str, float]]


def render(report: Report, options: RenderOptions) -> str:  # noqa: ARG001 - every renderer is called alike
    """Render every metric with its HELP and TYPE; a series that occurs twice keeps the worst first value."""
    series: _Series = {metric: {} for metric in _METRICS}
    series[_GENERATED][""] = report.generated_at.timestamp()
    for assessment in worst_first(report):
        _collect(series, assessment)
    return "".join(line for metric, values in series.items() if values for line in _family(metric, values))


def _collect(series: _Series, assessment: Assessment) -> None:
    capture = assessment.capture
    address, port = capture.address or "", str(capture.port or "")
    endpoint = {"target": assessment.target, "host": capture.host, "address": address, "port": port}

    def put(metric: _Metric, value: float, **labels: str) -> None:
        told = ",".join(f'{name}="{text.translate(_ESCAPES)}"' for name, text in (endpoint | labels).items())
        series[metric].setdefault(f"{{{told}}}", value)

    put(_SUCCESS, bool(assessment.stores))
    put(_DURATION, assessment.elapsed_ms / 1000)
    for made in assessment.predictions:
        put(_OUTCOME, made.outcome.exit_code, direction=made.direction.value)
    if not assessment.predictions:
        put(_OUTCOME, assessment.outcome.exit_code, direction=assessment.evidence.direction.value)
    expiry = soonest_expiry(path_certificates(assessment))
    if expiry is not None:
        put(_NOT_AFTER, expiry.timestamp())
    turn = soonest(assessment.forecast)
    if turn is not None:
        put(_NEXT_CHANGE, turn.at.timestamp())
    for store in assessment.stores:
        put(_TRUSTED, store.trusted, store=store.name)
    for finding in assessment.findings:
        put(_FINDING, 1, rule=finding.rule, severity=finding.severity.value)


def _family(metric: _Metric, values: dict[str, float]) -> Iterator[str]:
    name = f"eop_probe_{metric.name}"
    yield f"# HELP {name} {metric.help}\n# TYPE {name} gauge\n"
    yield from (f"{name}{labels} {float(value):.15g}\n" for labels, value in values.items())
