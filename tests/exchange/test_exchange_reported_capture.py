"""Reports of the product read back: a whole document, lines, and whatever else a file may hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.exchange.problem import Problems
from probe.report.reader import MAX_CAPTURES, read_captures

ROOT = Path(__file__).resolve().parents[2]
ONE = {
    "target": "EX01",
    "outcome": "rejected",
    "predictions": [],
    "presented_chain": [{"sha1": "AB", "subject": "CN=x"}],
}


def test_a_report_of_the_product() -> None:
    data = (ROOT / "docs/example-report.json").read_bytes()
    report = json.loads(data)["assessments"][0]
    found = read_captures("report.json", data)[0]
    assert found.thumbprints[0] == report["presented_chain"][0]["sha1"]
    assert (found.outcome, found.rule) == (report["outcome"], report["predictions"][0]["rule"])
    assert found.at is not None
    assert not found.by_listener


def test_lines_and_half_a_line() -> None:
    line = json.dumps({**ONE, "predictions": [{"basis": "listener", "rule": "expired"}]})
    found = read_captures("x", f"{line}\n{line[:50]}\n{line}\n".encode())
    assert [one.by_listener for one in found] == [True, True]
    assert found[0].thumbprints == ("ab",)


@pytest.mark.parametrize(
    "document",
    [
        [ONE],
        {"schema": "eop-probe/report/1", "assessments": 5},
        {"schema": "eop-probe/report/1", "assessments": [5, {"presented_chain": "no"}]},
        {"presented_chain": None},
    ],
)
def test_other_documents_are_none(document: object) -> None:
    assert read_captures("x", json.dumps(document).encode()) == ()


def test_odd_values_are_left_out() -> None:
    odd = {
        "presented_chain": [5, {}, {"sha1": 7}],
        "predictions": ["x"],
        "target": None,
        "started_at": "soon",
    }
    found = read_captures("x", json.dumps(odd).encode())[0]
    assert (found.target, found.at, found.thumbprints) == ("", None, ("", ""))
    nothing = read_captures("x", json.dumps({"presented_chain": []}).encode())[0]
    assert (nothing.thumbprints, nothing.subject) == ((), None)


def test_hostile_text_is_escaped() -> None:
    hostile = {**ONE, "target": "\x1b[31m"}
    assert "\x1b" not in read_captures("x", json.dumps(hostile).encode())[0].target


def test_a_bounded_number() -> None:
    document = {
        "schema": "eop-probe/report/1",
        "assessments": [{"presented_chain": []}] * (MAX_CAPTURES + 5),
    }
    problems = Problems("x")
    assert len(read_captures("x", json.dumps(document).encode(), problems)) == MAX_CAPTURES
    assert [one.sentence for one in problems.found] == [
        "holds more than 10000 assessments; the others were left out."
    ]
    document["assessments"] = [{"presented_chain": []}] * 3
    whole = Problems("x")
    assert (len(read_captures("x", json.dumps(document).encode(), whole)), whole.found) == (3, ())


@given(st.binary(max_size=200))
def test_no_bytes_raise(tail: bytes) -> None:
    assert isinstance(read_captures("x", b'{"presented_chain": ' + tail), tuple)
