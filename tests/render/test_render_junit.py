"""JUnit XML: it parses, counts are right, and texts of a peer stay text."""

from __future__ import annotations

import dataclasses
from xml.etree import ElementTree as ET

import pytest

from probe.eop.vocabulary import Outcome
from probe.render.page.markup import escaped
from probe.render.page.options import RenderOptions
from probe.render.report import junit
from probe.text import printable
from tests.render import samples


def parsed(*assessments: samples.Assessment) -> ET.Element:
    text = junit.render(samples.report(*assessments), RenderOptions())
    return ET.fromstring(text)  # noqa: S314 - our own output, made a line above


def case(assessment: samples.Assessment) -> ET.Element:
    (found,) = parsed(assessment).iter("testcase")
    return found


@pytest.mark.parametrize(
    ("outcome", "tag"),
    [
        (Outcome.ACCEPTED, "system-out"),
        (Outcome.AT_RISK, "failure"),
        (Outcome.REJECTED, "failure"),
        (Outcome.UNKNOWN, "error"),
    ],
)
def test_each_outcome_is_what_a_build_server_makes_of_it(outcome: Outcome, tag: str) -> None:
    found = case(samples.assess(samples.capture(samples.LEAF), samples.prediction(outcome)))
    assert [child.tag for child in found] == [tag]


def test_what_is_tolerated_or_critical_is_what_the_exit_code_says() -> None:
    risky = samples.assess(samples.capture(samples.LEAF), samples.prediction(Outcome.AT_RISK))
    text = junit.render(samples.report(risky), RenderOptions(risk_tolerated=True))
    assert 'failures="0"' in text
    assert "<system-out>" in text
    settings = dataclasses.replace(risky.evidence.settings, critical_days=3650)
    critical = dataclasses.replace(risky, evidence=dataclasses.replace(risky.evidence, settings=settings))
    assert critical.critical
    assert 'failures="1"' in junit.render(samples.report(critical), RenderOptions(risk_tolerated=True))


def test_the_counts_of_a_run() -> None:
    root = parsed(samples.accepted(), samples.expired(), samples.unreachable(), samples.mixed())
    (suite,) = root
    for counted in (root, suite):
        numbers = {name: counted.get(name) for name in ("tests", "failures", "errors", "skipped", "time")}
        assert numbers == {"tests": "4", "failures": "2", "errors": "1", "skipped": "0", "time": "1.248"}
    assert suite.get("timestamp") == "2026-11-21T03:00:00"


def test_a_failure_says_why_and_what_to_do() -> None:
    (failure,) = case(samples.missing_intermediate())
    assert failure.get("type") == "missing-intermediate"
    assert (failure.get("message") or "").startswith("The server does not send")
    assert f"Predicted reply (documented): {samples.REFUSED}" in (failure.text or "")
    assert "    Import-Certificate" in (failure.text or "")


def test_an_error_holds_the_servers_own_words() -> None:
    (error,) = case(samples.starttls_refused())
    assert "The server's own words: 454 4.7.0 TLS not available" in (error.text or "")


def test_without_a_prediction_the_outcome_is_the_type() -> None:
    (error,) = case(dataclasses.replace(samples.unreachable(), predictions=(), findings=()))
    assert error.get("type") == "unknown"
    assert error.get("message") == "No verdict: Connection refused by 192.0.2.1 port 25."


def test_hostile_text_comes_back_as_the_very_same_text() -> None:
    found = case(samples.hostile())
    (failure,) = found
    assert printable(samples.HOSTILE) in (found.get("name") or "")
    assert printable(samples.HOSTILE) in (failure.text or "")
    assert len(list(found.iter())) == 2


def test_what_xml_forbids_is_made_visible() -> None:
    assert escaped("a\x00\x1b<b>\n'\"&\ufffe") == "a\\x00\\x1b&lt;b&gt;\n&#39;&quot;&amp;\\ufffe"
