"""When each target of a watch is due: spread evenly, made up once, whatever the clock does."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.fleet.watch.rounds import Round
from probe.fleet.watch.schedule import FIRST, STEP, Schedule, slot

NOW = 1_800_000_000.0
DAY = 86_400


def planned(intervals: dict[str, int], now: float = NOW, stored: dict[str, int] | None = None) -> Schedule:
    schedule = Schedule()
    schedule.keep(intervals, now, stored)
    return schedule


def taken(schedule: Schedule, now: float) -> list[str]:
    """Every target that is due, looked at at once."""
    found = []
    while (key := schedule.take(now)) is not None:
        found.append(key)
        schedule.settle(key, now)
    return found


class TestSlots:
    def test_a_new_fleet_is_seen_soon_and_then_spread_evenly_over_the_interval(self) -> None:
        schedule = planned({f"target {n}": 3600 for n in range(6_000)})
        assert all(NOW < at <= NOW + FIRST for at in schedule.due.values())
        assert max(Counter(schedule.due.values()).values()) < 150  # 100 each
        for key in schedule.due:
            schedule.settle(key, NOW - 1800)
        due = schedule.due.values()
        assert all(NOW < at <= NOW + 3600 for at in due)
        minutes = Counter(int(at - NOW - 1) // 60 for at in due)
        assert len(minutes) == 60
        assert max(minutes.values()) < 150  # 100 each

    def test_a_target_keeps_its_slot(self) -> None:
        first = slot("a", 3600, NOW)
        assert slot("a", 3600, NOW + DAY) == first + DAY
        assert slot("a", 3600, first) == first + 3600
        assert slot("b", 3600, NOW) != first


class TestDueTimes:
    def test_each_interval_has_one_look(self) -> None:
        intervals = {"a": 3600, "b": 600}
        schedule = planned(intervals, stored={key: slot(key, each, NOW) for key, each in intervals.items()})
        looks = Counter(key for minute in range(24 * 60) for key in taken(schedule, NOW + 60 * minute))
        assert looks == {"a": 24, "b": 144}

    def test_a_run_that_was_missed_is_made_up_once(self) -> None:
        schedule = planned({"a": 3600}, stored={"a": int(NOW) - 5 * DAY})
        assert taken(schedule, NOW) == ["a"]
        assert taken(schedule, NOW + 1800) == []
        assert taken(schedule, NOW + 5400) == ["a"]

    def test_what_is_stored_counts(self) -> None:
        at = int(NOW) + 1234
        schedule = planned({"a": 3600}, stored={"a": at, "gone": 1})
        assert schedule.due == {"a": at}
        assert (schedule.take(at - 1), schedule.take(at)) == (None, "a")

    def test_what_is_under_way_is_not_taken_again(self) -> None:
        schedule = planned({"a": 3600}, stored={"a": 1})
        assert (schedule.take(NOW), schedule.take(NOW + DAY)) == ("a", None)
        assert schedule.wait_s(NOW) is None
        assert schedule.due["a"] == 1  # a process that is killed now looks again

    def test_a_second_look_comes_before_the_next_slot(self) -> None:
        schedule = planned({"a": 3600}, stored={"a": 1})
        assert schedule.take(NOW) == "a"
        schedule.again("a", NOW + 60)
        assert schedule.due["a"] == 1
        assert (schedule.take(NOW + 59), schedule.wait_s(NOW + 59)) == (None, 1)
        assert schedule.take(NOW + 60) == "a"
        schedule.settle("a", NOW + 61)
        assert NOW + 61 + 1800 < schedule.due["a"] <= NOW + 61 + 5400


class TestADescriptionThatChanges:
    def test_targets_come_and_go(self) -> None:
        schedule = planned({"a": 3600, "b": 3600}, stored={"a": 1, "b": 2})
        assert schedule.take(NOW) == "a"
        schedule.keep({"b": 3600, "c": 3600}, NOW)
        assert schedule.due.keys() == {"b", "c"}
        schedule.settle("a", NOW)  # what is gone is settled by nobody
        schedule.again("a", NOW)
        assert taken(schedule, NOW) == ["b"]

    def test_what_is_under_way_stays_so_and_a_second_look_is_kept(self) -> None:
        schedule = planned({"a": 3600, "b": 3600}, stored={"a": 1, "b": 2})
        assert [schedule.take(NOW), schedule.take(NOW)] == ["a", "b"]
        schedule.again("b", NOW + 60)
        schedule.keep({"a": 600, "b": 600}, NOW)
        assert (schedule.take(NOW + 59), schedule.take(NOW + 60), schedule.take(NOW + 61)) == (
            None,
            "b",
            None,
        )

    def test_an_interval_that_is_shortened_counts_at_once(self) -> None:
        schedule = planned({"a": 30 * DAY})
        schedule.keep({"a": 600}, NOW)
        assert NOW < schedule.due["a"] <= NOW + 900


class TestTheClock:
    def test_set_back_stops_nothing(self) -> None:
        schedule = planned({"a": 3600})
        now = NOW + 2 * DAY
        taken(schedule, now)
        back = now - DAY
        assert taken(schedule, back) == []
        assert taken(schedule, back + 5400) == ["a"]

    def test_a_second_look_is_moved_with_it(self) -> None:
        schedule = planned({"a": 3600}, stored={"a": 1})
        assert schedule.take(NOW) == "a"
        schedule.again("a", NOW + 60)
        assert schedule.take(NOW - DAY) is None
        assert (schedule.take(NOW - DAY + 59), schedule.take(NOW - DAY + 60)) == (None, "a")

    def test_a_second_look_that_is_waited_for_can_be_made_now(self) -> None:
        schedule = planned({"a": 3600}, stored={"a": 1})
        assert schedule.again_at("a") is None
        schedule.take(NOW)
        schedule.again("a", NOW + 60)
        assert schedule.again_at("a") == NOW + 60
        assert schedule.hasten("a", NOW + 5)
        assert schedule.take(NOW + 5) == "a"
        assert schedule.again_at("a") is None

    def test_after_its_second_look_a_target_keeps_its_slot(self) -> None:
        schedule = planned({"a": 3600}, stored={"a": 1})
        schedule.take(NOW)
        schedule.again("a", NOW + 60)
        assert schedule.take(NOW + 60) == "a"
        schedule.settle("a", NOW + 60)
        assert schedule.take(NOW) is None  # a minute back
        assert schedule.next_due == schedule.due["a"]

    @given(
        steps=st.lists(
            st.one_of(st.integers(1, 300), st.integers(-3 * DAY, 3 * DAY)), min_size=20, max_size=120
        ),
        interval=st.sampled_from([60, 600, 3600, 6 * 3600]),
    )
    def test_whatever_it_does_no_target_is_forgotten_or_asked_twice(
        self, steps: list[int], interval: int
    ) -> None:
        """Steps of up to five minutes are time that passes; others are jumps of the clock."""
        schedule, now, passed = planned({"a": interval}), NOW, 0
        last, forward = float("-inf"), False
        for step in steps:
            now += step
            passed += step if 0 < step <= 300 else 0
            forward = forward or step > 300
            for _ in taken(schedule, now):
                # What a jump makes up is one look; no jump back, and no restart, brings another.
                assert forward or passed - last > interval / 2
                last, forward = passed, False
            wait = schedule.wait_s(now)
            assert wait is not None
            assert wait <= 1.5 * interval + STEP


DUE = {"a": NOW + 10, "b": NOW + 50, "later": NOW + 700}


class TestRounds:
    def test_it_is_over_when_its_time_is_and_all_that_was_due_is_settled(self) -> None:
        around = Round(DUE, 600, NOW)
        for key in ("a", "b"):
            assert not around.over(NOW + 601)
            around.settled(key)
        assert not around.over(NOW + 599)
        assert around.over(NOW + 600)

    def test_its_end_is_the_same_after_a_restart(self) -> None:
        around = Round({}, 600, NOW + 599)
        assert (around.over(NOW + 599.9), around.over(NOW + 600)) == (False, True)

    @pytest.mark.parametrize("back", [601, DAY])
    def test_a_clock_that_is_set_back_ends_it(self, back: int) -> None:
        assert Round({}, 600, NOW).over(NOW - back)


class TestOutOfTurn:
    def test_what_waits_is_hastened_and_nothing_else(self) -> None:
        schedule = planned({"a": 3600, "b": 3600})
        assert [schedule.hasten(key, NOW) for key in ("a", "another")] == [True, False]
        assert schedule.take(NOW) == "a"
        assert not schedule.hasten("a", NOW)  # it is under way
        assert schedule.take(NOW) is None
        schedule.settle("a", NOW)
        assert schedule.hasten("a", NOW + 1)
        assert schedule.take(NOW + 1) == "a"

    def test_what_is_due_already_stays_so(self) -> None:
        schedule = planned({"a": 3600})
        due = schedule.due["a"]
        assert schedule.hasten("a", due + 10)
        assert schedule.take(due) == "a"
