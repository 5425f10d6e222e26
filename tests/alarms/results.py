"""Results as a watch gives them: real certificates, really judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from probe.alarms.seen import Seen
from probe.capture import FaultKind
from probe.check.endpoints import Endpoint
from probe.check.judge import assessment, judge_captures
from probe.check.options import CheckOptions
from probe.eop.expectations import Expectation, missed
from probe.net.target import parse_target
from probe.report.record import record_of
from tests.authority import Issued
from tests.eop.weighing import CA, ISSUING, NOW, PRIVATE_ISSUING, PUBLIC, capture, fault

HEALTHY = CA.leaf(ISSUING, "mail.contoso.test")
RENEWED = CA.leaf(ISSUING, "mail.contoso.test", serial=77)
ENDING = CA.leaf(ISSUING, "mail.contoso.test", not_after=NOW + timedelta(days=5))
PRIVATE = CA.leaf(PRIVATE_ISSUING, "mail.contoso.test")


def seen(
    leaf: Issued | None = HEALTHY,
    *,
    host: str = "mail.contoso.test",
    at: datetime = NOW,
    labels: Mapping[str, str] | None = None,
    expected: Expectation | None = None,
) -> Seen:
    """What a check of `host` came to that showed `leaf` with its intermediate; None: it could not be reached."""
    found = (
        capture(fault=fault(FaultKind.UNREACHABLE, "connection refused"))
        if leaf is None
        else capture(*leaf.chain[: 3 if leaf.issuer is PRIVATE_ISSUING else 2])
    )
    target = parse_target(host)
    evidence, verdict = judge_captures(
        [replace(found, host=host)],
        Endpoint(target, host, 25, found.address),
        CheckOptions(stores=lambda: ()),
        [PUBLIC],
        at,
    )
    made = assessment(
        Endpoint(target, host, 25, found.address),
        at,
        timedelta(milliseconds=120),
        evidence,
        verdict,
        [PUBLIC],
    )
    if expected:
        made = replace(made, findings=(*made.findings, *missed(expected, made.evidence.leaf, made.outcome)))
    return Seen(record_of(made), made, labels or {})
