"""TLS reports as a JSON document, as CSV, and as metrics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from probe.exchange.tlsrpt import kinds
from probe.exchange.tlsrpt.report import NOT_TOLD, SUCCESS, Failure
from probe.render.exchange.documents import picked
from probe.render.page.options import RenderOptions
from probe.render.page.steps import commands_json, steps_json
from probe.render.page.table import csv_row
from probe.render.report.metrics import labels_of
from probe.render.tlsrpt.words import meanings, state
from probe.report.tlsrpt import PolicyDay, Series, TlsReports, kinds_of, midnight

SCHEMA = "eop-probe/tlsrpt/1"
COLUMNS = (
    "day", "domain", "policy", "mode", "mx_hosts", "sender", "result", "sessions", "receiving_host", "receiving_ip",
    "sending_ip", "reason", "proof", "report_id", "files",
)  # fmt: skip

#: Name and HELP of each metric.
_METRICS = {
    "sessions": "Sessions of the newest day a TLS report tells of, by result.",
    "day_timestamp_seconds": "When the newest day a TLS report tells of began.",
    "outcome": "What TLS reports say of the newest day: 0 accepted, 1 at-risk, 2 rejected, 3 unknown.",
    "reports": "TLS reports that were read, each once.",
    "unread": "TLS reports that could not be read.",
}


def document(reports: TlsReports) -> dict[str, Any]:
    """The document; `summary` says it by domain, sender, proof and policy, `reports` as each report has it."""
    met = tuple(meanings(reports))
    check = kinds.checks(dict.fromkeys(name for one in met for name in one.domains))
    return {
        "schema": SCHEMA,
        "outcome": reports.outcome.value,
        "summary": [_series(one) for one in reports.series],
        "meanings": [picked(one, "kind policy domains sessions meaning remedy") for one in met],
        "check": steps_json(check),
        "check_commands": commands_json(check),
        "reports": [
            {
                **picked(one, "organization=report.organization contact=report.contact id=report.id"),
                **picked(one, "begin=report.begin end=report.end files=places"),
                "proof": {"state": state(one.proof), **picked(one.proof, "domain selector key reason")},
                "policies": [_policy(PolicyDay(one, policy)) for policy in one.report.policies],
            }
            for one in reports.received
        ],
        **picked(reports, "unread others problems"),
    }


def _series(series: Series) -> dict[str, Any]:
    days = [
        {
            "day": one.day.isoformat() if one.day else None,
            "report": one.received.report.id,
            **picked(one, "outcome mode=policy.mode succeeded=policy.succeeded failed=policy.failed"),
            "kinds": [{"kind": kind, "sessions": count} for kind, count in kinds_of([one]).items()],
        }
        for one in series.days
    ]
    proof = "proven" if series.proven else "supplied"
    return picked(series, "domain sender policy outcome", proof=proof, days=days)


def _policy(one: PolicyDay) -> dict[str, Any]:
    failures = [
        picked(failure, "kind sessions host helo address sending_address reason more")
        for failure in one.policy.failures
    ]
    told = picked(
        one.policy, "type domain mode strings mx_hosts succeeded failed not_told", failures=failures
    )
    return {**told, "outcome": one.outcome.value}


def csv(reports: TlsReports) -> str:
    """The header, and a row for each result of a policy: the good sessions, and each kind of failure as it was told."""
    days = [PolicyDay(one, policy) for one in reports.received for policy in one.report.policies]
    return csv_row(COLUMNS) + "".join(csv_row(row) for one in days for row in _rows(one))


def _rows(one: PolicyDay) -> Iterator[tuple[object, ...]]:
    report, policy, proof = one.received.report, one.policy, one.received.proof
    rest = Failure(kind=NOT_TOLD, sessions=policy.not_told)
    good = Failure(kind=SUCCESS, sessions=policy.succeeded)
    for told in (good, *policy.failures, *([rest] if policy.not_told else [])):
        yield (
            *(one.day, policy.domain, policy.type.value, policy.mode, " ".join(policy.mx_hosts)),
            *(report.organization, told.kind, told.sessions, told.host, told.address, told.sending_address),
            *(told.reason, state(proof), report.id, "; ".join(one.received.places)),
        )


def prometheus(reports: TlsReports, options: RenderOptions) -> str:
    """Gauges of the newest day of each policy, for a textfile collector; those of `tlsa` and `sts` stand apart."""
    own = {"file": options.file} if options.file else {}
    samples: dict[str, list[str]] = {name: [] for name in _METRICS}

    def put(name: str, number: float, labels: dict[str, str]) -> None:
        told = labels_of(labels | own)
        samples[name].append(f"eop_probe_tlsrpt_{name}{f'{{{told}}}' if told else ''} {number:.15g}\n")

    for series in reports.series:
        labels = {"domain": series.domain, "sender": series.sender, "policy": series.policy.value}
        labels["proof"] = "proven" if series.proven else "supplied"
        for result, sessions in _sessions(series).items():
            if sessions is not None:  # what is not told is no 0
                put("sessions", sessions, labels | {"result": result})
        put("outcome", series.outcome.exit_code, labels)
        if series.newest[0].day:
            put("day_timestamp_seconds", midnight(series.newest[0].day).timestamp(), labels)
    for proof in ("proven", "supplied"):
        put("reports", sum(state(one.proof) == proof for one in reports.received), {"proof": proof})
    put("unread", reports.unread, {})
    return "".join(_family(name, lines) for name, lines in samples.items() if lines)


def _sessions(series: Series) -> dict[str, int | None]:
    """Sessions of the newest day by result; None where one of its reports does not tell how many."""
    told: dict[str, list[int | None]] = {SUCCESS: [one.policy.succeeded for one in series.newest]}
    for one in series.newest:
        for failure in one.policy.failures:
            told.setdefault(failure.kind, []).append(failure.sessions)
        if one.policy.not_told:
            told.setdefault(NOT_TOLD, []).append(one.policy.not_told)
    return {kind: None if None in counts else sum(filter(None, counts)) for kind, counts in told.items()}


def _family(name: str, lines: list[str]) -> str:
    whole = f"eop_probe_tlsrpt_{name}"
    return f"# HELP {whole} {_METRICS[name]}\n# TYPE {whole} gauge\n{''.join(lines)}"
