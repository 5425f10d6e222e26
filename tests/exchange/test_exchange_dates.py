"""Dates as exports print them: exact, inferred or unknown."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from probe.exchange.exports.dates import UNKNOWN, ReadDate, month_comes_first, read

NEW_YEAR = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
EXACT = [
    "2026-12-31T23:59:59Z",
    "2026-12-31T23:59:59.0000000Z",
    "2026-12-31 23:59:59 Z",
    "2027-01-01T01:59:59+02:00",
    "2026-12-31T18:59:59.1-0500",
    "/Date(1798761599000)/",
    "\\/Date(1798761599000+0100)\\/",
]
INFERRED = [
    ("2026-12-31T23:59:59", None),
    ("2026-12-31 23:59:59", None),
    ("2026/12/31 23:59:59", None),
    ("2026. 12. 31. 23:59:59".replace(". ", ".", 2), None),
    ("31.12.2026 23:59:59", None),
    ("31.12.2026, 23.59.59", True),
    ("12/31/2026 11:59:59 PM", True),
    ("12/31/2026 11:59:59 p.m.", True),
    ("31/12/2026 23:59:59", False),
    ("31-12-2026 23:59:59", False),
]


@pytest.mark.parametrize("text", EXACT)
def test_exact_dates(text: str) -> None:
    assert read(text, month_first=None) == ReadDate(NEW_YEAR, inferred=False)


@pytest.mark.parametrize(("text", "month_first"), INFERRED)
def test_local_dates_are_inferred(text: str, month_first: object) -> None:
    assert month_first in {None, True, False}
    found = read(text, month_first=None if month_first is None else bool(month_first))
    assert found == ReadDate(NEW_YEAR, inferred=True)


@pytest.mark.parametrize(
    ("text", "month_first"),
    [
        ("12/31/2026 11:59:59 PM", None),
        ("12/31/2026 23:59:59", False),  # no thirty-first month
        ("6/10/2026 0:00:00", None),
        ("2026-13-01T00:00:00Z", None),
        ("2026-12-31T25:00:00Z", None),
        ("/Date(999999999999999)/", None),
        ("31 December 2026", None),
        ("", None),
        ("2026-12-31T23:59:59Z" + " " * 80 + "x", None),
        ("٢٠٢٦-12-31T23:59:59Z", None),
    ],
)
def test_other_dates_are_unknown(text: str, month_first: object) -> None:
    assert read(text, month_first=None if month_first is None else bool(month_first)) == UNKNOWN


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("1/1/2026 12:30:00 AM", 0),
        ("1/1/2026 12:30:00 PM", 12),
        ("1/1/2026 1:30 PM", 13),
        ("1/1/2026 1:30", 1),
    ],
)
def test_hours_of_the_twelve_hour_clock(text: str, hour: int) -> None:
    assert read(text, month_first=None) == ReadDate(datetime(2026, 1, 1, hour, 30, tzinfo=UTC), inferred=True)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["6/10/2026 0:00:00", "12/26/2026 0:00:00"], True),
        (["6/10/2026 0:00:00", "26/12/2026 0:00:00"], False),
        (["6/10/2026 0:00:00"], None),
        (["12/26/2026 0:00:00", "26/12/2026 0:00:00"], None),
        (["26.12.2026 0:00:00"], None),
        (["99/99/2026 0:00:00", "nothing"], None),
        ([], None),
    ],
)
def test_the_order_of_a_files_dates(texts: list[str], expected: object) -> None:
    assert month_comes_first(texts) is expected
