"""Whatever bytes a peer presents, judging ends, raises nothing and says something."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.eop.verdict import judge
from probe.eop.vocabulary import Direction, Outcome
from tests.authority import raw_extension
from tests.eop.cases import leaf
from tests.eop.weighing import FROM_EOP, HOST, ISSUING, LEAF, NOW, ROOT, TO_EOP, evidence, verdict
from tests.examples import examples

TOLD = {
    "expected_name": HOST,
    "tls_sender_certificate_name": HOST,
    "accepted_domains": ("contoso.test",),
    "tls_domain": HOST,
}
RICH = leaf(
    key="rsa-2048",
    extra=tuple(
        raw_extension(oid, b"\x30\x00") for oid in ("1.3.6.1.5.5.7.1.1", "2.5.29.32", "1.3.6.1.4.1.311.21.10")
    ),
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A certificate with a few of its bytes changed, or cut off."""
    data = bytearray(draw(st.sampled_from([LEAF.der, RICH.der, ISSUING.der])))
    for _ in range(draw(st.integers(1, 4))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


@settings(max_examples=examples(300))
@given(
    chain=st.lists(
        damaged() | st.sampled_from([LEAF.der, ISSUING.der, ROOT.der]) | st.binary(max_size=40), max_size=4
    ),
    direction=st.sampled_from([TO_EOP, FROM_EOP]),
)
def test_no_bytes_raise(chain: list[bytes], direction: Direction) -> None:
    weighed = evidence(*chain, direction=direction, **TOLD)
    found = judge(weighed)
    good = weighed.deciding is not None and weighed.deciding.trusted
    assert found.prediction.outcome is not Outcome.ACCEPTED or good
    for each in found.findings:
        assert each.summary.isprintable()
        assert all(str(step).isprintable() for step in each.remedy)


@pytest.mark.parametrize("direction", [TO_EOP, FROM_EOP])
def test_many_names_are_not_many_words(direction: Direction) -> None:
    many = leaf(*(f"host-{number}.fabrikam.test" for number in range(3000)))
    began = time.process_time()
    found = verdict(many, ISSUING, direction=direction, **TOLD)
    assert time.process_time() - began < 5
    assert found.findings
    for each in found.findings:
        assert len(each.summary) < 500
        assert all(len(str(step)) < 1000 for step in each.remedy)


@pytest.mark.parametrize("years", [0, 30, 8000])
def test_any_instant_can_be_asked_about(years: int) -> None:
    """Dates at the ends of the calendar are no reason to fail."""
    at = NOW.replace(year=1) if years == 0 else NOW.replace(year=min(NOW.year + years, 9999))
    assert verdict(LEAF, ISSUING, at=at).prediction.outcome is Outcome.REJECTED


def test_a_lifetime_turned_round() -> None:
    """NotAfter before notBefore: expired and not yet valid at once, whatever the day."""
    turned = LEAF.der.replace((NOW - timedelta(days=50)).strftime("%y%m%d%H%M%SZ").encode(), b"491231235959Z")
    assert turned != LEAF.der
    found = verdict(turned, ISSUING)
    assert found.prediction.outcome is Outcome.REJECTED
    assert "not-yet-valid" in [each.rule for each in found.findings]
