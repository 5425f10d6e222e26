"""What an engine remembers: chains, and of targets that come again what was concluded of them.

Nothing is judged anew as long as all that is judged is the same and `unchanged_until` has not come.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from probe.capture import Capture
from probe.check import judge
from probe.check.endpoints import Endpoint
from probe.check.options import CheckOptions
from probe.eop.evidence import Evidence
from probe.eop.unchanged import unchanged_until
from probe.net.clock import monotonic
from probe.pki.memory import Memory
from probe.pki.recent import Recent
from probe.report.assessment import Assessment

#: Assessments remembered at least, about 10 KB each beside their chains.
MAX_ASSESSMENTS = 1024

Question = tuple[object, ...]


class _Concluded(NamedTuple):
    """It stands from its own instant until another."""

    assessment: Assessment
    until: datetime


class Remembered:
    """For one thread."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew: lists of roots may have been replaced."""
        self.chains = Memory()
        self._concluded: Recent[Question, _Concluded] = Recent(MAX_ASSESSMENTS)

    def assessed(
        self,
        found: Sequence[Capture],
        endpoint: Endpoint,
        options: CheckOptions,
        started_at: datetime,
        started: float,
        *,
        again: bool = False,
    ) -> Assessment:
        """As `judge.assessed` answers; with `again` what is concluded is kept, for the target will come again."""
        if not again or len(found) != 1 or options.revocation:
            return judge.assessed(found, endpoint, options, started_at, started, self.chains)
        stores = tuple(options.stores())
        asked = (endpoint, options.direction, options.settings, options.sni, stores, *judged_of(found[0]))
        known, at = self._concluded.get(asked), options.at or started_at
        if known is not None and known.assessment.evidence.at <= at < known.until:
            return _seen_again(known.assessment, found[0], at, started_at, monotonic() - started)
        made = judge.assessed(found, endpoint, options, started_at, started, self.chains)
        self._concluded[asked] = _Concluded(made, unchanged_until(made.evidence, stores, self.chains))
        return made


def _seen_again(
    known: Assessment, capture: Capture, at: datetime, started_at: datetime, seconds: float
) -> Assessment:
    before = known.evidence
    return Assessment(
        target=known.target,
        started_at=started_at,
        elapsed_ms=round(1000 * seconds),
        outcome=known.outcome,
        predictions=known.predictions,
        findings=known.findings,
        evidence=Evidence(
            direction=before.direction,
            basis=before.basis,
            capture=capture,
            stores=before.stores,
            at=at,
            settings=before.settings,
            left_out=before.left_out,
        ),
        mx_preference=known.mx_preference,
        forecast=known.forecast,
    )


def judged_of(capture: Capture) -> Question:
    """What rules look at: all but the transcript, which tells readers when each line came."""
    smtp = capture.smtp
    return (
        capture.host,
        capture.address,
        capture.port,
        smtp and (smtp.banner, smtp.ehlo, smtp.starttls_offered, smtp.plaintext_after_starttls),
        capture.tls,
        capture.presented,
        capture.fault,
        capture.how,
        capture.answer,
        capture.stapled,
    )
