"""A verdict on a chain and the attribution of its connection, put together: what a sender is told in the end.

A chain that Exchange Online would refuse stays refused: which of the two it looks at first is not published.
"""

from __future__ import annotations

from dataclasses import replace

from probe.eop.evidence import Evidence
from probe.eop.finding import Finding
from probe.eop.rules.names import NAME_RULES
from probe.eop.rules.rule import Rule, Said
from probe.eop.rules.sender import NO_CERTIFICATE
from probe.eop.verdict import Verdict, conclude, judge
from probe.eop.vocabulary import Outcome, Severity
from probe.exchange.attribution.tenant import Attributed, Attribution
from probe.exchange.replies import wording
from probe.statement import Confidence

_TENANT, _OWNED = (
    next(rule for rule in NAME_RULES if rule.id == wanted)
    for wanted in ("tenant-attribution", "not-an-accepted-domain")
)


def judge_attributed(evidence: Evidence, attribution: Attribution) -> Verdict:
    """Judge evidence of a sender whose connection is attributed so; pure.

    A missing client certificate is no fault by itself then: the attribution says what it means.
    """
    verdict = judge(evidence)
    presented = evidence.capture.presented
    bare = presented is not None and not presented.entries
    if presented is None or (evidence.leaf is None and not bare):
        return verdict  # no TLS, or nothing readable: the connection itself is not known
    refused = verdict.prediction.outcome is Outcome.REJECTED and not bare
    kept = (each for each in verdict.findings if each.rule != NO_CERTIFICATE.id)
    finding = _finding(attribution, bare=bare, refused=refused)
    return conclude(evidence, (finding, *kept), judged=bare or evidence.deciding is not None)


def _finding(attribution: Attribution, *, bare: bool, refused: bool) -> Finding:
    rule = _rule(attribution, bare=bare)
    severity, summary = _said(attribution, bare=bare)
    said = Said(
        summary=summary,
        detail="\n".join(attribution.sentences()),
        reply=attribution.reply if severity is Severity.REJECT else None,
        # A refused chain is what the sender is told of.
        severity=Severity.RISK if refused and severity is Severity.REJECT else severity,
        confidence=Confidence(attribution.label.value),
    )
    finding = rule.finding(said)
    # What is as it should be needs no steps.
    return replace(finding, remedy=()) if severity is Severity.INFO else finding


def _rule(attribution: Attribution, *, bare: bool) -> Rule:
    if bare:
        return NO_CERTIFICATE
    return _OWNED if attribution.reply == wording.RELAY_DENIED_ATTR36 else _TENANT


def _said(attribution: Attribution, *, bare: bool) -> tuple[Severity, str]:
    what = "The sender presented no client certificate, and " if bare else ""
    match attribution.outcome:
        case Attributed.REFUSED:
            why = (
                "neither the certificate nor the sender is of an accepted domain."
                if attribution.matching
                else "no inbound connector takes it."
            )
            return Severity.REJECT, _sentence(what, f"the mail is refused: {why}")
        case Attributed.INTERNET:
            text = "no inbound connector takes the mail: it counts as mail from the Internet."
            return Severity.RISK, _sentence(what, text)
        case Attributed.UNKNOWN:
            text = "whether an inbound connector takes the mail cannot be told from what was given."
            return Severity.RISK, _sentence(what, text)
        case Attributed.ATTRIBUTED:
            names = ", ".join(match.connector.name for match in attribution.matching) or "of the partner"
            return Severity.INFO, _sentence(what, f"the mail is taken by the inbound connector {names}.")


def _sentence(start: str, rest: str) -> str:
    return start + rest if start else rest[:1].upper() + rest[1:]
