"""Who begins next, by a clock of the test's own: what a rate holds stands aside, and holds up nobody else."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.check.admission import LOOK_AHEAD, MAX_ASIDE, Admission
from probe.check.pace import Pace
from probe.check.rates import Rates
from probe.check.turns import Turns

Keys = tuple[str, ...]


class Counted(Rates):
    """Rates that count how often they are asked."""

    asked = 0

    def held(self, keys: Keys, now: float) -> tuple[float, int]:
        self.asked += 1
        return super().held(keys, now)


def pace(address: float = inf, network: float = inf, operator: float = inf) -> Pace:
    return Pace(per_address_rate=address, per_network_rate=network, per_operator_rate=operator)


def begun(turns: Turns[int], rates: Rates, keys: dict[int, Keys], now: float, most: int) -> list[int]:
    """Those that begin now."""
    found: list[int] = []
    while len(found) < most and (one := turns.take(now)) is not None:
        rates.note(keys[one], now)
        found.append(one)
    return found


def began(turns: Turns[int], rates: Rates, keys: dict[int, Keys]) -> list[tuple[float, int]]:
    """When each begins, of those that wait already; nothing but their rates holds them."""
    now, found = 100.0, []
    while True:
        found += [(now, one) for one in begun(turns, rates, keys, now, len(keys))]
        if turns.next_at == inf:
            return found
        assert turns.next_at > now
        now = turns.next_at


def waiting(rates: Rates, keys: dict[int, Keys], first: tuple[int, ...] = ()) -> Turns[int]:
    turns: Turns[int] = Turns(rates)
    for one, of in keys.items():
        turns.add(one, of, (int(one not in first), one))
    return turns


def test_a_rate_holds_up_nobody_else() -> None:
    """Two hundred at an operator of one start in two seconds, before three at another and one alone."""
    rates = Rates(pace(operator=0.5))
    keys: dict[int, Keys] = {n: (f"192.0.2.{n}", "192.0.2", "slow.test") for n in range(200)}
    keys |= {n: (f"198.51.100.{n}", "198.51.100", f"{n}.test") for n in range(200, 203)}
    keys[203] = ("192.0.2.203", "192.0.2")
    found = began(waiting(rates, keys), rates, keys)
    assert [one for at, one in found if at == 100.0] == [0, 200, 201, 202, 203]
    assert found[5:] == [(100.0 + 2 * n, n) for n in range(1, 200)]


@pytest.mark.parametrize("count", [200, 2_000])
@pytest.mark.parametrize("networks", [1, 7, 10_000])
def test_nothing_is_asked_more_often_where_more_wait(count: int, networks: int) -> None:
    """Whether the operator holds them, or their networks, too."""
    rates = Counted(pace(network=1.0, operator=1.5))
    keys = {n: (f"a{n}", f"n{n % networks}", f"o{n % 3}") for n in range(count)}
    found = began(waiting(rates, keys), rates, keys)
    assert sorted(one for _, one in found) == list(range(count))
    assert rates.asked <= 6 * count


def test_an_operators_networks_take_turns() -> None:
    rates = Rates(pace(operator=1.0))
    keys: dict[int, Keys] = {n: (f"a{n}", "large" if n < 6 else "small", "contoso.test") for n in range(8)}
    assert [one for _, one in began(waiting(rates, keys), rates, keys)] == [0, 1, 6, 2, 7, 3, 4, 5]


def test_what_goes_first_does_among_the_held_too() -> None:
    rates = Rates(pace(operator=1.0))
    keys: dict[int, Keys] = {n: (f"a{n}", f"n{n % 2}", "contoso.test") for n in range(6)}
    assert [one for _, one in began(waiting(rates, keys, (4, 5)), rates, keys)] == [4, 5, 0, 1, 2, 3]


def test_of_many_that_nobody_waits_for_none_uses_up_a_turn() -> None:
    """Who takes a turn and does not begin leaves it to the next."""
    rates = Rates(pace(operator=1.0))
    keys: dict[int, Keys] = {n: (f"a{n}", "n", "contoso.test") for n in range(5)}
    turns = waiting(rates, keys)
    assert begun(turns, rates, keys, 100.0, 5) == [0]
    assert [turns.take(101.0) for _ in range(4)] == [1, 2, 3, 4]


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_pace_that_is_raised_counts_for_those_who_wait(place: int, begun: bool) -> None:
    """The control is the slow pace, whose span is ten seconds: an address, a network, an operator."""
    slow, fast = ([rate if each == place else inf for each in range(3)] for rate in (0.1, 10.0))
    keys = ("192.0.2.1", "192.0.2", "contoso.test")
    for raised in (False, True):
        admission: Admission[int] = Admission(pace(*slow), 10)
        for one in range(2):
            admission.wait(one, keys, admission.place(), begun=begun)
        assert admission.take(100.0) == 0
        admission.note(keys, 100.0)
        assert (admission.take(100.5), admission.next_at) == (None, 110.0)
        if raised:
            admission.keep_to(pace(*fast))
        assert admission.take(101.0) == (1 if raised else None)


ARRIVALS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 5), st.integers(0, 2), st.integers(0, 3), st.booleans()),
    max_size=60,
)
RATES = st.sampled_from([0.5, 1.0, 3.0, inf])


@given(ARRIVALS, st.tuples(RATES, RATES, RATES), st.integers(1, 4))
def test_rates_are_kept_and_nobody_waits_in_vain(
    arrivals: list[tuple[int, int, int, int, bool]], per_second: tuple[float, ...], most: int
) -> None:
    """Whoever waits after a turn with room to spare is held by a rate; all begin in the end."""
    rates = Rates(pace(*per_second))
    turns: Turns[int] = Turns(rates)
    keys: dict[int, Keys] = {}
    starts: defaultdict[tuple[int, str], list[float]] = defaultdict(list)
    left: set[int] = set()
    for tenth in range(30 * 60 * 20):
        now = 100.0 + tenth / 10
        for n, (at, address, network, operator, first) in enumerate(arrivals):
            if at == tenth:
                wide: Keys = (f"{network}.{address}", f"{network}")
                keys[n] = (*wide, f"{operator}") if operator else wide
                left.add(n)
                turns.add(n, keys[n], (int(not first), n))
        found = begun(turns, rates, keys, now, most)
        left -= set(found)
        for one in found:
            for key in enumerate(keys[one]):
                starts[key].append(now)
        if len(found) < most:
            assert all(rates.held(keys[one], now)[0] > now for one in left)
            assert turns.aside == len(left)
        if tenth > 30 and not left:
            break
    assert not left
    for (place, _), times in starts.items():
        count = max(1, int(min(per_second[place], 1e6)))
        span = count / per_second[place]
        assert all(later - sooner >= span - 1e-9 for sooner, later in zip(times, times[count:], strict=False))
    assert all(sooner <= later for times in starts.values() for sooner, later in pairwise(times))


def filled(admission: Admission[int], operator: str, first: int, most: int) -> int:
    """How many of one operator are taken in, as the engine takes them."""
    taken = 0
    while admission.room and taken < most:
        one = first + taken
        keys = (f"{operator} {one}", f"{operator} {one // 250}", operator)
        admission.pending += 1
        place = admission.place()
        assert admission.claim(keys[0], one, place)
        admission.wait(one, keys, place)
        if admission.take(100.0) is not None:
            admission.note(keys, 100.0)
            admission.open += 1
        taken += 1
    return taken


def test_what_stands_aside_is_bounded() -> None:
    """A stream of one slow operator is read so far; before that, another's targets find room and begin."""
    admission: Admission[int] = Admission(pace(operator=1.0), 10)
    assert filled(admission, "slow.test", 0, 1_000) == 1_000
    assert (admission.open, admission.aside, admission.next_at) == (1, 999, 101.0)
    assert filled(admission, "quick.test", 0, 1) == 1
    assert (admission.open, admission.aside) == (2, 999)
    assert filled(admission, "slow.test", 1_000, 10**9) == MAX_ASIDE - 999
    assert (admission.room, admission.aside) == (False, MAX_ASIDE)
    assert admission.take(101.0) is not None
    assert admission.room


def test_what_could_begin_is_looked_ahead_at() -> None:
    """With all connections open what comes waits for one of them, and so much of it at most."""
    admission: Admission[int] = Admission(pace(), 3)
    assert filled(admission, "quick.test", 0, 10**9) == 3 * LOOK_AHEAD
    assert (admission.open, admission.aside, admission.next_at) == (3, 0, inf)


def test_behind_another_look_at_the_same_address_one_stands_aside() -> None:
    admission: Admission[int] = Admission(pace(), 1)
    places = [admission.place(first=n == 3) for n in range(4)]
    claimed = [admission.claim("192.0.2.1", n, place) for n, place in enumerate(places)]
    admission.pending += 4
    assert (claimed, admission.aside, admission.room) == ([True, False, False, False], 3, True)
    assert [admission.release("192.0.2.1") for _ in range(4)] == [3, 1, 2, None]
    assert admission.claim("192.0.2.1", 4, admission.place())


def test_who_has_begun_goes_on_before_others_begin() -> None:
    admission: Admission[int] = Admission(pace(operator=1.0), 1)
    keys = ("192.0.2.1", "192.0.2", "contoso.test")
    for one, begun_already in ((0, False), (1, True)):
        admission.wait(one, keys, admission.place(), begun=begun_already)
    admission.note(keys, 100.0)
    assert (admission.take(100.9), admission.next_at) == (None, 101.0)
    assert admission.take(101.0) == 1
    admission.open += 1
    assert (admission.take(101.0), admission.next_at) == (None, inf)
