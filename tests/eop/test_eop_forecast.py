"""When the verdict changes: each turn is what judging at its instant says, and nothing turns in between."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from probe.eop.evidence import Evidence, Observation, weigh
from probe.eop.forecast import MAX_INSTANTS, Forecast, Turn, forecast, soonest
from probe.eop.verdict import judge
from probe.eop.vocabulary import Direction, Outcome
from probe.pki.microsoft_list import Ctl
from probe.pki.truststore import TrustStore
from probe.render.page.options import RenderOptions
from probe.render.report import junit
from probe.stores.bundle import BundleStore, PemBundle
from probe.stores.microsoft import MicrosoftStore
from tests.authority import CLIENT_AUTH, DAY, SERVER_AUTH, Authority, Issued
from tests.counting import calls
from tests.eop.weighing import FROM_EOP, NOW, ROOT, TO_EOP, anchors, capture, evidence
from tests.eop.weighing import HOST as NAME
from tests.render import samples
from tests.rootlist import Listed, Publisher

CA = Authority(now=NOW, name="forecast")
ISSUING = CA.intermediate(ROOT, "CN=Fabrikam Public TLS CA 1,O=Fabrikam\\, Inc.,C=US")
LEAF = CA.leaf(ISSUING, NAME)  # 150 of its 200 days to come
SECOND = timedelta(seconds=1)
ANCHORS = anchors(ROOT)

SERVER, CLIENT = SERVER_AUTH.dotted_string, CLIENT_AUTH.dotted_string


def microsoft(*listed: Listed, bundle: Sequence[Issued] = (ROOT,)) -> MicrosoftStore:
    """A list of those entries, as Microsoft would publish it."""
    data = Publisher(NOW).root_list(*listed)
    return MicrosoftStore(
        Ctl(data), PemBundle("".join(each.pem for each in bundle).encode()), origin="authroot.stl"
    )


def turns(*chain: Issued, store: TrustStore = ANCHORS, **fields: object) -> tuple[Turn, ...]:
    return forecast(evidence(*chain, stores=(store,), **fields), store)


def shown(found: Sequence[Turn]) -> list[tuple[datetime, str, str | None, str]]:
    return [(turn.at, turn.outcome.value, turn.rule, turn.reason) for turn in found]


def test_a_healthy_chain_comes_near_its_end_and_then_ends() -> None:
    end = NOW + 150 * DAY
    assert shown(turns(LEAF, ISSUING)) == [
        (end - 30 * DAY, "at-risk", "expires-soon", f"{NAME} has 30 days left"),
        (end + SECOND, "rejected", "expired", f"{NAME} expires"),
    ]


def test_it_is_computed_where_it_is_looked_at_and_once() -> None:
    weighed = evidence(LEAF, ISSUING)
    coming = Forecast(weighed, ANCHORS)
    one = replace(samples.accepted(), forecast=coming)
    report = samples.report(one)
    assert calls(lambda: junit.render(report, RenderOptions()))[forecast.__code__] == 0
    for expected in (1, 0):
        assert (
            calls(lambda: (list(coming), coming[0], coming[:1], len(coming)))[forecast.__code__] == expected
        )
    assert coming == forecast(weighed, ANCHORS) == copy.deepcopy(coming)
    assert hash(coming) == hash(tuple(coming))


def test_the_share_of_the_lifetime_is_in_whole_seconds() -> None:
    odd = CA.leaf(ISSUING, NAME, not_before=NOW - 10 * DAY, not_after=NOW + 30 * DAY + SECOND)
    soon, _ = turns(odd, ISSUING)
    left = (30 * DAY + SECOND) - (soon.at - NOW)
    assert soon.at.microsecond == 0
    assert timedelta() <= (40 * DAY + SECOND) / 3 - left < SECOND
    assert soon.reason == f"{NAME} has 13 days left"


def test_what_ends_first_is_named_be_it_an_intermediate_or_the_root() -> None:
    short = CA.intermediate(ROOT, "Short CA", not_after=NOW + 60 * DAY)
    found = turns(CA.leaf(short, NAME), short)
    assert [turn.reason for turn in found] == ["Short CA has 30 days left", "Short CA expires"]
    old = CA.root("Old Root", not_after=NOW + 100 * DAY)
    store = anchors(old)
    assert shown(turns(CA.leaf(old, NAME), store=store)) == [
        (NOW + 100 * DAY + SECOND, "rejected", "expired", "Old Root expires"),
    ]


def test_ends_at_one_instant_are_said_together() -> None:
    end = NOW + 20 * DAY
    short = CA.intermediate(ROOT, "Short CA", not_after=end)
    found = turns(CA.leaf(short, NAME, not_after=end), short)
    assert shown(found) == [(end + SECOND, "rejected", "expired", f"Short CA expires; {NAME} expires")]


def test_a_certificate_of_the_future_begins() -> None:
    young = CA.leaf(ISSUING, NAME, not_before=NOW + DAY, not_after=NOW + 151 * DAY)
    first = turns(young, ISSUING)[0]
    assert first == Turn(NOW + DAY, Outcome.ACCEPTED, None, f"{NAME} becomes valid")


def test_another_way_up_that_begins_later_counts_too() -> None:
    key = CA.root("Key of the twin").key
    ending = CA.intermediate(ROOT, "Twin CA", key=key, not_after=NOW + 40 * DAY)
    coming = CA.intermediate(ROOT, "Twin CA", key=key, not_before=NOW + 35 * DAY)
    found = turns(CA.leaf(coming, NAME), ending, coming)
    assert [(turn.at - NOW, turn.outcome.value, turn.rule) for turn in found] == [
        (10 * DAY, "at-risk", "expires-soon"),
        (40 * DAY + SECOND, "accepted", None),
        (120 * DAY, "at-risk", "expires-soon"),
        (150 * DAY + SECOND, "rejected", "expired"),
    ]
    # Negative control: without the other one the end of the first is the end.
    assert [turn.rule for turn in turns(CA.leaf(coming, NAME), ending)] == ["expires-soon", "expired"]


def test_microsofts_announcement_to_disable_a_root() -> None:
    when = NOW + 90 * DAY
    store = microsoft(Listed(der=ROOT.der, disallowed_at=when))
    assert shown(turns(LEAF, ISSUING, store=store)) == [
        (when, "rejected", "root-restricted", "Microsoft's list disables the root Fabrikam Public Root"),
    ]
    assert len(turns(LEAF, ISSUING, store=microsoft(Listed(der=ROOT.der)))) == 2


def test_an_announcement_past_the_certificates_end_is_for_renewals() -> None:
    when = NOW + 400 * DAY
    found = turns(LEAF, ISSUING, store=microsoft(Listed(der=ROOT.der, disallowed_at=when)))
    assert [turn.renewal_only for turn in found] == [False, False, True]
    assert found[-1].at == when


def test_a_notbefore_date_leaves_this_certificate_alone() -> None:
    when = NOW + 90 * DAY
    store = microsoft(Listed(der=ROOT.der, not_before=when, not_before_purposes=(SERVER, CLIENT)))
    found = turns(LEAF, ISSUING, store=store)
    assert found[0] == Turn(
        when,
        Outcome.REJECTED,
        "root-restricted",
        "Microsoft's list trusts no certificates newer than that under Fabrikam Public Root",
        renewal_only=True,
    )
    assert [turn.rule for turn in found[1:]] == ["expires-soon", "expired"]
    assert soonest(found) == found[1]
    assert soonest(found[:1]) is None


def test_a_date_for_one_purpose_matters_where_no_other_is_left() -> None:
    store = microsoft(Listed(der=ROOT.der, not_before=NOW + 90 * DAY, not_before_purposes=(SERVER,)))
    either = turns(LEAF, ISSUING, store=store, direction=TO_EOP)
    server = turns(LEAF, ISSUING, store=store, direction=FROM_EOP)
    assert [turn.renewal_only for turn in either] == [False, False]
    assert [turn.renewal_only for turn in server] == [True, False, False]


def test_a_purpose_withdrawn_is_a_restriction() -> None:
    listed = Listed(der=ROOT.der, disallowed_at=NOW + DAY, disallowed_purposes=(SERVER, CLIENT))
    assert turns(LEAF, ISSUING, store=microsoft(listed))[0].reason == (
        "Microsoft's list restricts the root Fabrikam Public Root"
    )


def test_a_refused_root_stays_refused() -> None:
    private = CA.root("Private Root")
    assert turns(CA.leaf(private, NAME), private) == ()
    restricted = microsoft(Listed(der=ROOT.der, disallowed_at=NOW - DAY, not_before=NOW + DAY))
    assert turns(LEAF, ISSUING, store=restricted) == ()


def test_what_is_announced_of_a_root_is_nothing_to_a_chain_that_does_not_reach_it() -> None:
    store = microsoft(Listed(der=ROOT.der, disallowed_at=NOW + 90 * DAY, not_before=NOW + 80 * DAY))
    assert turns(LEAF, store=store) == ()
    assert [turn.at for turn in turns(LEAF, ISSUING, store=store)] == [NOW + 80 * DAY, NOW + 90 * DAY]


def test_past_its_end_nothing_is_to_come() -> None:
    assert turns(LEAF, ISSUING, at=NOW + 151 * DAY) == ()


@pytest.mark.parametrize("name", ["mozilla", "mine.pem"])
def test_a_plain_bundle_announces_nothing(name: str) -> None:
    store = BundleStore(name, PemBundle(ROOT.pem.encode()), origin=name)
    assert [turn.rule for turn in turns(LEAF, ISSUING, store=store)] == ["expires-soon", "expired"]


def test_without_a_chain_or_a_store_there_is_no_forecast() -> None:
    assert forecast(evidence(), ANCHORS) == ()
    assert forecast(evidence(LEAF, stores=()), ANCHORS) == ()


def test_a_chain_that_met_a_bound_is_not_judged_again_and_again() -> None:
    many = [CA.intermediate(ROOT, f"Extra {n}", key="ed25519") for n in range(70)]
    seen = evidence(LEAF, ISSUING, *many)
    best = seen.deciding.best() if seen.deciding else None
    assert best is not None
    limited = replace(seen.stores[0], paths=dict.fromkeys(seen.stores[0].paths, replace(best, limits=("x",))))
    assert forecast(seen, ANCHORS)
    assert forecast(replace(seen, stores=(limited,)), ANCHORS) == ()


def test_the_number_of_instants_is_bounded() -> None:
    later = [
        CA.intermediate(ROOT, f"Later {n}", key="ed25519", not_before=NOW + n * DAY) for n in range(1, 40)
    ]
    assert turns(LEAF, ISSUING, *later) == ()
    assert len(turns(LEAF, ISSUING, *later[: MAX_INSTANTS - 2])) == 2


def test_several_nodes_stay_several() -> None:
    one, other = capture(LEAF, ISSUING), capture(CA.leaf(CA.root("Private Root"), NAME))
    seen = (Observation(one, Outcome.ACCEPTED), Observation(other, Outcome.REJECTED))
    found = forecast(replace(evidence(seen=one), observations=seen), ANCHORS)
    now = judge(replace(evidence(seen=one), observations=seen)).prediction
    assert now.rule == "mixed-certificates"
    assert [turn.rule for turn in found if turn.rule == now.rule] == []


@pytest.mark.parametrize("direction", [TO_EOP, FROM_EOP])
@pytest.mark.parametrize(
    "listed",
    [
        Listed(der=ROOT.der),
        Listed(der=ROOT.der, disallowed_at=NOW + 100 * DAY),
        Listed(der=ROOT.der, disallowed_at=NOW + 100 * DAY, disallowed_purposes=(SERVER,)),
    ],
    ids=["plain", "disabled", "one purpose"],
)
def test_judging_at_that_instant_says_the_same_and_a_second_before_it_does_not(
    listed: Listed, direction: Direction
) -> None:
    store = microsoft(listed)
    found = turns(LEAF, ISSUING, store=store, direction=direction)
    assert found
    for turn in found:
        after, before = (_judged(at, store, direction) for at in (turn.at, turn.at - SECOND))
        assert after == (turn.outcome, turn.rule)
        assert before != after


def _judged(at: datetime, store: TrustStore, direction: Direction) -> tuple[Outcome, str | None]:
    seen: Evidence = evidence(LEAF, ISSUING, stores=(store,), direction=direction)
    again = weigh(
        seen.capture, (store,), direction=direction, basis=seen.basis, at=at, settings=seen.settings
    )
    said = judge(again).prediction
    return said.outcome, said.rule


def test_instants_are_in_utc() -> None:
    assert {turn.at.tzinfo for turn in turns(LEAF, ISSUING)} == {UTC}
