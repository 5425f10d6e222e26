"""The heavy half of a check: the captures of one address, weighed and judged, the worst deciding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from probe.capture import Capture, KeyAnswer
from probe.check.endpoints import Endpoint
from probe.check.observe import dns_name
from probe.check.options import CheckOptions
from probe.eop.evidence import Evidence, Observation, weigh
from probe.eop.forecast import Forecast
from probe.eop.verdict import Decision, Verdict, judge
from probe.eop.vocabulary import Basis, Outcome
from probe.net.clock import monotonic
from probe.pki.memory import Memory
from probe.pki.truststore import TrustStore
from probe.report.assessment import Assessment


def judge_captures(
    found: Sequence[Capture],
    endpoint: Endpoint,
    options: CheckOptions,
    stores: Sequence[TrustStore],
    at: datetime,
    memory: Memory | None = None,
    until: float = math.inf,
) -> tuple[Evidence, Verdict]:
    """Judge every capture alone, then the worst of them once more in sight of the others.

    Issuers are asked, if at all, until that monotonic instant.

    Endpoints of one run share `memory`: a chain that it knows is not built again.
    """
    memory = memory or Memory()
    settings = options.settings
    if settings.expected_name is None and (name := options.sni or dns_name(endpoint)):
        # Without SNI the certificate still ought to bear the host's name.
        settings = replace(settings, expected_name=name)
    weighed = [
        weigh(
            capture,
            stores,
            direction=options.direction,
            basis=Basis.RECEIVE_CONNECTOR,
            at=at,
            settings=settings,
            memory=memory,
        )
        for capture in found
    ]
    if endpoint.left_out:
        weighed = [replace(evidence, left_out=endpoint.left_out) for evidence in weighed]
    verdicts = [judge(evidence) for evidence in weighed]
    worst = weighed[0]
    if len(weighed) > 1:
        worst = _worst(weighed, [verdict.prediction.outcome for verdict in verdicts])
    worst = with_revocation(worst, options, until)
    return worst, verdicts[0] if worst is weighed[0] else judge(worst)


def _worst(weighed: Sequence[Evidence], outcomes: Sequence[Outcome]) -> Evidence:
    """The evidence that decides, in sight of the others."""
    pairs = tuple(zip(outcomes, weighed, strict=True))
    counted = [pair for pair in pairs if pair[1].capture.answer is KeyAnswer.SHOWN]
    # A server that knows no such name has shown its certificate to whoever asked without one.
    named = [pair for pair in counted if not pair[1].capture.name_refused]
    counted = named if any(evidence.leaf for _, evidence in named) else counted
    decided = Outcome.worst(tuple(outcome for outcome, _ in counted))
    worst = next(evidence for outcome, evidence in counted if outcome is decided)
    seen = tuple(Observation(evidence.capture, outcome) for outcome, evidence in pairs)
    return replace(worst, observations=seen)


def with_revocation(evidence: Evidence, options: CheckOptions, until: float = math.inf) -> Evidence:
    """Add what issuers say of the deciding path's certificates, where the user wants them asked."""
    if not options.revocation or evidence.deciding is None:
        return evidence
    from probe.net.http import TIMEOUT_S, Reach
    from probe.net.revocation import standings

    reach = Reach(
        allow_private=options.revocation_allow_private,
        overrides=options.overrides,
        nameserver=options.nameserver,
        timeout_s=min(TIMEOUT_S, until - monotonic()),
    )
    path = tuple(element.certificate for element in evidence.deciding.best().elements)
    return replace(evidence, revocation=standings(path, evidence.capture.stapled, evidence.at, reach))


def assessed(
    found: Sequence[Capture],
    endpoint: Endpoint,
    options: CheckOptions,
    started_at: datetime,
    started: float,
    memory: Memory | None = None,
    until: float = math.inf,
) -> Assessment:
    """Judge what was seen of one address since `started` (monotonic); issuers are asked `until` another instant."""
    stores = tuple(options.stores())
    evidence, verdict = judge_captures(
        found, endpoint, options, stores, options.at or started_at, memory, until
    )
    elapsed = timedelta(seconds=monotonic() - started)
    return assessment(endpoint, started_at, elapsed, evidence, verdict, stores, memory)


def assessment(
    endpoint: Endpoint,
    started_at: datetime,
    elapsed: timedelta,
    evidence: Evidence,
    verdict: Verdict,
    stores: Sequence[TrustStore],
    memory: Memory | None = None,
) -> Assessment:
    """Put one address's verdict, evidence and forecast together."""
    made = verdict.prediction
    return Assessment(
        target=endpoint.target.text,
        started_at=started_at,
        elapsed_ms=round(elapsed / timedelta(milliseconds=1)),
        outcome=made.outcome,
        predictions=(made,),
        findings=verdict.findings,
        evidence=evidence,
        mx_preference=endpoint.mx_preference,
        forecast=Forecast(evidence, stores[0], memory, Decision(made.outcome, made.rule)) if stores else (),
    )
