"""The metrics of an endpoint in Prometheus' text exposition format 0.0.4: one table for every place that shows them.

Each series bears what makes it its endpoint's own, and no timestamp. What a peer sent stands in `_info` series only, so
that another certificate ends no series but those.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from probe.eop.forecast import soonest
from probe.pki.certificate import Certificate
from probe.pki.truststore import ListRole
from probe.render.report.facts import path_certificates, soonest_expiry
from probe.report.assessment import Assessment
from probe.text import printable

#: Characters of one label's value; a scrape can be told to refuse longer ones (label_value_length_limit).
MAX_LABEL = 500
#: Certificates of one chain, as sent, that have series of their own; what is sent beyond stands in a report.
MAX_ELEMENTS = 16

_OUTCOMES = "0 accepted, 1 at-risk, 2 rejected, 3 unknown"


class Metric(enum.Enum):
    """What each says (HELP); its name is the member's.

    None is reworded: of two files that differ in it node_exporter shows one.
    """

    OUTCOME = f"Predicted outcome: {_OUTCOMES}."
    SUCCESS = "Whether a certificate was observed and judged."
    NOT_AFTER_TIMESTAMP_SECONDS = "When the first certificate of the deciding path expires."
    NEXT_CHANGE_TIMESTAMP_SECONDS = "When the outcome will change as far as is known."
    DURATION_SECONDS = "Time spent on every connection to the endpoint."
    STORE_TRUSTED = "Whether a list of roots trusts the presented chain."
    FINDING = "A rule that had something to say; always 1."
    INTERRUPTED = "The run was interrupted before every target was done; always 1."
    GENERATED_TIMESTAMP_SECONDS = "When the report that says so was made."
    LAST_PROBE_TIMESTAMP_SECONDS = "When the endpoint was last probed."
    NEXT_OUTCOME = f"What the outcome will change into: {_OUTCOMES}."
    PATH_EXPIRY_TIMESTAMP_SECONDS = "When the first certificate of the path by Microsoft's list expires."
    CERTIFICATE_NOT_AFTER_TIMESTAMP_SECONDS = "When a certificate expires; element 0 is the first one sent."
    STORE_DATED_TIMESTAMP_SECONDS = "Which date a list of roots bears."
    CERTIFICATE_INFO = "A certificate as it was sent; always 1."
    PREDICTION_INFO = "What the outcome rests on; always 1."

    @functools.cached_property
    def label(self) -> str:
        """Its name in an exposition."""
        return f"eop_probe_{self.name.lower()}"


#: The samples of each metric, in lines.
Lines = dict[Metric, str]


class _Sample(NamedTuple):
    metric: Metric
    value: float
    labels: Mapping[str, str] = {}


_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def labels_of(named: Mapping[str, str]) -> str:
    """Labels as the format has them, without the braces: ``a="b",c="d"``."""
    return ",".join(
        f'{name}="{printable(value, MAX_LABEL).translate(_ESCAPES)}"' for name, value in named.items()
    )


def own_labels(assessment: Assessment, more: Mapping[str, str]) -> dict[str, str]:
    """What tells an endpoint's series from any other's; of `more` only what has another name."""
    capture = assessment.capture
    return {
        "target": assessment.target,
        "host": capture.host,
        "address": capture.address or "",
        "port": str(capture.port or ""),
        "direction": assessment.evidence.direction.value,
    } | {name: text for name, text in more.items() if name not in TAKEN and not name.startswith("__")}


#: Labels that a fleet's own cannot replace: one that stands twice spoils the whole scrape.
TAKEN = frozenset((
    "target", "host", "address", "port", "direction", "rule", "severity", "confidence", "store", "reply", "basis",
    "element", "subject", "issuer", "serial", "sha1", "sha256", "dns_names",
))  # fmt: skip


def lines_of(assessment: Assessment, own: str) -> Lines:
    """An endpoint's samples, with its `own` labels in each; what would occur twice keeps its first value."""
    lines: Lines = {}
    values: dict[tuple[Metric, str], float] = {}
    for metric, value, labels in _samples(assessment):
        values.setdefault((metric, labels_of(labels)), value)
    for (metric, told), value in values.items():
        lines[metric] = lines.get(metric, "") + line(metric, f"{own},{told}" if told else own, value)
    return lines


def line(metric: Metric, labels: str, value: float) -> str:
    """One sample."""
    return f"{metric.label}{f'{{{labels}}}' if labels else ''} {value:.15g}\n"


def families(endpoints: Collection[Lines]) -> str:
    """The samples of all endpoints, those of a metric together below its HELP and TYPE."""
    parts: list[str] = []
    for metric in Metric:
        found = [lines[metric] for lines in endpoints if metric in lines]
        if found:
            parts += f"# HELP {metric.label} {metric.value}\n# TYPE {metric.label} gauge\n", *found
    return "".join(parts)


def probe_text(assessments: Sequence[Assessment], seconds: float) -> str:
    """What is answered to a scrape of one target that took so long.

    Metrics of blackbox_exporter that mean the same stand first, of the whole target; then those of each endpoint.
    """
    endpoints = {
        own: lines_of(each, own) for each in assessments for own in (labels_of(own_labels(each, {})),)
    }
    return "".join(_as_blackbox_exporter(assessments, seconds)) + families(endpoints.values())


def _as_blackbox_exporter(found: Sequence[Assessment], seconds: float) -> Iterator[str]:
    def metric(name: str, told: str, value: float) -> str:
        return f"# HELP {name} {told}\n# TYPE {name} gauge\n{name} {value:.15g}\n"

    good = bool(found) and all(each.outcome.exit_code <= 1 for each in found)
    yield metric("probe_success", "Displays whether or not the probe was a success", good)
    yield metric("probe_duration_seconds", "Returns how long the probe took to complete in seconds", seconds)
    expiry = soonest_expiry(cert for each in found for _, cert in _sent(each))
    if expiry is not None:
        name = "probe_ssl_earliest_cert_expiry"
        yield metric(name, "Returns earliest SSL cert expiry in unixtime", expiry.timestamp())
    versions = {6 if ":" in each.capture.address else 4 for each in found if each.capture.address}
    if len(versions) == 1:
        yield metric("probe_ip_protocol", "Specifies whether probe ip protocol is IP4 or IP6", *versions)


def _samples(assessment: Assessment) -> Iterator[_Sample]:
    yield _Sample(Metric.SUCCESS, bool(assessment.stores))
    yield _Sample(Metric.DURATION_SECONDS, assessment.elapsed_ms / 1000)
    yield _Sample(Metric.LAST_PROBE_TIMESTAMP_SECONDS, assessment.started_at.timestamp())
    yield _Sample(Metric.OUTCOME, assessment.outcome.exit_code)
    yield from _of_dates(assessment)
    yield from _of_stores(assessment)
    yield from _of_certificates(assessment)
    for finding in assessment.findings:
        labels = {"rule": finding.rule, "severity": finding.severity.value}
        yield _Sample(Metric.FINDING, 1, labels | {"confidence": finding.confidence.value})
    made = assessment.prediction
    if made is not None:
        told = {"rule": made.rule or "", "reply": made.reply or "", "confidence": made.confidence.value}
        yield _Sample(Metric.PREDICTION_INFO, 1, told | {"basis": made.basis.value})


def _of_dates(assessment: Assessment) -> Iterator[_Sample]:
    expiry = soonest_expiry(path_certificates(assessment))
    if expiry is not None:
        yield _Sample(Metric.NOT_AFTER_TIMESTAMP_SECONDS, expiry.timestamp())
    turn = soonest(assessment.forecast)
    if turn is not None:
        yield _Sample(Metric.NEXT_CHANGE_TIMESTAMP_SECONDS, turn.at.timestamp())
        yield _Sample(Metric.NEXT_OUTCOME, turn.outcome.exit_code)


def _of_stores(assessment: Assessment) -> Iterator[_Sample]:
    for store in assessment.stores:
        labels = {"store": store.name}
        yield _Sample(Metric.STORE_TRUSTED, store.trusted, labels)
        if store.dated is not None:
            yield _Sample(Metric.STORE_DATED_TIMESTAMP_SECONDS, store.dated.timestamp(), labels)
    microsofts = next((store for store in assessment.stores if store.role is ListRole.MICROSOFT), None)
    expiry = soonest_expiry(microsofts.certificates if microsofts else ())
    if expiry is not None:
        yield _Sample(Metric.PATH_EXPIRY_TIMESTAMP_SECONDS, expiry.timestamp())


def _of_certificates(assessment: Assessment) -> Iterator[_Sample]:
    for element, certificate in _sent(assessment):
        place = {"element": str(element)}
        expiry = certificate.not_after.timestamp()
        yield _Sample(Metric.CERTIFICATE_NOT_AFTER_TIMESTAMP_SECONDS, expiry, place)
        yield _Sample(Metric.CERTIFICATE_INFO, 1, place | _about(certificate))


def _sent(assessment: Assessment) -> Iterator[tuple[int, Certificate]]:
    """The readable ones of the first certificates sent, with their places."""
    presented = assessment.capture.presented
    for element, entry in enumerate(presented.entries[:MAX_ELEMENTS] if presented else ()):
        if isinstance(entry, Certificate):
            yield element, entry


def _about(certificate: Certificate) -> dict[str, str]:
    return {
        "subject": certificate.subject.windows,
        "issuer": certificate.issuer.windows,
        "serial": certificate.serial_hex.lower(),
        "sha1": certificate.sha1,
        "sha256": certificate.sha256,
        "dns_names": ", ".join(certificate.dns_names),
    }
