"""Metrics: every line is one of the format's, labels can't be left, no series occurs twice."""

from __future__ import annotations

import dataclasses
import re

import pytest

from probe.eop.vocabulary import Direction, Outcome
from probe.render.page.options import RenderOptions
from probe.render.report import prometheus
from tests.render import samples
from tests.render.goldens import EVERYTHING

SAMPLE = re.compile(r'(eop_probe_[a-z_]+)(?:\{((?:[a-z0-9_]+="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (-?[0-9.e+]+)')


def render(*assessments: samples.Assessment, file: str = "") -> str:
    return prometheus.render(samples.report(*assessments), RenderOptions(file=file))


def series(text: str) -> dict[tuple[str, str], float]:
    """Value by metric and labels; every line must be understood and every series be the only one."""
    found: dict[tuple[str, str], float] = {}
    for line in text.splitlines():
        if line.startswith("#"):
            assert re.fullmatch(r"# (HELP eop_probe_[a-z_]+ .+|TYPE eop_probe_[a-z_]+ gauge)", line)
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        key = (match[1], match[2] or "")
        assert key not in found
        found[key] = float(match[3])
    return found


def value(text: str, metric: str, part: str = "") -> float:
    (found,) = (
        v for (name, labels), v in series(text).items() if name == f"eop_probe_{metric}" and part in labels
    )
    return found


@pytest.mark.parametrize("outcome", Outcome)
def test_the_outcome_is_the_exit_code(outcome: Outcome) -> None:
    text = render(samples.assess(samples.capture(samples.LEAF), samples.prediction(outcome)))
    assert value(text, "outcome", 'direction="to-eop"') == outcome.exit_code


def test_the_metrics_of_one_endpoint() -> None:
    text = render(samples.accepted())
    assert value(text, "success") == 1
    assert value(text, "duration_seconds") == 0.312
    assert value(text, "not_after_timestamp_seconds") == samples.LEAF.not_after.timestamp()
    assert value(text, "store_trusted", 'store="mozilla"') == 1
    assert value(text, "generated_timestamp_seconds") == samples.AT.timestamp()


def test_an_endpoint_without_certificate_has_no_date_and_no_success() -> None:
    text = render(samples.unreachable())
    assert value(text, "success") == 0
    assert "not_after" not in text
    assert value(text, "finding", 'rule="unreachable"') == 1


def test_without_a_prediction_the_outcome_is_still_there() -> None:
    lost = dataclasses.replace(samples.unreachable(), predictions=())
    assert value(render(lost), "outcome", f'direction="{Direction.TO_EOP.value}"') == 3


def test_a_target_given_twice_keeps_the_worse() -> None:
    text = render(samples.accepted(), samples.missing_intermediate())
    assert value(text, "outcome") == 2
    # And nothing of the other: two answers to one question spoil whatever joins them.
    assert text == render(samples.missing_intermediate())


@pytest.mark.parametrize("name", [*EVERYTHING, "awkward", "hostile"])
def test_every_line_is_well_formed(name: str) -> None:
    assert series(render(getattr(samples, name)()))


def test_a_label_cannot_be_left() -> None:
    odd = dataclasses.replace(samples.accepted(), target='a"} 1\nb\\\0\udc80')
    assert 'target="a\\"} 1\\\\x0ab\\\\\\\\x00\\\\udc80"' in render(odd)
    assert series(render(odd))


def test_a_run_of_nothing_has_its_date() -> None:
    assert list(series(render())) == [("eop_probe_generated_timestamp_seconds", "")]
    assert list(series(render(file="a.prom"))) == [("eop_probe_generated_timestamp_seconds", 'file="a.prom"')]


def test_an_outcome_that_an_expectation_makes_worse_is_the_one_told() -> None:
    worse = dataclasses.replace(samples.accepted(), outcome=Outcome.AT_RISK)
    assert value(render(worse), "outcome") == 1


def test_two_files_say_nothing_alike() -> None:
    first = samples.accepted()
    other = dataclasses.replace(
        first, evidence=dataclasses.replace(first.evidence, direction=Direction.FROM_EOP), predictions=()
    )
    there, here = series(render(first)), series(render(other))
    assert there
    assert not there.keys() & here.keys()
    # The same asked twice, as with another SNI: told apart by where it stands.
    assert not series(render(first, file="a.prom")).keys() & series(render(first, file="b.prom")).keys()
    assert series(render(first)).keys() == series(render(first)).keys()
    cut = [dataclasses.replace(samples.report(each), interrupted="cut") for each in (first, other)]
    one, two = (series(prometheus.render(each, RenderOptions())) for each in cut)
    assert not one.keys() & two.keys()
