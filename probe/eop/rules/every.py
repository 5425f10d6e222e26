"""Every rule whose id a report can hold: for ``explain``, for pages and for what was recorded."""

from __future__ import annotations

from probe.eop.rules import RULES
from probe.eop.rules.contradicted import PREDICTION_CONTRADICTED
from probe.eop.rules.expected import EXPECTED_RULES
from probe.eop.rules.rule import Rule
from probe.eop.rules.swap import SWAP_RULES

EVERY_RULE: tuple[Rule, ...] = (*RULES, *SWAP_RULES, *EXPECTED_RULES, PREDICTION_CONTRADICTED)
