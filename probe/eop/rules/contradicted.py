"""What is said where Microsoft's word contradicts a prediction: `probe.report.ledger` compares."""

from __future__ import annotations

from probe.eop.evidence import Evidence
from probe.eop.rules.rule import Rule, Said
from probe.eop.rules.transport import SMTP_PORT
from probe.eop.vocabulary import Direction, Severity
from probe.powershell import Steps, eop_probe
from probe.statement import Confidence


def _nothing(_: Evidence) -> Said | None:
    return None


def what_to_do(target: str, direction: Direction = Direction.FROM_EOP, port: int | None = None) -> Steps:
    """How to find out what a contradicted prediction did not know of."""
    other = str(port) if port not in (None, SMTP_PORT) else None
    look = eop_probe("check --thorough", target, direction=direction.value, port=other)
    steps: Steps = ("Look at the endpoint as thoroughly as there is, from outside:", look)
    if direction is Direction.TO_EOP:
        steps = (
            "Capture what the Send connector really presents: a probe sees the Receive connector's certificate only.",
            eop_probe("listen"),
            *steps,
        )
    return (
        *steps,
        "Where the endpoint is as it was judged, the prediction was wrong: please report the rule and both words.",
    )


PREDICTION_CONTRADICTED = Rule(
    id="prediction-contradicted",
    title="Microsoft's word contradicts the prediction",
    severity=Severity.REJECT,
    confidence=Confidence.INFERRED,
    references=(
        "the comparison itself, no statement of Microsoft",
        "RFC 8460 4.3: what the kinds of failure mean",
    ),
    meaning=(
        "What was predicted of an endpoint does not go together with what Microsoft's own report, or a message that "
        "arrived, says of the same time, and nothing else that is known explains it. Either another certificate was "
        "met than the one that was judged (another key type, another server behind the address, another path of the "
        "mail), or the rule is wrong for you: its other predictions are then as uncertain."
    ),
    advice=what_to_do("<endpoint>"),
    say=_nothing,
)
