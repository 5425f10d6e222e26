"""The rows of a protocol log that stand in another text: a mail, a ticket, an article."""

from __future__ import annotations

import io
import re

#: A header, or a row as Exchange writes it, or as Microsoft's articles print one with placeholders.
_BEGINS = re.compile(
    r"^[^\S\n]{0,8}(?:(?P<header>\#[^\S\n]*+(?:Software|Version|Log-type|Date|Fields)[^\S\n]*+:)"
    r"|\d{4}-\d\d-\d\dT[\d:.]{8,16}Z,|Date/Time[.,])",
    re.IGNORECASE | re.MULTILINE,
)
#: Bytes without which no row can be in a file.
ROW_BEGINS = re.compile(rb"\d-\d\dT\d\d:|Date/Time", re.IGNORECASE)
#: Commas of a row that is whole; its data may hold more.
_COMMAS = 8
#: Lines over which a mail program breaks one row.
_MAX_BROKEN = 20


def split_log(text: str) -> tuple[str, str]:
    """The rows of a log in `text`, and the rest of it; each keeps its lines' numbers. ("", text) where it has none."""
    rows, rest = io.StringIO(), io.StringIO()
    found = False
    at = 0
    while begun := _BEGINS.search(text, at):
        start, end = begun.start(), _end(text, begun)
        ends = "\n" * text.count("\n", start, end)
        row = text[start:end].replace("\r", "").replace("\n", "").strip()
        rows.write("\n" * text.count("\n", at, start) + row + ends)
        rest.write(text[at:start] + ends)
        found = found or not begun["header"]
        at = end
    if not found:
        return "", text
    return rows.getvalue() + "\n" * (text.count("\n", at) + 1), rest.getvalue() + text[at:]


def _end(text: str, begun: re.Match[str]) -> int:
    """Where the line that has begun ends; a row goes on while it has too few commas."""
    start = begun.start()
    end = _line_end(text, start)
    for _ in range(_MAX_BROKEN - 1):
        following = _line_end(text, end + 1)
        whole = begun["header"] or text.count(",", start, end) >= _COMMAS
        if whole or not text[end:following].strip() or _BEGINS.match(text, end + 1):
            break
        end = following
    return end


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
