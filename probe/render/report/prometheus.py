"""Metrics in Prometheus' text exposition format 0.0.4, for a textfile collector or a scrape.

One series per endpoint, direction and metric, each with what tells this file's from another's: a collector drops what
two files say alike. The outcome is the exit code: 0 accepted, 1 at-risk, 2 rejected, 3 unknown.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator

from probe.eop.forecast import soonest
from probe.render.page.options import RenderOptions
from probe.render.report.facts import path_certificates, soonest_expiry, worst_first
from probe.report.assessment import Assessment, Report


class _Metric(enum.Enum):
    """What each says; its name is the member's."""

    OUTCOME = "Predicted outcome: 0 accepted, 1 at-risk, 2 rejected, 3 unknown."
    SUCCESS = "Whether a certificate was observed and judged."
    NOT_AFTER_TIMESTAMP_SECONDS = "When the first certificate of the deciding path expires."
    NEXT_CHANGE_TIMESTAMP_SECONDS = "When the outcome will change as far as is known."
    DURATION_SECONDS = "Time spent on every connection to the endpoint."
    STORE_TRUSTED = "Whether a list of roots trusts the presented chain."
    FINDING = "A rule that had something to say; always 1."
    INTERRUPTED = "The run was interrupted before every target was done; always 1."
    GENERATED_TIMESTAMP_SECONDS = "When the report that says so was made."


_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

#: Values by metric and labels: the format forbids the same series twice, as for a target given twice.
_Series = dict[_Metric, dict[str, float]]


def render(report: Report, options: RenderOptions) -> str:
    """Render every metric with its HELP and TYPE; a series that occurs twice keeps the worst first value."""
    series: _Series = {metric: {} for metric in _Metric}
    own = {"file": options.file} if options.file else {}
    for assessment in worst_first(report):
        _collect(series, assessment, report, own)
    if not report.assessments:
        _of_run(series, report, _labels(own))
    return "".join(line for metric, values in series.items() if values for line in _family(metric, values))


def _labels(named: dict[str, str]) -> str:
    told = ",".join(f'{name}="{text.translate(_ESCAPES)}"' for name, text in named.items())
    return f"{{{told}}}" if told else ""


def _of_run(series: _Series, report: Report, labels: str) -> None:
    """What is to be said of the run, of each endpoint: there is no other name for a run."""
    series[_Metric.GENERATED_TIMESTAMP_SECONDS][labels] = report.generated_at.timestamp()
    if report.interrupted:
        series[_Metric.INTERRUPTED][labels] = 1


def _collect(series: _Series, assessment: Assessment, report: Report, own: dict[str, str]) -> None:
    capture = assessment.capture
    address, port = capture.address or "", str(capture.port or "")
    direction = assessment.evidence.direction.value
    endpoint = {"target": assessment.target, "host": capture.host, "address": address, "port": port}
    endpoint |= {"direction": direction} | own

    def put(metric: _Metric, value: float, **labels: str) -> None:
        series[metric].setdefault(_labels(endpoint | labels), value)

    _of_run(series, report, _labels(endpoint))
    put(_Metric.SUCCESS, bool(assessment.stores))
    put(_Metric.DURATION_SECONDS, assessment.elapsed_ms / 1000)
    put(_Metric.OUTCOME, assessment.outcome.exit_code)
    for made in assessment.predictions:
        put(_Metric.OUTCOME, made.outcome.exit_code, direction=made.direction.value)
    expiry = soonest_expiry(path_certificates(assessment))
    if expiry is not None:
        put(_Metric.NOT_AFTER_TIMESTAMP_SECONDS, expiry.timestamp())
    turn = soonest(assessment.forecast)
    if turn is not None:
        put(_Metric.NEXT_CHANGE_TIMESTAMP_SECONDS, turn.at.timestamp())
    for store in assessment.stores:
        put(_Metric.STORE_TRUSTED, store.trusted, store=store.name)
    for finding in assessment.findings:
        put(_Metric.FINDING, 1, rule=finding.rule, severity=finding.severity.value)


def _family(metric: _Metric, values: dict[str, float]) -> Iterator[str]:
    name = f"eop_probe_{metric.name.lower()}"
    yield f"# HELP {name} {metric.value}\n# TYPE {name} gauge\n"
    yield from (f"{name}{labels} {float(value):.15g}\n" for labels, value in values.items())
