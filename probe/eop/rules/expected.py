"""What is said where an endpoint is not as its fleet file pins it (`probe.eop.expectations` compares), or not the same
from everywhere (`probe.report.vantages`).
"""

from __future__ import annotations

from probe.eop.evidence import Evidence
from probe.eop.rules.rule import Rule, Said
from probe.eop.vocabulary import Severity
from probe.statement import Confidence

_OWN = ("the comparison itself, no statement of Microsoft",)
_CHANGED = (
    "Where the change was wanted, write it into the fleet file; where not, find out who changed the server."
)


def _nothing(_: Evidence) -> Said | None:
    return None


def _rule(rule_id: str, title: str, meaning: str) -> Rule:
    return Rule(
        id=rule_id,
        title=title,
        severity=Severity.RISK,
        confidence=Confidence.INFERRED,
        references=_OWN,
        meaning=meaning,
        advice=(_CHANGED,),
        say=_nothing,
    )


UNEXPECTED_ISSUER = _rule(
    "unexpected-issuer",
    "The certificate has another issuer than expected",
    "The fleet file pins the issuer (expect.issuer), and the certificate that was presented is another one's.",
)
UNEXPECTED_NAMES = _rule(
    "unexpected-names",
    "The certificate lacks names that are expected",
    "The fleet file pins DNS names (expect.names), and the certificate that was presented does not bear all of them.",
)
UNEXPECTED_OUTCOME = _rule(
    "unexpected-outcome",
    "The outcome is not the expected one",
    "The fleet file pins the outcome (expect.outcome), and the judgement came to another one, better or worse.",
)

VANTAGE_POINTS_DIFFER = Rule(
    id="vantage-points-differ",
    title="The target shows something else from another vantage point",
    severity=Severity.RISK,
    confidence=Confidence.INFERRED,
    references=_OWN,
    meaning="At the same time one vantage point (--vantage) saw another certificate, or came to another verdict, than "
    "another one. Which of them Exchange Online meets is not known.",
    advice=(
        "Find out where each leads: other addresses by DNS, other nodes of a balancer, a device that inspects SMTP.",
        "Bring the nodes to the same certificate and chain; where one site cannot reach the server, mend that.",
    ),
    say=_nothing,
)

EXPECTED_RULES: tuple[Rule, ...] = (
    UNEXPECTED_ISSUER,
    UNEXPECTED_NAMES,
    UNEXPECTED_OUTCOME,
    VANTAGE_POINTS_DIFFER,
)
