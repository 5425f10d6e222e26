"""Every change that was planted is found, at its look, and no other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.eop.vocabulary import Outcome
from probe.report.changes import Change, Kind, changes
from probe.report.record import Span, State
from tests.report.lives import BEGIN, HOUR, Leaf, certificates, down, endpoint, plain, records, shows, spans

A = Leaf()
RENEWED = Leaf(key=1, serial=2)
OTHER_ISSUER = Leaf(issuer=1, key=2, serial=3)
OTHER_NAMES = Leaf(names=("smtp.contoso.test",), key=3, serial=4)
SAME_KEY = Leaf(serial=5)
LONG = 60


def found(*states: State) -> list[Change]:
    return changes(spans(records(endpoint(), states)), certificates)


def kinds(of: Iterable[Change]) -> list[tuple[str, int]]:
    """Each kind with the number of its look."""
    return [(change.kind.value, (change.at - BEGIN) // HOUR) for change in of]


def test_what_is_seen_first_is_no_change() -> None:
    assert found(*[shows(A)] * 3) == found(*[shows(A, RENEWED, mixed=True)] * 3) == found(plain()) == []


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (RENEWED, ["renewed"]),
        (OTHER_ISSUER, ["issuer-changed"]),
        (OTHER_NAMES, ["new-certificate"]),
        (SAME_KEY, ["renewed", "key-reused"]),
    ],
)
def test_another_certificate(new: Leaf, expected: list[str]) -> None:
    made = found(*[shows(A)] * 3, *[shows(new)] * 3)
    assert kinds(made) == [(kind, 3) for kind in expected]
    assert {(change.since, change.before, change.after) for change in made} == {
        (BEGIN + 2 * HOUR, (A.issued().sha256,), (new.issued().sha256,))
    }


def test_a_swap_is_one_change_and_its_rollback_another() -> None:
    assert kinds(found(shows(A), shows(RENEWED), *[shows(A)] * 9)) == [("renewed", 1), ("renewed", 2)]


def test_what_alternates_is_one_state_until_one_alone_was_seen_for_several_looks() -> None:
    looks = [shows(A)] * 9 + [shows(RENEWED), shows(A)] * 20
    begun = found(*looks)
    assert kinds(begun) == [("mixed", 9)]
    assert begun[0].ended is None
    assert set(begun[0].after) == {A.issued().sha256, RENEWED.issued().sha256}
    assert kinds(found(*looks, *[shows(RENEWED)] * 5)) == [("mixed", 9)]
    over = found(*looks, *[shows(RENEWED)] * 6)
    assert kinds(over) == [("mixed", 9), ("mixed-over", 49), ("renewed", 49)]
    assert over[0].ended == over[1].at
    assert over[1].began == over[0].at


def test_one_node_of_many_is_mixed_although_it_is_rarely_met() -> None:
    rarely = ([shows(RENEWED)] + [shows(A)] * 12) * 9
    assert kinds(found(*[shows(A)] * LONG, *rarely)) == [("mixed", LONG)]


def test_three_nodes_are_one_mixed_state() -> None:
    turns = [shows(one) for one in (A, RENEWED, OTHER_ISSUER)] * 9
    assert kinds(found(shows(A), shows(A), *turns)) == [("mixed", 3)]


def test_a_swap_before_the_mixed_state_stays_a_swap() -> None:
    """What was before the swap never comes back: it has no part in what alternates."""
    looks = [*[shows(A)] * 9, *[shows(RENEWED)] * 20, *[shows(OTHER_ISSUER), shows(RENEWED)] * 6]
    assert kinds(found(*looks)) == [("renewed", 9), ("mixed", 29)]


def test_a_look_that_met_several_is_mixed_by_itself() -> None:
    both = shows(A, RENEWED, mixed=True)
    looks = [*[shows(A)] * 9, both, shows(A), both, *[shows(A)] * 9]
    assert kinds(found(*looks)) == [("mixed", 9), ("mixed-over", 12)]


def test_slow_swaps_are_swaps() -> None:
    looks = [shows(one) for one in (A, RENEWED, A, RENEWED) for _ in range(LONG)]
    assert kinds(found(*looks)) == [("renewed", LONG), ("renewed", 2 * LONG), ("renewed", 3 * LONG)]


def test_several_kinds_of_key_are_not_mixed_and_each_is_compared_with_its_own() -> None:
    made = found(shows(A, OTHER_NAMES), shows(RENEWED, OTHER_NAMES))
    assert [(change.kind, change.before, change.after) for change in made] == [
        (Kind.RENEWED, (A.issued().sha256,), (RENEWED.issued().sha256,))
    ]


def test_a_certificate_after_an_outage_is_compared_with_the_one_before() -> None:
    made = found(shows(A), down(), down(), shows(RENEWED))
    assert kinds(made) == [("outage", 1), ("outage-over", 3), ("renewed", 3)]
    assert (made[0].looks, made[0].fault, made[0].ended, made[1].began) == (
        2, "unreachable", BEGIN + 3 * HOUR, BEGIN + HOUR,
    )  # fmt: skip


def test_an_endpoint_that_comes_and_goes_has_one_outage() -> None:
    flapping = [down(), shows(A), down(), down("timeout"), *[shows(A)] * 5] * 5
    made = found(*[shows(A)] * 9, *flapping, *[shows(A)] * 9)
    assert kinds(made) == [("outage", 9), ("outage-over", 9 + len(flapping) - 5)]
    assert made[0].looks == 15
    assert len(found(*[shows(A)] * 9, down(), *[shows(A)] * 6, down())) == 3


def test_starttls_gone_and_back_with_another_certificate() -> None:
    made = found(*[shows(A)] * 3, *[plain()] * 3, *[shows(RENEWED)] * 3)
    assert kinds(made) == [
        ("starttls-gone", 3), ("verdict", 3), ("starttls-back", 6), ("renewed", 6), ("verdict", 6),
    ]  # fmt: skip
    assert made[1].verdict == (Outcome.REJECTED, "no-starttls")


def test_while_it_is_mixed_the_worst_verdict_counts() -> None:
    bad = shows(RENEWED, accepted=False)
    made = found(*[shows(A)] * 9, *[bad, shows(A)] * 9, *[shows(A)] * 9)
    assert kinds(made) == [("mixed", 9), ("verdict", 9), ("mixed-over", 26), ("verdict", 26)]
    assert made[1].verdict == (Outcome.REJECTED, "untrusted-root")
    assert made[3].verdict == (Outcome.ACCEPTED, None)


def test_an_address_that_comes_and_one_that_goes() -> None:
    lives = {
        "192.0.2.1": [shows(A)] * 50,
        "192.0.2.2": [*[shows(A)] * 20, *[None] * 30],
        "192.0.2.3": [*[None] * 30, *[shows(A)] * 20],
    }
    made = changes(
        [
            span
            for address, states in lives.items()
            for span in spans(records(endpoint(address=address), states))
        ],
        certificates,
    )
    assert [(*told, change.endpoint.address) for told, change in zip(kinds(made), made, strict=True)] == [
        ("address-removed", 20, "192.0.2.2"), ("address-added", 30, "192.0.2.3"),
    ]  # fmt: skip


def test_a_name_that_led_nowhere_for_a_while_is_an_outage() -> None:
    lives = [
        records(endpoint(), [*[shows(A)] * 5, None, None, *[shows(A)] * 5]),
        records(endpoint(address=""), [*[None] * 5, down(), down(), *[None] * 5]),
    ]
    made = changes([span for life in lives for span in spans(life)], certificates)
    assert kinds(made) == [("outage", 5), ("outage-over", 7)]


class Story:
    """Looks at an endpoint in which changes are planted, and what is to be found."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.leaf, self.accepted, self.number = A, True, 100
        self.looks = [shows(A)] * LONG
        self.expected: list[tuple[str, int]] = []

    @property
    def now(self) -> State:
        return shows(self.leaf, accepted=self.accepted)

    def plant(self, event: str) -> None:
        self.number += 1
        getattr(self, event)()
        self.looks += [self.now] * LONG

    def expect(self, *kinds: str) -> None:
        self.expected += [(kind, len(self.looks)) for kind in kinds]

    def fails(self, times: int = 1) -> None:
        self.expect("outage")
        for _ in range(times):
            self.looks += [down()] * self.random.randint(1, 9)
            back = len(self.looks)
            self.looks += [self.now] * self.random.randint(1, 5)
        self.expected.append(("outage-over", back))

    def flaps(self) -> None:
        self.fails(self.random.randint(2, 5))

    def goes_plain(self) -> None:
        self.expect("starttls-gone", "verdict")
        self.looks += [plain()] * self.random.randint(1, 70)
        self.expect("starttls-back", "verdict")

    def turns(self) -> None:
        self.expect("verdict")
        self.accepted = not self.accepted

    def mixes(self) -> None:
        self.expect("mixed")
        other = shows(self.leaf._replace(serial=self.number, key=self.number), accepted=self.accepted)
        self.looks.append(other)
        for _ in range(self.random.randint(1, 20)):
            self.looks += [self.now] * self.random.randint(1, 3)
            self.looks += [other] * self.random.randint(1, 3)
        self.expect("mixed-over")

    def swap(self, kind: str, **new: object) -> None:
        self.expect(kind)
        self.leaf = self.leaf._replace(**{"serial": self.number, "key": self.number} | new)  # type: ignore[arg-type]

    def renews(self) -> None:
        self.swap("renewed")

    def keeps_its_key(self) -> None:
        self.swap("renewed", key=self.leaf.key)
        self.expect("key-reused")

    def changes_its_issuer(self) -> None:
        self.swap("issuer-changed", issuer=1 - self.leaf.issuer)

    def changes_its_names(self) -> None:
        self.swap("new-certificate", names=(f"mail{self.number}.contoso.test",))

    def rolls_back(self) -> None:
        before = self.leaf
        self.renews()
        self.looks += [self.now] * self.random.randint(1, 9)
        self.expect("renewed")
        self.leaf = before


EVENTS = [
    "fails", "flaps", "goes_plain", "turns", "mixes", "renews", "keeps_its_key", "changes_its_issuer",
    "changes_its_names", "rolls_back",
]  # fmt: skip


@given(st.lists(st.sampled_from(EVENTS), max_size=9), st.randoms(use_true_random=False))
def test_every_planted_change_is_found_and_no_other(events: list[str], random: Random) -> None:
    story = Story(random)
    for event in events:
        story.plant(event)
    assert sorted(kinds(found(*story.looks))) == sorted(story.expected)


@given(st.lists(st.sampled_from((A, RENEWED, OTHER_ISSUER)), min_size=1, max_size=99))
def test_however_nodes_take_turns_it_is_not_a_change_a_look(turns: list[Leaf]) -> None:
    """A story of any kind has its states in order: what begins ends before it begins again."""
    made = [
        change.kind for change in found(*map(shows, turns)) if change.kind in {Kind.MIXED, Kind.MIXED_OVER}
    ]
    assert set(made[::2]) <= {Kind.MIXED}
    assert set(made[1::2]) <= {Kind.MIXED_OVER}


def test_lists_of_another_date_are_named() -> None:
    of = spans(records(endpoint(), [shows(A), shows(A, accepted=False)]))
    assert changes(of, certificates)[0].lists == ()
    later = [of[0], _dated_later(of[1])]
    assert changes(later, certificates)[0].lists == ("microsoft",)


def _dated_later(span: Span) -> Span:
    used = span.lists[0]
    return replace(span, lists=(used._replace(dated=used.dated + timedelta(days=30)),))
