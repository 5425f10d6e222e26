"""The rows of a protocol log that stand in another text: a mail, a ticket, an article."""

from __future__ import annotations

import re

_HEADER = re.compile(r"\s{0,8}#\s*(?:Software|Version|Log-type|Date|Fields)\s*:", re.IGNORECASE)
#: A row as Exchange writes it, or as Microsoft's articles print one with placeholders.
_ROW = re.compile(r"\s{0,8}(?:\d{4}-\d\d-\d\dT[\d:.]{8,16}Z,|Date/Time[.,])", re.IGNORECASE)
#: Bytes without which no row can be in a file.
ROW_BEGINS = re.compile(rb"\d-\d\dT\d\d:|Date/Time", re.IGNORECASE)
#: Commas of a row that is whole; its data may hold more.
_COMMAS = 8
#: Lines over which a mail program breaks one row.
_MAX_BROKEN = 20


def split_log(text: str) -> tuple[str, str]:
    """The rows of a log in `text`, and the rest of it; each keeps its lines' numbers. ("", text) where it has none."""
    lines = text.splitlines()
    rows, rest = [""] * len(lines), list(lines)
    found = False
    at = 0
    while at < len(lines):
        if _ROW.match(lines[at]):
            end = _end(lines, at)
            rows[at] = "".join(lines[at:end]).strip()
            rest[at:end] = [""] * (end - at)
            found = True
            at = end
            continue
        if _HEADER.match(lines[at]):
            rows[at], rest[at] = lines[at].strip(), ""
        at += 1
    return ("\n".join(rows) + "\n", "\n".join(rest)) if found else ("", text)


def _end(lines: list[str], at: int) -> int:
    """Where the row that begins at `at` ends: it goes on while it has too few commas."""
    commas = lines[at].count(",")
    end = at + 1
    for line in lines[end : at + _MAX_BROKEN]:
        if commas >= _COMMAS or not line.strip() or _ROW.match(line) or _HEADER.match(line):
            break
        commas += line.count(",")
        end += 1
    return end
