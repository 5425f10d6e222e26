"""What is kept of an assessment: what was seen of an endpoint and said of it, in a form that compares and is small.

Two looks at an endpoint are alike where their `State` is equal: what differs each time (when, how long it took, a
server's words) stands beside it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from probe.eop.vocabulary import Basis, Outcome
from probe.values import value

if TYPE_CHECKING:
    # A history is read without what judging needs.
    from probe.report.assessment import Assessment


class Endpoint(NamedTuple):
    """What is looked at again and again.

    `address` is empty where the name led to none; a listener's senders have the port 0. `variant` tells apart what is
    asked of one address in several ways (``sni=mail.contoso.com``), `vantage` from where.
    """

    host: str
    address: str
    port: int
    direction: str
    basis: str = Basis.RECEIVE_CONNECTOR.value
    variant: str = ""
    vantage: str = ""


class Said(NamedTuple):
    """A finding by its rule: the words are the rule's own. `severity` and `confidence` as in a report."""

    rule: str
    severity: str
    confidence: str


@value
class State:
    """One endpoint's state; equal states are one.

    `chains` holds each chain that was presented, once, as lower-case SHA-256, the end certificate first; several where
    several connections met several. `starttls` is None where the conversation did not come so far.
    """

    outcome: Outcome
    rule: str | None = None
    reply: str | None = None
    critical: bool = False
    findings: tuple[Said, ...] = ()
    chains: tuple[tuple[str, ...], ...] = ()
    starttls: bool | None = None
    tls: str | None = None
    phase: str | None = None
    fault: str | None = None


class ListUsed(NamedTuple):
    """A root list that was asked: `dated` is None where it bears no date."""

    name: str
    dated: datetime | None
    trusted: bool


@value
class Record:
    """One look: `at` is when it began, `error` what ended it early (escaped), `certificates` DER by SHA-256."""

    target: str
    endpoint: Endpoint
    at: datetime
    elapsed_ms: int
    state: State
    lists: tuple[ListUsed, ...] = ()
    error: str | None = None
    certificates: dict[str, bytes]


@value
class Span:
    """How long an endpoint was in one state: seen from `first` to `last` in so many `looks`, nothing else between them.

    A long gap between looks ends it, too: the next may be in the same state.

    `lists`, `error` and `elapsed_ms` are those of the last look; `number` orders the spans of an endpoint.
    """

    number: int
    target: str
    endpoint: Endpoint
    state: State
    first: datetime
    last: datetime
    looks: int
    elapsed_ms: int
    lists: tuple[ListUsed, ...] = ()
    error: str | None = None


def record_of(assessment: Assessment, *, variant: str = "", vantage: str | None = None) -> Record:
    """What is kept of an assessment."""
    evidence, capture = assessment.evidence, assessment.capture
    listened = evidence.basis is Basis.LISTENER
    endpoint = Endpoint(
        host=capture.host,
        address=capture.address or "",
        port=0 if listened else capture.port,
        direction=evidence.direction.value,
        basis=evidence.basis.value,
        variant=variant,
        vantage=assessment.vantage if vantage is None else vantage,
    )
    seen = [each.capture for each in evidence.connections] or [capture]
    presented = [one.presented.entries for one in seen if one.presented]
    decided, made = assessment.deciding_finding, assessment.prediction
    fault = assessment.error
    state = State(
        outcome=assessment.outcome,
        rule=decided.rule if decided else None,
        reply=made.reply if made else None,
        critical=assessment.critical,
        findings=tuple(
            sorted({Said(f.rule, f.severity.value, f.confidence.value) for f in assessment.findings})
        ),
        chains=tuple(sorted({tuple(entry.sha256 for entry in chain) for chain in presented})),
        starttls=capture.smtp.starttls_offered if capture.smtp and capture.smtp.ehlo else None,
        tls=capture.tls.version if capture.tls else None,
        phase=fault.phase.value if fault else None,
        fault=fault.kind.value if fault else None,
    )
    return Record(
        target=assessment.target,
        endpoint=endpoint,
        at=assessment.started_at,
        elapsed_ms=assessment.elapsed_ms,
        state=state,
        lists=tuple(ListUsed(each.name, each.dated, each.trusted) for each in assessment.stores),
        error=fault.message if fault else None,
        certificates={entry.sha256: entry.der for chain in presented for entry in chain},
    )
