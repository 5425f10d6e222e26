"""The audit table: every rule, the most specific first; the first of the worst severity decides."""

from __future__ import annotations

from probe.eop.rules.bounded import NOT_ALL_PROBED
from probe.eop.rules.handshake import HANDSHAKE_RULES, KEY_TYPE_NOT_ASKED
from probe.eop.rules.leaf import LEAF_RULES
from probe.eop.rules.lists import LIST_RULES, STORES_DISAGREE
from probe.eop.rules.names import NAME_RULES
from probe.eop.rules.outbound import OUTBOUND_NOTES, OUTBOUND_RULES
from probe.eop.rules.presentable import PRESENTABLE_RULES
from probe.eop.rules.revocation import REVOCATION_RULES
from probe.eop.rules.rule import Rule, Said
from probe.eop.rules.sender import SENDER_RULES
from probe.eop.rules.sent import SENT_RULES
from probe.eop.rules.transport import TRANSPORT_RULES
from probe.eop.rules.trust import TRUST_RULES
from probe.eop.rules.usage import USAGE_RULES

RULES: tuple[Rule, ...] = (
    *OUTBOUND_RULES,
    *TRANSPORT_RULES,
    *HANDSHAKE_RULES,
    *SENDER_RULES,
    *TRUST_RULES,
    *PRESENTABLE_RULES,
    *USAGE_RULES,
    *LEAF_RULES,
    *REVOCATION_RULES,
    *NAME_RULES,
    *SENT_RULES,
    *LIST_RULES,
    KEY_TYPE_NOT_ASKED,
    STORES_DISAGREE,
    NOT_ALL_PROBED,
    *OUTBOUND_NOTES,
)

__all__ = ["RULES", "Rule", "Said"]
