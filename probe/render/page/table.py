"""Rows of a table as CSV (RFC 4180).

A spreadsheet takes a cell that begins like a formula for one: such a cell gets an apostrophe before it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_row(cells: Iterable[object]) -> str:
    """One row with its end of line; None is an empty cell."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(map(cell, cells))
    return out.getvalue()


def cell(value: object) -> str:
    """A cell as no spreadsheet calculates it."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
