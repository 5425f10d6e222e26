"""Counting in bounded memory: exact while there is room, and right about what counts beyond that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from probe.eop.vocabulary import Outcome
from probe.fleet.summary import MAX_LINES, Summary
from probe.fleet.tally import MAX_PLACES, Soonest, Tally
from probe.render.page.options import RenderOptions
from tests.render import samples

NOW = datetime(2026, 11, 28, tzinfo=UTC)


class TestTally:
    def test_it_is_exact_while_there_is_room(self) -> None:
        tally = Tally(10)
        for number in range(30):
            tally.add(str(number % 10), f"p{number}")
        assert tally.exact
        assert [(name, one.count, len(one.places)) for name, one in tally.most(2)] == [
            ("0", 3, MAX_PLACES),
            ("1", 3, 3),
        ]
        assert tally.most(10, least=4) == []

    def test_an_endpoint_is_named_once_and_shares_nothing_with_itself(self) -> None:
        tally = Tally(10)
        for place in "aaab":
            tally.add("shared", place)
            tally.add("own", "a")
        assert [(name, one.count, one.places) for name, one in tally.most(5, least=2)] == [
            ("shared", 4, ["a", "b"])
        ]

    def test_what_many_have_in_common_stays(self) -> None:
        tally = Tally(10)
        for number in range(1_000):
            tally.add("common", "p")
            tally.add(f"rare {number}", "p")
        assert not tally.exact
        assert len(tally) <= 10
        assert [(name, one.count) for name, one in tally.most(1)] == [("common", 1_000)]


@given(st.lists(st.integers(0, 50), max_size=200), st.integers(1, 5))
def test_the_soonest_are_exact_in_any_order(days: list[int], limit: int) -> None:
    found = Soonest(limit)
    for day in days:
        found.add(NOW + timedelta(days=day), "x", "p")
    expected = [(NOW + timedelta(days=day), days.count(day)) for day in sorted(set(days))[:limit]]
    assert [(at, one.count) for at, _, one in found.ordered()] == expected


class TestSummary:
    def test_of_nothing(self) -> None:
        summary = Summary()
        assert (summary.outcome, summary.exit_code()) == (Outcome.UNKNOWN, 3)
        assert summary.page(RenderOptions()) == "UNKNOWN  0 endpoints of 0 targets: nothing to judge\n"

    def test_a_long_run_says_that_it_counts_no_longer_exactly(self) -> None:
        summary = Summary()
        summary._issuers, summary._certificates = Tally(1), Tally(1)
        for one in (samples.accepted(), samples.self_signed(), samples.accepted()):
            summary.add(one, last=True)
        assert summary.document()["exact"] is False
        page = summary.page(RenderOptions(width=120))
        assert "Issuers, of more than 1,000" in page
        assert summary.targets == 3
        assert "REJECTED  3 endpoints of 3 targets: 1 rejected, 2 accepted" in page

    def test_of_many_issuers_it_says_how_many(self) -> None:
        summary = Summary()
        for number, title in (
            (MAX_LINES, "Issuers"),
            (MAX_LINES + 2, f"Issuers, {MAX_LINES} of {MAX_LINES + 2}"),
        ):
            for each in range(number):
                summary._issuers.add(f"CN=CA {each}", "p")
            assert f"{title}\n" in summary.page(RenderOptions(width=120))
