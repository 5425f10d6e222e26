"""What is said where more was found than is looked at."""

from __future__ import annotations

from probe.eop.evidence import Evidence
from probe.eop.rules.rule import Rule, Said
from probe.eop.vocabulary import LeftOut, Severity
from probe.statement import Confidence
from probe.text import listed


def _not_all(evidence: Evidence) -> Said | None:
    if not evidence.left_out:
        return None
    return Said(
        summary=" ".join(map(_counted, evidence.left_out)),
        detail="\n".join(f"Not probed: {listed(each.names)}." for each in evidence.left_out),
    )


def _counted(left: LeftOut) -> str:
    probed, more = left.found - len(left.names), len(left.names)
    which = "the preferred ones" if left.what == "MX host" else "the first ones"
    ending = "es" if left.what == "address" else "s"
    return (
        f"Of {left.found:,} {left.what}{ending} of {left.of} {probed} are probed, {which}; {more:,} are not."
    )


NOT_ALL_PROBED = Rule(
    id="not-all-probed",
    title="Not every host or address is probed",
    severity=Severity.INFO,
    confidence=Confidence.INFERRED,
    references=("a bound of eop-probe's own: docs/limits.md",),
    meaning="DNS names more MX hosts of a domain, or addresses of a host, than one target is probed at. Nothing is "
    "known of the others.",
    advice=(
        "Name the others as targets of their own: HOST, or HOST with --resolve HOST=IP for one address.",
    ),
    say=_not_all,
)
