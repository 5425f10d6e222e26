"""The values every renderer, history and diff shares: one assessment per address, one report per run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from probe.capture import Capture, Fault
from probe.eop.evidence import Evidence, StorePath
from probe.eop.finding import Finding
from probe.eop.forecast import Turn
from probe.eop.verdict import Prediction
from probe.eop.vocabulary import Outcome, Severity
from probe.values import value


@value
class Assessment:
    """What is to be said of one address of one target, with all of its evidence.

    `target` is what the user typed; `elapsed_ms` covers every connection made for it.
    """

    target: str
    started_at: datetime
    elapsed_ms: int
    outcome: Outcome
    predictions: tuple[Prediction, ...]
    findings: tuple[Finding, ...]
    evidence: Evidence
    mx_preference: int | None = None
    forecast: Sequence[Turn] = ()
    """When the verdict will change, soonest first."""
    confirmed: str = ""
    """What Microsoft confirmed or contradicted of it, as a ledger says."""
    vantage: str = ""
    """From where it was seen, where that has a name."""

    @property
    def critical(self) -> bool:
        """Whether it is refused, or a certificate has fewer than `critical_days` left: what Nagios calls critical."""
        from probe.eop.rules.leaf import critical

        return self.outcome is Outcome.REJECTED or critical(self.evidence)

    @property
    def prediction(self) -> Prediction | None:
        """The prediction that decided the outcome, or None where there is none at all."""
        made = self.predictions
        return next((each for each in made if each.outcome is self.outcome), next(iter(made), None))

    @property
    def deciding_finding(self) -> Finding | None:
        """The finding behind the outcome, or None where nothing is wrong.

        Where the outcome is worse than every prediction (a swap that is not safe, a key that does not
        fit), it is the first one that is more than a note.
        """
        made = self.prediction
        rule = made.rule if made else None
        if made and made.outcome is not self.outcome:
            worse = (f for f in self.findings if f.severity is not Severity.INFO and f.rule != rule)
            return next(worse, None)
        return next((finding for finding in self.findings if finding.rule == rule), None)

    @property
    def capture(self) -> Capture:
        """The observation that decided."""
        return self.evidence.capture

    @property
    def stores(self) -> tuple[StorePath, ...]:
        """The stores' opinions, the deciding one first."""
        return self.evidence.stores

    @property
    def error(self) -> Fault | None:
        """What ended the observation early, if anything."""
        return self.capture.fault


@value
class Report:
    """One run: every assessment in the order of the targets, and the outcome of the worst."""

    generated_at: datetime
    version: str
    assessments: tuple[Assessment, ...]
    interrupted: str = ""
    """How far the run came, where it was cut short."""

    @property
    def outcome(self) -> Outcome:
        """The worst assessment's outcome; what was not done is unknown."""
        undone = (Outcome.UNKNOWN,) if self.interrupted else ()
        return Outcome.worst((*undone, *(assessment.outcome for assessment in self.assessments)))

    @property
    def exit_code(self) -> int:
        """The outcome's, or that of rejected where an assessment is critical."""
        critical = any(assessment.critical for assessment in self.assessments)
        return (Outcome.REJECTED if critical else self.outcome).exit_code
