"""Who is told what: the pure step, look by look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from probe.alarms.alarm import Alarm
from probe.alarms.document import MAX_ENDPOINTS, Notice
from probe.alarms.policy import Maintenance, Policy, hours_of
from probe.alarms.seen import Look
from probe.alarms.step import FORGOTTEN_AFTER, step
from tests.alarms.looks import HOUR, NOW, look

AT_ONCE = Policy(fail_after=1, recover_after=1)


class Watched:
    """Alarms over many rounds, kept as the database keeps them; `told` is what was said in each."""

    def __init__(self, policy: Policy = AT_ONCE) -> None:
        self.policy = policy
        self.alarms: dict[str, Alarm] = {}

    def round(self, *looks: Look, now: datetime = NOW) -> list[Notice]:
        done = step(self.alarms, [each._replace(at=now) for each in looks], self.policy, now)
        kept = {key: json.decode(json.encode(alarm), type=Alarm) for key, alarm in done.alarms.items()}
        assert kept == done.alarms
        self.alarms = kept
        assert not (done.notices and done.late)
        return [told.notice for told in (*done.notices, *done.late)]

    def rounds(self, looks: Iterable[Look], every: timedelta = HOUR) -> list[tuple[int, str, str | None]]:
        """What is told, with the number of its round."""
        return [
            (number, notice.event, notice.rule)
            for number, one in enumerate(looks)
            for notice in self.round(one, now=NOW + number * every)
        ]


def rules(words: str) -> list[Look]:
    """A look each: "-" is well, "?" unreachable."""
    kinds = {
        "-": look(),
        "?": look("unreachable", outcome="unknown", certificate=None),
        "x": look("untrusted-root"),
        "y": look("missing-intermediate"),
        "r": look("old-tls", outcome="at-risk"),
    }
    return [kinds[word] for word in words]


@pytest.mark.parametrize(
    ("words", "damped", "told"),
    [
        ("---", (1, 1), []),
        ("-xx-", (1, 1), [(1, "raised", "untrusted-root"), (3, "recovered", None)]),
        ("-xxx--", (2, 2), [(2, "raised", "untrusted-root"), (5, "recovered", None)]),
        # what flaps is one alarm, or none
        ("x-x-x-x-x--", (1, 2), [(0, "raised", "untrusted-root"), (10, "recovered", None)]),
        ("x-x-x-x-x--", (2, 2), []),
        # bad each time, though not in the same way
        ("x?", (2, 2), [(1, "raised", "unreachable")]),
        # said as one; worse at once, what is no worse as damped as a recovery
        ("xy", (1, 1), [(0, "raised", "untrusted-root"), (1, "turned", "missing-intermediate")]),
        ("xyxyyx-", (1, 2), [(0, "raised", "untrusted-root"), (4, "turned", "missing-intermediate")]),
        ("rx", (1, 3), [(0, "raised", "old-tls"), (1, "turned", "untrusted-root")]),
        ("x??", (1, 2), [(0, "raised", "untrusted-root"), (2, "turned", "unreachable")]),
    ],
)
def test_an_endpoint(words: str, damped: tuple[int, int], told: list[tuple[int, str, str | None]]) -> None:
    fail_after, recover_after = damped
    watched = Watched(Policy(fail_after=fail_after, recover_after=recover_after))
    assert watched.rounds(rules(words)) == told


def test_a_turn_says_what_was_and_keeps_its_name() -> None:
    watched = Watched()
    [raised] = watched.round(look("untrusted-root"))
    [turned] = watched.round(look("unreachable", outcome="unknown", certificate=None), now=NOW + HOUR)
    [recovered] = watched.round(look(certificate=2), now=NOW + 2 * HOUR)
    assert (turned.former_rule, turned.rule) == ("untrusted-root", "unreachable")
    assert (recovered.former_rule, recovered.rule, recovered.outcome) == ("unreachable", None, "accepted")
    assert raised.alarm == turned.alarm == recovered.alarm
    assert (turned.since, turned.raised) == (NOW + HOUR, NOW)
    assert watched.alarms == {}
    [again] = watched.round(look("untrusted-root"), now=NOW + 3 * HOUR)
    assert again.alarm != raised.alarm


def test_what_lasts_is_repeated_after_its_time() -> None:
    watched = Watched(Policy(repeat=timedelta(hours=6)))
    told = watched.rounds([look("untrusted-root")] * 14)
    assert told == [
        (0, "raised", "untrusted-root"),
        (6, "repeated", "untrusted-root"),
        (12, "repeated", "untrusted-root"),
    ]
    assert watched.round(now=NOW + 100 * HOUR) == []  # nobody looked
    assert Watched(Policy(repeat=None)).rounds([look("untrusted-root")] * 200) == [
        (0, "raised", "untrusted-root")
    ]


def test_what_is_at_risk_is_told_where_it_is_wanted() -> None:
    assert Watched(Policy(at_risk=False)).rounds(rules("rr")) == []
    assert Watched(Policy(at_risk=False)).rounds(rules("?")) == [(0, "raised", "unreachable")]


class TestCertificates:
    def test_fifty_endpoints_make_one_message(self) -> None:
        watched = Watched()
        seen = [look(host=f"mail{n:03}.test", ending={1: "expires-soon"}) for n in range(50)]
        [notice] = watched.round(*seen)
        assert (notice.event, notice.rule, notice.subject) == ("raised", "expires-soon", "certificate")
        assert len(notice.endpoints) == 50
        assert watched.round(*seen, now=NOW + HOUR) == []
        [worse] = watched.round(
            *(look(host=f"mail{n:03}.test", ending={1: "expired"}) for n in range(50)), now=NOW + 2 * HOUR
        )
        assert (worse.event, worse.former_rule, worse.alarm) == ("turned", "expires-soon", notice.alarm)

    def test_endpoints_are_bounded(self) -> None:
        seen = [look(host=f"mail{n:03}.test", ending={1: "expired"}) for n in range(MAX_ENDPOINTS + 7)]
        [notice] = Watched().round(*seen)
        assert (len(notice.endpoints), notice.more_endpoints) == (MAX_ENDPOINTS, 7)

    def test_another_certificate_ends_the_alarm_of_the_old_one(self) -> None:
        watched = Watched()
        both = [look(host=host, ending={1: "expires-soon"}) for host in ("a.test", "b.test")]
        watched.round(*both)
        assert watched.round(look(host="a.test", certificate=2), now=NOW + HOUR) == []
        [notice] = watched.round(look(host="b.test", certificate=2), now=NOW + 2 * HOUR)
        assert (notice.event, notice.former_rule) == ("recovered", "expires-soon")
        assert notice.certificate_before == both[0].facts.certificate
        assert notice.certificate == look(certificate=2).facts.certificate
        assert watched.alarms == {}

    def test_the_new_one_has_an_alarm_of_its_own(self) -> None:
        watched = Watched()
        watched.round(look(ending={1: "expires-soon"}))
        told = watched.round(look(certificate=2, ending={2: "expires-soon"}), now=NOW + HOUR)
        assert [(notice.event, notice.rule) for notice in told] == [
            ("raised", "expires-soon"),
            ("recovered", None),
        ]

    def test_a_server_that_cannot_be_reached_tells_nothing_of_its_certificate(self) -> None:
        watched = Watched()
        watched.round(look(ending={1: "expires-soon"}))
        told = watched.round(*rules("?"), now=NOW + HOUR)
        assert [notice.rule for notice in told] == ["unreachable"]
        assert len(watched.alarms) == 2

    def test_a_balancer_that_shows_two_in_turn_is_one_alarm(self) -> None:
        watched = Watched(Policy(recover_after=2))
        told = watched.rounds([look(ending={1: "expires-soon"}), look(certificate=2)] * 10)
        assert told == [(0, "raised", "expires-soon")]


NIGHT = hours_of("22:00-07:00", UTC)


class TestHeldBack:
    def test_at_night_nothing_is_told_and_in_the_morning_what_is_still_true(self) -> None:
        watched = Watched(Policy(recover_after=1, quiet=(NIGHT,)))
        evening = NOW.replace(hour=23)
        assert (
            watched.round(look("untrusted-root", host="a.test"), look("old-tls", host="b.test"), now=evening)
            == []
        )
        assert watched.round(look(host="b.test"), now=evening + HOUR) == []
        done = step(watched.alarms, (), watched.policy, evening + 8 * HOUR)
        assert [(t.notice.event, t.notice.rule) for t in done.late] == [("raised", "untrusted-root")]
        assert done.notices == []
        assert done.late[0].notice.since == evening

    def test_a_recovery_is_held_back_too(self) -> None:
        watched = Watched(Policy(recover_after=1, quiet=(NIGHT,)))
        watched.round(look("untrusted-root"))
        evening = NOW.replace(hour=23)
        assert watched.round(look(), now=evening) == []
        assert watched.round(look("untrusted-root"), now=evening + HOUR) == []
        assert watched.round(now=evening + 9 * HOUR) == []  # it is as it was told
        assert watched.round(look(), now=evening + 10 * HOUR)[0].event == "recovered"

    def test_maintenance_is_for_those_it_names(self) -> None:
        window = Maintenance(
            labels={"site": "berlin"}, start=NOW, until=NOW + 2 * HOUR, hosts=frozenset({"a.test", "c.test"})
        )
        watched = Watched(Policy(maintenance=(window,)))
        berlin = {"site": "berlin"}
        told = watched.round(
            look("untrusted-root", host="a.test", labels=berlin),
            look("untrusted-root", host="b.test", labels=berlin),
            look("untrusted-root", host="c.test"),
        )
        assert [notice.endpoints for notice in told] == [("b.test",), ("c.test",)]
        assert watched.round(now=NOW + HOUR) == []
        assert [n.endpoints for n in watched.round(now=NOW + 2 * HOUR)] == [("a.test",)]

    def test_a_certificate_in_maintenance_here_and_shown_there_is_told(self) -> None:
        window = Maintenance(labels={}, hosts=frozenset({"a.test"}))
        one = look(host="a.test", ending={1: "expired"})
        assert Watched(Policy(maintenance=(window,))).round(one) == []
        assert (
            len(Watched(Policy(maintenance=(window,))).round(one, look(host="b.test", ending={1: "expired"})))
            == 1
        )


@pytest.mark.parametrize(
    ("text", "zone", "at", "holds"),
    [
        ("22:00-07:00", "UTC", "2026-11-20T22:00", True),
        ("22:00-07:00", "UTC", "2026-11-21T06:59", True),
        ("22:00-07:00", "UTC", "2026-11-21T07:00", False),
        ("Fri 22:00-07:00", "UTC", "2026-11-21T06:00", True),  # of the night that began on Friday
        ("Fri 22:00-07:00", "UTC", "2026-11-20T06:00", False),
        ("Sat-Sun 00:00-24:00", "UTC", "2026-11-22T23:59", True),
        ("Sat-Mon 08:00-09:00", "UTC", "2026-11-23T08:00", True),
        ("Sat-Mon 08:00-09:00", "UTC", "2026-11-24T08:00", False),
        ("02:00-06:00", "Europe/Berlin", "2026-11-20T01:30", True),  # 02:30 there
        ("02:00-06:00", "Europe/Berlin", "2026-07-20T04:30", False),  # 06:30 in summer
    ],
)
def test_hours(text: str, zone: str, at: str, holds: bool) -> None:
    assert hours_of(text, ZoneInfo(zone)).hold(datetime.fromisoformat(at).replace(tzinfo=UTC)) is holds


@pytest.mark.parametrize(
    "text", ["", "22-07", "Xyz 22:00-07:00", "24:00-07:00", "22:60-07:00", "00:00-24:01", "Mon"]
)
def test_no_hours(text: str) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        hours_of(text, UTC)


def test_what_nobody_looks_at_any_more_ends() -> None:
    watched = Watched()
    watched.round(look("untrusted-root"))
    assert watched.round(now=NOW + FORGOTTEN_AFTER) == []
    [notice] = watched.round(now=NOW + FORGOTTEN_AFTER + HOUR)
    assert (notice.event, notice.rule) == ("ended", "untrusted-root")
    assert watched.alarms == {}


def test_a_clock_that_goes_back_tells_nothing_twice() -> None:
    watched = Watched()
    watched.round(look("untrusted-root"))
    assert watched.round(look("untrusted-root"), now=NOW - 1000 * HOUR) == []


_WORDS = st.lists(st.sampled_from("-?xyr"), max_size=30)


@given(words=_WORDS, fail_after=st.integers(1, 4), recover_after=st.integers(1, 4))
def test_of_any_sequence(words: Sequence[str], fail_after: int, recover_after: int) -> None:
    """Raised, perhaps turned, recovered, in turns; and after long enough a quiet all is forgotten."""
    watched = Watched(Policy(fail_after=fail_after, recover_after=recover_after, repeat=None))
    told = watched.rounds(rules("".join(words) + "-" * max(fail_after, recover_after)))
    open_rule = None
    for _, event, rule in told:
        assert event in (("turned", "recovered") if open_rule else ("raised",))
        assert rule != open_rule
        open_rule = rule
    assert open_rule is None
    assert watched.alarms == {}
    bad = "".join("-" if word == "-" else "x" for word in words)
    assert sum(event == "raised" for _, event, _ in told) <= max(bad.count("x" * fail_after), 0)
    assert bool(told) == ("x" * fail_after in bad)


@given(words=_WORDS)
def test_undamped_each_change_is_told_once(words: Sequence[str]) -> None:
    looks = rules("".join(words))
    seen = [next((facts.rule for facts in one.problems.values()), None) for one in looks]
    changes = [now for before, now in zip([None, *seen], seen, strict=False) if before != now]
    policy = Policy(fail_after=1, recover_after=1, repeat=None)
    assert [rule for _, _, rule in Watched(policy).rounds(looks)] == changes


@given(words=_WORDS, dark=st.sets(st.integers(0, 30)))
def test_after_the_dark_what_was_told_is_what_is(words: Sequence[str], dark: set[int]) -> None:
    """Whatever is held back: what was told last is the state as soon as nothing is held."""
    policy = Policy(fail_after=1, recover_after=1, repeat=None)
    watched, last = Watched(policy), None
    for number, one in enumerate(rules("".join(words))):
        watched.policy = (
            Policy(fail_after=1, recover_after=1, repeat=None, quiet=(hours_of("00:00-24:00", UTC),))
            if number in dark
            else policy
        )
        for notice in watched.round(one, now=NOW + number * HOUR):
            assert number not in dark
            last = notice.rule
        if number not in dark:
            assert last == next((facts.rule for facts in one.problems.values()), None)
