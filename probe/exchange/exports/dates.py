"""Instants as exports print them: exact where the text says so, inferred where it can be argued, else unknown.

``Format-List`` prints dates in the server's culture and local time. The order of day and month is
taken from the other dates of the same file; the time zone is never there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?\s?(?:(Z)|([+-])(\d\d):?(\d\d))?",
    re.ASCII,
)
#: What the JSON serialiser of .NET Framework writes: milliseconds since 1970, UTC; a zone after it changes nothing.
_EPOCH_MS = re.compile(r"\\?/Date\((-?\d{1,15})(?:[+-]\d{4})?\)\\?/", re.ASCII)
_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})\.?\s+(\d{1,2})[:.](\d\d)[:.](\d\d)", re.ASCII)
_YEAR_LAST = re.compile(
    r"(\d{1,2})([-/.])(\d{1,2})[-/.](\d{4}),?\s+(\d{1,2})[:.](\d\d)(?:[:.](\d\d))?(?:\s*([AaPp])\.?\s?[Mm]\.?)?",
    re.ASCII,
)
_LONGEST = 64  # characters; the forms above end long before
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ReadDate(NamedTuple):
    """An instant (aware UTC) or None, and whether it was inferred: a local time taken as UTC."""

    instant: datetime | None
    inferred: bool = False


UNKNOWN = ReadDate(None)


def read(text: str, *, month_first: bool | None) -> ReadDate:
    """Read one date; `month_first` is the order of the file's dates, None where nothing shows it."""
    text = text.strip()
    if len(text) > _LONGEST:
        return UNKNOWN
    with suppress(ValueError, OverflowError):
        if found := _EPOCH_MS.fullmatch(text):
            return ReadDate(_EPOCH + timedelta(milliseconds=int(found[1])))
        if found := _ISO.fullmatch(text):
            return _iso(found)
        if found := _YEAR_FIRST.fullmatch(text):
            return ReadDate(_instant(found), inferred=True)
        if found := _YEAR_LAST.fullmatch(text):
            return _year_last(found, month_first=month_first)
    return UNKNOWN


def month_comes_first(texts: Iterable[str]) -> bool | None:
    """Tell the order of a file's dates from those that allow one reading only; None if none or both show."""
    seen = set()
    for text in texts:
        found = _YEAR_LAST.fullmatch(text.strip()[:_LONGEST])
        if found and found[2] != "." and (int(found[1]) > 12) != (int(found[3]) > 12):
            seen.add(int(found[3]) > 12)
    return seen.pop() if len(seen) == 1 else None


def _instant(found: re.Match[str]) -> datetime:
    """The first six groups: year, month, day, hour, minute, second."""
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def _iso(found: re.Match[str]) -> ReadDate:
    instant = _instant(found)
    if found[8]:
        offset = timedelta(hours=int(found[9]), minutes=int(found[10]))
        instant -= -offset if found[8] == "-" else offset
    return ReadDate(instant, inferred=not (found[7] or found[8]))


def _year_last(found: re.Match[str], *, month_first: bool | None) -> ReadDate:
    first, second, year = int(found[1]), int(found[3]), int(found[4])
    if found[2] == ".":  # every culture that writes dots puts the day first
        month_first = False
    elif first == second:
        month_first = True  # either order reads the same
    elif month_first is None:
        return UNKNOWN
    month, day = (first, second) if month_first else (second, first)
    hour = int(found[5])
    if found[8]:
        hour = hour % 12 + (12 if found[8] in "Pp" else 0)
    second_of_minute = int(found[7] or 0)
    instant = datetime(year, month, day, hour, int(found[6]), second_of_minute, tzinfo=UTC)
    return ReadDate(instant, inferred=True)
