"""Vantage points that see something else at the same time are found, and those that look at other times are not."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest

from probe.report.changes import Change, Kind, changes
from probe.report.record import Span, State
from probe.report.vantages import TOGETHER, differing, several
from tests.report.lives import BEGIN, HOUR, Leaf, certificates, down, endpoint, records, shows, spans

A, B, C = Leaf(), Leaf(key=1, serial=2), Leaf(key=2, serial=3)
MINUTE = timedelta(minutes=1)


def seen_from(
    vantage: str, *states: State | None, address: str = "192.0.2.1", begin: datetime = BEGIN
) -> list[Span]:
    return spans(records(endpoint(address=address)._replace(vantage=vantage), states, begin))


def found(*lives: Iterable[Span]) -> list[Change]:
    every = changes((span for life in lives for span in life), certificates)
    return [one for one in every if one.kind.value.startswith("vantage-points")]


def told(*lives: Iterable[Span]) -> list[tuple[str, int]]:
    """Each kind, with the minute of its look."""
    return [(one.kind.value, (one.at - BEGIN) // MINUTE) for one in found(*lives)]


LATER = BEGIN + 5 * MINUTE


def test_other_certificates_are_found_once_with_what_each_saw() -> None:
    [one] = found(seen_from("berlin", *[shows(A)] * 5), seen_from("oslo", *[shows(B)] * 5, begin=LATER))
    assert (one.kind, one.at, one.ended) == (Kind.VANTAGE_POINTS_DIFFER, LATER, None)
    assert (one.endpoint.address, one.endpoint.vantage) == ("", "")
    assert [(sight.vantage, sight.leaves) for sight in one.sights] == [
        ("berlin", (A.issued().sha256,)),
        ("oslo", (B.issued().sha256,)),
    ]


def test_those_that_see_the_same_do_not_differ() -> None:
    assert not told(seen_from("berlin", *[shows(A)] * 5), seen_from("oslo", *[shows(A)] * 5, begin=LATER))


def test_nor_does_one_vantage_point_with_itself() -> None:
    balancer = (
        seen_from("berlin", *[shows(one)] * 5, address=f"192.0.2.{n}") for n, one in enumerate((A, B))
    )
    assert not told(*balancer)


def test_another_verdict_on_the_same_certificate() -> None:
    [one] = found(
        seen_from("berlin", *[shows(A)] * 3), seen_from("oslo", *[shows(A, accepted=False)] * 3, begin=LATER)
    )
    assert [sight.verdict.rule for sight in one.sights] == [None, "untrusted-root"]


def test_a_target_that_only_one_can_reach() -> None:
    assert told(seen_from("berlin", *[shows(A)] * 3), seen_from("oslo", *[down()] * 3, begin=LATER)) == [
        ("vantage-points-differ", 5)
    ]


def test_other_addresses_of_a_name_are_seen_together() -> None:
    """By DNS that answers by place."""
    everywhere = [
        seen_from("berlin", shows(A), shows(A)),
        seen_from("berlin", shows(B), shows(B), address="192.0.2.2"),
    ]
    assert not told(*everywhere, seen_from("oslo", shows(B), shows(B), address="192.0.2.2", begin=LATER))
    assert told(*everywhere, seen_from("oslo", shows(C), shows(C), address="192.0.2.2", begin=LATER))


def test_a_renewal_that_each_meets_in_its_turn_is_no_difference() -> None:
    """Between two looks nobody knows what was shown."""
    berlin = seen_from("berlin", shows(A), shows(A), shows(B), shows(B))
    assert not told(berlin, seen_from("oslo", shows(A), shows(A), shows(B), shows(B), begin=LATER))


def test_one_that_goes_on_seeing_the_old_one_differs_until_it_does_not() -> None:
    berlin = seen_from("berlin", shows(A), *[shows(B)] * 5)
    assert told(berlin, seen_from("oslo", shows(A), shows(A), shows(A), *[shows(B)] * 3, begin=LATER)) == [
        ("vantage-points-differ", 60),
        ("vantage-points-agree", 185),
    ]


def test_meeting_fewer_nodes_of_a_balancer_is_no_difference() -> None:
    mixed = shows(A, B, mixed=True)
    assert not told(seen_from("berlin", *[mixed] * 3), seen_from("oslo", *[shows(A)] * 3, begin=LATER))
    assert told(seen_from("berlin", *[mixed] * 3), seen_from("oslo", *[shows(C)] * 3, begin=LATER))


@pytest.mark.parametrize(("late", "compared"), [(TOGETHER, True), (TOGETHER + MINUTE, False)])
def test_single_looks_are_compared_within_an_hour(late: timedelta, *, compared: bool) -> None:
    assert (
        bool(told(seen_from("berlin", shows(A)), seen_from("oslo", shows(B), begin=BEGIN + late))) is compared
    )


def test_a_site_that_looks_no_more_differs_from_nobody() -> None:
    over = BEGIN + 10 * HOUR
    assert not told(seen_from("berlin", *[shows(A)] * 3), seen_from("oslo", *[shows(B)] * 3, begin=over))


def silent(*lives: list[Span]) -> list[datetime | None]:
    return [one.silent for one in differing(several(lives))]


@pytest.mark.parametrize(("hours", "over"), [(24 * 7, False), (24 * 8, True)])
def test_a_difference_is_past_once_one_of_them_looks_no_more(hours: int, *, over: bool) -> None:
    berlin, oslo = (
        seen_from("berlin", *[shows(A)] * hours),
        seen_from("oslo", shows(B), shows(B), begin=LATER),
    )
    assert silent(berlin, oslo) == [LATER + HOUR if over else None]
    munich = seen_from("munich", *[shows(A)] * hours)
    assert silent(berlin, munich, oslo) == [LATER + HOUR if over else None], "those that look see the same"
    assert silent(berlin, seen_from("munich", *[shows(C)] * hours), oslo) == [None]


def test_three_of_which_one_differs() -> None:
    [one] = found(*(seen_from(name, *[shows(each)] * 3) for name, each in (("a", A), ("b", A), ("c", B))))
    assert [sight.vantage for sight in one.sights] == ["a", "b", "c"]


def test_it_goes_on_while_one_of_them_is_not_looking() -> None:
    berlin = seen_from("berlin", *[shows(A)] * 3, *[shows(A, accepted=False)] * 4)
    oslo = seen_from("oslo", shows(B), shows(B), None, None, shows(C), shows(C), begin=LATER)
    assert told(berlin, oslo) == [("vantage-points-differ", 5)]


def test_of_several_addresses_the_worst_counts() -> None:
    bad = shows(B, accepted=False)
    berlin = [seen_from("berlin", shows(A), shows(A)), seen_from("berlin", bad, bad, address="192.0.2.2")]
    assert not told(*berlin, seen_from("oslo", bad, bad, address="192.0.2.2", begin=LATER))
    assert told(*berlin, seen_from("oslo", shows(A), shows(A), begin=LATER))
