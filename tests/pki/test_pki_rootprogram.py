"""What an entry of Microsoft's list means: each step of the rules, with the neighbour that decides otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from probe.pki.certificate import Certificate, parse
from probe.pki.microsoft_list import Ctl, CtlEntry
from probe.pki.rootprogram import changes, day, describe, is_pilot, judge
from probe.pki.status import Purpose
from probe.pki.truststore import AnchorStore, ListRole, RootState, RootVerdict, StandInStore, list_title
from tests.authority import Authority
from tests.rootlist import CLEARED, Listed, Publisher

NOW = datetime(2026, 11, 21, tzinfo=UTC)
PAST, FUTURE = datetime(2025, 4, 16, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC)
OLD_LEAF, NEW_LEAF = PAST - timedelta(days=30), NOW - timedelta(days=30)
SERVER, CLIENT, CODE = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.3"
UNREAD = ("1.3.6.1.4.1.311.10.11.127", b"?")
PUBLISHER = Publisher(NOW)


def entry(**said: object) -> CtlEntry:
    (found,) = Ctl(PUBLISHER.root_list(Listed(der=b"root", **said)))
    return found


def state(said: dict[str, object], leaf: datetime = NEW_LEAF, at: datetime = NOW) -> str:
    verdict = judge(entry(**said), Purpose.SERVER_AUTH, leaf, at)
    return verdict.state.value if verdict.certain else f"{verdict.state.value}?"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, "trusted"),
        # step 2
        ({"purposes": (SERVER,)}, "trusted"),
        ({"purposes": (CLIENT,)}, "no-eku"),
        ({"purposes": (CLIENT,), "disallowed_at": PAST}, "no-eku"),
        # step 3
        ({"disallowed_purposes": (SERVER,)}, "eku-disallowed"),
        ({"disallowed_purposes": (SERVER,), "disallowed_at": PAST}, "eku-disallowed"),
        ({"disallowed_purposes": (SERVER,), "disallowed_at": CLEARED}, "eku-disallowed"),
        ({"disallowed_purposes": (SERVER,), "disallowed_at": NOW}, "eku-disallowed"),
        ({"disallowed_purposes": (SERVER,), "disallowed_at": FUTURE}, "trusted"),
        ({"disallowed_purposes": (CLIENT,)}, "trusted"),
        ({"disallowed_purposes": (CLIENT,), "disallowed_at": FUTURE}, "trusted"),
        ({"disallowed_purposes": (CLIENT,), "disallowed_at": PAST}, "trusted?"),
        ({"disallowed_purposes": (CLIENT,), "disallowed_at": PAST, "not_before": PAST}, "notbefore?"),
        # step 4
        ({"disallowed_at": PAST}, "disabled"),
        ({"disallowed_at": NOW}, "disabled"),
        ({"disallowed_at": FUTURE}, "trusted"),
        ({"disallowed_at": CLEARED}, "trusted"),
        ({"disallowed_at": PAST, "not_before": PAST}, "disabled"),
        # step 5
        ({"not_before": PAST}, "notbefore"),
        ({"not_before": FUTURE}, "trusted"),
        ({"not_before": CLEARED}, "trusted"),
        ({"not_before": PAST, "not_before_purposes": (SERVER,)}, "notbefore"),
        ({"not_before": PAST, "not_before_purposes": (CLIENT,)}, "trusted"),
        ({"not_before_purposes": (SERVER,)}, "notbefore"),
        ({"not_before_purposes": (CLIENT,)}, "trusted"),
        ({"not_before": CLEARED, "not_before_purposes": (SERVER,)}, "trusted"),
        # what cannot be read makes the rest uncertain
        ({"raw": (UNREAD,)}, "trusted?"),
        ({"raw": (UNREAD,), "purposes": (CLIENT,)}, "no-eku?"),
        ({"raw": (UNREAD,), "disallowed_purposes": (SERVER,)}, "eku-disallowed?"),
        ({"raw": (UNREAD,), "disallowed_at": PAST}, "disabled?"),
        ({"raw": (UNREAD,), "not_before": PAST}, "notbefore?"),
    ],
)
def test_the_state_of_a_root(said: dict[str, object], expected: str) -> None:
    assert state(said) == expected


def test_not_before_compares_the_date_of_the_leaf() -> None:
    said = {"not_before": PAST}
    assert state(said, leaf=OLD_LEAF) == "trusted"
    assert state(said, leaf=PAST - timedelta(seconds=1)) == "trusted"
    assert state(said, leaf=PAST) == "notbefore?"
    assert state(said, leaf=PAST + timedelta(hours=23)) == "notbefore?"
    assert state(said, leaf=PAST + timedelta(days=1)) == "notbefore"


def test_the_verdict_names_the_date() -> None:
    assert judge(entry(disallowed_at=PAST), Purpose.CLIENT_AUTH, NEW_LEAF, NOW).since == PAST
    assert judge(entry(not_before=PAST), Purpose.CLIENT_AUTH, NEW_LEAF, NOW).since == PAST


def test_each_purpose_is_judged_by_itself() -> None:
    only_client = entry(purposes=(CLIENT,))
    assert judge(only_client, Purpose.CLIENT_AUTH, NEW_LEAF, NOW).state is RootState.TRUSTED
    assert judge(only_client, Purpose.SERVER_AUTH, NEW_LEAF, NOW).state is RootState.NO_EKU


def test_any_instant_can_be_asked_about() -> None:
    said = {"disallowed_at": FUTURE}
    assert state(said, at=FUTURE - timedelta(seconds=1)) == "trusted"
    assert state(said, at=FUTURE) == "disabled"


def test_a_pilot_is_not_trusted_but_a_restricted_pilot_is_restricted() -> None:
    def pilot(found: CtlEntry) -> RootState:
        return judge(found, Purpose.SERVER_AUTH, NEW_LEAF, NOW, pilot=True).state

    assert pilot(entry()) is RootState.PILOT
    assert pilot(entry(disallowed_at=PAST)) is RootState.DISABLED


def test_a_root_is_a_pilot_by_its_signature() -> None:
    ordinary = Authority(now=NOW).root()
    assert not is_pilot(Certificate(ordinary.der))
    # ecdsa-with-SHA256 (8 content bytes) becomes id-ml-dsa-87 (9), so the AlgorithmIdentifiers are rebuilt
    inside = Certificate(ordinary.der)
    old, new = bytes.fromhex("300a06082a8648ce3d040302"), bytes.fromhex("300b0609608648016503040313")
    assert old in inside.der
    grown = bytearray(inside.der.replace(old, new))
    for at in (2, 6):  # the lengths of the certificate and of the part to be signed
        size = int.from_bytes(grown[at : at + 2], "big") + (2 if at == 2 else 1)
        grown[at : at + 2] = size.to_bytes(2, "big")
    assert is_pilot(Certificate(bytes(grown)))


# ---- what is to come -----------------------------------------------------------------------------


def test_nothing_is_to_come_without_a_date() -> None:
    assert changes(entry(), Purpose.SERVER_AUTH, NEW_LEAF, NOW) == ()
    assert changes(entry(disallowed_at=PAST, not_before=PAST), Purpose.SERVER_AUTH, NEW_LEAF, NOW) == ()


def test_an_announced_disabling() -> None:
    (change,) = changes(entry(disallowed_at=FUTURE), Purpose.SERVER_AUTH, NEW_LEAF, NOW)
    assert (change.at, change.verdict.state, change.renewal_only) == (FUTURE, RootState.DISABLED, False)


def test_an_announced_not_before_concerns_the_renewal() -> None:
    (change,) = changes(entry(not_before=FUTURE), Purpose.SERVER_AUTH, NEW_LEAF, NOW)
    assert (change.at, change.verdict.state, change.renewal_only) == (FUTURE, RootState.NOT_BEFORE, True)


def test_both_are_told_in_order() -> None:
    later = FUTURE + timedelta(days=200)
    found = changes(entry(not_before=FUTURE, disallowed_at=later), Purpose.SERVER_AUTH, NEW_LEAF, NOW)
    assert [(c.at, c.renewal_only) for c in found] == [(FUTURE, True), (later, False)]


def test_a_date_that_changes_nothing_for_this_purpose_is_no_change() -> None:
    said = {"purposes": (CLIENT,), "disallowed_at": FUTURE, "not_before": FUTURE + timedelta(days=1)}
    assert changes(entry(**said), Purpose.SERVER_AUTH, NEW_LEAF, NOW) == ()
    for_others = {"not_before": FUTURE, "not_before_purposes": (CLIENT,)}
    assert changes(entry(**for_others), Purpose.SERVER_AUTH, NEW_LEAF, NOW) == ()


def test_a_rule_that_strikes_a_renewal_already_is_not_announced_again() -> None:
    said = {"not_before": PAST, "disallowed_at": FUTURE, "disallowed_purposes": (CLIENT,)}
    assert changes(entry(**said), Purpose.SERVER_AUTH, OLD_LEAF, NOW) == ()


# ---- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({}, "Lab CA is in Microsoft's list and trusted for server certificates."),
        (
            {"not_before": FUTURE},
            "Lab CA is in Microsoft's list and trusted for server certificates issued before 1 February 2027.",
        ),
        (
            {"not_before": PAST},
            "Lab CA is in Microsoft's list, but not for server certificates issued on or after 16 April 2025.",
        ),
        (
            {"not_before_purposes": (SERVER,)},
            "Lab CA is in Microsoft's list, but not for server certificates.",
        ),
        ({"disallowed_at": PAST}, "Lab CA is in Microsoft's list, but disabled since 16 April 2025."),
        (
            {"disallowed_purposes": (SERVER,), "disallowed_at": PAST},
            "Lab CA is in Microsoft's list, but disallowed for server certificates since 16 April 2025.",
        ),
        (
            {"disallowed_purposes": (SERVER,)},
            "Lab CA is in Microsoft's list, but disallowed for server certificates.",
        ),
        (
            {"purposes": (CLIENT, CODE, "1.2.3")},
            (
                "Lab CA is in Microsoft's list, but not for server certificates"
                " (only for client authentication, code signing, 1.2.3)."
            ),
        ),
        (
            {"disallowed_purposes": (CLIENT,), "disallowed_at": PAST},
            (
                "Lab CA is in Microsoft's list and trusted for server certificates; this is not certain,"
                " as the entry can also be read as disabling it since 16 April 2025."
            ),
        ),
        (
            {"not_before": NEW_LEAF},
            (
                "Lab CA is in Microsoft's list, but not for server certificates issued on or after"
                " 22 October 2026; this is not certain, as Microsoft does not say whether the day itself counts."
            ),
        ),
        (
            {"raw": (("1.3.6.1.4.1.311.10.11.9", b"?"),)},
            (
                "Lab CA is in Microsoft's list and trusted for server certificates; this is not certain,"
                " as a part of the entry cannot be read."
            ),
        ),
    ],
)
def test_one_sentence_for_a_person(said: dict[str, object], sentence: str) -> None:
    found = entry(**said)
    verdict = judge(found, Purpose.SERVER_AUTH, NEW_LEAF, NOW)
    assert describe("Lab CA", verdict, Purpose.SERVER_AUTH, found) == sentence


@pytest.mark.parametrize(
    ("verdict", "sentence"),
    [
        (RootVerdict(RootState.ABSENT), "Lab CA is not in Microsoft's list."),
        (
            RootVerdict(RootState.DISALLOWED),
            "Lab CA is on Microsoft's list of disallowed certificates: nothing under it is trusted.",
        ),
        (
            RootVerdict(RootState.PILOT),
            "Lab CA is in Microsoft's list for a post-quantum pilot only: it is not publicly trusted.",
        ),
        (RootVerdict(RootState.NO_EKU), "Lab CA is in Microsoft's list, but not for client certificates."),
        (
            RootVerdict(RootState.TRUSTED, certain=False),
            "Lab CA is in Microsoft's list and trusted for client certificates; this is not certain.",
        ),
    ],
)
def test_verdicts_without_an_entry(verdict: RootVerdict, sentence: str) -> None:
    assert describe("Lab CA", verdict, Purpose.CLIENT_AUTH) == sentence


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("microsoft", "Microsoft's list"),
        ("mozilla", "Mozilla's list"),
        ("microsoft+lab.pem", "Microsoft's list with lab.pem"),
        ("mozilla+a+b.pem", "Mozilla's list with a+b.pem"),
        ("roots.pem", "the list roots.pem"),
        ("my+roots.pem", "the list my+roots.pem"),
    ],
)
def test_the_title_of_a_list(name: str, title: str) -> None:
    assert list_title(name) == title


def test_a_root_stands_in_for_one_the_list_does_not_hold() -> None:
    authority = Authority(now=NOW, name="stand-in")
    listed, extra, other = (parse(authority.root(name).der) for name in ("Listed", "Extra", "Other"))
    assert isinstance(listed, Certificate)
    assert isinstance(extra, Certificate)
    assert isinstance(other, Certificate)
    store = StandInStore(
        AnchorStore("microsoft", [listed], NOW, ListRole.MICROSOFT), AnchorStore("lab.pem", [extra, listed])
    )
    assert (store.name, store.stand_in, store.dated, store.role) == (
        "microsoft+lab.pem", "lab.pem", NOW, ListRole.MICROSOFT,
    )  # fmt: skip
    for root, state in ((listed, RootState.TRUSTED), (extra, RootState.TRUSTED), (other, RootState.ABSENT)):
        assert store.verdict(root, Purpose.SERVER_AUTH, NOW, NOW).state is state
        assert store.roots(root.subject.der) == ((root,) if state is RootState.TRUSTED else ())


def test_a_date_in_words() -> None:
    assert day(datetime(2026, 12, 1, tzinfo=UTC)) == "1 December 2026"
