"""A finding: what one rule has to say about the evidence, in words a person can act on."""

from __future__ import annotations

from probe.eop.vocabulary import Severity
from probe.powershell import Steps
from probe.statement import Confidence
from probe.values import value


@value
class Finding:
    """One rule's statement.

    `summary` is one sentence; `detail` says more, in paragraphs; `remedy` holds steps in order; `reply`
    is the SMTP reply Exchange Online would give, verbatim, or None where none is known.
    """

    rule: str
    severity: Severity
    confidence: Confidence
    summary: str
    detail: str = ""
    remedy: Steps = ()
    references: tuple[str, ...] = ()
    reply: str | None = None
