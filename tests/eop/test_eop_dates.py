"""Whatever two times a certificate says it is valid between, it is judged, forecast and reported."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probe.eop.forecast import forecast
from probe.eop.verdict import judge
from probe.eop.vocabulary import Outcome
from probe.pki.certificate import Certificate, Unreadable, parse
from probe.render.page.options import RenderOptions
from probe.render.report import html, json_v1, junit, nagios, prometheus, terminal
from probe.report.assessment import Assessment, Report
from tests.authority import Issued
from tests.eop.weighing import CA, HOST, ISSUING, NOW, PUBLIC, evidence
from tests.rootlist import tlv

RENDERERS = (html, json_v1, junit, nagios, prometheus, terminal)
NO_EXPIRY = "99991231235959Z"  # RFC 5280 4.1.2.5
UTC_TIME, GENERALIZED_TIME, SEQUENCE = 0x17, 0x18, 0x30
BEGINS, ENDS = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
INSTANTS = st.datetimes(timezones=st.just(UTC))

#: Every instant of either form, at its ends more often than chance would have it, and digits that are none.
GENERALIZED = st.one_of(
    INSTANTS.map(lambda each: f"{each:%Y%m%d%H%M%S}Z".zfill(15)),
    st.sampled_from([NO_EXPIRY, "99991231235958Z", "00010101000000Z", "00000101000000Z", "00000229000000Z"]),
    st.from_regex(r"[0-9]{14}Z", fullmatch=True),
)
IN_UTC_TIME = st.one_of(
    INSTANTS.map(lambda each: f"{each:%y%m%d%H%M%S}Z"),
    st.sampled_from(["500101000000Z", "491231235959Z"]),
    st.from_regex(r"[0-9]{12}Z", fullmatch=True),
)
TIMES = st.one_of(
    GENERALIZED.map(lambda text: tlv(GENERALIZED_TIME, text.encode())),
    IN_UTC_TIME.map(lambda text: tlv(UTC_TIME, text.encode())),
)


def valid(not_before: bytes, not_after: bytes) -> Issued:
    return CA.leaf(ISSUING, HOST, validity=tlv(SEQUENCE, not_before, not_after))


def told(leaf: Issued, at: datetime) -> Assessment:
    """The whole account of one chain, as a check makes it."""
    weighed = evidence(leaf, ISSUING, at=at)
    verdict = judge(weighed)
    return Assessment(
        target=HOST,
        started_at=at,
        elapsed_ms=1,
        outcome=verdict.prediction.outcome,
        predictions=(verdict.prediction,),
        findings=verdict.findings,
        evidence=weighed,
        forecast=forecast(weighed, PUBLIC),
    )


@given(TIMES, TIMES, st.one_of(st.just(NOW), INSTANTS))
@example(tlv(UTC_TIME, b"261001000000Z"), tlv(GENERALIZED_TIME, NO_EXPIRY.encode()), NOW)
@example(tlv(GENERALIZED_TIME, NO_EXPIRY.encode()), tlv(GENERALIZED_TIME, b"00000101000000Z"), ENDS)
@example(tlv(GENERALIZED_TIME, b"00000101000000Z"), tlv(GENERALIZED_TIME, NO_EXPIRY.encode()), BEGINS)
def test_any_two_times_are_judged_forecast_and_reported(
    not_before: bytes, not_after: bytes, at: datetime
) -> None:
    leaf = valid(not_before, not_after)
    one = told(leaf, at)
    report = Report(generated_at=at, version="1", assessments=(one,))
    for renderer in RENDERERS:
        assert HOST in renderer.render(report, RenderOptions())
    read = parse(leaf.der)
    if isinstance(read, Unreadable):
        assert one.outcome is Outcome.UNKNOWN
        return
    inside = read.not_before <= at.replace(microsecond=0) <= read.not_after
    assert ({"expired", "not-yet-valid"} & {each.rule for each in one.findings} == set()) is inside or not (
        ISSUING.certificate.not_valid_before_utc <= at <= ISSUING.certificate.not_valid_after_utc
    )
    assert list(one.forecast) == sorted(one.forecast, key=lambda turn: turn.at)
    assert all(turn.at > at for turn in one.forecast)


def test_no_expiry_is_no_end_to_come() -> None:
    """What ended a whole run with an OverflowError."""
    begins = tlv(UTC_TIME, b"261001000000Z")
    endless = told(valid(begins, tlv(GENERALIZED_TIME, NO_EXPIRY.encode())), NOW)
    assert (endless.outcome, [turn.rule for turn in endless.forecast]) == (
        Outcome.ACCEPTED,
        ["expires-soon", "expired"],
    )
    assert "Fabrikam" in endless.forecast[-1].reason  # the issuing CA's end comes first
    ending = told(valid(begins, tlv(UTC_TIME, b"270101000000Z")), NOW)
    assert ending.forecast[-1].at == datetime(2027, 1, 1, tzinfo=UTC) + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("00000229000000Z", BEGINS),
        ("00010101000000Z", BEGINS),
        (NO_EXPIRY, ENDS.replace(microsecond=0)),
        ("99991231235960Z", None),
        ("99990229000000Z", None),
    ],
)
def test_the_ends_of_generalized_time(text: str, instant: datetime | None) -> None:
    read = parse(valid(tlv(GENERALIZED_TIME, text.encode()), tlv(GENERALIZED_TIME, NO_EXPIRY.encode())).der)
    assert (read.not_before if isinstance(read, Certificate) else None) == instant
