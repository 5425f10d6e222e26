"""From evidence to one word: run the rules, keep every finding, let the most specific fault decide."""

from __future__ import annotations

import functools
from typing import NamedTuple

from probe.eop.evidence import Evidence
from probe.eop.finding import Finding
from probe.eop.rules import RULES
from probe.eop.rules.outbound import PASSED_OVER
from probe.eop.rules.rule import Given, Rule, Said, given
from probe.eop.rules.transport import ASSESSMENT_FAILED
from probe.eop.vocabulary import Basis, Direction, Outcome, Severity
from probe.pki.truststore import ListRole
from probe.statement import Confidence
from probe.values import value


@value
class Prediction:
    """What Exchange Online would say in one direction, which rule says so, and what it rests on.

    `rule` is None where nothing is wrong; `reply` is the SMTP reply, or None where none is known. Beside at-risk it is
    that to one MX host, where mail goes on over another.
    """

    direction: Direction
    outcome: Outcome
    reply: str | None
    rule: str | None
    confidence: Confidence
    basis: Basis


@value
class Verdict:
    """The prediction and every finding, the deciding one first, then by severity in the rules' order."""

    prediction: Prediction
    findings: tuple[Finding, ...]


_ORDER = (Severity.REJECT, Severity.RISK, Severity.INFO)


def judge(evidence: Evidence) -> Verdict:
    """Judge evidence already held; pure: the same evidence gives the same verdict.

    Without a chain that was judged, or an attribution where none was sent, it is unknown, or a refusal.
    """
    rules = _rules(given(evidence)) if evidence.failure is None else (ASSESSMENT_FAILED,)
    found = [rule.finding(said) for rule in rules if (said := _said(rule, evidence)) is not None]
    # Sorting is stable: within a severity the table's order stands, the most specific rule first.
    findings = sorted(found, key=lambda finding: _ORDER.index(finding.severity))
    return Verdict(prediction=_predict(evidence, findings), findings=tuple(findings))


def about_chain(evidence: Evidence, rule: str | None) -> bool:
    """Whether what `rule` decided is about the certificate chain, and so by a list of roots."""
    outbound = evidence.outbound
    passed_over = outbound is not None and outbound.own.delivers is False and rule in PASSED_OVER
    return outbound is None or not passed_over or outbound.own.by_roots


def _said(rule: Rule, evidence: Evidence) -> Said | None:
    said = rule.say(evidence)
    if said is None or evidence.outbound is None:
        return said
    from probe.eop.outbound.findings import (
        beside_dane,
    )  # as for those rules: most checks ask for none of this

    return beside_dane(rule, said, evidence, evidence.outbound)


@functools.lru_cache(maxsize=64)  # for every combination
def _rules(present: tuple[Given, ...]) -> tuple[Rule, ...]:
    """The rules that can have something to say, in the table's order."""
    return tuple(rule for rule in RULES if rule.given in present)


class Decision(NamedTuple):
    """The outcome, and the rule that decided."""

    outcome: Outcome
    rule: str | None


def decision(evidence: Evidence) -> Decision:
    """That of `judge`'s prediction, without anything that is found besides, or put into words."""
    risk = None
    for rule in _rules(given(evidence)):
        if (said := _said(rule, evidence)) is not None:
            severity = said.severity or rule.severity
            if severity is Severity.REJECT:
                return Decision(Outcome.REJECTED, rule.id)
            if risk is None and severity is Severity.RISK:
                risk = rule.id
    return Decision(_outcome(Severity.RISK if risk else None, evidence), risk)


def _predict(evidence: Evidence, found: list[Finding]) -> Prediction:
    deciding = next((f for f in found if f.severity is not Severity.INFO), None)
    outcome = _outcome(deciding.severity if deciding else None, evidence)
    rule = deciding.rule if deciding else None
    return Prediction(
        direction=evidence.direction,
        outcome=outcome,
        reply=deciding.reply if deciding and _replies(evidence, outcome, rule) else None,
        rule=rule,
        # "Nothing is wrong" is our reading of the documented rules, never Microsoft's word.
        confidence=deciding.confidence if deciding else Confidence.INFERRED,
        basis=evidence.basis,
    )


def _replies(evidence: Evidence, outcome: Outcome, rule: str | None) -> bool:
    """Whether a reply would be given: what another list refuses, Exchange Online may take."""
    if about_chain(evidence, rule) and evidence.deciding and evidence.deciding.role is ListRole.OTHER:
        return False
    return outcome is Outcome.REJECTED or (outcome is Outcome.AT_RISK and rule in PASSED_OVER)


def _outcome(deciding: Severity | None, evidence: Evidence) -> Outcome:
    if deciding is Severity.REJECT:
        return Outcome.REJECTED
    decided = evidence.deciding
    judged = (
        decided is not None and not decided.best().undecided
        if evidence.leaf is not None
        else evidence.attribution is not None
    )
    if not judged:
        return Outcome.UNKNOWN
    return Outcome.AT_RISK if deciding is not None else Outcome.ACCEPTED
