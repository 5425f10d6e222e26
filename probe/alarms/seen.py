"""What a confirmed result says that somebody may have to be told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from msgspec.structs import replace

from probe.alarms.document import Facts, kept_steps, shown
from probe.eop.finding import Finding
from probe.eop.rules.expected import EXPECTED_RULES
from probe.eop.rules.leaf import ending
from probe.eop.rules.sender import UNEXPECTED_CERTIFICATE
from probe.eop.vocabulary import Outcome, Severity
from probe.render.report.facts import place
from probe.render.report.wording import reason, verdict_sentence
from probe.report.assessment import Assessment
from probe.report.record import Record

#: The alarm about what decides; an expectation that is not met has its own, by its rule.
VERDICT = "verdict"
_OF_CERTIFICATES = {"expired", "expires-soon"}
_UNEXPECTED = {UNEXPECTED_CERTIFICATE.id, *(rule.id for rule in EXPECTED_RULES)}
_UNEXPECTED_OUTCOME = "unexpected-outcome"
_SEVERITIES = {Severity.REJECT: Outcome.REJECTED, Severity.RISK: Outcome.AT_RISK}


class Seen(NamedTuple):
    """A confirmed result: what the history keeps of it, what was judged, and the labels of its target."""

    record: Record
    assessment: Assessment
    labels: Mapping[str, str]


class Look(NamedTuple):
    """One look at an endpoint.

    `problems` are about the endpoint, by their kind, `ending` about certificates, by SHA-256; `shows` tells whether a
    certificate was seen at all: where not, nothing is known of what is said of certificates.
    """

    key: str
    name: str
    host: str
    labels: Mapping[str, str]
    at: datetime
    facts: Facts
    problems: Mapping[str, Facts]
    ending: Mapping[str, Facts]
    shows: bool

    def tells(self, kind: str) -> bool:
        """Whether this look can tell that a problem of this kind is over."""
        return self.shows or kind in (VERDICT, _UNEXPECTED_OUTCOME)


def look_of(seen: Seen) -> Look:
    """What a result says of its endpoint and of its certificates."""
    assessment, record = seen.assessment, seen.record
    facts = Facts(
        target=assessment.target,
        direction=record.endpoint.direction,
        outcome=assessment.outcome.value,
        verdict=verdict_sentence(assessment),
        summary=reason(assessment),
        certificate=shown(assessment.evidence.leaf) if assessment.evidence.leaf else None,
        critical=assessment.critical,
    )
    return Look(
        key=json.dumps(record.endpoint),
        name=_name(assessment, record),
        host=record.endpoint.host,
        labels=dict(seen.labels),
        at=record.at,
        facts=facts,
        problems=dict(_problems(assessment, facts)),
        ending=_ending(assessment, facts),
        shows=assessment.evidence.leaf is not None,
    )


def _name(assessment: Assessment, record: Record) -> str:
    """What tells this endpoint from every other."""
    endpoint = record.endpoint
    others = ", ".join(filter(None, (endpoint.variant, endpoint.vantage and f"seen from {endpoint.vantage}")))
    return f"{place(assessment.capture)}, {endpoint.direction}" + (f" ({others})" if others else "")


def _problems(assessment: Assessment, facts: Facts) -> list[tuple[str, Facts]]:
    decided = assessment.deciding_finding
    found = []
    if assessment.outcome is not Outcome.ACCEPTED and (
        decided is None or decided.rule not in _UNEXPECTED | _OF_CERTIFICATES
    ):
        said = _with(facts, decided) if decided else replace(facts, rule=assessment.outcome.value)
        found.append((VERDICT, replace(said, outcome=assessment.outcome.value)))
    # That the outcome is not as expected is told by the verdict, where there is one to tell.
    told = {_UNEXPECTED_OUTCOME} if found else set()
    return found + [(f.rule, _with(facts, f)) for f in assessment.findings if f.rule in _UNEXPECTED - told]


def _ending(assessment: Assessment, facts: Facts) -> dict[str, Facts]:
    certificate = ending(assessment.evidence)
    finding = next((f for f in assessment.findings if f.rule in _OF_CERTIFICATES), None)
    if certificate is None or finding is None or finding.severity not in _SEVERITIES:
        return {}
    return {certificate.sha256: replace(_with(facts, finding), certificate=shown(certificate))}


def _with(facts: Facts, finding: Finding) -> Facts:
    severity = _SEVERITIES.get(finding.severity)
    return replace(
        facts,
        rule=finding.rule,
        outcome=severity.value if severity else facts.outcome,
        confidence=finding.confidence.value,
        summary=finding.summary,
        detail=finding.detail,
        reply=finding.reply,
        remedy=kept_steps(finding.remedy),
        references=finding.references,
    )
