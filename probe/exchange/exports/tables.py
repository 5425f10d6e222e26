"""Tables as records: Format-Table output by its columns, and Export-Csv output."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from itertools import islice

from probe.exchange.exports.format_list import KNOWN_NAMES, MAX_LINE, asked_server, split_lines
from probe.exchange.exports.json_text import MAX_RECORDS
from probe.exchange.exports.record import Field, Record
from probe.exchange.problem import Place, Problems

_RULE = re.compile(r"-{2,}(?:\s+-{2,})*")
_DASHES = re.compile(r"-{2,}")
_PROMPT = re.compile(r"\[PS\]|PS [A-Za-z]:|.*>\s*(?:Get|Set|Enable)-")
#: A row of Get-ExchangeCertificate's default table whose columns a copy has moved.
_MOVED_ROW = re.compile(
    r"(?P<thumbprint>[0-9A-Fa-f]{8,40}(?:\.\.\.|\N{HORIZONTAL ELLIPSIS})?)"
    r"\s+(?P<services>[.A-Z]{5,7})\s+(?P<subject>\S.*)"
)
#: Columns of a table; the console has no room for more.
MAX_COLUMNS = 64
_DELIMITERS = ",;\t"
#: Lines before a CSV's header that may hold the command it came from.
MAX_BEFORE = 8
_BEFORE_CSV = re.compile(r"#TYPE |\s*$|[^,;]{0,200}>\s*(?:Get|Import)-.*\bCsv\b", re.IGNORECASE)
_NAME = re.compile(r"[\w .-]{1,64}")
_KNOWN = frozenset(name.lower() for name in KNOWN_NAMES) | {"name", "enabled", "fqdn", "port", "server"}


def read_tables(text: str, problems: Problems) -> list[Record]:
    """Return the rows of every Format-Table output in a text, found by the dashes under the names."""
    lines = [line[:MAX_LINE].rstrip() for line in split_lines(text)]
    records: list[Record] = []
    at, server = 1, None
    while at < len(lines) and len(records) < MAX_RECORDS:
        starts = _columns(lines[at]) if lines[at - 1].strip() else []
        server = asked_server(lines[at - 1]) or (None if _PROMPT.match(lines[at - 1]) else server)
        at += 1
        if starts:
            names = [cell.lower() for cell in _cells(lines[at - 2], starts)]
            rows = list(islice(_rows(lines, at, starts), MAX_RECORDS - len(records)))
            records.extend(_records(rows, names, len(records), problems, server))
            at = rows[-1][0] + 1 if rows else at
    if len(records) >= MAX_RECORDS:
        problems.add(f"holds tables of more than {MAX_RECORDS} rows; the others are not read.", line=at)
    return records


def _columns(line: str) -> list[int]:
    """Where the columns begin, if this is the line of dashes under the names; else nothing."""
    if not _RULE.fullmatch(line.strip()):
        return []
    starts = [found.start() for found in _DASHES.finditer(line)]
    return starts if len(starts) <= MAX_COLUMNS else []


def _rows(lines: list[str], at: int, starts: list[int]) -> Iterator[tuple[int, str, list[str]]]:
    """Line number, line and cells of each row; a row without a first cell continues the one before."""
    row: tuple[int, str, list[str]] | None = None
    for number in range(at, len(lines)):
        line = lines[number]
        if not line.strip() or _PROMPT.match(line):
            break
        cells = _cells(line, starts)
        if row is not None and not cells[0]:
            row[2][:] = [f"{old} {new}".strip() for old, new in zip(row[2], cells, strict=True)]
            continue
        if row is not None:
            yield row
        row = (number + 1, line, cells)
    if row is not None:
        yield row


def _cells(line: str, starts: list[int]) -> list[str]:
    return [line[a:b].strip() for a, b in zip(starts, [*starts[1:], None], strict=True)]


def _records(
    rows: list[tuple[int, str, list[str]]],
    names: list[str],
    before: int,
    problems: Problems,
    server: str | None,
) -> Iterator[Record]:
    for number, (line_number, line, cells) in enumerate(rows, before + 1):
        fields = dict(zip(names, cells, strict=True))
        if names == ["thumbprint", "services", "subject"] and (moved := _MOVED_ROW.match(line.strip())):
            fields = moved.groupdict()
        if server:
            fields.setdefault("server", server)
        source = Place(problems.source, line_number, number)
        yield Record(source, {name: Field(value, line_number) for name, value in fields.items()})


def read_csv(text: str, problems: Problems) -> list[Record] | None:
    """Return the rows of Export-Csv output; None where there is no header of known names with rows as long as it.

    What stands before the header is left out where it is a command (a pasted ``... | ConvertTo-Csv``).
    """
    lines = text.splitlines(keepends=True)
    head = lines[:MAX_BEFORE]
    skipped = next((place for place, line in enumerate(head) if not _BEFORE_CSV.match(line)), len(head))
    if len(lines) <= skipped:
        return None
    delimiter = max(_DELIMITERS, key=lines[skipped].count)
    reader = csv.reader(lines[skipped:], delimiter=delimiter)
    records: list[Record] = []
    doubts: list[tuple[str, int]] = []
    names: list[str] = []
    try:
        names = [name.strip().lower() for name in next(reader)]
        if len(_KNOWN.intersection(names)) < 2 or not all(map(_NAME.fullmatch, names)):
            return None
        line = skipped + reader.line_num + 1
        for cells in reader:
            if len(records) >= MAX_RECORDS:
                doubts.append((f"holds more than {MAX_RECORDS} records; the others are not read.", line))
                break
            if cells and [cell.strip().lower() for cell in cells] != names:
                if len(cells) != len(names):
                    doubts.append((f"has {len(cells)} cells where the header has {len(names)}.", line))
                fields = {name: Field(cell, line) for name, cell in zip(names, cells, strict=False)}
                records.append(Record(Place(problems.source, line, len(records) + 1), fields))
            line = skipped + reader.line_num + 1
    except csv.Error as error:
        doubts.append((f"is not CSV here ({error}); the rest is not read.", skipped + reader.line_num))
    if records and not any(len(record.fields) == len(names) for record in records):
        return None
    for sentence, line in doubts:
        problems.add(sentence, line=line)
    return records
