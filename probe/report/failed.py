"""What is reported where the assessment itself fails: a defect of ours costs one result, never the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from probe.errors import ProbeError
from probe.text import printable

if TYPE_CHECKING:
    from datetime import datetime

    from probe.eop.evidence import Evidence
    from probe.report.assessment import Assessment

#: Characters of an exception's text that are told.
MAX_WORDS = 300


class Guard:
    """Ends a block at a defect met inside, and keeps it as one line; what is raised on purpose (ProbeError) passes."""

    __slots__ = ("failure",)  # each address that waits has one

    def __init__(self) -> None:
        self.failure = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        if not isinstance(error, Exception) or isinstance(error, ProbeError):
            return False
        self.failure = line(error)
        return True


def line(error: Exception) -> str:
    """Type, text and place of an exception, for whoever mends it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" ({trace.tb_frame.f_globals.get('__name__')}, line {trace.tb_lineno})" if trace else ""
    return f"{type(error).__name__}: {printable(str(error), MAX_WORDS)}{place}"


def failed(
    failure: str, target: str, evidence: Evidence, started_at: datetime, elapsed_ms: int = 0
) -> Assessment:
    """The assessment of what could not be assessed: unknown, with what was seen, and with the line to report."""
    from dataclasses import replace

    from probe.eop.verdict import judge
    from probe.report.assessment import Assessment

    evidence = replace(evidence, stores=(), failure=failure)
    verdict = judge(evidence)
    return Assessment(
        target=target,
        started_at=started_at,
        elapsed_ms=elapsed_ms,
        outcome=verdict.prediction.outcome,
        predictions=(verdict.prediction,),
        findings=verdict.findings,
        evidence=evidence,
    )
