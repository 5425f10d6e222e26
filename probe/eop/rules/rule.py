"""What a rule is made of: its place in the reference, and a pure function over the evidence."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import NamedTuple

from probe.eop.evidence import Evidence
from probe.eop.finding import Finding
from probe.eop.vocabulary import Basis, Severity
from probe.powershell import Steps
from probe.statement import Confidence


class Said(NamedTuple):
    """What a rule has to say this time; None for severity or confidence means the rule's own.

    Without a remedy the rule's advice stands; None says that nothing is to be done. Steps that are filled in come as
    a call, for a forecast asks for none.
    """

    summary: str
    detail: str = ""
    remedy: Steps | Callable[[], Steps] | None = ()
    reply: str | None = None
    severity: Severity | None = None
    confidence: Confidence | None = None


class Given(enum.Enum):
    """What a rule has nothing to say without."""

    ANYTHING = "anything"
    FAULT = "a fault that ended the connection"
    SEVERAL = "several connections to one address"
    FILE = "a certificate file"
    REVOCATION = "the word of issuers"
    UNTRUSTED = "a chain that the deciding list does not trust"
    OUTBOUND = "what Exchange Online looks at besides the connection"

    __hash__ = object.__hash__  # by identity, as `Purpose`


def given(evidence: Evidence) -> tuple[Given, ...]:
    """What there is of that, in its order."""
    capture, deciding = evidence.capture, evidence.deciding
    found = [Given.ANYTHING]
    if capture.fault is not None:
        found.append(Given.FAULT)
    if evidence.observations:
        found.append(Given.SEVERAL)
    if evidence.basis is Basis.FILE or evidence.file_key or evidence.file_unusual:
        found.append(Given.FILE)
    if evidence.revocation:
        found.append(Given.REVOCATION)
    if deciding is not None and not deciding.trusted:
        found.append(Given.UNTRUSTED)
    if evidence.outbound is not None:
        found.append(Given.OUTBOUND)
    return tuple(found)


class Rule(NamedTuple):
    """One row of the table: id, worst severity, confidence, sources, the general advice, the check.

    `meaning` and `advice` are for a reader without evidence (the rule pages, ``explain``);
    `say` looks at one piece of evidence and answers None where the rule does not apply, as it does without `given`.
    """

    id: str
    title: str
    severity: Severity
    confidence: Confidence
    references: tuple[str, ...]
    meaning: str
    advice: Steps
    say: Callable[[Evidence], Said | None]
    given: Given = Given.ANYTHING

    def finding(self, said: Said) -> Finding:
        """The finding of what this rule has to say."""
        remedy = said.remedy() if callable(said.remedy) else said.remedy
        return Finding(
            rule=self.id,
            severity=said.severity or self.severity,
            confidence=said.confidence or self.confidence,
            summary=said.summary,
            detail=said.detail,
            remedy=() if remedy is None else remedy or self.advice,
            references=self.references,
            reply=said.reply,
        )
