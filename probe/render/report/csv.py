"""The report as CSV (RFC 4180): a header, and a row for each endpoint, which can be written as it comes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from probe.eop.forecast import soonest
from probe.render.page.options import RenderOptions
from probe.render.page.table import csv_row
from probe.render.report.facts import (
    instant,
    path_certificates,
    reply,
    soonest_expiry,
)
from probe.render.report.wording import verdict_sentence
from probe.report.assessment import Assessment, Report

COLUMNS = (
    "target", "host", "address", "port", "direction", "outcome", "rule", "reply", "reason", "expires", "next_change",
    "subject", "issuer", "sha256", "started_at", "elapsed_ms", "labels", "vantage",
    "left_out",
)  # fmt: skip
_NONE: Mapping[str, str] = MappingProxyType({})


def render(report: Report, options: RenderOptions) -> str:  # noqa: ARG001 - every renderer is called alike
    """Render the header and every row."""
    return header() + "".join(row(assessment) for assessment in report.assessments)


def header() -> str:
    """The names of the columns."""
    return csv_row(COLUMNS)


def row(assessment: Assessment, labels: Mapping[str, str] = _NONE) -> str:
    """One endpoint; `labels` as a fleet file gives them."""
    capture, leaf, made = assessment.capture, assessment.evidence.leaf, assessment.prediction
    decided, turn = assessment.deciding_finding, soonest(assessment.forecast)
    return csv_row(
        (
            assessment.target,
            capture.host,
            capture.address,
            capture.port or None,
            made.direction.value if made else None,
            assessment.outcome.value,
            decided.rule if decided else None,
            reply(assessment),
            decided.summary if decided else verdict_sentence(assessment),
            instant(soonest_expiry(path_certificates(assessment))),
            instant(turn.at) if turn else None,
            leaf.subject.windows if leaf else None,
            leaf.issuer.windows if leaf else None,
            leaf.sha256 if leaf else None,
            instant(assessment.started_at),
            assessment.elapsed_ms,
            " ".join(f"{name}={value}" for name, value in labels.items()),
            assessment.vantage,
            sum(len(each.names) for each in assessment.evidence.left_out) or None,
        )
    )
