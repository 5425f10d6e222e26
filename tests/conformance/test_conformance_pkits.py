"""NIST PKITS, the sections that need certificates only: agreement by section, each exception argued."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.conformance import pkits
from tests.conformance.argued import argued

pytestmark = pytest.mark.slow

#: Cases run and cases that have to agree, by section.
GATES = {
    "signatures": (6, 5),
    "validity": (8, 8),
    "name chaining": (11, 11),
    "serial numbers": (3, 3),
    "self-issued": (3, 3),
    "basic constraints": (17, 17),
    "key usage": (3, 3),
    "explicit policy": (8, 8),
    "inhibit policy mapping": (11, 11),
    "inhibit any policy": (9, 9),
    "policy mapping": (14, 12),
    "name constraints": (38, 38),
    "critical extensions": (2, 2),
}


@pytest.fixture(scope="module")
def outcomes(say: list[str]) -> list[pkits.Outcome]:
    found = pkits.outcomes()
    agreed = Counter(each.agrees for each in found)
    say.append(
        f"PKITS: {agreed[True]} of {agreed.total()} certificate-only tests agree, "
        f"{agreed[False]} differ for a reason given"
    )
    return found


@pytest.mark.parametrize("section", GATES)
def test_a_section_agrees_where_windows_does(section: str, outcomes: list[pkits.Outcome]) -> None:
    reasons = argued("pkits")
    run = [each for each in outcomes if each.section == section]
    unexpected = {
        each.name: each.built.status.names() for each in run if not each.agrees and each.name not in reasons
    }
    stale = [each.name for each in run if each.agrees and each.name in reasons]
    assert (unexpected, stale) == ({}, [])
    assert (len(run), sum(each.agrees for each in run)) == GATES[section]


def test_no_section_is_forgotten(outcomes: list[pkits.Outcome]) -> None:
    assert {each.section for each in outcomes} == set(GATES)


def test_every_reason_names_a_test_that_is_run(outcomes: list[pkits.Outcome]) -> None:
    assert set(argued("pkits")) <= {each.name for each in outcomes}


def test_a_name_that_fits_no_section_is_an_error() -> None:
    with pytest.raises(LookupError):
        pkits.section("ValidUnheardOfTest1")
