"""Rules about whose list of roots decided: only Microsoft's speaks for Exchange Online."""

from __future__ import annotations

from probe.eop.evidence import Evidence, StorePath
from probe.eop.rules.rule import Rule, Said
from probe.eop.vocabulary import Severity
from probe.pki.truststore import ListRole
from probe.statement import Confidence

_PROGRAM = "Microsoft Trusted Root Program"
#: Where it says what becomes of roots that it trusts no longer, or not for everything.
DEPRECATIONS = f"{_PROGRAM}, deprecation definitions"


def _other_list(evidence: Evidence) -> Said | None:
    decided = evidence.deciding
    if decided is None or decided.role is ListRole.MICROSOFT:
        return None
    if decided.role is ListRole.APPROXIMATION:
        return Said(
            summary=f"The roots of {decided.name} stand for Microsoft's list, which could not be used here: this "
            "is an approximation.",
            severity=Severity.INFO,
        )
    return Said(
        summary=f"The list {decided.name} decided, not Microsoft's: it says nothing of what Exchange Online accepts.",
        detail=_microsofts_word(evidence.stores),
    )


def _microsofts_word(stores: tuple[StorePath, ...]) -> str:
    held = next((store for store in stores if store.role is not ListRole.OTHER), None)
    if held is None:
        return "Microsoft's list was not asked."
    said = "trusts" if held.trusted else "does not trust"
    why = "" if held.trusted else f" ({', '.join(held.best().faults)})"
    whose = (
        "Microsoft's list"
        if held.role is ListRole.MICROSOFT
        else f"{held.name}, in place of Microsoft's list,"
    )
    return f"{whose} {said} this chain{why}."


def _stand_in(evidence: Evidence) -> Said | None:
    decided = evidence.deciding
    if decided is None or decided.stand_in is None:
        return None
    return Said(
        summary=f"The roots of {decided.stand_in} count here as if Microsoft's list held them (--stand-in): this is "
        "what would be, not what is."
    )


def _stores_disagree(evidence: Evidence) -> Said | None:
    decided = evidence.deciding
    others = [s for s in evidence.stores[1:] if decided and s.trusted != decided.trusted]
    if decided is None or not others:
        return None
    names = " and ".join(store.name for store in others)
    if decided.trusted:
        return Said(summary=f"The {decided.name} store trusts this chain, {names} does not.")
    return Said(
        summary=f"The {decided.name} store does not trust this chain, although {names} does.",
        detail="A check with another product's root list would call it good.",
    )


LIST_RULES: tuple[Rule, ...] = (
    Rule(
        id="other-list-decides",
        title="Another list than Microsoft's decided",
        severity=Severity.RISK,
        confidence=Confidence.DOCUMENTED,
        references=(_PROGRAM,),
        meaning="Exchange Online goes by Microsoft's root program. A chain that an internal list of roots, or "
        "Mozilla's, trusts can be refused there, so where such a list was given first the outcome is at-risk at best.",
        advice=(
            (
                "Leave --store (and EOP_PROBE_STORE) out, or name microsoft first, to hear what Exchange Online would "
                "say."
            ),
            (
                "For a lab, or to ask what would be: --stand-in FILE takes the roots of FILE as if Microsoft's list "
                "held them."
            ),
        ),
        say=_other_list,
    ),
    Rule(
        id="stand-in",
        title="Roots stand in for Microsoft's list",
        severity=Severity.INFO,
        confidence=Confidence.INFERRED,
        references=(_PROGRAM,),
        meaning="--stand-in FILE takes the roots of FILE as if Microsoft's list held them: for a lab, and to ask "
        "what would be. Exchange Online knows nothing of these roots.",
        advice=("Leave --stand-in out to hear what Exchange Online would say today.",),
        say=_stand_in,
    ),
)

STORES_DISAGREE = Rule(
    id="stores-disagree",
    title="The root lists disagree",
    severity=Severity.INFO,
    confidence=Confidence.INFERRED,
    references=(DEPRECATIONS, "Mozilla CA certificate program"),
    meaning="Microsoft's and Mozilla's lists differ in dozens of roots. Exchange Online goes by Microsoft's; "
    "other mail systems go by others.",
    advice=(
        "Nothing for Exchange Online: the first store decides. Mind the others if other systems matter.",
    ),
    say=_stores_disagree,
)
