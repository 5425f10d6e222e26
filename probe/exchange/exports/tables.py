"""Tables as records: Format-Table output by its columns, and Export-Csv output."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TypeAlias

from probe.exchange.exports.format_list import KNOWN_NAMES, TextLines, asked_server
from probe.exchange.exports.record import MAX_RECORDS, Field, Record, Records
from probe.exchange.problem import Problems

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
#: Characters of one row of CSV, and cells of it that are read; a connector has some eighty properties.
MAX_ROW = 1 << 18
MAX_CELLS = 128
_LINE = re.compile(r"[^\r\n]*+(?:\r\n?|\n)|[^\r\n]++")
#: Lines before a CSV's header that may hold the command it came from.
MAX_BEFORE = 8
_COMMAND = 4_096  # characters of such a line
_BEFORE_CSV = re.compile(r"#TYPE |sep=.\s*$|\s*$|[^,;]{0,200}>\s*(?:Get|Import)-.*\bCsv\b", re.IGNORECASE)
_NAME = re.compile(r"[\w .-]{1,64}")
CsvNames: TypeAlias = Callable[[list[str]], bool]
_KNOWN = frozenset(name.lower() for name in KNOWN_NAMES) | {"name", "enabled", "fqdn", "port", "server"}


def read_tables(lines: TextLines, problems: Problems) -> list[Record]:
    """Return the rows of every Format-Table output in a text, found by the dashes under the names."""
    records = Records(problems)
    at, server = 1, None
    while at < len(lines) and not records.full(at):
        starts = _columns(lines[at]) if lines[at - 1] else []
        server = asked_server(lines[at - 1]) or (None if _PROMPT.match(lines[at - 1]) else server)
        at += 1
        if starts:
            names = [cell.lower() for cell in _cells(lines[at - 2], starts)]
            rows = islice(_rows(lines, at, starts), MAX_RECORDS - len(records.found))
            for number, line, cells in rows:
                records.add(_fields(line, dict(zip(names, cells, strict=True)), server, number), number)
                at = number + 1
    return records.found


def _columns(line: str) -> list[int]:
    """Where the columns begin, if this is the line of dashes under the names; else nothing."""
    if not _RULE.fullmatch(line.strip()):
        return []
    starts = [found.start() for found in _DASHES.finditer(line)]
    return starts if len(starts) <= MAX_COLUMNS else []


def _rows(lines: TextLines, at: int, starts: list[int]) -> Iterator[tuple[int, str, list[str]]]:
    """Line number, line and cells of each row; a row without a first cell continues the one before."""
    row: tuple[int, str, list[str]] | None = None
    for number in range(at, len(lines)):
        line = lines[number]
        if not line or _PROMPT.match(line):
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


def _fields(line: str, row: dict[str, str], server: str | None, number: int) -> dict[str, Field]:
    if [*row] == ["thumbprint", "services", "subject"] and (moved := _MOVED_ROW.match(line.strip())):
        row = moved.groupdict()
    if server:
        row.setdefault("server", server)
    return {name: Field(value, number) for name, value in row.items()}


def of_exports(names: list[str]) -> bool:
    """Whether a CSV's header (in lower case) is one of an export that is known."""
    return len(_KNOWN.intersection(names)) >= 2 and all(map(_NAME.fullmatch, names))


def read_csv(text: str, problems: Problems, header: CsvNames = of_exports) -> list[Record] | None:
    """Return the rows of Export-Csv output; None where no `header` that is looked for has rows as long as it.

    What stands before the header is left out where it is a command (a pasted ``... | ConvertTo-Csv``).
    """
    head = [line[0] for line in islice(_LINE.finditer(text, 0, MAX_BEFORE * MAX_ROW), MAX_BEFORE + 1)]
    skipped = next((at for at, line in enumerate(head) if not _BEFORE_CSV.match(line[:_COMMAND])), MAX_BEFORE)
    if len(head) <= skipped or len(head[skipped]) > MAX_ROW:
        return None
    delimiter = max(_DELIMITERS, key=head[skipped].count)
    room = [MAX_ROW]
    reader = csv.reader(_csv_lines(text, sum(map(len, head[:skipped])), room), delimiter=delimiter)
    doubts = Problems(problems.source)
    records = Records(doubts)
    names: list[str] = []
    try:
        names = [name.strip().lower() for name in next(reader)]
        if not header(names):
            return None
        line = skipped + reader.line_num + 1
        for cells in reader:
            if records.full(line):
                break
            if cells and [cell.strip().lower() for cell in cells] != names:
                if len(cells) != len(names):
                    doubts.add(f"has {len(cells)} cells where the header has {len(names)}.", line=line)
                named = zip(names, cells[:MAX_CELLS], strict=False)
                records.add({name: Field(cell, line) for name, cell in named}, line)
            line = skipped + reader.line_num + 1
            room[0] = MAX_ROW
    except csv.Error as error:
        doubts.add(f"is not CSV here ({error}); the rest is not read.", line=skipped + reader.line_num)
    whole = min(len(names), MAX_CELLS)
    if records.found and not any(len(record.fields) == whole for record in records.found):
        return None
    for problem in doubts.found:
        problems.add(problem.sentence, line=problem.line)
    return records.found


def _csv_lines(text: str, at: int, room: list[int]) -> Iterator[str]:
    """The lines from `at` on; raises csv.Error where those of one row have more characters than there is `room`."""
    for line in _LINE.finditer(text, at):
        room[0] -= line.end() - line.start()
        if room[0] < 0:
            raise csv.Error(f"a row has more than {MAX_ROW} characters")
        yield line[0]
