"""What a verdict takes of an attribution, and what the rules of the chain say already."""

from __future__ import annotations

from probe.eop.attribution import names_of
from tests.eop.weighing import HOST, ISSUING, LEAF, SELF_SIGNED, anchors, evidence


def test_what_the_rules_of_the_chain_tell_is_not_told_twice() -> None:
    assert names_of(evidence()) is None
    healthy = names_of(evidence(LEAF, ISSUING))
    assert healthy is not None
    assert (healthy.every_name, healthy.not_after, healthy.self_signed) == ((HOST,), None, False)
    refused = names_of(evidence(SELF_SIGNED))
    assert refused is not None
    assert refused.self_signed is None
    # What no rule of the chain complains of is said.
    taken = names_of(evidence(SELF_SIGNED, stores=[anchors(SELF_SIGNED)]))
    assert taken is not None
    assert taken.self_signed is True
    unjudged = names_of(evidence(SELF_SIGNED, stores=()))
    assert unjudged is not None
    assert unjudged.self_signed is None
