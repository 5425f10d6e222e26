"""The audit table: every rule, the most specific first; the first of the worst severity decides."""

from __future__ import annotations

from probe.eop.rules.leaf import LEAF_RULES
from probe.eop.rules.rule import Rule, Said
from probe.eop.rules.transport import TRANSPORT_RULES
from probe.eop.rules.trust import STORES_DISAGREE, TRUST_RULES

RULES: tuple[Rule, ...] = (*TRANSPORT_RULES, *TRUST_RULES, *LEAF_RULES, STORES_DISAGREE)

__all__ = ["RULES", "Rule", "Said"]
