"""What is remembered of a target says word for word what judging anew says, as of whatever instant."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from probe.capture import Capture, FaultKind, SmtpFacts, TlsFacts
from probe.check import judge
from probe.check.endpoints import Endpoint
from probe.check.options import CheckOptions
from probe.check.remembered import MAX_ASSESSMENTS, Remembered, _Concluded, judged_of
from probe.eop.finding import Finding
from probe.eop.settings import Settings
from probe.net import clock
from probe.net.target import parse_target
from probe.pki.memory import MAX_LENGTH
from probe.pki.truststore import TrustStore
from probe.report.assessment import Assessment
from probe.smtp.transcript import Speaker, TranscriptLine
from tests.counting import calls
from tests.eop.test_eop_forecast import CLIENT, SERVER, microsoft
from tests.eop.weighing import (
    CA,
    FROM_EOP,
    HOST,
    ISSUING,
    LEAF,
    NOW,
    ROOT,
    TO_EOP,
    anchors,
    capture,
    fault,
    read,
    smtp,
)
from tests.rootlist import Listed

DAY, HOUR, TICK, SECOND = (
    timedelta(days=1),
    timedelta(hours=1),
    timedelta(microseconds=1),
    timedelta(seconds=1),
)
TARGET = parse_target(HOST)
ENDPOINT = Endpoint(TARGET, HOST, 25, "192.0.2.1")

SHORT = CA.intermediate(ROOT, "Short CA", not_after=NOW + 60 * DAY)
TWIN_KEY = CA.root("Key of the twin").key
ENDING = CA.intermediate(ROOT, "Twin CA", key=TWIN_KEY, not_after=NOW + 40 * DAY)
COMING = CA.intermediate(ROOT, "Twin CA", key=TWIN_KEY, not_before=NOW + 35 * DAY)
CHAINS = [
    (LEAF, ISSUING),
    (LEAF,),
    (CA.leaf(SHORT, HOST), SHORT, ISSUING),
    (CA.leaf(COMING, HOST), ENDING, COMING),
    (CA.leaf(ISSUING, HOST, not_before=NOW + DAY, not_after=NOW + 9 * DAY + SECOND), ISSUING),
    (CA.leaf(ISSUING, HOST, not_before=NOW - 10 * DAY, not_after=NOW + 30 * DAY + SECOND), ISSUING),
    (CA.leaf(ISSUING, HOST, not_after=datetime.max.replace(microsecond=0, tzinfo=UTC)), ISSUING),
]
LISTS: list[tuple[TrustStore, ...]] = [
    (microsoft(Listed(der=ROOT.der)), anchors(name="other")),
    (microsoft(Listed(der=ROOT.der, disallowed_at=NOW + 45 * DAY)), anchors(ROOT, name="other")),
    (microsoft(Listed(der=ROOT.der, not_before=NOW + 80 * DAY, not_before_purposes=(SERVER, CLIENT))),),
    (microsoft(Listed(der=ROOT.der, disallowed_at=NOW + 90 * DAY, not_before=NOW + 80 * DAY)),),
]
SETTINGS = [Settings(), Settings(critical_days=7), Settings(critical_days=40, expiring_days=50)]
LIFE = 40 * DAY + SECOND
DATES = [
    NOW,
    *(NOW + days * DAY for days in (45, 80, 90)),
    *(
        date - before
        for chain in CHAINS
        for each in (*map(read, chain), read(ROOT))
        for date in (each.not_before, each.not_after)
        for before in (*(n * DAY for n in (0, 1, 7, 30, 40, 50)), HOUR, 23 * HOUR, LIFE / 3)
    ),
]  # fmt: skip
SHIFTS = (-SECOND, -TICK, 0 * TICK, TICK, SECOND - TICK, SECOND, SECOND + TICK)


def options(stores: Sequence[TrustStore], at: datetime, *, revocation: bool = False) -> CheckOptions:
    return CheckOptions(stores=lambda: stores, at=at, revocation=revocation)


def assessed(by: Callable[..., Assessment], seen: Capture, asked: CheckOptions) -> Assessment:
    made = by([seen], ENDPOINT, asked, NOW, clock.monotonic())
    return replace(made, elapsed_ms=0)


def test_it_says_what_judging_anew_says_whatever_the_instant_and_the_order() -> None:
    chance, recalled = random.Random(14), 0  # noqa: S311 - the same instants at each run
    for chain in CHAINS:
        for stores in chance.sample(LISTS, 2):
            known, seen = Remembered(), capture(*chain)
            asked = replace(
                options(stores, NOW),
                direction=chance.choice((TO_EOP, FROM_EOP)),
                settings=chance.choice(SETTINGS),
            )
            dates, before = chance.sample(DATES, 3), tuple[Finding, ...]()
            for at in sorted(date + shift for date in dates for shift in SHIFTS):
                for instant in (at, at + chance.random() * HOUR):
                    as_of = replace(asked, at=instant)
                    made = assessed(partial(known.assessed, again=True), seen, as_of)
                    assert made == assessed(judge.assessed, seen, as_of), (instant, chain)
                    recalled += made.findings is before
                    before = made.findings
    assert recalled > 100


def twice(first: Capture, second: Capture, *, revocation: bool = False) -> int:
    """How often it is judged where one is seen after the other."""
    known = Remembered()
    asked = options(LISTS[0], NOW, revocation=revocation)
    return calls(
        lambda: [assessed(partial(known.assessed, again=True), each, asked) for each in (first, second)]
    )[judge.judge_captures.__code__]


SEEN = capture(LEAF, ISSUING)


def test_the_same_is_judged_once_whatever_the_time_of_its_lines() -> None:
    later = replace(smtp(), transcript=(TranscriptLine(at_ms=5, speaker=Speaker.SERVER, text="220 x"),))
    assert twice(SEEN, replace(capture(LEAF, ISSUING), smtp=later)) == 1
    assert twice(SEEN, SEEN, revocation=True) == 2
    long = capture(LEAF, ISSUING, *[b"junk"] * MAX_LENGTH)
    assert twice(long, long) == 2


@pytest.mark.parametrize(
    "other",
    [
        capture(LEAF),
        capture(LEAF, ISSUING, ISSUING),
        replace(SEEN, smtp=replace(smtp(), banner="220 other")),
        replace(SEEN, smtp=smtp("more")),
        replace(SEEN, smtp=None),
        replace(SEEN, fault=fault(FaultKind.CONNECTION_CLOSED)),
        replace(SEEN, stapled=b""),
        replace(SEEN, port=26),
    ],
)
def test_what_differs_is_judged(other: Capture) -> None:
    assert twice(SEEN, other) == 2
    assert twice(other, other) == 1


def test_nothing_that_is_judged_is_left_out() -> None:
    """What a capture holds beside this stands for no rule: whoever adds a field decides."""
    assert {each.name for each in fields(Capture)} == {
        "host", "address", "port", "smtp", "tls", "presented", "fault", "how", "answer", "stapled",
    }  # fmt: skip
    assert {each.name for each in fields(SmtpFacts)} - {"transcript"} == {
        "banner", "ehlo", "starttls_offered", "plaintext_after_starttls",
    }  # fmt: skip
    assert len(judged_of(SEEN)) == len(fields(Capture))
    assert fields(TlsFacts)


def test_it_is_forgotten_with_the_lists_and_bounded() -> None:
    known, asked = Remembered(), options(LISTS[0], NOW)
    made = assessed(partial(known.assessed, again=True), SEEN, asked)
    chains = known.chains
    known.forget()
    assert not len(known._concluded)
    assert known.chains is not chains
    for port in range(3 * MAX_ASSESSMENTS):
        known._concluded[port,] = _Concluded(made, NOW)
    assert len(known._concluded) <= 2 * MAX_ASSESSMENTS


def test_one_run_keeps_none() -> None:
    known = Remembered()
    assessed(known.assessed, SEEN, options(LISTS[0], NOW))
    assert not len(known._concluded)
