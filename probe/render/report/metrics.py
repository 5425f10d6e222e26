"""The metrics of an endpoint in Prometheus' text exposition format 0.0.4: one table for every place that shows them.

Each series bears what makes it its endpoint's own, and no timestamp. What a peer sent stands in `_info` series only, so
that another certificate ends no series but those.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import starmap
from typing import NamedTuple

from probe.eop.forecast import soonest
from probe.eop.vocabulary import Outcome
from probe.pki.certificate import Certificate
from probe.pki.truststore import ListRole
from probe.render.report.facts import path_certificates, soonest_expiry
from probe.report.assessment import Assessment
from probe.report.record import Endpoint, Span
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
    CERTIFICATES_LEFT_OUT = "Certificates that were sent and have no series of their own."
    STORE_DATED_TIMESTAMP_SECONDS = "Which date a list of roots bears."
    CERTIFICATE_INFO = "A certificate as it was sent; always 1."
    PREDICTION_INFO = "What the outcome rests on; always 1."
    CONFIRMED_TIMESTAMP_SECONDS = "When Microsoft's newest word began that confirms what was predicted."
    CONTRADICTED_TIMESTAMP_SECONDS = "When Microsoft's newest word began that contradicts what was predicted."

    __hash__ = object.__hash__  # by identity, as `Purpose`

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
    endpoint = (capture.host, capture.address or "", capture.port, assessment.evidence.direction.value)
    return _own(assessment.target, *endpoint, more)


def labels_of_span(span: Span, more: Mapping[str, str]) -> dict[str, str]:
    """The same of what a history tells."""
    return labels_of_endpoint(span.target, span.endpoint, more)


def labels_of_endpoint(target: str, endpoint: Endpoint, more: Mapping[str, str]) -> dict[str, str]:
    """The same of an endpoint by itself."""
    return _own(target, *endpoint[:4], more)


def _own(
    target: str, host: str, address: str, port: int, direction: str, more: Mapping[str, str]
) -> dict[str, str]:
    own = {
        "target": target,
        "host": host,
        "address": address,
        "port": str(port or ""),
        "direction": direction,
    }
    return own | {
        name: text for name, text in more.items() if name not in TAKEN and not name.startswith("__")
    }


#: Labels that a fleet's own cannot replace: one that stands twice spoils the whole scrape.
TAKEN = frozenset((
    "target", "host", "address", "port", "direction", "rule", "severity", "confidence", "store", "reply", "basis",
    "source", "trust", "element", "subject", "issuer", "serial", "sha1", "sha256", "dns_names",
))  # fmt: skip


def lines_of(assessment: Assessment, own: str) -> Lines:
    """An endpoint's samples, with its `own` labels in each; what would occur twice keeps its first value."""
    return _lines(_samples(assessment), own)


def lines_of_span(span: Span, own: str, expiries: Mapping[str, datetime]) -> Lines:
    """As much as a history tells; `expiries` are those of certificates by their SHA-256."""
    return _lines(_of_span(span, expiries), own)


def _lines(samples: Iterable[_Sample], own: str) -> Lines:
    lines: Lines = {}
    values: dict[tuple[Metric, str], float] = {}
    for metric, value, labels in samples:
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


def _samples(assessment: Assessment) -> Iterator[_Sample]:
    look = assessment.started_at, assessment.elapsed_ms
    yield from _of_look(*look, assessment.outcome, judged=bool(assessment.stores))
    yield from _of_dates(assessment)
    for store in assessment.stores:
        yield from _of_list(store.name, store.dated, trusted=store.trusted)
    yield from _of_certificates(assessment)
    for finding in assessment.findings:
        yield _found(finding.rule, finding.severity.value, finding.confidence.value)
    made = assessment.prediction
    if made is not None:
        yield _rests(made.rule, made.reply, made.confidence.value, made.basis.value)


def _of_span(span: Span, expiries: Mapping[str, datetime]) -> Iterator[_Sample]:
    state = span.state
    yield from _of_look(span.last, span.elapsed_ms, state.outcome, judged=bool(span.lists))
    for used in span.lists:
        yield from _of_list(used.name, used.dated, trusted=used.trusted)
    if len(state.chains) == 1:  # which of several decided is not told
        [shown] = state.chains
        told = [
            (element, expiries[each]) for element, each in enumerate(shown[:MAX_ELEMENTS]) if each in expiries
        ]
        yield from starmap(_expires, told)
        yield _left_out(len(shown) - len(told))
    for finding in state.findings:
        yield _found(*finding)
    confidence = next((each.confidence for each in state.findings if each.rule == state.rule), "")
    yield _rests(state.rule, state.reply, confidence, span.endpoint.basis)


def _of_look(at: datetime, elapsed_ms: int, outcome: Outcome, *, judged: bool) -> Iterator[_Sample]:
    yield _Sample(Metric.SUCCESS, judged)
    yield _Sample(Metric.DURATION_SECONDS, elapsed_ms / 1000)
    yield _Sample(Metric.LAST_PROBE_TIMESTAMP_SECONDS, at.timestamp())
    yield _Sample(Metric.OUTCOME, outcome.exit_code)


def _of_list(name: str, dated: datetime | None, *, trusted: bool) -> Iterator[_Sample]:
    yield _Sample(Metric.STORE_TRUSTED, trusted, {"store": name})
    if dated is not None:
        yield _Sample(Metric.STORE_DATED_TIMESTAMP_SECONDS, dated.timestamp(), {"store": name})


def _expires(element: int, at: datetime) -> _Sample:
    return _Sample(Metric.CERTIFICATE_NOT_AFTER_TIMESTAMP_SECONDS, at.timestamp(), {"element": str(element)})


def _left_out(number: int) -> _Sample:
    return _Sample(Metric.CERTIFICATES_LEFT_OUT, number)


def _found(rule: str, severity: str, confidence: str) -> _Sample:
    return _Sample(Metric.FINDING, 1, {"rule": rule, "severity": severity, "confidence": confidence})


def _rests(rule: str | None, reply: str | None, confidence: str, basis: str) -> _Sample:
    told = {"rule": rule or "", "reply": reply or "", "confidence": confidence, "basis": basis}
    return _Sample(Metric.PREDICTION_INFO, 1, told)


def _of_dates(assessment: Assessment) -> Iterator[_Sample]:
    expiry = soonest_expiry(path_certificates(assessment))
    if expiry is not None:
        yield _Sample(Metric.NOT_AFTER_TIMESTAMP_SECONDS, expiry.timestamp())
    turn = soonest(assessment.forecast)
    if turn is not None:
        yield _Sample(Metric.NEXT_CHANGE_TIMESTAMP_SECONDS, turn.at.timestamp())
        yield _Sample(Metric.NEXT_OUTCOME, turn.outcome.exit_code)
    microsofts = next((store for store in assessment.stores if store.role is ListRole.MICROSOFT), None)
    expiry = soonest_expiry(microsofts.certificates if microsofts else ())
    if expiry is not None:
        yield _Sample(Metric.PATH_EXPIRY_TIMESTAMP_SECONDS, expiry.timestamp())


def _of_certificates(assessment: Assessment) -> Iterator[_Sample]:
    told, presented = list(sent(assessment)), assessment.capture.presented
    if presented:
        yield _left_out(len(presented.entries) + presented.dropped - len(told))
    for element, certificate in told:
        yield _expires(element, certificate.not_after)
        yield _Sample(Metric.CERTIFICATE_INFO, 1, {"element": str(element)} | _about(certificate))


def sent(assessment: Assessment) -> Iterator[tuple[int, Certificate]]:
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
