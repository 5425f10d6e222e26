"""Every rule whose id a report can hold: for ``explain`` and the rule pages."""

from __future__ import annotations

from probe.eop.rules import RULES, Rule
from probe.eop.rules.swap import SWAP_RULES

EVERY_RULE: tuple[Rule, ...] = (*RULES, *SWAP_RULES)
