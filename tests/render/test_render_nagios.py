"""The plugin's output: states, performance data, and what must never leak into either."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta

import pytest

from probe.eop.forecast import Turn
from probe.eop.vocabulary import Outcome
from probe.render.page.options import RenderOptions
from probe.render.report import nagios
from probe.report.assessment import Assessment
from tests.render import samples

#: One piece of performance data: 'label'=value[unit];warn;crit;min;max.
DATUM = re.compile(r"'([^'=|]+)'=(-?[0-9.]+)(s?);([0-9.:-]*);([0-9.:-]*);([0-9.]*);([0-9.]*)")


def render(*assessments: Assessment) -> str:
    return nagios.render(samples.report(*assessments), RenderOptions())


def data(text: str) -> dict[str, tuple[str, ...]]:
    """The performance data by label; nothing of it may be left unread."""
    _, _, perfdata = text.splitlines()[0].partition(" | ")
    assert all(DATUM.fullmatch(word) for word in perfdata.split())
    return {match[1]: match.groups()[1:] for match in DATUM.finditer(perfdata)}


def named(text: str) -> dict[str, tuple[str, ...]]:
    """The performance data of one target by what it is; no two labels begin alike, for RRDtool keeps 19 characters."""
    found = data(text)
    assert len({label[:19] for label in found}) == len(found)
    return {
        re.sub(r"^[0-9a-f]{9}_(days_left|seconds)_.*", r"\1", label): told for label, told in found.items()
    }


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Outcome.ACCEPTED, "OK"),
        (Outcome.AT_RISK, "WARNING"),
        (Outcome.REJECTED, "CRITICAL"),
        (Outcome.UNKNOWN, "UNKNOWN"),
    ],
)
def test_the_four_states(outcome: Outcome, state: str) -> None:
    assessment = samples.assess(samples.capture(samples.LEAF), samples.prediction(outcome))
    assert render(assessment).startswith(f"EOP-PROBE {state} - mail.contoso.com 192.0.2.1:25: ")


def test_days_and_seconds_of_one_target() -> None:
    found = named(render(samples.untrusted_root()))
    assert found == {
        "days_left": ("20.00", "", "30:", "0:", "", ""),
        "seconds": ("0.312", "s", "", "", "0", ""),
    }


def test_an_expired_certificate_has_less_than_no_days_left() -> None:
    assert named(render(samples.expired()))["days_left"][0] == "-3.00"


def test_days_warn_where_the_rule_does() -> None:
    short = samples.certificate(
        samples.LEAF_NAME,
        samples.ISSUING_NAME,
        signer="issuing",
        not_before=samples.AT - timedelta(days=10),
        not_after=samples.AT + timedelta(days=37),
    )
    assessment = samples.assess(samples.capture(short), samples.prediction(Outcome.ACCEPTED))
    assert named(render(assessment))["days_left"][2] == "15.67:"  # a third of 47 days


def test_without_a_certificate_there_are_no_days() -> None:
    assert list(named(render(samples.unreachable()))) == ["seconds"]


def test_without_a_readable_end_certificate_the_days_are_nobodys() -> None:
    observed = samples.capture(extra=(b"junk", samples.ISSUING.der))
    text = render(samples.assess(observed, samples.prediction(Outcome.UNKNOWN)))
    assert list(named(text)) == ["seconds"]


def test_several_targets_have_labels_and_counts_of_their_own_and_the_worst_is_named() -> None:
    text = render(
        samples.accepted(), samples.awkward(), samples.unreachable(), samples.missing_intermediate()
    )
    first = text.splitlines()[0]
    assert first.startswith(
        "EOP-PROBE CRITICAL - 1 rejected, 1 unknown, 1 at-risk, 1 accepted; mail.contoso.com 192.0.2.1:25: "
        "The server does not send"
    )
    found = data(text)
    assert {label.partition("_")[2] for label in found} == {
        "days_left_mail.contoso.com_192.0.2.1:25_to-eop",
        "seconds_mail.contoso.com_192.0.2.1:25_to-eop",
        "days_left_[2001:db8::25]:587_from-eop",
        "seconds_[2001:db8::25]:587_from-eop",
    }
    # One, two or four targets: what is known of one bears the same label.
    assert found.keys() >= data(render(samples.awkward())).keys()
    assert len({label[:19] for label in found}) == 4


def test_a_path_without_elements_falls_back_to_the_end_certificate() -> None:
    assessment = samples.assess(
        samples.capture(samples.LEAF), samples.prediction(Outcome.UNKNOWN), samples.store(samples.built())
    )
    assert named(render(assessment))["days_left"][0] == "100.00"


def test_no_text_of_a_peer_starts_performance_data_markup_or_a_line() -> None:
    text = render(samples.hostile())
    assert text.count("|") == 1
    assert set(named(text)) == {"days_left", "seconds"}
    assert not {"<", ">", "\r", "\x1b", "\u202e", "\u2028"} & set(text)
    assert all(line.startswith(("EOP-PROBE ", "[CRITICAL] ", "  ")) for line in text.splitlines())


def test_texts_and_detail_are_bounded() -> None:
    long = render(*[samples.missing_intermediate()] * 60)
    detail = long.split("\n", 1)[1]
    assert len(detail) <= nagios.MAX_DETAIL + 100
    assert long.endswith("(more was found: run eop-probe check for all of it)\n")
    words = samples.fault(samples.FaultKind.NOT_SMTP, samples.Phase.SMTP, "x" * 5000)
    assert max(map(len, render(words).splitlines())) < 3 * nagios.MAX_TEXT


def test_a_run_without_targets_is_unknown() -> None:
    assert render() == "EOP-PROBE UNKNOWN - nothing was probed\n"


def test_the_soonest_change_that_concerns_the_certificate_itself() -> None:
    turns = tuple(
        Turn(samples.AT + timedelta(days=n), Outcome.REJECTED, "expired", f"reason {n}", renewal_only=n == 0)
        for n in range(3)
    )
    text = render(dataclasses.replace(samples.accepted(), forecast=turns))
    assert "\n  next change: 2026-11-22 rejected expired: reason 1\n" in text
    assert text.count("reason") == 1
    assert "next change" not in render(samples.untrusted_root())
