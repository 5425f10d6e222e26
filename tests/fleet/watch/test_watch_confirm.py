"""Which looks count: a failure or a change is seen twice first, and what was seen once is told as it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from probe.eop.vocabulary import Outcome
from probe.fleet.watch.confirm import (
    SAMPLES,
    SAMPLES_TO_LEAVE,
    Known,
    Looks,
    Settled,
    changed,
    doubtful,
)
from probe.report.record import Endpoint, Record, State

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
A, B, C = (("aa" * 32, "01" * 32),), (("bb" * 32, "01" * 32),), (("cc" * 32, "01" * 32),)
GOOD = State(outcome=Outcome.ACCEPTED, chains=A, starttls=True, tls="TLSv1.3")
RENEWED = replace(GOOD, chains=B)
MIXED = replace(GOOD, outcome=Outcome.AT_RISK, rule="mixed-certificates", chains=A + B)
DOWN = State(outcome=Outcome.UNKNOWN, rule="unreachable", phase="connect", fault="refused")
SILENT = replace(DOWN, rule="timeout", fault="timeout")
REFUSED = replace(GOOD, outcome=Outcome.REJECTED, rule="expired")
HERE = Endpoint("mail.contoso.test", "192.0.2.10", 25, "to-eop")
THERE = HERE._replace(address="192.0.2.11")


def look(state: State, endpoint: Endpoint = HERE) -> Record:
    return Record(
        target="mail.contoso.test", endpoint=endpoint, at=AT, elapsed_ms=1, state=state, certificates={}
    )


def knowing(state: State | None, endpoint: Endpoint = HERE) -> Known:
    known = Known(100)
    if state:
        known[endpoint] = state
    return known


@pytest.mark.parametrize(
    ("before", "now", "wanted"),
    [
        (None, GOOD, False),
        (None, DOWN, True),
        (None, MIXED, True),
        (GOOD, GOOD, False),
        (GOOD, replace(GOOD, tls="TLSv1.2"), False),
        (GOOD, RENEWED, True),
        (GOOD, DOWN, True),
        (GOOD, REFUSED, True),
        (DOWN, DOWN, False),
        (DOWN, SILENT, True),
        (DOWN, GOOD, False),
        (DOWN, REFUSED, True),
        (REFUSED, GOOD, False),
        (MIXED, GOOD, True),
        (MIXED, replace(MIXED, chains=A + C), True),
        (MIXED, replace(MIXED, chains=A + B + C), False),
        (replace(MIXED, chains=A + B + C), MIXED, False),
    ],
)
def test_what_is_seen_twice(before: State | None, now: State, wanted: bool) -> None:
    assert doubtful(before, now) is wanted


class TestOneTarget:
    def test_what_is_as_before_counts_at_once(self) -> None:
        looks, known = Looks(), knowing(GOOD)
        assert looks.take(look(GOOD), known) == Settled((look(GOOD),), GOOD, look(GOOD))
        assert (looks.end(), looks.worst) == ((), Outcome.ACCEPTED)

    @pytest.mark.parametrize("second", [DOWN, SILENT, GOOD])
    def test_a_failure_waits_for_a_second_look_which_counts(self, second: State) -> None:
        """Also where that is well again: then the history has the blip, and nobody is told."""
        looks, known = Looks(), knowing(GOOD)
        assert looks.take(look(DOWN), known) == Settled()
        assert (looks.end(), looks.samples(), known.get(HERE)) == (None, SAMPLES, GOOD)
        assert looks.take(look(second), known) == Settled((look(DOWN), look(second)), GOOD, look(second))
        assert (looks.end(), looks.samples(), known.get(HERE)) == ((), 1, second)

    def test_a_certificate_that_was_one_of_several_is_no_state_of_its_own(self) -> None:
        looks, known = Looks(), knowing(GOOD)
        looks.take(look(RENEWED), known)
        looks.end()
        assert looks.take(look(MIXED), known) == Settled((look(MIXED),), GOOD, look(MIXED))
        assert (looks.end(), looks.samples()) == ((), SAMPLES)

    def test_several_that_seem_to_be_one_are_asked_many_times(self) -> None:
        looks, known = Looks(), knowing(MIXED)
        looks.take(look(GOOD), known)
        assert (looks.end(), looks.samples()) == (None, SAMPLES_TO_LEAVE)
        assert looks.take(look(MIXED), known) == Settled((look(MIXED),), MIXED, look(MIXED))
        looks.end()
        looks.take(look(GOOD), known)
        looks.end()
        assert looks.take(look(GOOD), known).counts == look(GOOD)
        assert (looks.end(), looks.samples()) == ((), 1)

    def test_of_two_addresses_one_fails(self) -> None:
        """The other one counts once, however often it was seen."""
        looks, known = Looks(), knowing(None)
        assert looks.take(look(GOOD, THERE), known).counts
        assert not looks.take(look(DOWN), known).counts
        assert looks.end() is None
        assert looks.take(look(GOOD, THERE), known) == Settled()
        assert looks.take(look(DOWN), known).counts
        assert (looks.end(), looks.worst) == ((), Outcome.UNKNOWN)

    def test_an_address_that_is_gone_at_the_second_look_was_seen_once(self) -> None:
        looks, known = Looks(), knowing(GOOD)
        looks.take(look(DOWN), known)
        looks.end()
        assert looks.take(look(DOWN, THERE), known) == Settled((look(DOWN, THERE),), None, look(DOWN, THERE))
        assert looks.end() == (look(DOWN),)
        assert known.get(HERE) == GOOD


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        (None, GOOD, ""),
        (GOOD, GOOD, None),
        (GOOD, replace(GOOD, tls="TLSv1.2"), None),
        (GOOD, DOWN, "was accepted"),
        (GOOD, RENEWED, "another certificate"),
        (GOOD, replace(RENEWED, outcome=REFUSED.outcome), "was accepted, another certificate"),
        (REFUSED, replace(REFUSED, rule="name-mismatch"), "was expired"),
        (MIXED, replace(MIXED, chains=B + C), "other certificates"),
        (MIXED, replace(MIXED, chains=A + B + C), None),
    ],
)
def test_what_is_said_of_a_change(before: State | None, now: State, said: str | None) -> None:
    assert changed(before, now) == said
